"""The row of a source as its own job: taken under a lease, kept while somebody is at it, and ended in one transaction.

All times are the store's: the clocks of the processes may differ. Whoever ends a reading locks the agent first and then the
source, as every request does.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import touch_draft
from patchbay.agent_runtime.knowledge.content.task import ReadContent
from patchbay.agent_runtime.knowledge.failures import Failure
from patchbay.agent_runtime.knowledge.tables import KnowledgeIndex, KnowledgePassage, KnowledgeSource
from patchbay.agent_runtime.tables import Agent
from patchbay.schema_graph.canonical import sha256_hex
from patchbay.store.database import Database
from patchbay.store.ids import new_id

LEASE = timedelta(seconds=30)
"""A process that says nothing for so long is dead, and another one takes over."""
MOST_ATTEMPTS = 4
"""Of one reading, the first included."""
FIRST_WAIT_S = 10.0
"""Until the second attempt; five times as long until each further one."""

_TAKE = text(
    "UPDATE knowledge_sources SET leased_by = :mine, leased_until = clock_timestamp() + :lease, attempts = attempts + 1"
    " WHERE id = :id AND due_at <= clock_timestamp() AND (leased_until IS NULL OR leased_until < clock_timestamp())"
    " RETURNING id, org_id, agent_id, kind, url, upload_id, given, index_id, etag, modified, due_at, attempts, leased_by"
)
_KEEP = text(
    "UPDATE knowledge_sources SET leased_until = clock_timestamp() + :lease WHERE id = :id AND leased_by = :mine RETURNING id"
)
_GIVE_BACK = text(
    "UPDATE knowledge_sources SET leased_by = NULL, leased_until = NULL, attempts = greatest(attempts - 1, 0)"
    " WHERE id = :id AND leased_by = :mine"
)


class Taken(msgspec.Struct, frozen=True):
    """A source that this process reads. ``leased_by`` is this reading's own name, ``attempts`` counts it."""

    id: str
    org_id: str
    agent_id: str
    kind: str
    url: str | None
    upload_id: str | None
    given: dict[str, Any] | None
    index_id: str | None
    etag: str | None
    modified: str | None
    due_at: datetime
    attempts: int
    leased_by: str


async def take(database: Database, org_id: str, source_id: str) -> Taken | None:
    """Take a source that is due; None when somebody else has it, or it is gone."""
    async with database.tenant(org_id) as session:
        found = await session.execute(_TAKE, {"id": source_id, "mine": new_id("rdg"), "lease": LEASE})
        row = found.mappings().one_or_none()
    return None if row is None else Taken(**row)


async def keep(database: Database, taken: Taken) -> bool:
    """Say that this process is still at it; False when the source is not its any more."""
    async with database.tenant(taken.org_id) as session:
        found = await session.execute(_KEEP, {"id": taken.id, "mine": taken.leased_by, "lease": LEASE})
        return found.first() is not None


async def give_back(database: Database, taken: Taken) -> None:
    """Leave a source as it was, for the next process."""
    async with database.tenant(taken.org_id) as session:
        await session.execute(_GIVE_BACK, {"id": taken.id, "mine": taken.leased_by})


async def end_read(database: Database, taken: Taken, read: ReadContent, *, etag: str | None, modified: str | None) -> bool:
    """Store what was read, and whether it is new. The index and its passages are made and put in place at once, or not at all."""
    async with database.tenant(taken.org_id) as session:
        agent, row = await _locked(session, taken)
        if agent is None or row is None:
            return False
        before, sha256 = row.index_id, sha256_hex(read.content.encode())
        changed = before is None or sha256 != await session.scalar(
            select(KnowledgeIndex.sha256).where(KnowledgeIndex.id == before)
        )
        if changed:
            row.index_id = await _new_index(session, row.id, sha256, read, agent)
            row.last_changed_at = await _end(session, taken, row)
            await _replace(session, before, taken)
        else:
            await _end(session, taken, row)
        row.etag, row.modified = etag, modified
    return changed


async def end_unchanged(database: Database, taken: Taken) -> None:
    """Note that its server says nothing has changed."""
    async with database.tenant(taken.org_id) as session:
        _, row = await _locked(session, taken)
        if row is not None:
            await _end(session, taken, row)


async def end_failed(database: Database, taken: Taken, failure: Failure) -> bool:
    """Note why it was not read; whether it is tried again. What it was read into before stays in use."""
    again = failure.again and taken.attempts < MOST_ATTEMPTS
    async with database.tenant(taken.org_id) as session:
        _, row = await _locked(session, taken)
        if row is None:
            return False
        if again:
            wait_s = max(failure.after_s, FIRST_WAIT_S * 5 ** (taken.attempts - 1))
            at = await _leave(session, row)
            row.due_at = at + timedelta(seconds=wait_s) if row.due_at == taken.due_at else row.due_at
        else:
            await _end(session, taken, row)
            row.status = "error" if row.index_id is None else "indexed"
        row.failure = {"code": failure.code, "message": failure.message}
    return again


async def _locked(session: AsyncSession, taken: Taken) -> tuple[Agent | None, KnowledgeSource | None]:
    """The agent and the source, while the source is this reading's. New conversations are not held up by the lock."""
    agent = await session.scalar(
        select(Agent).where(Agent.id == taken.agent_id, Agent.deleted_at.is_(None)).with_for_update(key_share=True)
    )
    mine = KnowledgeSource.id == taken.id, KnowledgeSource.leased_by == taken.leased_by
    row = await session.scalar(select(KnowledgeSource).where(*mine).with_for_update(key_share=True))
    return agent, row


async def _leave(session: AsyncSession, row: KnowledgeSource) -> datetime:
    """End this process's part; when that was."""
    at: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    row.leased_by = row.leased_until = None
    row.last_checked_at = at
    return at


async def _end(session: AsyncSession, taken: Taken, row: KnowledgeSource) -> datetime:
    """End the job until it is due by its cadence. Who asked for another reading meanwhile gets it."""
    at = await _leave(session, row)
    row.status, row.failure, row.attempts = "indexed", None, 0
    if row.due_at == taken.due_at:
        row.due_at = None if row.refresh_hours is None else at + timedelta(hours=row.refresh_hours)
    return at


async def _new_index(session: AsyncSession, source_id: str, sha256: str, read: ReadContent, agent: Agent) -> str:
    language = read.language or str(agent.draft.get("primaryLanguage") or "en").partition("-")[0].lower()
    index = KnowledgeIndex(id=new_id("kbi"), source_id=source_id, sha256=sha256, content=read.content, language=language)
    session.add(index)
    await session.flush()
    rows = [
        {"index_id": index.id, "number": number, "heading": passage.heading, "body": passage.body}
        for number, passage in enumerate(read.passages)
    ]
    await session.execute(insert(KnowledgePassage), rows)
    return index.id


async def _replace(session: AsyncSession, before: str | None, taken: Taken) -> None:
    """The draft has changed, and the index before goes, unless a version was published with it.

    A version that is being published meanwhile has marked it, or finds it gone: the row is locked either way.
    """
    if before is None:
        return  # the adding of the source was the change
    await session.flush()
    await session.execute(delete(KnowledgeIndex).where(KnowledgeIndex.id == before, KnowledgeIndex.frozen_at.is_(None)))
    await touch_draft(session, taken.agent_id)
