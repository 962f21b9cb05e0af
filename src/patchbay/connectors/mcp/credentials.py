"""What a remote MCP server is reached with: where it is, and the headers and query that authorize us there, which are sealed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from patchbay.connectors.definition import Auth
from patchbay.connectors.http.authorizing import Signature
from patchbay.connectors.http.credentials import HttpCredentials


class McpCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """``origin`` is scheme, host and port; ``target`` the path of the server's endpoint."""

    origin: str
    target: str
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"McpCredentials({self.origin!r}, {self.target!r})"

    @property
    def signature(self) -> Signature:
        """What authorizes each request."""
        return Signature(headers=dict(self.headers), query=dict(self.query))

    def over_http(self) -> HttpCredentials:
        """The same as credentials of an HTTP system, for whoever hides secrets in what is shown of it."""
        hidden = {f"secret_{n}": value for n, value in enumerate([*self.headers.values(), *self.query.values()])}
        own = dict(self.headers)
        return HttpCredentials(type="mcp", base_url=self.origin, auth=Auth(scheme="none"), secrets=hidden, headers=own)
