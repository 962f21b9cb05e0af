"""The sources of an agent's knowledge: add, list, get, refresh and delete. They are read in the background (`ingestion.py`)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from patchbay.accounts.tables import Upload
from patchbay.accounts.uploads import attach_upload
from patchbay.agent_runtime.agents import get_agent, touch_draft
from patchbay.agent_runtime.knowledge.bodies import WEEKLY, NewSource, read_auto_refresh, read_new_source
from patchbay.agent_runtime.knowledge.files import let_go
from patchbay.agent_runtime.knowledge.refusals import DuplicateSource, SourceNotFound, SourceNotRefreshable, TooManySources
from patchbay.agent_runtime.knowledge.tables import KnowledgeIndex, KnowledgePassage, KnowledgeSource
from patchbay.errors import Finding, ValidationFailed
from patchbay.store.ids import new_id

MOST_SOURCES = 200
"""Of one agent."""
CALM = timedelta(seconds=2)
"""A page is not asked for again before this time has passed, however often a refresh is asked for."""


class FoundSource(msgspec.Struct, frozen=True):
    """A source with how many passages it was read into, and its whole text where that was asked for."""

    row: KnowledgeSource
    passages: int
    text: str | None = None


async def add_source(session: AsyncSession, agent_id: str, body: Any) -> FoundSource:
    """A new source, to be read at once. The caller wakes the reader once the transaction is over.

    Raises :class:`ValidationFailed`, :class:`DuplicateSource`, :class:`TooManySources` and, of a file, ``UploadMissing``.
    """
    await get_agent(session, agent_id, lock=True)
    wanted = read_new_source(body)
    count = await session.scalar(select(func.count()).where(KnowledgeSource.agent_id == agent_id)) or 0
    if count >= MOST_SOURCES:
        raise TooManySources(f"An agent has at most {MOST_SOURCES} sources (too_many_sources); delete some that are not used.")
    if wanted.file_id is not None:
        await attach_upload(session, wanted.file_id)
    if await _is_there(session, agent_id, wanted):
        raise DuplicateSource
    row = KnowledgeSource(
        id=new_id("kbs"),
        agent_id=agent_id,
        kind=wanted.kind,
        label=wanted.label,
        url=wanted.url,
        upload_id=wanted.file_id,
        given=_given(wanted),
        due_at=func.now(),
    )
    session.add(row)
    await session.flush()
    await touch_draft(session, agent_id)
    await session.refresh(row)
    return await _found(session, row)


async def list_sources(session: AsyncSession, agent_id: str, *, limit: int = 25, after: str | None = None) -> list[FoundSource]:
    """Up to ``limit`` sources in the order they were added, those after the id ``after``, without their text."""
    await get_agent(session, agent_id)
    query = select(KnowledgeSource, _passages()).where(KnowledgeSource.agent_id == agent_id)
    query = query.options(defer(KnowledgeSource.given)).order_by(KnowledgeSource.id).limit(limit)
    if after:
        query = query.where(KnowledgeSource.id > after)
    return [FoundSource(row, passages) for row, passages in (await session.execute(query)).all()]


async def get_source(session: AsyncSession, agent_id: str, source_id: str) -> FoundSource:
    """One source with its text. Raises :class:`SourceNotFound`, also when the agent is gone."""
    await get_agent(session, agent_id)
    return await _found(session, await _row(session, agent_id, source_id))


async def set_auto_refresh(session: AsyncSession, agent_id: str, source_id: str, body: Any) -> FoundSource:
    """Have a page read again by itself, or not. Raises :class:`ValidationFailed` and :class:`SourceNotRefreshable`."""
    row = await _locked(session, agent_id, source_id)
    wanted = read_auto_refresh(body)
    _refreshable(row)
    if wanted.auto_refresh is False or (wanted.auto_refresh is None and row.refresh_hours is None):
        if wanted.cadence_hours is not None:
            finding = Finding("cadenceHours", "not_refreshed", "goes with autoRefresh true")
            raise ValidationFailed("cadenceHours goes with autoRefresh true", errors=[finding])
        row.refresh_hours = None
    else:
        row.refresh_hours = wanted.cadence_hours or row.refresh_hours or WEEKLY
    at = await _clock(session)
    if row.due_at is None or (row.due_at > at and row.attempts == 0):  # else it is being read, or is to be at once
        hours = row.refresh_hours
        row.due_at = None if hours is None else max(at, (row.last_checked_at or at) + timedelta(hours=hours))
    await session.flush()
    await session.refresh(row)
    return await _found(session, row)


async def refresh_source(session: AsyncSession, agent_id: str, source_id: str) -> FoundSource:
    """Have a page read again now. The caller wakes the reader. Raises :class:`SourceNotRefreshable`."""
    row = await _locked(session, agent_id, source_id)
    _refreshable(row)
    at = await _clock(session)
    row.due_at = at if row.last_checked_at is None else max(at, row.last_checked_at + CALM)
    row.attempts = 0
    await session.flush()
    await session.refresh(row)
    return await _found(session, row)


async def delete_source(session: AsyncSession, agent_id: str, source_id: str) -> None:
    """Take a source away with all that was made of it, also from what is published."""
    row = await _locked(session, agent_id, source_id)
    await session.execute(delete(KnowledgeSource).where(KnowledgeSource.id == row.id))
    if row.upload_id is not None:
        await let_go(session, row.upload_id)
    await touch_draft(session, agent_id)


async def _locked(session: AsyncSession, agent_id: str, source_id: str) -> KnowledgeSource:
    """A source to be changed. The agent is locked first, as everywhere: whoever stores a reading does the same."""
    await get_agent(session, agent_id, lock=True)
    return await _row(session, agent_id, source_id, lock=True)


async def _row(session: AsyncSession, agent_id: str, source_id: str, *, lock: bool = False) -> KnowledgeSource:
    query = select(KnowledgeSource).where(KnowledgeSource.agent_id == agent_id, KnowledgeSource.id == source_id)
    row = await session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise SourceNotFound
    return row


async def _found(session: AsyncSession, row: KnowledgeSource) -> FoundSource:
    passages = await session.scalar(select(func.count()).where(KnowledgePassage.index_id == row.index_id)) or 0
    text = await session.scalar(select(KnowledgeIndex.content).where(KnowledgeIndex.id == row.index_id))
    return FoundSource(row, passages, text if text is not None else (row.given or {}).get("text"))


async def _is_there(session: AsyncSession, agent_id: str, wanted: NewSource) -> bool:
    """Whether the agent, which is locked, has a source of the same page, file, text or questions."""
    same = select(KnowledgeSource.id).where(KnowledgeSource.agent_id == agent_id, KnowledgeSource.kind == wanted.kind)
    if wanted.url is not None:
        same = same.where(KnowledgeSource.url == wanted.url)
    elif wanted.file_id is not None:
        content = select(Upload.sha256).where(Upload.id == wanted.file_id).scalar_subquery()
        same = same.join(Upload, Upload.id == KnowledgeSource.upload_id).where(Upload.sha256 == content)
    else:
        same = same.where(KnowledgeSource.given == _given(wanted))
    return await session.scalar(same.limit(1)) is not None


def _passages() -> Any:
    counted = select(func.count()).where(KnowledgePassage.index_id == KnowledgeSource.index_id)
    return counted.correlate(KnowledgeSource).scalar_subquery()


def _given(wanted: NewSource) -> dict[str, Any] | None:
    if wanted.text is not None:
        return {"text": wanted.text}
    if wanted.faqs is not None:
        return {"faqs": [faq.model_dump() for faq in wanted.faqs]}
    return None


def _refreshable(row: KnowledgeSource) -> None:
    if row.kind != "url":
        raise SourceNotRefreshable


async def _clock(session: AsyncSession) -> datetime:
    """The store's clock, which all processes go by."""
    return (await session.execute(select(func.clock_timestamp()))).scalar_one()


def source_json(found: FoundSource) -> dict[str, Any]:
    """One source in its wire form, without its text."""
    row = found.row
    return {
        "id": row.id,
        "agentId": row.agent_id,
        "kind": row.kind,
        "label": row.label,
        "url": row.url,
        "fileId": row.upload_id,
        "status": row.status,
        "error": row.failure,
        "passageCount": found.passages,
        "autoRefresh": row.refresh_hours is not None,
        "cadenceHours": row.refresh_hours,
        "nextCheckAt": row.due_at if row.refresh_hours is not None else None,
        "lastCheckedAt": row.last_checked_at,
        "lastChangedAt": row.last_changed_at,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    }


def source_with_text_json(found: FoundSource) -> dict[str, Any]:
    """The same with its text; the questions and answers of a ``faq`` as they were sent."""
    return {**source_json(found), "text": found.text, "faqs": (found.row.given or {}).get("faqs")}
