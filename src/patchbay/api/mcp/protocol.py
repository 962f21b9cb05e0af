"""What the MCP server says: tools and answers of :mod:`patchbay.agent_runtime.mcp` in the SDK's types.

The SDK takes over a second to import, so nothing imports this module before a client needs it (:mod:`.host`).
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import msgspec
import structlog
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    UNSUPPORTED_PROTOCOL_VERSION,
    CallToolRequestParams,
    CallToolResult,
    ErrorData,
    JSONRPCError,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from patchbay.agent_runtime.mcp.calls import ToolAnswer, call_tool
from patchbay.agent_runtime.mcp.offered import OfferedTool, offered_tools
from patchbay.agent_runtime.mcp.sessions import McpSession
from patchbay.agent_runtime.services import Runtime
from patchbay.api.door import MAX_BODY
from patchbay.api.problems import Internal
from patchbay.errors import PatchbayError, ValidationFailed

SESSION = "patchbay.mcp"
"""Where the scope of a request holds its :class:`McpSession`."""
ASKING = "patchbay.mcp.asking"
"""Where it holds what asks the person at the client; None where that cannot be done."""
INSTRUCTIONS = (
    "Each tool runs one frozen call of this agent, behind its gates. When a tool answers verification_required, ask the caller "
    "the question in its message and pass on what they say. When it answers confirmation_required, tell the caller what will be "
    "done, and confirm only what they agreed to. Say what a message says; never invent what a tool did not return."
)

Context = ServerRequestContext[dict[str, Any], Any]
_log = structlog.get_logger(__name__)


def session_manager(runtime: Runtime) -> StreamableHTTPSessionManager:
    """The SDK's server for every agent. Its requests stand alone: our sessions are in the store, so any process answers them."""

    async def on_list_tools(context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_tool(one) for one in offered_tools(_session(context).agent)])

    async def on_call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        try:
            asking = context.request.scope.get(ASKING) if context.request is not None else None
            return _result(await call_tool(runtime, _session(context), params.name, params.arguments or {}, asking))
        except PatchbayError as refusal:
            code = INVALID_PARAMS if isinstance(refusal, ValidationFailed) else INTERNAL_ERROR
            raise MCPError(code, refusal.detail, {"code": refusal.code}) from None
        except Exception:  # the SDK would tell the client its text, which may hold anything
            _log.exception("mcp call failed", conversation_id=_session(context).conversation_id)
            raise MCPError(INTERNAL_ERROR, Internal().detail, {"code": Internal.code}) from None

    server = Server[dict[str, Any]](
        "Patchbay",
        version=version("patchbay"),
        instructions=INSTRUCTIONS,
        on_list_tools=on_list_tools,
        on_call_tool=on_call_tool,
    )
    return StreamableHTTPSessionManager(server, json_response=True, stateless=True, max_request_body_size=MAX_BODY)


def unsupported(presented: str) -> bytes | None:
    """The error for a protocol version without sessions, which a client answers by the handshake of one that has them; None for a
    version that is spoken here.
    """
    if presented in HANDSHAKE_PROTOCOL_VERSIONS:
        return None
    data = {"supported": list(HANDSHAKE_PROTOCOL_VERSIONS), "requested": presented[:64]}
    message = "This MCP server keeps sessions: initialize one, with a protocol version that has them."
    error = ErrorData(code=UNSUPPORTED_PROTOCOL_VERSION, message=message, data=data)
    return JSONRPCError(jsonrpc="2.0", id=None, error=error).model_dump_json(by_alias=True).encode()


def _session(context: Context) -> McpSession:
    session: McpSession | None = context.request.scope.get(SESSION) if context.request is not None else None
    if session is None:  # pragma: no cover  # the route lets only initialize in without one
        raise MCPError(INTERNAL_ERROR, "There is no session.", None)
    return session


def _tool(one: OfferedTool) -> Tool:
    hints = ToolAnnotations(
        title=one.title,
        read_only_hint=one.read_only,
        destructive_hint=one.destructive,
        idempotent_hint=one.idempotent,
        open_world_hint=one.open_world,
    )
    return Tool(
        name=one.name,
        title=one.title,
        description=one.description,
        input_schema=one.takes,
        output_schema=one.gives,
        annotations=hints,
    )


def _result(answer: ToolAnswer) -> CallToolResult:
    """The answer as data, and as the same JSON in a text for clients that read nothing else."""
    told = msgspec.to_builtins(answer)
    text = msgspec.json.encode(told).decode()
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content=told, is_error=answer.status != "succeeded"
    )
