"""What every new outbound connection goes through: the guard's look-up, the guard's last look at the socket, and TLS."""

from __future__ import annotations

import socket
import ssl
from functools import lru_cache
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from patchbay.egress.guard import CheckedAddress, EgressGuard, EgressRefused


class Door(AbstractResolver):
    """Asks the guard for the address of each new connection, and once more when its socket is opened.

    The second look is what a host written as a number meets, for which nobody asks a resolver.
    """

    def __init__(self, guard: EgressGuard, *, plain: bool) -> None:
        self._guard = guard
        self._plain = plain

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """The one address that passed."""
        checked = self._passed(await self._guard.check(host, port))
        return [
            ResolveResult(
                hostname=host,
                host=checked.address,
                port=port,
                family=socket.AF_INET6 if ":" in checked.address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""

    def open_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for the address that is about to be connected to, if it passes."""
        family, kind, protocol, _, address = info
        self._passed(self._guard.check_address(str(address[0]), int(address[1])))
        return socket.socket(family=family, type=kind, proto=protocol)

    def _passed(self, checked: CheckedAddress) -> CheckedAddress:
        if self._plain and not checked.opened:
            raise EgressRefused(
                "Plain http is not spoken to systems on the public internet.",
                reason="not_secure",
                hint="Use https. Whoever operates this Patchbay can open a network for http in PATCHBAY_EGRESS_ALLOW.",
            )
        return checked


@lru_cache(maxsize=64)
def client_tls(authorities: str | None, _machine: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """Verifies the chain and the host name; the machine's authorities are read again where they are set to another place."""
    context = ssl.create_default_context()
    if authorities is not None:
        context.load_verify_locations(cadata=authorities)
    context.set_alpn_protocols(["http/1.1"])
    return context
