"""Every published agent as an MCP server: its skills are the tools, over streamable HTTP."""

from __future__ import annotations

from typing import Annotated, Any, cast
from urllib.parse import urlsplit

from fastapi import APIRouter, Header, Response
from starlette.requests import Request

from patchbay.agent_runtime.bodies import read_body
from patchbay.agent_runtime.channel_bodies import SessionFacts
from patchbay.agent_runtime.mcp.asking import take_answer
from patchbay.agent_runtime.mcp.sessions import end_mcp_session, find_mcp_session, live_agent, open_mcp_session
from patchbay.api.access import ChatWrite
from patchbay.api.bodies import StrictRequest, is_json, parse_json
from patchbay.api.envelope import ApiResponse, Deleted, enveloped
from patchbay.api.mcp.asking import answer_or_ask
from patchbay.api.paths import LongAgentId
from patchbay.api.platform import platform_of
from patchbay.api.problems import UnsupportedMediaType, problems
from patchbay.api.routing import PREFIX, DoorRoute
from patchbay.api.visit import visit_of
from patchbay.errors import Finding, Forbidden, ValidationFailed

SESSION_ID, VERSION = "Mcp-Session-Id", "MCP-Protocol-Version"
_RPC: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
_MALFORMED = problems(400)[400]
_MESSAGE = {"requestBody": {"required": True, "content": _RPC}}


class OriginRefused(Forbidden):
    """Pages of other origins may not use the MCP server (origin_refused); secret keys do not belong in a browser."""

    code, title = "origin_refused", "Origin refused"


class McpSessionRequired(ValidationFailed):
    """Every message but initialize names its session in Mcp-Session-Id (mcp_session_required)."""

    code, title = "mcp_session_required", "MCP session required"


class McpRoute(DoorRoute):
    """A route whose body is a message of another protocol: it is read by the endpoint."""

    async def _read(self, request: Request) -> StrictRequest:
        return StrictRequest(request.scope, request.receive, request._send)  # pyright: ignore[reportPrivateUsage]


router = APIRouter(prefix=PREFIX + "/agents/{agentId}/mcp", tags=["chat"], route_class=McpRoute)

SessionId = Annotated[str | None, Header(alias=SESSION_ID, max_length=200, description="The session, as initialize answered it.")]
Version = Annotated[str | None, Header(alias=VERSION, max_length=64, description="The protocol version that was negotiated.")]
Number = Annotated[
    str | None, Header(alias="Patchbay-Caller-Number", description="The caller's number, of a session that begins.")
]
Name = Annotated[str | None, Header(alias="Patchbay-Caller-Name", description="The caller's name, of a session that begins.")]
Visitor = Annotated[str | None, Header(alias="Patchbay-Visitor", description="The visitor's id, of a session that begins.")]


@router.post(
    "",
    response_class=Response,
    summary="Send a message to the agent's MCP server",
    responses={
        **problems(404, 409, 413, 415, 503),
        200: {
            "content": {**_RPC, "text/event-stream": {"schema": {"type": "string"}}},
            "description": "A JSON-RPC answer; as events where the person at the client is asked something first.",
        },
        400: {**_MALFORMED, "content": {**_MALFORMED["content"], **_RPC}},
        406: {"content": _RPC, "description": "The client does not accept `application/json`."},
        202: {"description": "A notification was taken."},
    },
    openapi_extra=_MESSAGE,
)
async def post_mcp_message(
    principal: ChatWrite,
    request: Request,
    agent_id: LongAgentId,
    session_id: SessionId = None,
    version: Version = None,
    number: Number = None,
    name: Name = None,
    visitor: Visitor = None,
) -> Response:
    """One JSON-RPC message of the Model Context Protocol (streamable HTTP). `initialize` begins a session, which is one recorded
    conversation; its answer names it in `Mcp-Session-Id`. The tools are the skills of the version that is live then.
    """
    platform, visit = platform_of(request), visit_of(request)
    _check_origin(request, platform.settings.public_url)
    agent = await live_agent(platform.runtime, principal.org_id, agent_id)
    raw = await request.body()
    message = _read_message(request, raw)
    if version is not None and (refusal := await platform.mcp.unsupported(version)) is not None:
        return Response(refusal, 400, media_type="application/json")
    facts = _facts(callerNumber=number, callerName=name, visitor=visitor)
    if message.get("method") == "initialize":
        answered = await platform.mcp.answer(request, raw, None)
        headers: dict[str, str] = {}
        if answered.began:
            session = await open_mcp_session(platform.runtime, principal, agent, facts, asks=_can_ask(message))
            visit.resource_id = session.conversation_id
            headers[SESSION_ID] = session.id
        return Response(answered.body, answered.status, headers, media_type=answered.media_type)
    if session_id is None:
        raise McpSessionRequired
    session = await find_mcp_session(platform.runtime, principal, agent_id, session_id, facts)
    visit.resource_id, visit.receipted = session.conversation_id, True
    if "method" not in message and ("result" in message or "error" in message):
        await take_answer(platform.runtime, session, message)
        return Response(status_code=202)
    if session.asks and message.get("method") == "tools/call" and "text/event-stream" in request.headers.get("accept", ""):
        return await answer_or_ask(request, platform, raw, session)
    answered = await platform.mcp.answer(request, raw, session)
    return Response(answered.body, answered.status, media_type=answered.media_type)


@router.delete("", response_model=ApiResponse[Deleted], summary="End an MCP session", responses=problems(400, 404))
async def end_mcp(principal: ChatWrite, request: Request, agent_id: LongAgentId, session_id: SessionId = None) -> Any:
    """End the session in `Mcp-Session-Id`, and its conversation. Its receipt stays."""
    platform = platform_of(request)
    _check_origin(request, platform.settings.public_url)
    await live_agent(platform.runtime, principal.org_id, agent_id)
    if session_id is None:
        raise McpSessionRequired
    ended = await end_mcp_session(platform.runtime, principal, agent_id, session_id)
    visit_of(request).resource_id = ended
    return enveloped({"id": ended})


def _check_origin(request: Request, public_url: str | None) -> None:
    """A browser says where a page is from, so a page that was led here by its own name for this address is refused."""
    origin = request.headers.get("origin")
    if origin is None:
        return
    own = urlsplit(public_url or "")
    if not own.scheme or origin.lower() != f"{own.scheme}://{own.netloc}".lower():
        raise OriginRefused


def _read_message(request: Request, raw: bytes) -> dict[str, Any]:
    if not is_json(request.headers.get("content-type")):
        raise UnsupportedMediaType
    message = parse_json(raw)
    if not isinstance(message, dict):
        finding = Finding("", "type", "must be one JSON-RPC message; batches are not taken")
        raise ValidationFailed("The body must be one JSON-RPC message", errors=[finding])
    return message  # pyright: ignore[reportUnknownVariableType]


def _can_ask(message: dict[str, Any]) -> bool:
    """Whether the client says that it can show a form to whoever uses it."""
    value: Any = message
    for name in ("params", "capabilities", "elicitation"):
        value = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return isinstance(value, dict) and (not value or "form" in value)


def _facts(**sent: str | None) -> dict[str, Any]:
    """What the client's channel knows of the caller. Headers are bytes: what is not ASCII is sent as UTF-8."""
    try:
        told = {name: value.encode("latin-1").decode() for name, value in sent.items() if value}
    except UnicodeDecodeError:
        raise ValidationFailed("The facts about the caller are sent as UTF-8") from None
    return read_body(SessionFacts, told).known()
