"""E-mail addresses as people write them: the same mailbox, now in small letters, now in capitals."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_NAME_PART = re.compile(r"[a-z]+")


def address_spellings(address: str) -> tuple[str, ...]:
    """The ways a column may hold ``address``, itself first: small letters, a domain in small letters, names with capitals
    (``Ada.Lovelace@example.com``, ``Ada.lovelace@example.com``), all capitals. They differ in the case of ASCII letters alone;
    what is not an ASCII address has one spelling.
    """
    if not _ADDRESS.fullmatch(address):
        return (address,)
    small = address.lower()
    local, _, domain = small.partition("@")
    said, _, _ = address.partition("@")
    named = _NAME_PART.sub(lambda part: part.group().capitalize(), local)
    ways = (address, small, f"{said}@{domain}", f"{local.capitalize()}@{domain}", f"{named}@{domain}", address.upper())
    return tuple(dict.fromkeys(ways))
