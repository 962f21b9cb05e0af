"""The one way the platform reads a URL: strictly, so that what was judged is what is asked.

Only ``http`` and ``https``; no user information, no white space, backslash or control character, no empty or odd host; the
host in its ASCII form as :func:`~patchbay.egress.addresses.read_host` gives it (RFC 3986, RFC 5891). Whether the host may be
reached is for the guard.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from patchbay.egress.addresses import BadHost, read_host

LONGEST = 8_000
_PORTS = {"http": 80, "https": 443}
_NEVER = frozenset('\\<>"^`{|} ')


class BadUrl(ValueError):
    """Not a URL that may be asked; the message says why, in a few words."""


class Url(msgspec.Struct, frozen=True):
    """A URL that was read. ``host`` is ASCII and without brackets, ``target`` the path and query as they are sent.

    ``text`` is the whole again, as everything else should use it.
    """

    text: str
    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what makes two URLs of one origin (RFC 6454)."""
        return self.scheme, self.host, self.port


def read_url(text: str) -> Url:
    """The parts of ``text``. Raises :class:`BadUrl`."""
    if not text or len(text) > LONGEST:
        raise BadUrl("it is empty" if not text else "it is too long")
    if any(ord(c) <= 0x20 or ord(c) == 0x7F or c in _NEVER for c in text):
        raise BadUrl("it holds a character that a URL cannot")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BadUrl("it cannot be taken apart") from None
    if parts.scheme not in _PORTS:
        raise BadUrl("it must start with https://")
    if "@" in parts.netloc:
        raise BadUrl("it holds a user name or password")
    try:
        host = read_host(parts.hostname or "").name
    except BadHost as error:
        raise BadUrl(str(error)) from None
    if not parts.path.isascii() or not parts.query.isascii():
        raise BadUrl("its path must be written in ASCII, percent-encoded")
    if port == 0 or (port is None and parts.netloc.endswith(":")):
        raise BadUrl("its port is not one")
    chosen = port or _PORTS[parts.scheme]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    shown = f"[{host}]" if ":" in host else host
    where = shown if chosen == _PORTS[parts.scheme] else f"{shown}:{chosen}"
    return Url(f"{parts.scheme}://{where}{target}", parts.scheme, host, chosen, target)
