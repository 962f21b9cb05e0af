"""``mcp``: a skill that calls one tool of a remote MCP server.

The tool is looked up when the skill is made or changed, and what it takes and gives is pinned. What it is called with is
checked here first; what it answers is projected to the leaves the skill declares. What the server says about its tool in words
is shown to whoever makes the skill, and told to no model: those are told what the skill's own texts say.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.hand_made.mcp_schema import leaves_of, read_tool_parameters
from patchbay.agent_runtime.hand_made.own_connections import connect_own, let_go_unused, replace_own
from patchbay.agent_runtime.hand_made.parameters import Parameter, Parameters
from patchbay.agent_runtime.hand_made.skill_type import CREATE, Asked, Made, TypeEntry
from patchbay.agent_runtime.hand_made.webhook_config import (
    HEADERS_MOST,
    MASKED,
    RETURNS_MOST,
    Place,
    check_reachable,
    read_place,
)
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.tables import Skill
from patchbay.agent_runtime.webhook_calls import request_slots
from patchbay.connectors.discovered import Discovered, packed
from patchbay.connectors.discovery import store_snapshot
from patchbay.connectors.mcp.credentials import McpCredentials
from patchbay.connectors.mcp.system import list_tools
from patchbay.connectors.mcp.tools import RemoteTool, graph_of
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.connectors.tables import Connection
from patchbay.egress.urls import read_url
from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.call import FORMAT_VERSION, MCP, Caps, Column, FrozenCall, HttpCall, Output
from patchbay.schema_graph.fingerprint import slice_fingerprint
from patchbay.schema_graph.scoping import Scoping
from patchbay.store.vault import Vault

ROWS, BYTES = 20, 16_384


class McpConfig(Body):
    """Which tool of which MCP server, by its streamable HTTP address. ``headers``, and the query of the URL, are secrets.

    ``effect`` says whether calling it changes anything: what nobody calls a read is a write. ``parameters`` are those that come
    from the session, a verification or a constant. ``returns`` names the only leaves that are passed on; without it those that
    the tool declares, or all. ``server`` is what the server said of the tool when it was looked up; sent back, it means
    nothing.
    """

    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    headers: dict[str, Annotated[str, Field(max_length=4_000)]] = Field(default_factory=dict, max_length=HEADERS_MOST)
    tool: Annotated[str, Field(min_length=1, max_length=200)]
    effect: Literal["read", "write"] = "write"
    timeout_ms: Annotated[int, Field(ge=200, le=8_000, alias="timeout_ms", strict=True)] = 4_000
    parameters: list[Parameter] = Field(default_factory=list[Parameter], max_length=64)
    returns: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(default_factory=list, max_length=RETURNS_MOST)
    server: dict[str, Any] | None = None


class ReadMcp(msgspec.Struct, frozen=True):
    """A remote tool as it was asked for and as it is. ``found`` is the server's list of tools."""

    config: McpConfig
    place: Place
    tool: RemoteTool
    parameters: Parameters
    found: Discovered
    slice_fingerprint: str
    warnings: tuple[Finding, ...]


class McpType:
    """See :class:`~patchbay.agent_runtime.hand_made.skill_type.HandMadeType`; what a change starts from is where it goes now."""

    entry = TypeEntry(
        type=MCP,
        name="MCP tool",
        description="Calls one tool of a remote MCP server (streamable HTTP), its schemas pinned.",
        family="http",
        create_with=CREATE,
        schema=McpConfig.model_json_schema(by_alias=True),
    )
    takes_parameters = True

    async def stored(self, session: AsyncSession, vault: Vault, row: Skill) -> Place:
        """Where the server is now, with its secrets."""
        connection = await session.get_one(Connection, row.connection_id)
        credentials: McpCredentials = await read_credentials(session, vault, connection)
        return Place(read_url(credentials.origin + credentials.target), credentials.headers, credentials.query)

    async def read(self, runtime: Runtime, asked: Asked, stored: Place | None) -> ReadMcp:
        """Look the tool up. Raises ValidationFailed, EgressRefused, and a CallRefused where the server does not answer."""
        config = read_body(McpConfig, asked.config, at="executionConfig")
        findings: list[Finding] = []
        place = read_place(config, stored, findings)
        if findings or place is None:
            raise ValidationFailed("The skill is not valid (validation_error).", errors=findings)
        warnings = await check_reachable(place, runtime.guard)
        tools = await list_tools(_credentials(place), runtime.guard)
        tool = next((one for one in tools if one.name == config.tool), None)
        if tool is None:
            hint = did_you_mean(config.tool, [one.name for one in tools])
            unknown = Finding("executionConfig.tool", "unknown_tool", "The MCP server lists no such tool.", hint)
            raise ValidationFailed("The skill is not valid (validation_error).", errors=[unknown])
        parameters = read_tool_parameters(tool, asked.schema, asked.required, config.parameters, findings)
        if findings:
            raise ValidationFailed("The skill is not valid (validation_error).", errors=findings)
        graph = graph_of(tools)
        return ReadMcp(
            config=config,
            place=place,
            tool=tool,
            parameters=parameters,
            found=packed(graph, Scoping.from_json({})),
            slice_fingerprint=slice_fingerprint(graph, tool.name, ()) or "",
            warnings=(*warnings, *parameters.warnings),
        )

    async def freeze(self, session: AsyncSession, vault: Vault, row: Skill, read: ReadMcp) -> Made:
        """The call, to the connection that holds address and secrets; what was listed is what it is held against later."""
        connection = await self._connection(session, vault, row, _credentials(read.place))
        at = await session.scalar(select(func.clock_timestamp()))
        assert at is not None
        await store_snapshot(session, connection.id, at, read.found)
        return Made(
            call=_call(connection.id, read),
            config=_shown(read),
            schema=read.parameters.schema,
            required=read.parameters.required,
            warnings=read.warnings,
            connection_id=connection.id,
        )

    async def let_go(self, session: AsyncSession, agent_id: str, skill_id: str, *, used: str | None = None) -> None:
        """Give up the connections that neither the draft nor any version can call."""
        await let_go_unused(session, agent_id, skill_id, used=used)

    async def _connection(self, session: AsyncSession, vault: Vault, row: Skill, wanted: McpCredentials) -> Connection:
        if row.call is None:
            return await connect_own(session, vault, row.id, MCP, wanted)
        connection = await session.get_one(Connection, row.connection_id)
        if await read_credentials(session, vault, connection) == wanted:
            return connection
        return await replace_own(session, vault, row.id, connection, MCP, wanted)


def _credentials(place: Place) -> McpCredentials:
    return McpCredentials(origin=place.url.origin, target=place.url.target, headers=place.headers, query=place.query)


def _call(connection_id: str, read: ReadMcp) -> FrozenCall:
    config, inputs = read.config, read.parameters.inputs
    leaves = tuple(dict.fromkeys(config.returns)) or leaves_of(read.tool)
    return FrozenCall(
        format_version=FORMAT_VERSION,
        connection_id=connection_id,
        kind=MCP,
        operation=read.tool.name,
        effect=config.effect,
        body=HttpCall(
            method="POST",
            path=read.place.url.target,
            slots=request_slots(inputs, "POST"),
            leaves=tuple((leaf,) for leaf in leaves),
            content_type="application/json",
        ),
        inputs=inputs,
        outputs=tuple(Output(leaf, Column(MCP, leaf, "json", "json")) for leaf in leaves),
        touches=(),
        caps=Caps(rows=ROWS, bytes=BYTES, deadline_ms=config.timeout_ms),
        slice=(),
        slice_fingerprint=read.slice_fingerprint,
        guarantee="none" if config.effect == "write" else None,
        ground=read.tool.ground,
    )


def _shown(read: ReadMcp) -> dict[str, Any]:
    """What is stored with the skill, and shown: no secret."""
    config = read.config
    shown: dict[str, Any] = {
        "url": read.place.shown_url,
        "headers": dict.fromkeys(read.place.headers, MASKED),
        "tool": config.tool,
        "effect": config.effect,
        "timeout_ms": config.timeout_ms,
        "server": {
            "description": read.tool.description,
            "inputSchema": read.tool.input_schema,
            "outputSchema": read.tool.output_schema,
        },
    }
    if read.parameters.elsewhere:
        shown["parameters"] = read.parameters.elsewhere
    if config.returns:
        shown["returns"] = list(dict.fromkeys(config.returns))
    return shown
