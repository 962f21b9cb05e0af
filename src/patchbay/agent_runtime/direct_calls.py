"""Direct calls: a developer's own orchestrator decides, and uses the frozen, gated calls of a published version as its tools.

A call goes the way a model's tool call goes: the same gates, the same checks of its arguments, the same runner, projection and
allowed fields, the same events in a conversation. There is no turn and no model around it. What every call needs of the store
(which version is live, the conversation it belongs to) is confirmed within the last second; its events are stored behind the
answer, but a write's ``started`` before it runs.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import anyio
import msgspec
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import text

from patchbay.accounts import audit
from patchbay.agent_runtime.agents import AgentNotFound
from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.call_records import Begun, CallRecord, CallRecords, Noted, Opening
from patchbay.agent_runtime.channel_bodies import SessionFacts
from patchbay.agent_runtime.conversation import tools, writes
from patchbay.agent_runtime.conversation.confirming import call_digest
from patchbay.agent_runtime.conversation.doorway import Doorway
from patchbay.agent_runtime.conversation.journal import LEASE, AgentDeleted, ConversationNotFound, Held, SessionEnded
from patchbay.agent_runtime.conversation.model import ToolCallRequest, ToolOutcome
from patchbay.agent_runtime.conversation.told import ToldOutcome, told
from patchbay.agent_runtime.frozen import FrozenAgent, FrozenSkill
from patchbay.agent_runtime.guardrails.gates import SkillGate
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.skills import SkillNotFound
from patchbay.agent_runtime.versions import NoPublishedVersion, load_version, loaded
from patchbay.schema_graph.call import CallContext
from patchbay.store.confirmed import Confirmed
from patchbay.store.ids import made_at, new_id

CHANNEL = "api"
"""Conversations of direct calls. No other channel goes on with one."""

_LEVEL = 0
"""How well a direct call's caller is verified: not at all."""
_YOUNG_S = 5.0
_LOOK_AGAIN_S = 0.05
_LIVE = text("SELECT published_version_id FROM agents WHERE id = :id AND deleted_at IS NULL")
_HELD = ("id", "org_id", "agent_id", "version_id", "draft", "channel", "session", "state", "last_seq", "turns")
_CONVERSATION = text(f"SELECT status, outcome, {', '.join(_HELD)} FROM conversations WHERE id = :id AND channel = :channel")
_OUTCOMES = {"succeeded": "answered", "refused": "unresolved", "failed": "failed"}


class SkillCall(Body):
    """A direct call. ``arguments`` are what a model would send; ``session`` is what the channel knows, for a conversation that
    begins with this call.
    """

    # Any keys: the body's own rule, which trims texts, must not touch names of arguments.
    arguments: dict[Any, Any] = Field(default_factory=dict[Any, Any], json_schema_extra={"additionalProperties": True})
    conversation_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    session: SessionFacts | None = None

    @model_validator(mode="after")
    def _facts_of_a_beginning(self) -> SkillCall:
        if self.conversation_id is not None and self.session is not None:
            raise PydanticCustomError("one_of", "must have session only without conversationId: facts do not change later")
        return self


class CallAnswer(ToldOutcome, frozen=True, kw_only=True):
    """What came of a direct call."""

    duration_ms: float


class _Ended(msgspec.Struct, frozen=True):
    outcome: str | None


class DirectCalls:
    """The direct calls of one process; closed by the composition root before the store is."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._live: Confirmed[tuple[str, str], FrozenAgent] = Confirmed(self._ask_live)
        self._held: Confirmed[tuple[str, str], Held | _Ended] = Confirmed(self._ask_held)
        self._records = CallRecords(runtime.database)

    async def close(self) -> None:
        """Store what is still to be stored."""
        await self._live.close()
        await self._held.close()
        await self._records.close()

    async def call(self, org_id: str, agent_id: str, skill_name: str, body: Any, *, audited: audit.Done) -> CallAnswer:
        """Run the skill (its id or slug) of the agent's live version. ``audited`` goes to the audit log with the call's events.

        What comes of the call is in the answer. Raises :class:`~patchbay.errors.ValidationFailed` for the body,
        :class:`AgentNotFound`, :class:`NoPublishedVersion`, :class:`SkillNotFound`, :class:`ConversationNotFound`,
        :class:`SessionEnded`, :class:`AgentDeleted`.
        """
        wanted = read_body(SkillCall, body)
        agent = await self._live.get((org_id, agent_id))
        skill = agent.by_slug.get(skill_name) or next((s for s in agent.offered if s.id == skill_name), None)
        if skill is None:
            raise SkillNotFound(hint="The agent's published version has no such skill: enable it, and publish.")
        if wanted.conversation_id is None:
            held, opening = self._begin(org_id, agent, wanted)
        else:
            held, opening = await self._going_on(org_id, agent_id, wanted.conversation_id), None
        if self._records.full:
            await self._records.room()
        kept = _Kept(self._records, held, opening, skill, msgspec.structs.replace(audited, resource_id=held.id))
        outcome, took = await through_the_gates(self._runtime, agent, skill, held, wanted.arguments, kept)
        return CallAnswer(
            **told(outcome),
            conversation_id=held.id,
            duration_ms=round(took, 2),
        )

    def _begin(self, org_id: str, agent: FrozenAgent, wanted: SkillCall) -> tuple[Held, Opening]:
        """A conversation that begins with the call."""
        held = Held(
            id=new_id("cnv"),
            org_id=org_id,
            agent_id=agent.agent_id,
            version_id=agent.version_id,
            draft=False,
            channel=CHANNEL,
            session=wanted.session.known() if wanted.session else {},
            state={"via": "call"},
            last_seq=0,
            turns=0,
            claim="",
        )
        self._held.put((org_id, held.id), held)
        opening = Opening(
            agent_id=held.agent_id,
            version_id=held.version_id,
            channel=CHANNEL,
            session=held.session,
            state=held.state,
            started_at=_now(),
        )
        return held, opening

    async def _going_on(self, org_id: str, agent_id: str, conversation_id: str) -> Held:
        held = await self._held.get((org_id, conversation_id))
        if isinstance(held, _Ended):
            raise AgentDeleted if held.outcome == "agent_deleted" else SessionEnded
        if held.agent_id != agent_id:
            raise ConversationNotFound
        return held

    async def _ask_live(self, key: tuple[str, str]) -> FrozenAgent:
        org_id, agent_id = key
        database = self._runtime.database
        rows = await database.once(org_id, _LIVE, {"id": agent_id})
        if not rows:
            raise AgentNotFound
        version_id = cast("str | None", rows[0][0])
        if version_id is None:
            raise NoPublishedVersion("The agent has never been published (no_published_version); publish it first.")
        agent = loaded(org_id, version_id)
        if agent is None:
            async with database.tenant(org_id, read_only=True) as session:
                agent = await load_version(session, version_id)
        return agent

    async def _ask_held(self, key: tuple[str, str]) -> Held | _Ended:
        """The conversation as it is. One that began a moment ago in another process may be on its way to the store: an id tells
        when it was made (by a clock that may have been ahead), and only a young one is looked for again.
        """
        org_id, conversation_id = key
        give_up = time.time() + _YOUNG_S
        while True:
            found = await self._runtime.database.once(org_id, _CONVERSATION, {"id": conversation_id, "channel": CHANNEL})
            if found:
                status, outcome, *columns = found[0]
                if status != "active":
                    return _Ended(cast("str | None", outcome))
                return Held(**cast("dict[str, Any]", dict(zip(_HELD, columns, strict=True))), claim="")
            made = made_at(conversation_id, "cnv")
            if made is None or time.time() - made > _YOUNG_S or time.time() > give_up:
                raise ConversationNotFound
            await anyio.sleep(_LOOK_AGAIN_S)


class _Kept:
    """What is recorded of one call: in one record behind its answer, or with what must be durable in one before it."""

    def __init__(
        self, records: CallRecords, held: Held, opening: Opening | None, skill: FrozenSkill, audited: audit.Done
    ) -> None:
        self._records = records
        self._held = held
        self._opening = opening
        self._skill = skill
        self._audited = audited
        self._events: list[Noted] = []
        self._turns = 1
        self._begun: str | None = None

    def note(self, type: str, data: dict[str, Any]) -> None:
        """One more event."""
        self._events.append(Noted(new_id("evt"), type, _now(), data))

    async def durable(self, begun: Begun) -> None:
        """Store what was noted before going on: a write runs after it was said that it will."""
        record = msgspec.structs.replace(self._record("failed", None), begun=begun)
        await self._records.now(self._held.org_id, record)
        self._opening, self._turns, self._events, self._begun = None, 0, [], begun.call_id

    def finish(self, status: str) -> None:
        """Store the rest in a moment, with the row of the audit log."""
        audited = {**audit.row_of(self._audited), "at": self._events[-1].at}
        self._records.soon(self._held.org_id, self._record(_OUTCOMES[status], audited))

    def _record(self, outcome: str, audited: dict[str, Any] | None) -> CallRecord:
        return CallRecord(
            conversation_id=self._held.id,
            opening=self._opening,
            turns=self._turns,
            events=tuple(self._events),
            outcome=outcome,
            summary=f"Called {self._skill.name}; {outcome}, ",
            audited=audited,
            ended=self._begun,
        )


async def through_the_gates(
    runtime: Runtime, agent: FrozenAgent, skill: FrozenSkill, held: Held, arguments: dict[Any, Any], kept: _Kept
) -> tuple[ToolOutcome, float]:
    """The outcome of one call as a model would be told it, and the milliseconds it took: the steps of the engine's tool call.

    Nobody is verified here and nobody confirms anything: what needs either is refused.
    """
    request = ToolCallRequest(call_id=new_id("call"), name=skill.slug, arguments=msgspec.json.encode(arguments).decode())
    gate = agent.gates.of(skill.id)
    prepared = await _decided(Doorway(runtime, agent, held), gate, tools.prepare(agent, request), kept)
    shown, outcome, took = prepared.shown(arguments=gate.level <= _LEVEL), prepared.outcome, 0.0
    if outcome is None:
        kept.note("tool_call", {**shown, "state": "started"})
        context = _context(agent, held, prepared)
        if gate.write:
            await kept.durable(_begun(runtime, skill, held, shown, context))
        unknown = writes.told_unknown(held.agent_id, held.id, skill.id, skill.name, request.call_id)
        try:
            outcome, took = await tools.run(runtime.runner, held.org_id, prepared, context, gate.limits[_LEVEL])
        except asyncio.CancelledError:  # the server stops: what was begun is closed
            code = writes.UNKNOWN if gate.write else "cancelled"
            kept.note("tool_call", {**shown, "state": "failed", "code": code, "message": "The server stopped before this ended."})
            kept.finish("failed")
            if gate.write:
                runtime.detach(runtime.books.tell(held.org_id, unknown))
            raise
        if outcome.code == writes.UNKNOWN:
            await runtime.books.tell(held.org_id, unknown)
    leaves = gate.told(skill.call.outputs, _LEVEL, outcome.rows)
    data = {**shown, "state": outcome.status, "durationMs": round(took, 2)}
    kept.note("tool_call", {**data, **tools.outcome_data(outcome, leaves)})
    kept.finish(outcome.status)
    return outcome, took


async def _decided(doorway: Doorway, gate: SkillGate, prepared: tools.Prepared, kept: _Kept) -> tools.Prepared:
    """The call held against the gates of a turn and its own, in the engine's order."""
    if prepared.outcome is not None:
        return prepared
    assert prepared.skill is not None
    about = {"skillId": prepared.skill.id, "toolName": prepared.name}
    stop = await doorway.turn_refused()
    if stop is not None:
        for event in stop.events:
            kept.note("guardrail", {**event, **about})
        return prepared.refused(str(stop.events[0]["policy"]), stop.say or "")
    decision = await doorway.call_refused(gate) or gate.decide(_LEVEL, confirmed=False)
    if decision is None:
        return prepared
    kept.note("guardrail", {**decision.data("blocked"), **about})
    return prepared.refused(decision.code, decision.message)


def _begun(runtime: Runtime, skill: FrozenSkill, held: Held, shown: dict[str, Any], context: CallContext) -> Begun:
    """The mark of a write; whoever finds it long after the call's own time was over knows that its process is gone."""
    digest = call_digest(skill, context.arguments)
    mark = writes.mark_of(runtime.vault, held.org_id, held.id, skill, shown, digest, context)
    return Begun(call_id=shown["callId"], mark=mark, lease_s=skill.call.caps.deadline_ms / 1000 + LEASE.total_seconds())


def _context(agent: FrozenAgent, held: Held, prepared: tools.Prepared) -> CallContext:
    """What the call runs with. Its own id is the key of a write: each direct call is asked for once."""
    return CallContext(
        arguments=prepared.arguments,
        session=held.session,
        time_zone=agent.profile.time_zone,
        conversation_id=held.id,
        idempotency_key=f"pb_{prepared.request.call_id}",
        at=time.time(),
        knowledge=agent.answers_from,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()
