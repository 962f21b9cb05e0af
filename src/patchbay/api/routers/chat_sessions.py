"""Chat sessions: durable conversations with a published agent, or with a draft."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Response
from starlette.requests import Request

from patchbay.agent_runtime import channels
from patchbay.agent_runtime.channel_bodies import ChatMessage, ChatSessionCreate
from patchbay.agent_runtime.wire import conversation_json, message_json
from patchbay.api.access import ChatRead, ChatWrite
from patchbay.api.conversation_shown import ConversationShown
from patchbay.api.documented import Documented
from patchbay.api.envelope import ApiResponse, PaginatedResponse, Shown, enveloped
from patchbay.api.events_shown import CONVERSATION_ID, STREAMED, MessageShown, event_stream
from patchbay.api.pages import Paged
from patchbay.api.paths import SessionId
from patchbay.api.platform import platform_of
from patchbay.api.problems import broken_off, problems
from patchbay.api.routing import door_router
from patchbay.api.turns import hear_out
from patchbay.api.visit import visit_of
from patchbay.api.work import Reading, Writing

router = door_router("/chat/sessions", tag="chat")


class Answer(Shown):
    """What the agent said to one message."""

    conversation_id: str
    messages: list[MessageShown]
    outcome: str | None = None


Said = Annotated[Any, Documented(ChatMessage), Body()]


@router.post(
    "",
    status_code=201,
    response_model=ApiResponse[ConversationShown],
    summary="Create a chat session",
    responses=problems(400, 404, 409, 413, 415),
)
async def create_session(
    principal: ChatWrite, session: Writing, request: Request, body: Annotated[Any, Documented(ChatSessionCreate), Body()]
) -> Any:
    """A new session with an agent. It stays with the version that is live now; `draftMode: true` talks to the draft."""
    row = await channels.create_session(session, principal.org_id, body)
    visit_of(request).resource_id = row.id
    return enveloped(conversation_json(row))


@router.get("/{id}", response_model=ApiResponse[ConversationShown], summary="Get a chat session", responses=problems(404))
async def get_session(principal: ChatRead, session: Reading, id: SessionId) -> Any:
    """A session and where it stands."""
    return enveloped(conversation_json(await channels.get_session(session, id)))


@router.get(
    "/{id}/messages", response_model=PaginatedResponse[MessageShown], summary="List chat messages", responses=problems(400, 404)
)
async def list_messages(principal: ChatRead, session: Reading, page: Paged, id: SessionId) -> Any:
    """What was said, in its order."""
    after = int(page.after) if page.after else None
    rows = await channels.list_messages(session, id, limit=page.limit + 1, after=after)
    return page.envelope(rows, position=lambda row: str(row.seq), shown=message_json)


@router.post(
    "/{id}/messages",
    response_model=ApiResponse[Answer],
    summary="Send a chat message",
    responses={**problems(400, 404, 409, 413, 415, 503), 200: {"content": STREAMED[200]["content"]}},
)
async def post_message(principal: ChatWrite, request: Request, response: Response, id: SessionId, body: Said) -> Any:
    """Say something. With `stream: true` the answer comes as server-sent events, else the complete answer in one response."""
    visit = visit_of(request)
    visit.resource_id = id
    turn = await channels.prepare_message(platform_of(request).runtime, principal.org_id, id, body)
    visit.receipted = True
    if body.get("stream"):
        return event_stream(request, turn)
    heard = await hear_out(request, turn)
    if heard.problem is not None:
        return broken_off(request, heard.problem)
    response.headers[CONVERSATION_ID] = turn.conversation_id
    messages = [message_json(event) for event in heard.said]
    return enveloped({"conversationId": turn.conversation_id, "messages": messages, "outcome": heard.outcome})


@router.post(
    "/{id}/end", response_model=ApiResponse[ConversationShown], summary="End a chat session", responses=problems(404, 409)
)
async def end_session(principal: ChatWrite, session: Writing, request: Request, id: SessionId) -> Any:
    """Close a session. It takes no further messages; its receipt stays."""
    visit_of(request).resource_id = id
    return enveloped(conversation_json(await channels.end_session(session, id)))
