"""What operators are told without having asked: a skill that drifted, a write nobody knows the outcome of, a locked caller, a
message somebody left.

No event holds a value of a caller's or a secret: names, counts and ids only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Table, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.tables import OperatorEvent
from patchbay.store.database import Database
from patchbay.store.ids import new_id

EventType = Literal["skill.drift", "write.unknown", "verification.locked", "message.taken"]

_TABLE: Table = OperatorEvent.__table__  # pyright: ignore[reportAssignmentType]
_TELL = insert(_TABLE).on_conflict_do_nothing()
_TELL_ALONE = text(
    "INSERT INTO operator_events (id, type, agent_id, skill_id, connection_id, conversation_id, data) VALUES"
    " (:id, :type, :agent_id, :skill_id, :connection_id, :conversation_id, CAST(:data AS jsonb)) ON CONFLICT DO NOTHING"
)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell, and what it is about."""

    type: EventType
    data: dict[str, Any]
    agent_id: str | None = None
    skill_id: str | None = None
    connection_id: str | None = None
    conversation_id: str | None = None


async def tell(session: AsyncSession, told: Told) -> None:
    """Add one event in the session's transaction. That a write's outcome is unknown is told once, whoever tells it."""
    await session.execute(_TELL, _row(told))


async def tell_alone(database: Database, org_id: str, told: Told) -> None:
    """Add one event, like :func:`tell`, in a transaction of its own."""
    row = _row(told)
    await database.once(org_id, _TELL_ALONE, {**row, "data": json.dumps(row["data"])})


async def list_events(
    session: AsyncSession,
    *,
    types: Sequence[EventType] = (),
    agent_id: str | None = None,
    connection_id: str | None = None,
    conversation_id: str | None = None,
    limit: int = 25,
    before_id: str | None = None,
) -> Sequence[OperatorEvent]:
    """Up to ``limit`` events, newest first, those before the id ``before_id``, of these types (any, when none is named) about
    this agent, connection and conversation.
    """
    query = select(OperatorEvent).order_by(OperatorEvent.id.desc()).limit(limit)
    if types:
        query = query.where(OperatorEvent.type.in_(types))
    if agent_id is not None:
        query = query.where(OperatorEvent.agent_id == agent_id)
    if connection_id is not None:
        query = query.where(OperatorEvent.connection_id == connection_id)
    if conversation_id is not None:
        query = query.where(OperatorEvent.conversation_id == conversation_id)
    if before_id is not None:
        query = query.where(OperatorEvent.id < before_id)
    return (await session.scalars(query)).all()


def _row(told: Told) -> dict[str, Any]:
    return {"id": new_id("ope"), **msgspec.structs.asdict(told)}
