"""What an agent answers from: its sources as a version freezes them, and as they are now.

A version is pinned to the indexes it was published with. A source that is read again by itself (its operator asked for that)
is followed: a live conversation answers from what it says now. One that is deleted answers nowhere any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.knowledge.tables import KnowledgeIndex, KnowledgeSource
from patchbay.store.database import Database

_NOW = text("SELECT id, label, index_id FROM knowledge_sources WHERE id = ANY(:ids)")

Pins = Mapping[str, str | None]
"""What is answered from: sources by id, each with the index it is pinned to, or None where it is followed."""


class KnownSource(msgspec.Struct, frozen=True, rename="camel"):
    """A source as a version's document has it. ``sha256`` is over the content of its index."""

    source_id: str
    label: str
    kind: str
    index_id: str
    sha256: str
    follows: bool


class UnreadSource(msgspec.Struct, frozen=True, rename="camel"):
    """A source with nothing to answer from: not read yet (``pending``), or not to be read (``error``)."""

    source_id: str
    label: str
    status: str


class Current(msgspec.Struct, frozen=True):
    """A source that is there, and the index to search for it."""

    source_id: str
    label: str
    index_id: str


class Sources(msgspec.Struct, frozen=True):
    """The sources of a draft."""

    known: tuple[KnownSource, ...] = ()
    unread: tuple[UnreadSource, ...] = ()


async def sources_of(session: AsyncSession, agent_id: str, *, lock: bool = False) -> Sources:
    """The sources of an agent's draft, in the order they were added. With ``lock`` none is read into another index, or deleted,
    before the transaction is over.
    """
    source, index = KnowledgeSource, KnowledgeIndex
    query = (
        select(source.id, source.label, source.kind, source.status, source.refresh_hours, index.id, index.sha256)
        .outerjoin(index, index.id == source.index_id)
        .where(source.agent_id == agent_id)
        .order_by(source.id)
    )
    if lock:
        query = query.with_for_update(read=True, of=source)
    known: list[KnownSource] = []
    unread: list[UnreadSource] = []
    rows: Sequence[Any] = (await session.execute(query)).all()
    for id, label, kind, status, refresh_hours, index_id, sha256 in rows:
        if index_id is None:
            unread.append(UnreadSource(id, label, status))
        else:
            known.append(KnownSource(id, label, kind, index_id, sha256, refresh_hours is not None))
    return Sources(tuple(known), tuple(unread))


def unread_warning(source: UnreadSource) -> dict[str, Any]:
    """What to know of a source that a version goes without."""
    if source.status == "error":
        message = f"The source {source.label!r} could not be read, so nothing is answered from it."
        hint = "GET …/knowledge/sources/{id} says why; refresh it or add it again, then publish."
        return {"code": "knowledge_unreadable", "message": message, "hint": hint}
    message = f"The source {source.label!r} has not been read yet, so a version published now does not answer from it."
    return {"code": "knowledge_pending", "message": message, "hint": "Wait until its status is indexed, then publish."}


async def keep_indexes(session: AsyncSession, known: Sequence[KnownSource]) -> None:
    """Mark the indexes a version is published with, so that they stay when newer ones take their place."""
    ids = [source.index_id for source in known]
    if ids:
        unmarked = KnowledgeIndex.frozen_at.is_(None)
        await session.execute(update(KnowledgeIndex).where(KnowledgeIndex.id.in_(ids), unmarked).values(frozen_at=func.now()))


async def current_sources(database: Database, org_id: str, pins: Pins) -> list[Current]:
    """The sources among ``pins`` that are there now and have something to search, in a stable order."""
    if not pins:
        return []
    rows = await database.once(org_id, _NOW, {"ids": list(pins)})
    found: list[Current] = []
    for source_id, label, index_id in sorted(rows):
        wanted: Any = pins[source_id] or index_id
        if wanted is not None:
            found.append(Current(source_id, label, wanted))
    return found


def pins_of(known: Sequence[KnownSource], *, draft: bool) -> dict[str, str | None]:
    """What a version answers from; a draft answers from what its sources say now."""
    return {source.source_id: None if draft or source.follows else source.index_id for source in known}
