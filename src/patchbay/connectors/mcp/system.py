"""A remote MCP server as a type of system: entered with a skill and not by connecting, and discovered by listing its tools."""

from __future__ import annotations

import asyncio
from typing import Any

from patchbay.connectors.discovered import Discovered, packed
from patchbay.connectors.entered import EnteredSystem
from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.http.previewing import few_rows, preview_call
from patchbay.connectors.mcp.credentials import McpCredentials
from patchbay.connectors.mcp.ready import ReadyMcp
from patchbay.connectors.mcp.source import McpSource
from patchbay.connectors.mcp.tools import RemoteTool, graph_of
from patchbay.connectors.preview import Preview, PreviewOptions
from patchbay.connectors.system import Role, System, Uploaded
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallContext, FrozenCall
from patchbay.schema_graph.scoping import Scoping, View

LOOK_S = 10.0
"""How long a look at a server's tools may take."""


async def list_tools(credentials: McpCredentials, guard: EgressGuard) -> list[RemoteTool]:
    """The tools of a server. Raises a CallRefused for a server that cannot be reached or does not speak the protocol."""
    source = McpSource(credentials, guard)
    try:
        return await source.tools(asyncio.get_running_loop().time() + LOOK_S)
    finally:
        await source.close()


class McpSystem(EnteredSystem[McpCredentials]):
    """No binding is made on it: a skill freezes one of its tools."""

    type = "mcp"
    credentials = McpCredentials

    async def log_in(self, credentials: McpCredentials, guard: EgressGuard, authorizer: Authorizer | None) -> None:
        """List the tools."""
        await list_tools(credentials, guard)

    async def discover(
        self,
        credentials: McpCredentials,
        guard: EgressGuard,
        *,
        scoping: dict[str, Any],
        uploaded: Uploaded | None,
        authorizer: Authorizer | None,
    ) -> Discovered:
        """The tools as a graph."""
        return packed(graph_of(await list_tools(credentials, guard)), Scoping.from_json(scoping))

    async def preview(
        self,
        call: FrozenCall,
        context: CallContext,
        view: View | None,
        *,
        credentials: McpCredentials,
        guard: EgressGuard,
        authorizer: Authorizer | None,
        options: PreviewOptions,
    ) -> Preview:
        """The exact message; only a read is made."""
        shown = few_rows(call)
        source = McpSource(credentials, guard)
        return await preview_call(shown, self.ready(shown), context, credentials.over_http(), source, options)

    def source(self, credentials: McpCredentials, guard: EgressGuard, *, role: Role, authorizer: Authorizer | None) -> McpSource:
        """The server, to call tools of."""
        return McpSource(credentials, guard)

    def ready(self, call: FrozenCall) -> ReadyMcp:
        """A frozen call."""
        return ReadyMcp(call)


SYSTEM: System = McpSystem()
