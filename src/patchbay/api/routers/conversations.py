"""Looking back: the history, and the summary, transcript and receipt of each conversation."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from patchbay.agent_runtime import receipts
from patchbay.agent_runtime.wire import conversation_json, event_json
from patchbay.api.access import AnalyticsRead, CallsRead
from patchbay.api.conversation_shown import ConversationShown, TranscriptTurn
from patchbay.api.envelope import ApiResponse, PaginatedResponse, enveloped
from patchbay.api.events_shown import EventShown
from patchbay.api.pages import Paged
from patchbay.api.paths import ConversationId
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.times import When
from patchbay.api.work import Reading

router = door_router("/conversations", tag="observe")


@router.get("", response_model=PaginatedResponse[ConversationShown], summary="List conversations", responses=problems(400))
async def list_conversations(
    principal: AnalyticsRead,
    session: Reading,
    page: Paged,
    q: Annotated[str | None, Query(max_length=200, description="Words in the summary or in what was said.")] = None,
    agent_id: Annotated[str | None, Query(alias="agentId", max_length=64)] = None,
    start: Annotated[When | None, Query(alias="from", description="Started at or after this time (RFC 3339).")] = None,
    end: Annotated[When | None, Query(alias="to", description="Started before this time (RFC 3339).")] = None,
    channel: Annotated[str | None, Query(max_length=40)] = None,
    outcome: Annotated[str | None, Query(max_length=40)] = None,
) -> Any:
    """The history, newest first."""
    rows = await receipts.list_conversations(
        session,
        q=q,
        agent_id=agent_id,
        since=start,
        until=end,
        channel=channel,
        outcome=outcome,
        limit=page.limit + 1,
        before=page.after,
    )
    return page.envelope(rows, position=lambda row: row.id, shown=conversation_json)


@router.get("/{id}", response_model=ApiResponse[ConversationShown], summary="Get a conversation", responses=problems(404))
async def get_conversation(principal: CallsRead, session: Reading, id: ConversationId) -> Any:
    """The summary of one conversation."""
    return enveloped(conversation_json(await receipts.get_conversation(session, id)))


@router.get(
    "/{id}/transcript",
    response_model=ApiResponse[list[TranscriptTurn]],
    summary="Get a conversation transcript",
    responses=problems(404),
)
async def get_transcript(principal: CallsRead, session: Reading, id: ConversationId) -> Any:
    """What was said, turn by turn."""
    return enveloped(await receipts.transcript(session, id))


@router.get(
    "/{id}/receipt", response_model=ApiResponse[list[EventShown]], summary="Get a conversation receipt", responses=problems(404)
)
async def get_receipt(principal: CallsRead, session: Reading, id: ConversationId) -> Any:
    """Everything the agent did, event by event: the stream of the conversation, stored."""
    return enveloped([event_json(event) for event in await receipts.receipt(session, id)])
