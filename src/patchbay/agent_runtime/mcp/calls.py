"""Calls of an MCP session's tools: the steps of the engine's tool call, without a model and without words of ours around it.

One call of a session runs at a time; others wait for their turn. A call whose client is gone runs to its end. Who the caller is,
and what they agreed to, is kept with the conversation: no argument of a tool can say either.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from patchbay.agent_runtime.conversation import confirming, tools, writes
from patchbay.agent_runtime.conversation.doorway import Doorway, Stop
from patchbay.agent_runtime.conversation.journal import Held, Journal, TurnInProgress, claim
from patchbay.agent_runtime.conversation.model import ToolCallRequest, ToolOutcome
from patchbay.agent_runtime.conversation.speech import Speech
from patchbay.agent_runtime.conversation.told import ToldOutcome, told
from patchbay.agent_runtime.conversation.verifying import Refused, Verification
from patchbay.agent_runtime.frozen import FrozenSkill
from patchbay.agent_runtime.guardrails.gates import Decision
from patchbay.agent_runtime.guardrails.levels import LEVEL_NAMES
from patchbay.agent_runtime.lost_writes import found_done
from patchbay.agent_runtime.mcp import pending
from patchbay.agent_runtime.mcp.asking import Asking
from patchbay.agent_runtime.mcp.offered import own_tools
from patchbay.agent_runtime.mcp.sessions import CHANNEL, McpSession
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.verification import questions
from patchbay.agent_runtime.verification.masking import Masks
from patchbay.errors import ValidationFailed
from patchbay.schema_graph.call import CallContext
from patchbay.store.ids import new_id

WAITS_S = 30.0
"""How long a call waits for the one before it in the same session."""

_LOOK_AGAIN_S, _LOOK_AT_LEAST_S = 0.05, 1.0
_queues: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
"""Who waits for a session's turn in this process: one of them asks the store."""
_OUTCOMES = {"succeeded": "answered", "refused": "unresolved", "failed": "failed"}
_VERIFIED = "The caller is verified ({level}). Make the call that needed it again."
_TOO_LONG = "That is too much to read back to the caller, who has to confirm it. Make it shorter."
_IN_PERSON = "The caller has to confirm this themselves, and I can't ask them here."
_DECLINED = "That was not confirmed, so nothing was done."
_NOTHING_WAITS = "There is nothing to confirm, or the confirmation is over. Make the call again."


class UnknownTool(ValidationFailed):
    """This session has no such tool (unknown_tool); tools/list names all."""

    code, title = "unknown_tool", "Unknown tool"


class ToolAnswer(ToldOutcome, frozen=True, kw_only=True):
    """What came of a call, as it is told to the client. ``confirmation`` confirms a change once the caller has agreed to it."""

    confirmation: str | None


async def call_tool(
    runtime: Runtime, at: McpSession, name: str, arguments: dict[str, Any], asking: Asking | None = None
) -> ToolAnswer:
    """Call a tool of the session. What comes of it is in the answer. ``asking`` asks the person at the client, where it can.

    Raises :class:`UnknownTool`, :class:`TurnInProgress` when the calls before it take too long, and what :func:`claim` raises.
    """
    own = own_tools(at.agent)
    if name not in at.agent.by_slug and name not in (own.verify, own.confirm):
        raise UnknownTool
    answers: list[ToolAnswer] = []

    async def work() -> None:
        queue = _queues.setdefault(at.conversation_id, asyncio.Lock())
        held = await _turn_of(runtime, at, queue)
        try:
            answers.append(await _Call(runtime, at, held, asking).run(name, arguments))
        finally:
            queue.release()

    await asyncio.shield(runtime.detach(work()))
    return answers[0]


async def _turn_of(runtime: Runtime, at: McpSession, queue: asyncio.Lock) -> Held:
    """The session's turn, with its place in the queue. Other processes are waited for by asking, less and less often."""
    give_up = time.monotonic() + WAITS_S
    try:
        async with asyncio.timeout(WAITS_S):
            await queue.acquire()
    except TimeoutError:
        raise TurnInProgress from None
    try:
        return await _claimed(runtime, at, give_up)
    except BaseException:
        queue.release()
        raise


async def _claimed(runtime: Runtime, at: McpSession, give_up: float) -> Held:
    pause = _LOOK_AGAIN_S
    while True:
        try:
            async with runtime.database.tenant(at.org_id) as session:
                return await claim(session, at.conversation_id)
        except TurnInProgress:
            if time.monotonic() > give_up:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LOOK_AT_LEAST_S)


class _Call:
    """One call of one held session."""

    def __init__(self, runtime: Runtime, at: McpSession, held: Held, asking: Asking | None) -> None:
        self._runtime = runtime
        self._asking = asking
        self._agent = at.agent
        self._own = own_tools(at.agent)
        self._held = held
        self._journal = Journal(runtime, held)
        self._verification = Verification(runtime, at.agent, held, CHANNEL)
        self._doorway = Doorway(runtime, at.agent, held)
        self._speech = Speech((), ())
        self._confirmation: str | None = None

    async def run(self, name: str, arguments: dict[str, Any]) -> ToolAnswer:
        """The answer, once all of it is stored."""
        self._journal.next_turn()
        self._journal.stay_alive()
        self._held.state["seenAt"] = time.time()
        outcome = ToolOutcome(status="failed")
        try:
            outcome = await self._outcome(name, arguments)
        finally:
            await self._journal.finish(outcome=_OUTCOMES[outcome.status], summary=self._summary(name, outcome), ends=False)
        return ToolAnswer(
            **told(outcome),
            confirmation=self._confirmation,
            conversation_id=self._held.id,
        )

    async def _outcome(self, name: str, arguments: dict[str, Any]) -> ToolOutcome:
        self._look_for_secrets()
        for data in self._verification.expired():
            self._journal.make("verification", data)
        if (left := writes.left_behind(self._held)) is not None:
            await self._left_behind(left)
        stop = await self._doorway.turn_refused()
        if stop is not None:
            for data in stop.events:
                self._journal.make("guardrail", {**data, "toolName": name})
            return ToolOutcome(status="refused", code=str(stop.events[0]["policy"]), message=stop.say)
        if name == self._own.verify:
            return await self._verify(arguments)
        if name == self._own.confirm:
            return await self._confirm(arguments)
        return await self._use(name, arguments)

    # -- a skill -----------------------------------------------------------------------------------------------------------

    async def _use(self, name: str, arguments: dict[str, Any], *, confirmed: bool = False) -> ToolOutcome:
        """One skill's call: held against the gates, run if it may, and told of."""
        request = ToolCallRequest(call_id=new_id("call"), name=name, arguments=msgspec.json.encode(arguments).decode())
        prepared = tools.prepare(self._agent, request)
        skill = prepared.skill
        assert skill is not None
        if prepared.outcome is None:
            prepared = await self._decided(prepared, skill, confirmed=confirmed)
        level, gate, took = self._verification.level, self._agent.gates.of(skill.id), 0.0
        shown = self._speech.hide(prepared.shown(arguments=gate.level <= level))
        outcome = prepared.outcome
        if outcome is None:
            self._journal.make("tool_call", {**shown, "state": "started"})
            outcome, took = await self._run(prepared, skill, shown, level)
        outcome = self._without_secrets(outcome)
        data = {**shown, "state": outcome.status, "durationMs": round(took, 2)}
        leaves = gate.told(skill.call.outputs, level, outcome.rows)
        self._journal.make("tool_call", {**data, **tools.outcome_data(outcome, leaves)})
        if outcome.status == "succeeded":
            used: list[str] = self._held.state.setdefault("skills", [])
            used += [skill.name] if skill.name not in used else []
        return self._escalated(self._doorway.calls_refused()) or outcome

    async def _decided(self, prepared: tools.Prepared, skill: FrozenSkill, *, confirmed: bool) -> tools.Prepared:
        """The call held against its gates, in their order."""
        gate = self._agent.gates.of(skill.id)
        decision = await self._doorway.call_refused(gate) or gate.decide(self._verification.level, confirmed=confirmed)
        if decision is not None and decision.code == "verification_required":
            refused = await self._verify_first(prepared, decision)
            if refused is not None:
                return refused
            decision = gate.decide(self._verification.level, confirmed=confirmed)
        if decision is None:
            return prepared
        self._doorway.note_refusal(decision)
        if decision.code == "confirmation_required":
            return await self._confirm_first(prepared, skill, decision)
        self._blocked(decision, prepared)
        return prepared.refused(decision.code, decision.message)

    async def _verify_first(self, prepared: tools.Prepared, decision: Decision) -> tools.Prepared | None:
        """The refusal with the question that the caller is to be asked; None where no question was needed."""
        self._blocked(decision, prepared)
        say = self._verification.question()
        if not self._verification.active:
            step = await self._verification.begin(decision.level, {"name": prepared.request.name, "arguments": "{}"})
            if isinstance(step, Refused):
                return prepared.refused(step.code, step.say)
            for data in step.events:
                self._journal.make("verification", data)
            self._look_for_secrets()
            if self._verification.level >= decision.level:
                return None
            say = step.say
        return prepared.refused("verification_required", f"{say or questions.NO_WAY} {self._how_to_answer()}")

    async def _confirm_first(self, prepared: tools.Prepared, skill: FrozenSkill, decision: Decision) -> tools.Prepared:
        """Ask the person at the client, where that can be done; else the refusal that says what will be done, with what confirms
        exactly that.
        """
        wrong = tools.refusal_of_arguments(prepared, self._context(prepared, None))
        if wrong is not None:
            return msgspec.structs.replace(prepared, outcome=wrong)
        words = confirming.wording(skill, prepared.arguments, self._agent.profile.time_zone)
        if words is None:
            return prepared.refused("too_long_to_confirm", _TOO_LONG)
        if self._asking is not None:
            return await self._asked_in_person(self._asking, words, prepared, skill, decision)
        if skill.stakes == "high":
            self._blocked(decision, prepared)
            return prepared.refused("confirmation_not_here", _IN_PERSON)
        self._confirmation = pending.ask(self._held, skill, prepared.arguments)
        self._blocked(decision, prepared, action="asked")
        return prepared.refused(decision.code, f"{words} (Once the caller agrees, call {self._own.confirm}.)")

    async def _asked_in_person(
        self, asking: Asking, words: str, prepared: tools.Prepared, skill: FrozenSkill, decision: Decision
    ) -> tools.Prepared:
        """The call, once the person at the client has said yes to it. The gates may have closed meanwhile."""
        self._blocked(decision, prepared, action="asked")
        self._journal.flush_soon()
        if not await asking.confirm(words):
            return prepared.refused("confirmation_declined", _DECLINED)
        self._note_confirmed(skill, "the person at the MCP client confirmed these exact arguments")
        closed = self._agent.gates.of(skill.id).decide(self._verification.level, confirmed=True)
        if closed is None:
            return prepared
        self._blocked(closed, prepared)
        return prepared.refused(closed.code, closed.message)

    async def _run(
        self, prepared: tools.Prepared, skill: FrozenSkill, shown: dict[str, Any], level: int
    ) -> tuple[ToolOutcome, float]:
        gate = self._agent.gates.of(skill.id)
        digest = confirming.call_digest(skill, prepared.arguments) if gate.write else None
        context = self._context(prepared, writes.idempotency_key(self._held, digest) if digest else None)
        if digest is not None:
            context = writes.begin(self._held, self._runtime.vault, skill, shown, digest, context)
            await self._journal.keep_state()
        ran = await tools.run(self._runtime.runner, self._held.org_id, prepared, context, gate.limits[level])
        if digest is not None:
            writes.end(self._held, done=ran[0].status == "succeeded")
            if ran[0].code == writes.UNKNOWN:
                await self._tell_unknown(skill.id, skill.name, prepared.request.call_id)
        return ran

    def _context(self, prepared: tools.Prepared, key: str | None) -> CallContext:
        return CallContext(
            arguments=prepared.arguments,
            session=self._held.session,
            verified=self._verification.facts,
            time_zone=self._agent.profile.time_zone,
            conversation_id=self._held.id,
            idempotency_key=key,
            knowledge=self._agent.answers_from,
        )

    # -- the session's own tools -------------------------------------------------------------------------------------------

    async def _verify(self, arguments: dict[str, Any]) -> ToolOutcome:
        """Pass on what the caller said to what was asked; without an answer, ask."""
        answer = arguments.get("answer")
        if arguments.keys() - {"answer"} or not isinstance(answer, str | None):
            return ToolOutcome(status="refused", code="validation_error", message="It takes an answer, as text.")
        if not self._verification.active:
            return await self._begin_verification()
        if answer is None or not answer.strip():
            return self._asked(self._verification.question())
        heard = self._verification.hear(answer[:500].replace("\x00", "\ufffd"))
        data: dict[str, Any] = {"redacted": list(heard.labels)} if heard.labels else {}
        self._journal.make("user_utterance", {"text": heard.kept, **data})
        step = await self._verification.go_on(heard)
        self._look_for_secrets()
        for event in step.events:
            self._journal.make("verification", event)
        if step.failed and (escalated := self._escalated(self._doorway.verifications_failed())) is not None:
            return escalated
        if step.resume is not None and self._verification.level:
            level = LEVEL_NAMES[self._verification.level]
            return ToolOutcome(status="succeeded", message=_VERIFIED.format(level=level))
        if self._verification.active:
            return self._asked(step.say or self._verification.question())
        state = str(step.events[-1]["state"]) if step.events else "failed"
        return ToolOutcome(status="refused", code=f"verification_{state}", message=step.say or questions.NOT_VERIFIED)

    async def _begin_verification(self) -> ToolOutcome:
        if self._verification.level:
            return ToolOutcome(status="succeeded", message=_VERIFIED.format(level=LEVEL_NAMES[self._verification.level]))
        step = await self._verification.begin(1, {"name": "", "arguments": "{}"})
        if isinstance(step, Refused):
            return ToolOutcome(status="refused", code=step.code, message=step.say)
        for event in step.events:
            self._journal.make("verification", event)
        if self._verification.level:
            return ToolOutcome(status="succeeded", message=_VERIFIED.format(level=LEVEL_NAMES[self._verification.level]))
        return self._asked(step.say)

    def _asked(self, say: str | None) -> ToolOutcome:
        return ToolOutcome(
            status="refused", code="verification_required", message=f"{say or questions.NO_WAY} {self._how_to_answer()}"
        )

    def _how_to_answer(self) -> str:
        return f"(Ask the caller, and pass their answer to {self._own.verify}.)" if self._own.verify else ""

    async def _confirm(self, arguments: dict[str, Any]) -> ToolOutcome:
        """Run exactly the call that this confirms. It passes every gate again, but the one it has just passed."""
        waiting = pending.take(self._held, arguments.get("confirmation"))
        skill = self._agent.by_slug.get(waiting.slug) if waiting is not None else None
        if waiting is None or skill is None or confirming.call_digest(skill, waiting.arguments) != waiting.digest:
            return ToolOutcome(status="refused", code="nothing_to_confirm", message=_NOTHING_WAITS)
        self._note_confirmed(skill, "the MCP client says that the caller confirmed these exact arguments")
        return await self._use(waiting.slug, waiting.arguments, confirmed=True)

    # -- parts -------------------------------------------------------------------------------------------------------------

    def _escalated(self, stop: Stop | None) -> ToolOutcome | None:
        """A policy brings in a person: what is told instead."""
        if stop is None:
            return None
        self._verification.abandon()
        for data in stop.events:
            self._journal.make("guardrail", data)
        handoff = self._doorway.handoff(stop)
        if handoff is not None:
            self._journal.make("handoff", handoff)
        said = stop.say or (handoff or {}).get("message") or questions.NOT_VERIFIED
        return ToolOutcome(status="refused", code="handed_off", message=said)

    def _note_confirmed(self, skill: FrozenSkill, reason: str) -> None:
        about = {"policy": "confirmation", "policyId": None, "policyType": "write_gate", "action": "confirmed"}
        self._journal.make("guardrail", {**about, "skillId": skill.id, "toolName": skill.name, "reason": reason})

    def _blocked(self, decision: Decision, prepared: tools.Prepared, action: str = "blocked") -> None:
        skill_id = prepared.skill.id if prepared.skill else None
        self._journal.make("guardrail", {**decision.data(action), "skillId": skill_id, "toolName": prepared.name})

    def _look_for_secrets(self) -> None:
        if stored := self._held.state.get("masks"):
            self._speech.masks = Masks(stored, self._runtime.vault.keyed_hash, self._held.id)

    def _without_secrets(self, outcome: ToolOutcome) -> ToolOutcome:
        hide = self._speech.hide
        rows, message, reason = hide(outcome.rows), hide(outcome.message), hide(outcome.reason)
        return msgspec.structs.replace(outcome, rows=rows, message=message, reason=reason)

    async def _left_behind(self, mark: dict[str, Any]) -> None:
        """A write that a killed process had under way: looked up, else told as unknown, to the operator and in the receipt."""
        done = await found_done(self._runtime, self._agent, self._held, mark)
        writes.end(self._held, done=done)
        if not done:
            await self._runtime.books.tell(self._held.org_id, writes.told_of(self._held.agent_id, self._held.id, mark))
        self._journal.make("tool_call", writes.ended(mark, done=done))

    async def _tell_unknown(self, skill_id: str, tool_name: str, call_id: str) -> None:
        told = writes.told_unknown(self._held.agent_id, self._held.id, skill_id, tool_name, call_id)
        await self._runtime.books.tell(self._held.org_id, told)

    def _summary(self, name: str, outcome: ToolOutcome) -> str:
        used: list[str] = self._held.state.get("skills", [])
        turns = self._journal.turn
        what = f"; used {', '.join(used)}" if used else ""
        return f"MCP session{what}; last {name}: {outcome.status}, {turns} call{'s' * (turns != 1)}."
