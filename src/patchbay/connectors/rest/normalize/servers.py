"""Base URLs: what a document says about where its API is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from patchbay.connectors.rest.documents.files import Document
from patchbay.connectors.rest.documents.values import is_list, is_object

MOST = 20


def servers_of(document: Document, value: Mapping[str, Any]) -> tuple[str, ...]:
    """The base URLs a document names, best first, without a slash at the end; its variables at their defaults.

    A relative one counts from where the document came from (OpenAPI 3.1, section 4.8.5.1); without that it is left out.
    """
    if document.format == "swagger":
        return _swagger(document, value)
    return read_servers(value.get("servers"), document.url) or _of_operations(value, document.url)


def _of_operations(value: Mapping[str, Any], url: str | None) -> tuple[str, ...]:
    """The base URLs that paths and operations name where the document as a whole names none, the most common first."""
    counts: Counter[str] = Counter()
    paths = value.get("paths")
    for item in paths.values() if is_object(paths) else ():
        for holder in (item, *item.values()) if is_object(item) else ():
            if is_object(holder) and "servers" in holder:
                counts.update(read_servers(holder["servers"], url))
    return tuple(server for server, _ in counts.most_common(MOST))


class Home:
    """Where an API is: the document's first base URL, and the connection's, which may be another (a sandbox, a test server)."""

    def __init__(self, stated: tuple[str, ...], base_url: str | None) -> None:
        self._stated = next(iter(stated), None)
        self._base = base_url or self._stated
        self._seats = {seat_of(server) for server in (self._stated, self._base) if server is not None}

    def place(self, servers: tuple[str, ...]) -> tuple[str | None, str | None]:
        """(base URL to ask instead of the connection's, host that is another than the API's) of an operation that names
        ``servers`` of its own; a server of the API's host and port is asked at the connection's.
        """
        near = [server for server in servers if not self._seats or seat_of(server) in self._seats]
        if not near:
            return None, seat_of(servers[0])
        if self._stated in near or self._base in near:
            return None, None
        if self._base is None or urlsplit(near[0])[:2] == urlsplit(self._base)[:2]:
            return near[0], None
        return urljoin(self._base, urlsplit(near[0]).path or "/").rstrip("/"), None


def read_servers(servers: Any, url: str | None) -> tuple[str, ...]:
    """The absolute base URLs in a list of Server Objects."""
    found: dict[str, None] = {}
    for server in servers[:MOST] if is_list(servers) else []:
        if is_object(server):
            made = _absolute(_filled(server), url)
            if made is not None:
                found[made] = None
    return tuple(sorted(found, key=lambda made: not made.startswith("https:")))


def _filled(server: dict[str, Any]) -> str:
    text = server.get("url")
    if type(text) is not str:
        return ""
    variables = server.get("variables")
    for name, held in variables.items() if is_object(variables) else ():
        default = held.get("default") if is_object(held) else None
        if default is not None and not is_object(default):
            text = text.replace("{" + name + "}", str(default))
    return text


def _absolute(text: str, url: str | None) -> str | None:
    try:
        made = urljoin(url, text) if url is not None else text
        parts = urlsplit(made)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        return None
    if "{" in made or parts.scheme not in ("http", "https") or not host or len(made) > 2_000 or any(c.isspace() for c in made):
        return None
    return made.partition("?")[0].partition("#")[0].rstrip("/")


def _swagger(document: Document, value: Mapping[str, Any]) -> tuple[str, ...]:
    """OpenAPI 2.0: ``schemes``, ``host`` and ``basePath``, each defaulting to what the document came over."""
    here = urlsplit(document.url) if document.url is not None else None
    host, path, schemes = value.get("host"), value.get("basePath"), value.get("schemes")
    host = host if type(host) is str and host else here.netloc if here is not None else None
    if host is None:
        return ()
    spoken = [s for s in schemes if s in ("https", "http")] if is_list(schemes) else []
    if not spoken:
        spoken = [here.scheme if here is not None else "https"]
    rest = path if type(path) is str and path.startswith("/") else ""
    made = [_absolute(f"{scheme}://{host}{rest}", None) for scheme in spoken]
    return tuple(sorted((one for one in made if one is not None), key=lambda one: not one.startswith("https:")))


def seat_of(url: str) -> str | None:
    """The host a URL asks, in small letters, with its port where that is not the scheme's own; None where it has none."""
    try:
        parts = urlsplit(url)
        usual = {"http": 80, "https": 443}.get(parts.scheme)
        return parts.hostname if parts.port in (None, usual) else f"{parts.hostname}:{parts.port}"
    except ValueError:
        return None
