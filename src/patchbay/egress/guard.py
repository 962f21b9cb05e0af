"""The guard every outbound connection passes: one look-up, every record judged, the judged address returned.

The caller connects to `CheckedAddress.address` and to nothing else (keeping `host` for TLS), so a name that resolves to
something else a moment later changes nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import Literal

import msgspec

from patchbay.egress.addresses import Address, BadHost, Network, is_allowed, is_public, read_host, unmapped, unmapped_network
from patchbay.errors import PatchbayError

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks a name up: (ASCII name, port) → numeric addresses, in the order to try them. Raises OSError when there is none."""

Reason = Literal["malformed", "not_public", "not_secure", "not_found", "timed_out"]

_NOT_PUBLIC = (
    "This address is not public (it is private, loopback, link-local, reserved, translated or a metadata service), "
    "so no connection is made to it."
)
_NOT_PUBLIC_HINT = (
    "Use a host that is reachable on the public internet. Whoever operates this Patchbay can open a private network "
    "by adding its CIDR to PATCHBAY_EGRESS_ALLOW."
)


class CheckedAddress(msgspec.Struct, frozen=True):
    """An address that passed: ``host`` (ASCII, for TLS), ``port``, and the numeric ``address`` to connect to.

    ``opened`` says that the operator's allow-list covers it, be it public or not.
    """

    host: str
    port: int
    address: str
    opened: bool = False


class EgressRefused(PatchbayError):
    """Connecting to this host is refused."""

    code, status, title = "egress_refused", 400, "Egress refused"

    def __init__(self, detail: str, *, reason: Reason, hint: str) -> None:
        super().__init__(detail, hint=hint, extensions={"reason": reason})
        self.reason: Reason = reason


class EgressGuard:
    """Decides which hosts may be connected to. ``allow`` are the operator's exceptions to "public only"."""

    def __init__(self, allow: Sequence[Network] = (), *, resolver: Resolver | None = None) -> None:
        self._allow = tuple(unmapped_network(network) for network in allow)
        self._resolve = resolver or resolve

    async def check(self, host: str, port: int, *, timeout_s: float = 3.0) -> CheckedAddress:
        """The one address to connect to for ``host``; raises `EgressRefused` when it, or any record of it, is not allowed.

        The name is looked up at most once and the look-up takes at most ``timeout_s`` seconds.
        """
        if not 1 <= port <= 65535:
            raise EgressRefused(
                "The port must be between 1 and 65535.", reason="malformed", hint="PostgreSQL listens on 5432, HTTPS on 443."
            )
        try:
            written = read_host(host)
        except BadHost as error:
            raise EgressRefused(
                f"The host cannot be used: {error}.", reason="malformed", hint="Give a host name such as db.example.com."
            ) from None
        if written.address is not None:
            return self._checked(written.name, port, [written.address])
        return self._checked(written.name, port, await self._look_up(written.name, port, timeout_s))

    def check_address(self, address: str, port: int) -> CheckedAddress:
        """The same for a numeric address that is about to be connected to: the last look, with no look-up in it."""
        try:
            return self._checked(address, port, [ip_address(address)])
        except ValueError:
            raise EgressRefused(_NOT_PUBLIC, reason="not_public", hint=_NOT_PUBLIC_HINT) from None

    def _checked(self, name: str, port: int, records: Sequence[Address]) -> CheckedAddress:
        """The first record, once every one of them has passed."""
        passed = [self._passed(record) for record in records]
        return CheckedAddress(name, port, str(passed[0]), is_allowed(passed[0], self._allow))

    def _passed(self, address: Address) -> Address:
        if is_public(address) or is_allowed(address, self._allow):
            return unmapped(address)
        raise EgressRefused(_NOT_PUBLIC, reason="not_public", hint=_NOT_PUBLIC_HINT)

    async def _look_up(self, name: str, port: int, timeout_s: float) -> list[Address]:
        try:
            async with asyncio.timeout(timeout_s):
                found = await self._resolve(name, port)
        except TimeoutError:
            raise EgressRefused(
                "The host name was not resolved in time.",
                reason="timed_out",
                hint="Check the spelling of the host and that its name servers answer, then try again.",
            ) from None
        except (OSError, UnicodeError):
            found = ()
        if not found:
            raise EgressRefused(
                "The host name does not exist.", reason="not_found", hint="Check the spelling of the host."
            ) from None
        try:
            return [ip_address(record) for record in found]
        except ValueError:
            raise EgressRefused(_NOT_PUBLIC, reason="not_public", hint=_NOT_PUBLIC_HINT) from None


async def resolve(name: str, port: int) -> list[str]:
    """The addresses the operating system knows for ``name``, in the order it would try them."""
    loop = asyncio.get_running_loop()
    records = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(record[4][0]) for record in records))
