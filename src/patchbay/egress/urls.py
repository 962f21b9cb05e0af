"""The one way a URL is read: what comes out says exactly what will be asked of whom, or the text is refused.

Programs disagree about URLs (userinfo, backslashes, control characters, encoded hosts), and an address that is checked must be
the one that is connected to. So only the plain form of RFC 3986 passes: ``http`` or ``https``, a host as
:func:`patchbay.egress.addresses.read_host` reads it, a decimal port, a path and a query.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote, urljoin

import msgspec

from patchbay.egress.addresses import BadHost, read_host

Scheme = Literal["http", "https"]
MOST_CHARACTERS = 8_000
_PORTS: dict[Scheme, int] = {"http": 80, "https": 443}
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<target>[^#]*)(?:#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_AMBIGUOUS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!//[^/])|///")
"""``http:host``, ``http:///host`` and ``///host`` are a path to some and a host to others."""
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]|\s")
_TARGET = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]]|%[0-9A-Fa-f]{2})*")


class BadUrl(ValueError):
    """Not a URL that may be asked; the message says why, in a few words."""


class Url(msgspec.Struct, frozen=True):
    """A URL as it was understood. ``target`` is its path and query, percent-encoded, beginning with ``/``; no fragment."""

    scheme: Scheme
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """Scheme, host and port (RFC 6454), the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" if self.port == _PORTS[self.scheme] else f"{self.scheme}://{host}:{self.port}"

    @property
    def text(self) -> str:
        """The whole, in its one spelling."""
        return self.origin + self.target

    def at(self, target: str) -> Url:
        """Another path and query of the same origin. Raises :class:`BadUrl` where ``target`` is not plainly one."""
        return Url(self.scheme, self.host, self.port, _read_target(target))

    def joined(self, reference: str) -> Url:
        """What a reference in a document or a ``Location`` means from here (RFC 3986, section 5.2), read as strictly.

        Raises :class:`BadUrl`.
        """
        _refuse_unsafe(reference)
        if _AMBIGUOUS.match(reference):
            raise BadUrl("it is a reference that programs read differently")
        try:
            return read_url(urljoin(self.text, reference))
        except BadUrl:
            raise
        except ValueError:
            raise BadUrl("it is not a URL") from None


def read_url(text: str) -> Url:
    """Read an absolute URL. Raises :class:`BadUrl` for everything but its plain form.

    Characters outside ASCII are encoded as UTF-8 in the path and query (RFC 3987, section 3.1) and as IDNA in the host; a
    fragment is dropped, since it is never sent.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadUrl(f"it has more than {MOST_CHARACTERS} characters")
    _refuse_unsafe(text)
    found = _URL.fullmatch(text)
    if found is None:
        raise BadUrl("it must begin with https:// and name a host")
    scheme = found["scheme"].lower()
    if scheme != "http" and scheme != "https":
        raise BadUrl("only https and http are spoken")
    authority = found["authority"]
    if "@" in authority:
        raise BadUrl("user names and passwords do not belong in a URL")
    host, port = _read_authority(authority)
    target = found["target"]
    return Url(scheme, host, port or _PORTS[scheme], _read_target(target if target.startswith("/") else "/" + target))


def _read_authority(authority: str) -> tuple[str, int | None]:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise BadUrl("the host or the port cannot be read")
    port = int(parts["port"]) if parts["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise BadUrl("the port must be between 1 and 65535")
    try:
        return read_host(parts["host"]).name, port
    except BadHost as error:
        raise BadUrl(str(error)) from None


def _read_target(target: str) -> str:
    encoded = target if target.isascii() else quote(target, safe="/?%:@!$&'()*+,;=-._~[]", errors="replace")
    if not _TARGET.fullmatch(encoded):
        raise BadUrl("the path or the query is not percent-encoded")
    return encoded


def _refuse_unsafe(text: str) -> None:
    if _UNSAFE.search(text):
        raise BadUrl("it holds a space, a backslash or a control character")
