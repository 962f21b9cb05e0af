"""What direct calls leave behind, stored behind their answers: one statement for all calls of an organization in a moment.

A call's conversation, its events and its row in the audit log are one record. Records wait for :data:`SOON` at most and are then
stored together, in one transaction: all of a record is there, or nothing of it. A process that is killed loses what waits. A
record that must not be lost is stored by :meth:`CallRecords.now` before whoever made it goes on.

Events are numbered by the store while the row of their conversation is locked, so two processes may add to one conversation at
once and its numbers stay without a gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from patchbay.store.database import Database
from patchbay.store.json_text import storable_json

SOON = 0.04
"""How many seconds a record may wait before it is on its way to the store."""
AT_MOST = 5_000
"""How many records may wait. Beyond that calls wait too: the store is too slow for them."""

_AWAY = (OperationalError, InterfaceError, PoolTimeout, OSError)
_AGAIN_S = 0.25
_log = structlog.get_logger(__name__)

# What is under way is marked by its call in the state, with the moment (the store's) until when it is believed to be alive.
_BEGUN = (
    "jsonb_build_object({m}.begun, {m}.mark || jsonb_build_object('until', clock_timestamp() + make_interval(secs => {m}.lease)))"
)
_KEEP = text(f"""
WITH opened AS (
  INSERT INTO conversations (id, agent_id, version_id, draft, channel, status, outcome, summary, session, state, last_seq, turns,
                             started_at, writing_since)
  SELECT o.id, o.agent_id, o.version_id, false, o.channel, 'active', o.outcome,
         o.summary || o.turns || CASE o.turns WHEN 1 THEN ' call.' ELSE ' calls.' END, o.session,
         CASE WHEN o.begun IS NULL THEN o.state ELSE o.state || jsonb_build_object('writes', {_BEGUN.format(m="o")}) END,
         o.last_seq, o.turns, o.started_at, CASE WHEN o.begun IS NOT NULL THEN clock_timestamp() END
    FROM jsonb_to_recordset(CAST(:opened AS jsonb)) AS o (id text, agent_id text, version_id text, channel text, outcome text,
         summary text, session jsonb, state jsonb, last_seq int, turns int, started_at timestamptz, begun text, mark jsonb,
         lease float8)),
moved AS (
  UPDATE conversations c SET last_seq = c.last_seq + m.events, turns = c.turns + m.turns, outcome = m.outcome,
         summary = m.summary || (c.turns + m.turns) || CASE c.turns + m.turns WHEN 1 THEN ' call.' ELSE ' calls.' END,
         state = CASE
           WHEN m.begun IS NOT NULL
           THEN jsonb_set(c.state, '{{writes}}', coalesce(c.state -> 'writes', '{{}}') || {_BEGUN.format(m="m")})
           WHEN m.ended IS NOT NULL THEN jsonb_set(c.state, '{{writes}}', coalesce(c.state -> 'writes', '{{}}') - m.ended)
           ELSE c.state END,
         writing_since = CASE
           WHEN m.begun IS NOT NULL THEN coalesce(c.writing_since, clock_timestamp())
           WHEN m.ended IS NOT NULL AND coalesce(c.state -> 'writes', '{{}}') - m.ended = '{{}}' THEN NULL
           ELSE c.writing_since END
    FROM jsonb_to_recordset(CAST(:moved AS jsonb)) AS m (id text, events int, turns int, outcome text, summary text, begun text,
         mark jsonb, lease float8, ended text[])
   WHERE c.id = m.id RETURNING c.id, c.last_seq - m.events AS seq, c.turns - m.turns AS turn),
added AS (
  INSERT INTO conversation_events (conversation_id, seq, id, type, at, turn, data)
  SELECT e.conversation_id, coalesce(moved.seq, 0) + e.seq, e.id, e.type, e.at, coalesce(moved.turn, 0) + e.turn, e.data
    FROM jsonb_to_recordset(CAST(:events AS jsonb)) AS e (conversation_id text, seq int, id text, type text, at timestamptz,
         turn int, data jsonb)
    LEFT JOIN moved ON moved.id = e.conversation_id)
INSERT INTO audit_logs (id, at, actor_type, actor_id, actor_label, method, path, route, status, request_id, resource_id)
SELECT a.id, a.at, a.actor_type, a.actor_id, a.actor_label, a.method, a.path, a.route, a.status, a.request_id, a.resource_id
  FROM jsonb_to_recordset(CAST(:audited AS jsonb)) AS a (id text, at timestamptz, actor_type text, actor_id text,
       actor_label text, method text, path text, route text, status int, request_id text, resource_id text)
""")
_STORED = text("SELECT true FROM conversation_events WHERE id = :id")


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that begins with this record."""

    agent_id: str
    version_id: str | None
    channel: str
    session: dict[str, Any]
    state: dict[str, Any]
    started_at: str


class Noted(msgspec.Struct, frozen=True):
    """One event, not yet numbered. ``at`` is RFC 3339."""

    id: str
    type: str
    at: str
    data: dict[str, Any]


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A write that is about to run: ``mark`` is what its conversation keeps of it until its end is stored, ``lease_s`` how many
    seconds it is believed to be alive.
    """

    call_id: str
    mark: dict[str, Any]
    lease_s: float


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of one call at once. ``turns`` is 1 in the record that begins the call, else 0.

    ``outcome`` and ``summary`` are what the conversation has come to with it; the summary ends before its number of calls.
    ``audited`` is the row of the audit log. ``begun`` is a write that is about to run, for :meth:`CallRecords.now` alone;
    ``ended`` is the call of one whose end this is.
    """

    conversation_id: str
    opening: Opening | None
    turns: int
    events: tuple[Noted, ...]
    outcome: str
    summary: str
    audited: dict[str, Any] | None = None
    begun: Begun | None = None
    ended: str | None = None


class CallRecords:
    """The records of one process that are on their way to the store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, list[CallRecord]] = {}
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._storing: asyncio.Task[None] | None = None
        self._alone = asyncio.Lock()

    def soon(self, org_id: str, record: CallRecord) -> None:
        """Store ``record`` in a moment."""
        self._waiting.setdefault(org_id, []).append(record)
        self._count += 1
        if self._timer is None and self._storing is None:
            self._timer = asyncio.get_running_loop().call_later(SOON, self._begin)

    async def now(self, org_id: str, record: CallRecord) -> None:
        """Store ``record``, after everything that waits. Raises when the store does not take it: then nothing of it is there."""
        async with self._alone:
            await self._store_waiting(org_id)
            await self._store(org_id, [record])

    @property
    def full(self) -> bool:
        """Whether no more records may wait."""
        return self._count >= AT_MOST

    async def room(self) -> None:
        """Wait until another record may wait."""
        while self.full:
            if self._storing is None:
                self._begin()
            assert self._storing is not None
            await asyncio.shield(self._storing)

    async def close(self) -> None:
        """Store everything that waits; what the store does not take now is lost, and said so."""
        if self._timer is not None:
            self._timer.cancel()
        if self._storing is not None:
            await asyncio.gather(self._storing, return_exceptions=True)
        async with self._alone:
            for org_id in list(self._waiting):
                try:
                    await self._store_waiting(org_id)
                except _AWAY as error:
                    _log.error("records lost", records=len(self._waiting[org_id]), error=type(error).__name__)

    def _begin(self) -> None:
        self._timer = None
        if self._storing is None:
            self._storing = asyncio.get_running_loop().create_task(self._store_all(), name="patchbay call records")

    async def _store_all(self) -> None:
        """Store what waits. Without the store the records go on waiting: within a second no call is let in any more."""
        pause = SOON
        try:
            async with self._alone:
                for org_id in list(self._waiting):
                    try:
                        await self._store_waiting(org_id)
                    except _AWAY as error:
                        _log.warning("records wait for the store", waiting=self._count, error=type(error).__name__)
                        pause = _AGAIN_S
        finally:
            self._storing = None
            if self._waiting:
                self._timer = asyncio.get_running_loop().call_later(pause, self._begin)

    async def _store_waiting(self, org_id: str) -> None:
        records = self._waiting.get(org_id, [])
        if records:
            batch = records[:]
            await self._store_each(org_id, batch)
            del records[: len(batch)]
            self._count -= len(batch)
        if not records:
            self._waiting.pop(org_id, None)

    async def _store_each(self, org_id: str, batch: Sequence[CallRecord]) -> None:
        """Store a batch; when the store refuses it, each record by itself: one that cannot be stored takes no other along."""
        try:
            await self._store(org_id, batch)
            return
        except _AWAY:
            if not await self._stored(org_id, batch):
                raise
            return  # the commit went through, only its confirmation was lost
        except DBAPIError as error:
            if len(batch) == 1:
                _log.error("record refused", conversation_id=batch[0].conversation_id, error=type(error.orig).__name__)
                return
        for record in batch:
            if not await self._stored(org_id, [record]):
                await self._store_each(org_id, [record])

    async def _store(self, org_id: str, batch: Sequence[CallRecord]) -> None:
        await self._database.once(org_id, _KEEP, _values(batch))

    async def _stored(self, org_id: str, batch: Sequence[CallRecord]) -> bool:
        return bool(await self._database.once(org_id, _STORED, {"id": batch[-1].events[-1].id}))


def _values(batch: Sequence[CallRecord]) -> dict[str, str]:
    """The parameters of :data:`_KEEP`: records of one conversation come together, numbered from 1 within the batch."""
    conversations: dict[str, dict[str, Any]] = {}
    events: list[dict[str, Any]] = []
    audited: list[dict[str, Any]] = []
    for record in batch:
        into = conversations.get(record.conversation_id)
        if into is None:
            into = conversations[record.conversation_id] = {
                "id": record.conversation_id,
                "events": 0,
                "turns": 0,
                "opening": None,
                "begun": None,
                "ended": None,
            }
        if record.opening is not None:
            into["opening"] = record.opening
        into["turns"] += record.turns
        into["outcome"], into["summary"] = record.outcome, record.summary
        if record.begun is not None:
            begun = record.begun
            into.update(begun=begun.call_id, mark=begun.mark, lease=begun.lease_s)
        if record.ended is not None:
            into["ended"] = [*(into["ended"] or ()), record.ended]
        for event in record.events:
            into["events"] += 1
            numbered = {"conversation_id": record.conversation_id, "seq": into["events"], "turn": into["turns"]}
            events.append({**numbered, "id": event.id, "type": event.type, "at": event.at, "data": event.data})
        if record.audited is not None:
            audited.append(record.audited)
    opened = [_opened(c) for c in conversations.values() if c["opening"] is not None]
    moved = [c for c in conversations.values() if c["opening"] is None]
    rows = {"opened": opened, "moved": moved, "events": events, "audited": audited}
    return {name: storable_json(value) for name, value in rows.items()}


def _opened(conversation: dict[str, Any]) -> dict[str, Any]:
    opening: Opening = conversation["opening"]
    return {**msgspec.structs.asdict(opening), **conversation, "last_seq": conversation["events"], "opening": None}
