"""What operators are told without having asked."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from patchbay.accounts.operator_events import EventType, list_events
from patchbay.accounts.tables import OperatorEvent
from patchbay.api.access import AuditRead
from patchbay.api.envelope import PaginatedResponse, Shown
from patchbay.api.pages import Paged
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.times import Stamp
from patchbay.api.work import Reading

router = door_router("/operator-events", tag="observe")


class OperatorEventShown(Shown):
    """Something to look after, and what it is about. It holds names, counts and ids, never what a caller said."""

    id: str
    type: EventType
    at: Stamp
    agent_id: str | None
    skill_id: str | None
    connection_id: str | None
    conversation_id: str | None
    data: dict[str, Any] = Field(
        description="`write.unknown`: `toolName`, `callId`. `skill.drift`: `status`. `verification.locked`: how it was locked."
    )


@router.get("", response_model=PaginatedResponse[OperatorEventShown], summary="List operator events", responses=problems(400))
async def list_operator_events(
    principal: AuditRead,
    session: Reading,
    page: Paged,
    type: Annotated[EventType | None, Query(description="Only events of this type.")] = None,
    agent_id: Annotated[str | None, Query(alias="agentId", max_length=64)] = None,
    conversation_id: Annotated[str | None, Query(alias="conversationId", max_length=64)] = None,
) -> dict[str, Any]:
    """What needs somebody's attention, newest first: a write nobody knows the outcome of, a skill whose system has changed, a
    verification that was locked.
    """
    rows = await list_events(
        session,
        types=(type,) if type else (),
        agent_id=agent_id,
        conversation_id=conversation_id,
        limit=page.limit + 1,
        before_id=page.after,
    )
    return page.envelope(rows, position=lambda row: row.id, shown=_shown)


def _shown(row: OperatorEvent) -> OperatorEventShown:
    return OperatorEventShown.model_validate(row, from_attributes=True)
