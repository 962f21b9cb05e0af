"""Messages that callers left for the operator."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from patchbay.agent_runtime.hand_made.take_message import list_messages
from patchbay.agent_runtime.tables import TakenMessage
from patchbay.api.access import CallsRead
from patchbay.api.envelope import PaginatedResponse, Shown
from patchbay.api.pages import Paged
from patchbay.api.paths import LongAgentId
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.times import Stamp
from patchbay.api.work import Reading

router = door_router("/agents/{agentId}/messages", tag="observe")


class TakenMessageShown(Shown):
    """A message that a `take_message` skill kept."""

    id: str
    agent_id: str
    skill_id: str
    conversation_id: str | None
    caller_name: str
    phone_number: str | None = Field(description="Where the caller says they are reached (E.164).")
    called_from: str | None = Field(description="The number that rang.")
    message: str
    urgency: Literal["low", "normal", "urgent"]
    at: Stamp


@router.get("", response_model=PaginatedResponse[TakenMessageShown], summary="List taken messages", responses=problems(400, 404))
async def list_taken_messages(principal: CallsRead, session: Reading, page: Paged, agent_id: LongAgentId) -> dict[str, Any]:
    """The messages that callers left with this agent, newest first."""
    rows = await list_messages(session, agent_id, limit=page.limit + 1, before=page.after)
    return page.envelope(rows, position=lambda row: row.id, shown=_shown)


def _shown(row: TakenMessage) -> TakenMessageShown:
    return TakenMessageShown(
        id=row.id,
        agent_id=row.agent_id,
        skill_id=row.skill_id,
        conversation_id=row.conversation_id,
        caller_name=row.caller_name,
        phone_number=row.phone_number,
        called_from=row.called_from,
        message=row.message,
        urgency=row.urgency,  # pyright: ignore[reportArgumentType]
        at=row.at,
    )
