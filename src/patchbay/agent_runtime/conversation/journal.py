"""Keeping a conversation: claiming its turn, storing events as they happen, and giving the turn back.

One turn of a conversation runs at a time. A turn is claimed with a lease in the conversation's row; every write names the
claim, so a process that lost its lease (it hung, or was taken for dead) can store nothing more. A killed process leaves a
lease behind that runs out by itself. Events are numbered in memory by the holder of the claim and their number is part of the
primary key: none is stored twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.conversation.events import Event, EventType
from patchbay.agent_runtime.conversation.events import Sequence as EventSequence
from patchbay.agent_runtime.services import Runtime
from patchbay.errors import Conflict, NotFound
from patchbay.store.ids import new_id
from patchbay.store.json_text import storable_json

LEASE = timedelta(seconds=15)
"""How long a turn is believed to be alive without a sign of life. It is renewed every third of this."""

SOON = 0.05
"""How many seconds what has happened may wait to be stored, so that a quick turn is stored at once."""

_AGAIN_AFTER_S = (0.1, 1.0)


class ConversationNotFound(NotFound):
    """There is no such conversation in your organization."""


class SessionEnded(Conflict):
    """This conversation has ended (session_ended); start another one."""

    code, title = "session_ended", "Session ended"


class AgentDeleted(Conflict):
    """The agent of this conversation was deleted (agent_deleted), so the conversation has ended."""

    code, title = "agent_deleted", "Agent deleted"


class TurnInProgress(Conflict):
    """The agent is still answering the last message (turn_in_progress); wait for its answer and send this one again."""

    code, title = "turn_in_progress", "Turn in progress"


class TurnLost(Conflict):
    """This turn took too long without a sign of life, and another one has taken over the conversation (turn_lost)."""

    code, title = "turn_lost", "Turn lost"


class Held(msgspec.Struct, kw_only=True):
    """A conversation whose turn this process holds. ``session`` are the channel's facts, ``state`` the engine's own memory."""

    id: str
    org_id: str
    agent_id: str
    version_id: str | None
    draft: bool
    channel: str
    session: dict[str, Any]
    state: dict[str, Any]
    last_seq: int
    turns: int
    claim: str


COLUMNS = "id, org_id, agent_id, version_id, draft, channel, session, state, last_seq, turns"
# The store's clock alone decides when a lease ends: those of the processes may differ, or jump.
LEASED = "jsonb_build_object('id', CAST(:held AS text), 'until', clock_timestamp() + make_interval(secs => :lease))"
"""A claim in SQL; its parameters are those of :func:`leased`."""
_CLAIM = text(
    f"UPDATE conversations SET state = jsonb_set(state, '{{claim}}', {LEASED}) WHERE id = :id AND status = 'active'"
    " AND (NOT state ? 'claim' OR (state #>> '{claim,until}')::timestamptz < now()) RETURNING " + COLUMNS
)
_RENEW = text(
    f"UPDATE conversations SET state = jsonb_set(state, '{{claim}}', {LEASED})"
    " WHERE id = :id AND state #>> '{claim,id}' = :held RETURNING id"
)
# The holder of the claim moves its conversation on and adds events, or does neither and gets no row.
_KEEP = (
    "WITH kept AS (UPDATE conversations SET last_seq = :last_seq, turns = :turns, {change}"
    " WHERE id = :id AND state #>> '{{claim,id}}' = :held RETURNING id),"
    " added AS (INSERT INTO conversation_events (conversation_id, seq, id, type, at, turn, data)"
    " SELECT kept.id, e.seq, e.id, e.type, e.at, e.turn, e.data FROM kept, jsonb_to_recordset(CAST(:events AS jsonb))"
    " AS e (seq int, id text, type text, at timestamptz, turn int, data jsonb))"
    " SELECT id FROM kept"
)
_ADVANCE = text(_KEEP.format(change=f"state = jsonb_set(state, '{{claim}}', {LEASED})"))
# The mark of a write under way is in the state; the column lets it be found when nobody lives to tell the end.
_WRITING = "writing_since = CASE WHEN CAST(:state AS jsonb) ? 'writing' THEN clock_timestamp() END"
_ADVANCE_STATE = text(_KEEP.format(change=f"state = jsonb_set(CAST(:state AS jsonb), '{{claim}}', {LEASED}), {_WRITING}"))
_FINISH = text(
    _KEEP.format(
        change=f"state = CAST(:state AS jsonb), {_WRITING}, outcome = :outcome, summary = :summary,"
        " status = CASE WHEN :ends THEN 'ended' ELSE status END,"
        " ended_at = CASE WHEN :ends AND ended_at IS NULL THEN now() ELSE ended_at END"
    )
)
_OPEN = text(
    "INSERT INTO conversations"
    " (id, org_id, agent_id, version_id, draft, channel, status, session, state, last_seq, turns, started_at)"
    " VALUES (:id, :org_id, :agent_id, :version_id, :draft, :channel, 'active', :session,"
    f" CASE WHEN :hold THEN jsonb_set(:state, '{{claim}}', {LEASED}) ELSE :state END, 0, 0, now())"
).bindparams(bindparam("session", type_=JSONB), bindparam("state", type_=JSONB))
_STORED = text("SELECT true FROM conversation_events WHERE conversation_id = :cnv AND seq = :seq AND id = :id")
_WHY = text("SELECT status, outcome FROM conversations WHERE id = :id")


async def claim(session: AsyncSession, conversation_id: str) -> Held:
    """Take the turn of a conversation. Raises :class:`ConversationNotFound`, :class:`SessionEnded`, :class:`TurnInProgress`."""
    mine = new_id("trn")
    row = (await session.execute(_CLAIM, {"id": conversation_id, **leased(mine)})).mappings().one_or_none()
    if row is not None:
        return Held(**row, claim=mine)
    found = (await session.execute(_WHY, {"id": conversation_id})).one_or_none()
    if found is None:
        raise ConversationNotFound
    if found.status == "active":
        raise TurnInProgress(headers={"Retry-After": "1"})
    raise AgentDeleted if found.outcome == "agent_deleted" else SessionEnded


async def open_conversation(
    session: AsyncSession,
    *,
    org_id: str,
    agent_id: str,
    version_id: str | None,
    channel: str,
    facts: dict[str, Any],
    state: dict[str, Any] | None = None,
    hold: bool,
) -> Held:
    """A new conversation; with ``hold`` its first turn is taken at once. ``version_id`` None runs the draft."""
    held = Held(
        id=new_id("cnv"),
        org_id=org_id,
        agent_id=agent_id,
        version_id=version_id,
        draft=version_id is None,
        channel=channel,
        session=facts,
        state=dict(state or {}),
        last_seq=0,
        turns=0,
        claim=new_id("trn"),
    )
    await session.execute(
        _OPEN,
        {
            "id": held.id,
            "org_id": org_id,
            "agent_id": agent_id,
            "version_id": version_id,
            "draft": held.draft,
            "channel": channel,
            "session": facts,
            "state": held.state,
            "hold": hold,
            **leased(held.claim),
        },
    )
    return held


class Journal:
    """The events of one held turn after another, numbered and stored in batches, each in a short transaction of its own."""

    def __init__(self, runtime: Runtime, held: Held) -> None:
        self._runtime = runtime
        self._held = held
        self._numbers = EventSequence(held.id, last_seq=held.last_seq, turn=held.turns)
        self._pending: list[Event] = []
        self._writing = asyncio.Lock()
        self._alive: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def turn(self) -> int:
        """The number of the turn that is running, from 1."""
        return self._numbers.turn

    def next_turn(self) -> None:
        """Count one more turn."""
        self._numbers.turn += 1

    def make(self, type: EventType, data: dict[str, Any]) -> Event:
        """The next event; stored with the next flush, unless its type is only streamed."""
        event = self._numbers.make(type, data)
        if event.seq is not None:
            self._pending.append(event)
        return event

    async def write(self, session: AsyncSession, *, state: bool = False) -> None:
        """Store what is pending, with ``state`` the engine's own memory too, in a transaction of the caller's, which holds the
        claim already.
        """
        values = self._values(self._pending, self._numbers.last_seq) | ({"state": self._state()} if state else {})
        kept = await session.execute(_ADVANCE_STATE if state else _ADVANCE, values)
        if kept.one_or_none() is None:
            raise TurnLost
        self._pending = []

    async def keep_state(self) -> None:
        """Store what is pending together with the engine's own memory, before something that must not happen twice."""
        await asyncio.shield(self._runtime.detach(self._store({"state": self._state()}, statement=_ADVANCE_STATE)))

    def _state(self) -> str:
        return storable_json({k: v for k, v in self._held.state.items() if k != "claim"})

    def flush_soon(self) -> None:
        """Store what is pending within :data:`SOON`, unless the turn is over before and stores it all at once."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SOON, self.flush)

    def flush(self) -> asyncio.Task[None]:
        """Begin to store what is pending; it goes on even when the request is cancelled."""
        self._timer = None
        return self._runtime.detach(self._store(None))

    async def finish(self, *, outcome: str, summary: str, ends: bool) -> None:
        """Store what is left and give the turn back. Raises :class:`TurnLost` when another process took over."""
        await asyncio.shield(self.finish_detached(outcome=outcome, summary=summary, ends=ends))

    def finish_detached(self, *, outcome: str, summary: str, ends: bool) -> asyncio.Task[None]:
        """Begin to :meth:`finish`; it goes on even when the request is cancelled."""
        last = {"state": self._state(), "outcome": outcome, "summary": summary, "ends": ends}
        self.rest()
        return self._runtime.detach(self._store(last))

    @property
    def _key(self) -> dict[str, Any]:
        return {"id": self._held.id, **leased(self._held.claim)}

    async def _store(self, last: dict[str, Any] | None, statement: TextClause = _FINISH) -> None:
        """Store what is pending, and ``last`` by its ``statement``. A store that goes away meanwhile is given some time to come
        back.
        """
        async with self._writing:
            batch, number = list(self._pending), self._numbers.last_seq
            if not batch and last is None:
                return
            again = False
            for pause in (*_AGAIN_AFTER_S, None):
                try:
                    await self._store_once(batch, number, last, statement, again=again)
                    break
                except (OperationalError, InterfaceError):
                    if pause is None:
                        raise
                    again = True
                    await asyncio.sleep(pause)
            self._pending = self._pending[len(batch) :]

    async def _store_once(
        self, batch: Sequence[Event], number: int, last: dict[str, Any] | None, statement: TextClause, *, again: bool
    ) -> None:
        once = self._runtime.database.once
        if again and batch:
            key = {"id": batch[-1].id, "cnv": self._held.id, "seq": batch[-1].seq}
            if await once(self._held.org_id, _STORED, key):
                return  # the commit went through, only its confirmation was lost
        values = {**self._values(batch, number), **(last or {})}
        if not await once(self._held.org_id, _ADVANCE if last is None else statement, values):
            raise TurnLost

    def _values(self, batch: Sequence[Event], number: int) -> dict[str, Any]:
        events = storable_json([_stored(event) for event in batch])
        return {**self._key, "last_seq": number, "turns": self._numbers.turn, "events": events}

    def stay_alive(self) -> None:
        """Renew the lease while a turn takes its time."""
        if self._alive is None:
            self._alive = asyncio.get_running_loop().create_task(self._renew())

    def rest(self) -> None:
        """Stop renewing the lease and what was to be stored soon."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._alive is not None:
            self._alive.cancel()
            self._alive = None

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            with suppress(OperationalError, InterfaceError):  # the store may be back before the lease is over
                if not await self._runtime.database.once(self._held.org_id, _RENEW, self._key):
                    return


def _stored(event: Event) -> dict[str, Any]:
    """The event as :data:`_KEEP` reads it."""
    return {
        "seq": event.seq,
        "id": event.id,
        "type": event.type,
        "at": event.at.isoformat(),
        "turn": event.turn,
        "data": event.data,
    }


def leased(claim_id: str) -> dict[str, Any]:
    """The parameters of a claim in SQL."""
    return {"held": claim_id, "lease": LEASE.total_seconds()}
