"""Which numeric addresses are plainly public, and how a written host is read as an address or a name.

The tables follow the IANA special-purpose registries (RFC 6890 and its updates): what is not plainly public unicast is
refused, so a range that is missing here fails closed for IPv6 (only 2000::/3 is public) and is backed by the standard
library's ``is_global`` for IPv4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import msgspec

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_CLOSED_V4 = tuple(
    IPv4Network(n)
    for n in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT (and one cloud's metadata service)
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's host agent and metadata service, on an address that looks public
        "169.254.0.0/16",  # link-local, metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, a cloud's metadata service
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    IPv6Network(n)
    for n in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "3ffe::/16",  # returned to IANA
        "3fff::/20",  # documentation
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")

MAX_HOST_LENGTH = 253
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_DOTTED_QUAD = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")


class BadHost(ValueError):
    """The text is neither a host name nor an address in its one plain spelling; the message says why."""


class Host(msgspec.Struct, frozen=True):
    """A host as it was understood: ``name`` in ASCII (for TLS), ``address`` when it was written as a number."""

    name: str
    address: Address | None


def unmapped(address: Address) -> Address:
    """An IPv4-mapped IPv6 address as the IPv4 address the kernel would connect to; any other address unchanged."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def unmapped_network(network: Network) -> Network:
    """The same for a network, so that an allow-list may be written either way."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        base = network.network_address.ipv4_mapped
        return IPv4Network(f"{base}/{network.prefixlen - _MAPPED.prefixlen}")
    return network


def is_public(address: Address) -> bool:
    """Whether ``address`` is plainly public unicast: no tunnel, no translation prefix, nothing reserved."""
    address = unmapped(address)
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _CLOSED_V4)
    if address.scope_id is not None:
        return False
    return address in _PUBLIC_V6 and not any(address in network for network in _CLOSED_V6)


def is_allowed(address: Address, allow: Iterable[Network]) -> bool:
    """Whether ``address`` lies in one of the networks; a zone id never does."""
    address = unmapped(address)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    return any(address in network for network in allow if network.version == address.version)


def read_host(text: str) -> Host:
    """Read a host name or an address. There is one spelling for each address; every other one raises `BadHost`.

    Spellings that programs read differently (octal, hexadecimal, one number, too few parts, full-width digits) are
    refused even when they would be public, because the address that is checked must be the one that is connected to.
    """
    if not text or len(text) > MAX_HOST_LENGTH + 2:
        raise BadHost("a host must have between 1 and 253 characters")
    if text.startswith("[") and text.endswith("]"):
        return _read_v6(text[1:-1])
    if ":" in text:
        return _read_v6(text)
    name = _ascii(text)
    if _DOTTED_QUAD.fullmatch(name) and name == text:
        return _read_v4(name)
    return Host(name=_checked_name(name), address=None)


def _read_v6(text: str) -> Host:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise BadHost("it is not an IPv6 address; give the port in its own field") from None
    if address.scope_id is not None:
        raise BadHost("an address with a zone cannot be reached from here")
    return Host(name=str(address), address=address)


def _read_v4(text: str) -> Host:
    try:
        address = ip_address(text)
    except ValueError:
        raise BadHost("it looks like an IPv4 address but is not one") from None
    return Host(name=str(address), address=address)


def _ascii(text: str) -> str:
    """The name in ASCII (RFC 3490), without one trailing dot."""
    if text.isascii():
        name = text
    else:
        if _DOTS.split(text)[-1].isdigit():
            raise BadHost("an address must be written in plain digits")
        try:
            name = text.encode("idna").decode("ascii")
        except UnicodeError:
            raise BadHost("it is not an internationalized host name") from None
    return name.removesuffix(".")


def _checked_name(name: str) -> str:
    labels = name.split(".")
    if len(name) > MAX_HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadHost("a host is a plain name such as db.example.com: no scheme, user, port, path, list or spaces")
    # A name whose last label is a number is read as an address by some programs and as a name by others.
    if _NUMBER.fullmatch(labels[-1]):
        raise BadHost("an address must be written as four decimal numbers, such as 8.8.4.4, or as plain IPv6")
    return name.lower()
