"""Writes whose process was killed: found by the mark they left, in every process, and told once.

A turn that writes and a direct call that writes leave a mark in their conversation before they begin. Whose lease is over is
lost: by the store's clock alone, since those of the processes may differ. A process that finds one takes the conversation's turn
for the time it needs, so no other one does, looks the record up where one reading can tell whether it was written, and stores the
end of the call with what the operator is told, in one transaction. One that is killed meanwhile leaves everything as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import SystemRandom
from typing import Any

import msgspec
import structlog
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.operator_events import tell
from patchbay.agent_runtime.conversation import writes
from patchbay.agent_runtime.conversation.confirming import call_digest
from patchbay.agent_runtime.conversation.journal import COLUMNS, LEASE, LEASED, Held, leased
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.tables import Conversation, ConversationEvent
from patchbay.agent_runtime.versions import agent_of
from patchbay.errors import PatchbayError
from patchbay.store.background import Background
from patchbay.store.ids import new_id

EVERY_S = 5.0
"""How often a process looks, more or less: those of one store shall not all look at once."""
AT_MOST = 100
"""How many conversations one look is about."""
_CHANCE = SystemRandom()
_LOOK_UP_S = 8.0

_TURN = "turn"
_UNFINISHED = text("SELECT id, org_id FROM unfinished_writes(:older_than_s, :most)")
_UNCLAIMED = "(NOT state ? 'claim' OR (state #>> '{claim,until}')::timestamptz < clock_timestamp())"
# What is lost of a conversation, by whose it is: the turn's, or the call's of this id.
_LOST = (
    "(SELECT coalesce(jsonb_object_agg(w.key, w.value), '{}') FROM (SELECT key, value FROM"
    " jsonb_each(coalesce(state -> 'writes', '{}')) WHERE (value ->> 'until')::timestamptz < clock_timestamp()"
    f" UNION ALL SELECT '{_TURN}', state -> 'writing' WHERE state ? 'writing') w)"
)
_TAKE = text(
    f"UPDATE conversations SET state = jsonb_set(state, '{{claim}}', {LEASED}) WHERE id = :id AND {_UNCLAIMED}"
    f" AND {_LOST} <> '{{}}' RETURNING {COLUMNS}, {_LOST} AS lost"
)
_LOST_OF_TURN = text(f"SELECT state -> 'writing' FROM conversations WHERE id = :id AND {_UNCLAIMED}")
_TURN_OF_CALL = text(
    "SELECT turn FROM conversation_events WHERE conversation_id = :id AND type = 'tool_call'"
    " AND data ->> 'callId' = :call ORDER BY seq DESC LIMIT 1"
)
_log = structlog.get_logger(__name__)


class LostWrites:
    """Looks for lost writes while a process runs; started and stopped by the composition root."""

    def __init__(self, runtime: Runtime, *, every_s: float = EVERY_S) -> None:
        self._runtime = runtime
        self._every_s = every_s
        self._looking = Background("lost writes")

    def start(self) -> None:
        """Look again and again."""
        self._looking.start(self._keep_looking())

    async def stop(self) -> None:
        """Look no more. What was being told is left to the next one."""
        await self._looking.stop()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._every_s * _CHANCE.uniform(0.5, 1.5))
            try:
                await self.sweep()
            except (SQLAlchemyError, OSError) as error:
                _log.warning("lost writes were not looked for", error=type(error).__name__)

    async def sweep(self) -> int:
        """Tell of every write that is lost now; how many conversations this process told of."""
        values = {"older_than_s": LEASE.total_seconds(), "most": AT_MOST}
        async with self._runtime.database.anonymous() as session:
            found = (await session.execute(_UNFINISHED, values)).all()
        told = 0
        for conversation_id, org_id in found:
            try:
                told += await self._tell(org_id, conversation_id)
            except (SQLAlchemyError, OSError):
                raise
            except Exception:  # one that cannot be told of keeps nobody from the others
                _log.exception("lost write could not be told of", conversation_id=conversation_id)
        return told

    async def _tell(self, org_id: str, conversation_id: str) -> bool:
        mine = new_id("trn")
        async with self._runtime.database.tenant(org_id) as session:
            row = (await session.execute(_TAKE, {"id": conversation_id, **leased(mine)})).mappings().one_or_none()
            if row is None:
                return False
            held = Held(**{name: row[name] for name in Held.__struct_fields__ if name != "claim"}, claim=mine)
            lost: Mapping[str, dict[str, Any]] = row["lost"]
            agent = await _agent(session, held) if any("asked" in mark for mark in lost.values()) else None
        done = {of: agent is not None and await found_done(self._runtime, agent, held, mark) for of, mark in lost.items()}
        async with self._runtime.database.tenant(org_id) as session:
            kept = await session.scalar(select(Conversation).where(Conversation.id == conversation_id).with_for_update())
            if kept is None or kept.state.get("claim", {}).get("id") != mine:
                return False
            for of, mark in lost.items():
                await _end(session, kept, of, mark, done=done[of])
            kept.state = {name: value for name, value in kept.state.items() if name != "claim"}
        return True


async def found_done(runtime: Runtime, agent: FrozenAgent, held: Held, mark: Mapping[str, Any]) -> bool:
    """Whether the write of a mark is found done by the reading that its own process would have made. Raises nothing."""
    context = writes.asked_with(runtime.vault, held.org_id, held.id, mark)
    skill = next((skill for skill in agent.skills if skill.id == mark.get("skillId")), None)
    if context is None or skill is None or call_digest(skill, context.arguments) != mark.get("digest"):
        return False
    try:
        async with asyncio.timeout(_LOOK_UP_S):
            return await runtime.runner.settle(held.org_id, skill.call, context)
    except (PatchbayError, TimeoutError):
        return False
    except Exception:
        _log.exception("lost write could not be looked up", conversation_id=held.id)
        return False


async def tell_of_turn(session: AsyncSession, row: Conversation) -> None:
    """Tell of the write that a killed process left in this conversation, whose row the session has locked: as unknown, since
    nobody waits here for it to be looked up. While a turn is alive, its own process tells.
    """
    mark = await session.scalar(_LOST_OF_TURN, {"id": row.id})
    if mark is not None:
        await _end(session, row, _TURN, mark, done=False)


async def _agent(session: AsyncSession, held: Held) -> FrozenAgent | None:
    try:
        return await agent_of(session, held.org_id, held.agent_id, held.version_id)
    except PatchbayError:
        return None


async def _end(session: AsyncSession, row: Conversation, of: str, mark: dict[str, Any], *, done: bool) -> None:
    """The end of one lost write, in the receipt and, where nobody knows it, among what the operator is told."""
    state: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(row.state))
    if of == _TURN:
        state.pop("writing", None)
        writes.finished(state, mark, done=done)
    else:
        state["writes"].pop(of, None)
    row.state = state
    if "writing" not in state and not state.get("writes"):
        row.writing_since = None
    row.last_seq += 1
    row.outcome = row.outcome or "unresolved"
    data = writes.ended(mark, done=done)
    turn = await session.scalar(_TURN_OF_CALL, {"id": row.id, "call": str(data.get("callId"))})
    session.add(
        ConversationEvent(
            conversation_id=row.id,
            seq=row.last_seq,
            id=new_id("evt"),
            type="tool_call",
            at=func.clock_timestamp(),
            turn=row.turns if turn is None else turn,
            data=data,
        )
    )
    if not done:
        await tell(session, writes.told_of(row.agent_id, row.id, mark))
    await session.flush()
