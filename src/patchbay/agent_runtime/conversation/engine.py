"""The conversation engine: one async generator, one loop between the model and the tools, for every channel.

Everything a turn does comes out as events and is kept by the journal. Nothing a model answers can raise here: what it asks
for is refused, what it says too much of is cut, and a turn that does not end is ended. Only losing the store or the caller
stops a turn. What the gates decide, whether the caller is verified and what they confirmed is decided here, on data that no
model can write.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
import structlog

from patchbay.agent_runtime.conversation import confirming, retrieving, tools, writes
from patchbay.agent_runtime.conversation.confirming import Pending
from patchbay.agent_runtime.conversation.doorway import Doorway, Stop
from patchbay.agent_runtime.conversation.events import Event
from patchbay.agent_runtime.conversation.journal import Held, Journal
from patchbay.agent_runtime.conversation.model import (
    AgentMessage,
    Finish,
    Knowledge,
    Message,
    ModelRequest,
    ModelUnavailable,
    TextDelta,
    ToolCallRequest,
    ToolMessage,
    ToolOutcome,
    UserMessage,
)
from patchbay.agent_runtime.conversation.speech import Speech, decisions
from patchbay.agent_runtime.conversation.summary import Outcome, remember_turn
from patchbay.agent_runtime.conversation.verifying import Refused, Step, Utterance, Verification
from patchbay.agent_runtime.frozen import FrozenAgent, FrozenSkill
from patchbay.agent_runtime.guardrails.gates import Decision
from patchbay.agent_runtime.guardrails.screening import Hit
from patchbay.agent_runtime.hand_made.transfer import handoff_of
from patchbay.agent_runtime.lost_writes import found_done
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.verification.masking import Masks
from patchbay.schema_graph.call import TRANSFER, CallContext

MAX_STEPS = 8
"""How often a model may be asked in one turn."""
MAX_CALLS = 12
"""How many tools may be asked for in one turn."""
TURN_SECONDS = 60.0
"""The deadline of a whole turn."""
MAX_SAID = 8_000
"""How many characters one answer may have."""

_TROUBLE = "I'm sorry, I'm having trouble answering right now. Please try again in a moment."
_FIRST_VERIFY = "I need to check who the caller is first; they are being asked."
_ONE_AT_A_TIME = "Another change waits for the caller to confirm it; one at a time."
_TOO_LONG = "That is too much to read back to the caller, who has to confirm it. Make it shorter."
_NOT_SAYABLE = "I'm sorry, I can't do that here."
_DONE_ALREADY = "That has just been done with the same details, so I haven't done it again."
_log = structlog.get_logger(__name__)


class Engine:
    """Runs the turns of one held conversation. ``outcome`` is what came of the last one; ``ends``: the conversation is over.

    ``via`` is how the caller's words arrive in this turn (``session``, ``simulate``, ``completions``).
    """

    def __init__(
        self,
        runtime: Runtime,
        agent: FrozenAgent,
        held: Held,
        journal: Journal,
        history: Sequence[Message],
        *,
        untrusted_history: tuple[tuple[str, str], ...] = (),
        turn_seconds: float = TURN_SECONDS,
        via: str = "session",
    ) -> None:
        self._runtime = runtime
        self._agent = agent
        self._held = held
        self._journal = journal
        self._messages: list[Message] = list(history)
        self._untrusted = untrusted_history
        self._turn_seconds = turn_seconds
        self._model = runtime.models(agent)
        self._verification = Verification(runtime, agent, held, via)
        self._doorway = Doorway(runtime, agent, held)
        self._speech = Speech(agent.gates.agent_rules, agent.gates.caller_rules)
        self._look_for_secrets()
        self._level_told = self._verification.level
        self._deadline = 0.0
        self._calls_left = 0
        self._outcomes: list[ToolOutcome] = []
        self._skills: list[str] = []
        self._partial = ""
        self._heard = ""
        self._knowledge: Knowledge | None = None
        self._utterance: Utterance | None = None
        self._confirmed: Pending | None = None
        self._stop: Stop | None = None
        self._denied: tuple[Hit, ...] = ()
        self._next_words: str | None = None
        self._asking: _Asking | None = None
        self._done_now: set[str] = set()
        self._open_call: tools.Prepared | None = None
        self.outcome: Outcome = "answered"
        self.ends = False

    def hear(self, said: str) -> Event:
        """Begin a turn with what the caller said: what it means where code decides that, and what may be kept of it."""
        self._journal.next_turn()
        self._outcomes, self._skills, self._partial = [], [], ""
        self._calls_left, self._done_now, self._next_words, self._asking = MAX_CALLS, set(), None, None
        self._utterance, self._confirmed, self._stop, self._denied, self._knowledge = None, None, None, (), None
        self.outcome = "answered"
        self._deadline = asyncio.get_running_loop().time() + self._turn_seconds
        data: dict[str, Any] = {}
        if self._verification.active:
            self._held.state.pop("pending", None)
            self._utterance = self._verification.hear(said)
            if self._utterance.labels:
                data["redacted"] = list(self._utterance.labels)
                self._stop = self._doorway.escalation_by_phrase(said)
            said = self._utterance.kept
        else:
            self._confirmed = confirming.decide(self._held, said, turn=self._journal.turn)
        if not data:
            said = self._screened(said)
        self._heard = said
        self._messages.append(UserMessage(text=said))
        if self._untrusted:
            data["clientHistory"] = len(self._untrusted)
        return self._journal.make("user_utterance", {"text": said, **data})

    def _screened(self, said: str) -> str:
        """An utterance as it may be kept; what the caller's rules and the escalations make of it is noted for the turn."""
        screened = self._speech.heard(said)
        self._denied = screened.hits
        if screened.stop is not None and screened.stop.rule is not None:
            rule = screened.stop.rule
            self._stop = Stop(say=rule.message, ends=rule.action == "end")
            said = self._speech.hide(said)
        else:
            said = screened.text
            self._stop = self._doorway.escalation(said)
        if self._stop is not None:
            self._confirmed = None
        return said

    async def answer(self) -> AsyncGenerator[Event]:
        """The events of the turn, from the first tool call to the last message; the last one is not yet stored."""
        try:
            async with aclosing(self._turn()) as events:
                async for event in events:
                    yield event
        except ModelUnavailable as trouble:
            _log.warning("model unavailable", code=trouble.code, conversation_id=self._held.id)
            trouble_said = _TROUBLE
        except TimeoutError:
            trouble_said = tools.said_when_over(self._outcomes)
        except Exception:
            _log.exception("turn failed", conversation_id=self._held.id)
            trouble_said = _TROUBLE
        else:
            return
        for event in self._in_trouble(trouble_said):
            yield event

    def remember(self) -> str:
        """Note the turn in the conversation's own memory and give its new summary."""
        return remember_turn(
            self._held.state, said=self._heard, skills=self._skills, outcome=self.outcome, turn=self._journal.turn
        )

    def abandon(self) -> None:
        """The caller is gone: what was begun is closed, and what had been said stays."""
        self.outcome = "abandoned"
        if self._open_call is not None:
            self._journal.make("tool_call", self._broken_off("cancelled", "The caller was gone before this ended."))
            self._open_call = None
        if self._partial:
            self._journal.make("agent_message", {"text": self._partial, "interrupted": True})
            self._partial = ""

    # -- the turn ----------------------------------------------------------------------------------------------------------

    async def _turn(self) -> AsyncGenerator[Event]:
        """What code decides first; then the model is asked."""
        async with aclosing(self._before()) as events:
            async for event in events:
                yield event
        last = self._last_words()
        for event in last or ():
            yield event
        if last is not None:
            return
        if self._agent.answers_from and self._utterance is None and self._confirmed is None:
            yield await self._look_up()
        async with aclosing(self._loop()) as events:
            async for event in events:
                yield event

    async def _look_up(self) -> Event:
        """Look up what the caller said, as far as it may be kept, in what the agent knows."""
        async with asyncio.timeout_at(self._deadline):
            found = await retrieving.retrieve(
                self._runtime, self._held.org_id, self._agent, self._heard, self._verification.level
            )
        self._knowledge = retrieving.told(found)
        return self._journal.make("kb_retrieval", retrieving.retrieval_data(self._heard, found))

    async def _before(self) -> AsyncGenerator[Event]:
        """What happens before anybody thinks: limits and hours, rules on what the caller said, a verification or a confirmation
        that the caller's words belong to. It leaves the words to end the turn with, where it is to end.
        """
        for data in self._verification.expired():
            yield self._journal.make("verification", data)
        self._forget_what_expired()
        if (left := writes.left_behind(self._held)) is not None:
            yield await self._left_behind(left)
        for data in decisions(self._denied, "caller"):
            yield self._journal.make("guardrail", data)
        self._stop = await self._doorway.turn_refused() or self._stop
        if self._stop is not None:
            return
        if self._utterance is not None:
            work = self._verifying(self._utterance)
        elif self._confirmed is not None:
            work = self._run_confirmed(self._confirmed)
        else:
            return
        async with aclosing(work) as events:
            async for event in events:
                yield event

    def _last_words(self) -> Sequence[Event] | None:
        """The events that end the turn where code has decided so, or None."""
        self._stop = self._stop or self._doorway.calls_refused()
        if self._stop is not None:
            return self._stopped(self._stop)
        return [self._say(self._next_words)] if self._next_words is not None else None

    async def _loop(self) -> AsyncGenerator[Event]:
        for _ in range(MAX_STEPS):
            requests: list[ToolCallRequest] = []
            async with aclosing(self._ask(requests)) as events:
                async for event in events:
                    yield event
            if self._stop is not None:
                for event in self._stopped(self._stop):
                    yield event
                return
            if not requests:
                yield self._say(self._partial or tools.said_when_over(self._outcomes))
                return
            calls = tuple(self._without_secrets_in(request) for request in requests)
            if self._partial.strip():
                yield self._say(self._partial, calls=calls)
            else:
                self._partial = ""
                self._messages.append(AgentMessage(text="", calls=calls))
            for request in requests:
                async with aclosing(self._use(request)) as events:
                    async for event in events:
                        yield event
            last = self._last_words()
            for event in last or ():
                yield event
            if last is not None:
                return
            self._journal.flush_soon()
        self.outcome = "unresolved"
        yield self._say(tools.said_when_over(self._outcomes))

    async def _ask(self, requests: list[ToolCallRequest]) -> AsyncGenerator[Event]:
        """Ask the model once: its words are screened, streamed and gathered, the tools it asks for are put into ``requests``."""
        request = ModelRequest(
            agent=self._agent.profile,
            messages=tuple(self._messages),
            tools=tools.tool_specs(self._agent, self._verification.level),
            session=self._held.session,
            memory=self._held.state.get("memory", {}),
            untrusted_history=self._untrusted,
            knowledge=self._knowledge,
        )
        self._partial = ""
        left, screen = MAX_SAID, self._speech.screen()
        stream = aiter(self._model.stream(request))
        try:
            while screen.stop is None and len(requests) < MAX_CALLS:
                async with asyncio.timeout_at(self._deadline):
                    heard = await anext(stream, None)
                if heard is None or (isinstance(heard, TextDelta) and heard.text and not left):
                    break
                if isinstance(heard, TextDelta):
                    piece = _storable(heard.text)[:left]
                    left -= len(piece)
                    if said := screen.push(piece):
                        yield self._spoken(said)
                elif isinstance(heard, ToolCallRequest):
                    requests.append(self._unique(heard, requests))
                else:
                    self._note(heard)
        finally:
            await _close(stream)
        if rest := screen.end():
            yield self._spoken(rest)
        for decision in decisions(screen.hits, "agent"):
            yield self._journal.make("guardrail", decision)
        if screen.stop is not None and screen.stop.rule is not None:
            requests.clear()
            rule = screen.stop.rule
            self._stop = Stop(say=rule.message, ends=rule.action == "end")

    def _spoken(self, said: str) -> Event:
        self._partial += said
        return self._journal.make("agent_message_delta", {"text": said})

    def _note(self, finish: Finish) -> None:
        if finish.memory is not None:
            self._held.state["memory"] = finish.memory
        if finish.unanswered:
            self.outcome = "unresolved"

    # -- calls -------------------------------------------------------------------------------------------------------------

    async def _use(self, request: ToolCallRequest, *, confirmed: bool = False) -> AsyncGenerator[Event]:
        """One tool call: looked at, held against the gates, run if it may, and its outcome given to the model."""
        prepared = tools.prepare(self._agent, request)
        if self._calls_left <= 0 and prepared.outcome is None:
            prepared = prepared.refused("too_many_calls", "That is more than I can look up at once.")
        self._calls_left -= 1
        if prepared.hand_off:
            yield self._hand_off(prepared)
            return
        took = 0.0
        if prepared.outcome is None and prepared.skill is not None:
            decided = await self._decide(prepared, prepared.skill, confirmed=confirmed)
            for type, data in decided.events:
                yield self._journal.make(type, data)
            prepared = decided.prepared
        outcome = prepared.outcome
        level = self._verification.level
        self._level_told = max(self._level_told, level)
        shown = self._shown(prepared, level)
        if outcome is None and prepared.skill is not None:
            yield self._journal.make("tool_call", {**shown, "state": "started"})
            outcome, took = await self._run(prepared, prepared.skill, shown, level)
        assert outcome is not None
        handoff = None
        if prepared.skill is not None and prepared.skill.call.kind == TRANSFER and outcome.status == "succeeded":
            handoff, outcome = self._transferred(prepared.skill, outcome, level)
        outcome = self._without_secrets(outcome)
        told = msgspec.structs.replace(outcome, reason={})  # the reason is for the receipt: no model sees it
        self._messages.append(ToolMessage(call_id=request.call_id, tool=request.name, outcome=told))
        self._outcomes.append(outcome)
        if outcome.status == "succeeded" and prepared.skill:
            self._skills.append(prepared.skill.name)
        data = {**shown, "state": outcome.status, "durationMs": round(took, 2)}
        yield self._journal.make(
            "tool_call", {**data, **tools.outcome_data(outcome, self._leaves(prepared.skill, level, outcome))}
        )
        if handoff is not None:
            yield self._bring_in(handoff)

    async def _decide(self, prepared: tools.Prepared, skill: FrozenSkill, *, confirmed: bool) -> _Decided:
        """Hold a call against its gates, in their order. What is refused for want of a verification or a confirmation begins
        one.
        """
        gate = self._agent.gates.of(skill.id)
        decision = await self._doorway.call_refused(gate)
        if decision is None:
            decision = gate.decide(self._verification.level, confirmed=confirmed)
        if decision is None:
            if gate.write and confirming.call_digest(skill, prepared.arguments) in self._done_now:
                return _Decided(prepared.refused("already_done", _DONE_ALREADY))
            return _Decided(prepared)
        self._doorway.note_refusal(decision)
        if decision.code == "verification_required":
            return await self._verify_first(prepared, decision)
        if decision.code == "confirmation_required":
            return self._confirm_first(prepared, skill, decision)
        return _Decided(prepared.refused(decision.code, decision.message), [("guardrail", self._about(decision, prepared))])

    async def _verify_first(self, prepared: tools.Prepared, decision: Decision) -> _Decided:
        events: list[tuple[Any, dict[str, Any]]] = [("guardrail", self._about(decision, prepared))]
        if self._verification.active:
            self._next_words = self._next_words or self._verification.question()
            return _Decided(prepared.refused("verification_required", _FIRST_VERIFY), events)
        if self._next_words is not None:
            return _Decided(prepared.refused("verification_required", _FIRST_VERIFY), events)
        request = {"name": prepared.request.name, "arguments": prepared.request.arguments}
        step = await self._verification.begin(decision.level, request)
        if isinstance(step, Refused):
            return _Decided(prepared.refused(step.code, step.say), events)
        self._look_for_secrets()
        self._next_words = step.say
        events += [("verification", event) for event in step.events]
        return _Decided(prepared.refused("verification_required", _FIRST_VERIFY), events)

    def _confirm_first(self, prepared: tools.Prepared, skill: FrozenSkill, decision: Decision) -> _Decided:
        if self._next_words is not None:
            return _Decided(prepared.refused("confirmation_pending", _ONE_AT_A_TIME))
        wrong = tools.refusal_of_arguments(prepared, self._context(prepared, None))
        if wrong is not None:
            return _Decided(msgspec.structs.replace(prepared, outcome=wrong))
        words = confirming.wording(skill, prepared.arguments, self._agent.profile.time_zone)
        if words is None:
            return _Decided(prepared.refused("too_long_to_confirm", _TOO_LONG))
        question = self._speech.said(words)
        events: list[tuple[Any, dict[str, Any]]] = [("guardrail", d) for d in decisions(question.hits, "agent")]
        if events:  # what cannot be said, or not all of it, cannot be asked, and so not be done
            self._next_words = question.stop.instead if question.stop is not None else _NOT_SAYABLE
            return _Decided(prepared.refused("content_denied", self._next_words), events)
        self._next_words = question.text
        self._asking = _Asking(question.text, skill, prepared.arguments)
        events.append(("guardrail", {**self._about(decision, prepared), "action": "asked"}))
        return _Decided(prepared.refused(decision.code, decision.message), events)

    async def _run_confirmed(self, pending: Pending) -> AsyncGenerator[Event]:
        """Run exactly the call that the caller has said yes to. It passes every gate again, but the one it has just passed."""
        skill = self._agent.by_slug.get(pending.slug)
        if skill is None or confirming.call_digest(skill, pending.arguments) != pending.digest:
            return
        about = {"policy": "confirmation", "policyId": None, "policyType": "write_gate", "action": "confirmed"}
        about |= {"skillId": skill.id, "toolName": skill.name, "reason": "the caller confirmed these exact arguments"}
        yield self._journal.make("guardrail", about)
        arguments = msgspec.json.encode(pending.arguments).decode()
        async with aclosing(self._asked_by_engine(pending.slug, arguments, confirmed=True)) as events:
            async for event in events:
                yield event

    async def _asked_by_engine(self, name: str, arguments: str, *, confirmed: bool = False) -> AsyncGenerator[Event]:
        """A call that waited, now made by the engine: the model is given its outcome as if it had just asked."""
        request = self._unique(ToolCallRequest(call_id="", name=name, arguments=arguments), ())
        self._messages.append(AgentMessage(text="", calls=(self._without_secrets_in(request),)))
        async with aclosing(self._use(request, confirmed=confirmed)) as events:
            async for event in events:
                yield event

    async def _run(
        self, prepared: tools.Prepared, skill: FrozenSkill, shown: dict[str, Any], level: int
    ) -> tuple[ToolOutcome, float]:
        gate = self._agent.gates.of(skill.id)
        digest = confirming.call_digest(skill, prepared.arguments) if gate.write else None
        context = self._context(prepared, writes.idempotency_key(self._held, digest) if digest else None)
        if digest is not None:
            context = writes.begin(self._held, self._runtime.vault, skill, shown, digest, context)
            await self._journal.keep_state()
        self._open_call = prepared
        async with asyncio.timeout_at(self._deadline):
            limited = tools.UNLIMITED if skill.call.kind == TRANSFER else gate.limits[level]
            ran = await tools.run(self._runtime.runner, self._held.org_id, prepared, context, limited)
        self._open_call = None
        if digest is not None:
            done = ran[0].status == "succeeded"
            writes.end(self._held, done=done)
            if done:
                self._done_now.add(digest)
            if ran[0].code == writes.UNKNOWN:
                await self._tell_unknown(skill.id, skill.name, prepared.request.call_id)
                self._next_words = writes.UNKNOWN_SAID
                self.outcome = "unresolved"
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

    # -- verification ------------------------------------------------------------------------------------------------------

    async def _verifying(self, heard: Utterance) -> AsyncGenerator[Event]:
        """Go on with the verification that the caller's words belong to."""
        async with asyncio.timeout_at(self._deadline):
            step: Step = await self._verification.go_on(heard)
        self._look_for_secrets()
        for event in step.events:
            yield self._journal.make("verification", event)
        if step.failed and (stop := self._doorway.verifications_failed()) is not None:
            step.person, self._stop = True, stop
        if step.person:
            self._stop = self._stop or Stop(person=True, reason="asked for during verification")
            return
        self._next_words = step.say
        if step.say is not None and step.failed:
            self.outcome = "unresolved"
        if step.resume is not None:
            async with aclosing(self._asked_by_engine(step.resume["name"], step.resume["arguments"])) as events:
                async for event in events:
                    yield event

    def _look_for_secrets(self) -> None:
        stored = self._held.state.get("masks")
        if stored:
            self._speech.masks = Masks(stored, self._runtime.vault.keyed_hash, self._held.id)
            self._hide_in_what_was_said()

    def _hide_in_what_was_said(self) -> None:
        """Take a secret out of what a model is reminded of and of the summary: it may have been said before it was asked for."""
        for number, message in enumerate(self._messages):
            match message:
                case UserMessage():
                    self._messages[number] = UserMessage(text=self._speech.hide(message.text))
                case AgentMessage():
                    calls = tuple(self._without_secrets_in(request) for request in message.calls)
                    self._messages[number] = AgentMessage(text=self._speech.hide(message.text), calls=calls)
                case ToolMessage():
                    outcome = self._without_secrets(message.outcome)
                    self._messages[number] = msgspec.structs.replace(message, outcome=outcome)
        if "first" in self._held.state:
            self._held.state["first"] = self._speech.hide(self._held.state["first"])

    def _forget_what_expired(self) -> None:
        """Take out of what the model is told what only a verified caller may know, once nobody is verified for it."""
        level = self._verification.level
        if level >= self._level_told:
            self._level_told = level
            return
        self._level_told = level
        for number, message in enumerate(self._messages):
            skill = self._agent.by_slug.get(message.tool) if isinstance(message, ToolMessage) else None
            if skill is None or not isinstance(message, ToolMessage) or not message.outcome.rows:
                continue
            gate = self._agent.gates.of(skill.id)
            rows = [] if gate.level > level else [gate.row(row, level) for row in message.outcome.rows]
            outcome = msgspec.structs.replace(message.outcome, rows=rows)
            self._messages[number] = msgspec.structs.replace(message, outcome=outcome)

    # -- what is said and told ---------------------------------------------------------------------------------------------

    def _stopped(self, stop: Stop) -> Sequence[Event]:
        """End the turn by code: with the words for it, and by bringing in a person where that is what it is for."""
        events = [self._journal.make("guardrail", data) for data in stop.events]
        partial = self._partial.rstrip()
        say = stop.say or ""
        self.ends = self.ends or stop.ends
        if stop.person:
            self._verification.abandon()
            handoff = self._doorway.handoff(stop)
            if handoff is None:
                say = say or "I'm sorry, I can't bring in a person here."
            else:
                events.append(self._bring_in(handoff))
                say = say or handoff["message"]
        if self.outcome == "answered":
            self.outcome = "unresolved"
        return [*events, self._say(f"{partial} {say}" if partial else say)]

    def _hand_off(self, prepared: tools.Prepared) -> Event:
        reason = _storable(self._speech.hide(str(prepared.arguments.get("reason") or "")))[:200]
        handoff = self._doorway.handoff(Stop(person=True, reason=reason))
        assert handoff is not None
        outcome = ToolOutcome(status="succeeded", code=tools.HANDED_OFF, message=handoff["message"])
        self._messages.append(ToolMessage(call_id=prepared.request.call_id, tool=prepared.request.name, outcome=outcome))
        self._outcomes.append(outcome)
        return self._bring_in(handoff)

    def _transferred(self, skill: FrozenSkill, outcome: ToolOutcome, level: int) -> tuple[dict[str, Any], ToolOutcome]:
        """The hand-off that a transfer came to, and what the model is told of it: of its row only what may be told."""
        handoff = self._speech.hide(handoff_of(outcome.rows[0], skill.id))
        rows = [self._agent.gates.of(skill.id).row(row, level) for row in outcome.rows]
        return handoff, msgspec.structs.replace(outcome, code=tools.HANDED_OFF, message=handoff["message"], rows=rows)

    def _bring_in(self, handoff: dict[str, Any]) -> Event:
        self.outcome = "handed_off"
        return self._journal.make("handoff", handoff)

    def _say(self, said: str, calls: tuple[ToolCallRequest, ...] = ()) -> Event:
        """What the agent says. What the model said has been screened as it was streamed; the engine's own words are here."""
        if self._asking is not None and said == self._asking.words:  # only what the caller is told can they confirm
            confirming.ask(self._held, self._asking.skill, self._asking.arguments, turn=self._journal.turn)
        if said != self._partial:
            said = self._speech.hide(said)
        self._partial = ""
        self._messages.append(AgentMessage(text=said, calls=calls))
        if not calls and self.outcome == "answered" and self._outcomes and not self._skills:
            self.outcome = "unresolved"
        return self._journal.make("agent_message", {"text": said})

    def _in_trouble(self, said: str) -> Sequence[Event]:
        self.outcome = "failed"
        events: list[Event] = []
        if self._open_call is not None:
            data = self._broken_off("deadline", "The turn's time was over.")
            events.append(self._journal.make("tool_call", data))
            said = writes.UNKNOWN_SAID if data["code"] == writes.UNKNOWN else said
            self._open_call = None
        partial = self._partial.rstrip()
        return [*events, self._say(f"{partial}… {said}" if partial else said)]

    def _broken_off(self, code: str, message: str) -> dict[str, Any]:
        """The end of a call that was cut off. Whether a write had happened by then nobody knows: the operator is told."""
        prepared = self._open_call
        assert prepared is not None
        shown = {**self._shown(prepared, self._verification.level), "state": "failed"}
        if prepared.skill is None or prepared.skill.call.effect != "write":
            return {**shown, "code": code, "message": message}
        writes.end(self._held, done=False)
        self._runtime.detach(self._tell_unknown(prepared.skill.id, prepared.skill.name, prepared.request.call_id))
        return {**shown, "code": writes.UNKNOWN, "message": writes.UNKNOWN_SAID, "detail": code}

    async def _left_behind(self, mark: dict[str, Any]) -> Event:
        """A write that a killed process had under way: looked up, else told as unknown, to the operator and in the receipt."""
        done = await found_done(self._runtime, self._agent, self._held, mark)
        writes.end(self._held, done=done)
        if not done:
            await self._runtime.books.tell(self._held.org_id, writes.told_of(self._held.agent_id, self._held.id, mark))
        data = writes.ended(mark, done=done)
        request = ToolCallRequest(call_id=str(data.get("callId")), name=str(data.get("slug")), arguments="{}")
        self._messages[-1:-1] = [
            AgentMessage(text="", calls=(request,)),
            ToolMessage(call_id=request.call_id, tool=request.name, outcome=tools.outcome_from_event(data)),
        ]
        return self._journal.make("tool_call", data)

    async def _tell_unknown(self, skill_id: str, tool_name: str, call_id: str) -> None:
        told = writes.told_unknown(self._held.agent_id, self._held.id, skill_id, tool_name, call_id)
        await self._runtime.books.tell(self._held.org_id, told)

    def _about(self, decision: Decision, prepared: tools.Prepared) -> dict[str, Any]:
        skill_id = prepared.skill.id if prepared.skill else None
        return {**decision.data("blocked"), "skillId": skill_id, "toolName": prepared.name}

    def _shown(self, prepared: tools.Prepared, level: int) -> dict[str, Any]:
        """A request as events show it: a gated call's arguments only for a caller who is verified for it, secrets never."""
        may = prepared.skill is not None and self._agent.gates.of(prepared.skill.id).level <= level
        return self._speech.hide(prepared.shown(arguments=may))

    def _leaves(self, skill: FrozenSkill | None, level: int, outcome: ToolOutcome) -> list[str]:
        if skill is None:
            return []
        return self._agent.gates.of(skill.id).told(skill.call.outputs, level, outcome.rows)

    def _without_secrets(self, outcome: ToolOutcome) -> ToolOutcome:
        if not self._speech.masks:
            return outcome
        return msgspec.structs.replace(
            outcome,
            rows=self._speech.hide(outcome.rows),
            message=self._speech.hide(outcome.message),
            reason=self._speech.hide(outcome.reason),
        )

    def _without_secrets_in(self, request: ToolCallRequest) -> ToolCallRequest:
        """The request as a model is reminded of it."""
        if not self._speech.masks:
            return request
        try:
            arguments = msgspec.json.encode(self._speech.hide(msgspec.json.decode(request.arguments))).decode()
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            arguments = "{}"
        return msgspec.structs.replace(request, arguments=arguments)

    def _unique(self, request: ToolCallRequest, others: Sequence[ToolCallRequest]) -> ToolCallRequest:
        """The request under a ``callId`` that no other has: the model's own names are not to be relied on."""
        call_id = f"call_{self._journal.turn}_{MAX_CALLS - self._calls_left + len(others) + 1}"
        return msgspec.structs.replace(request, call_id=call_id)


class _Asking(msgspec.Struct, frozen=True):
    """A write that the caller is to confirm, once they have been told these words."""

    words: str
    skill: FrozenSkill
    arguments: dict[str, Any]


class _Decided(msgspec.Struct, frozen=True):
    """A request held against the gates, and the events that tell of it."""

    prepared: tools.Prepared
    events: list[tuple[Any, dict[str, Any]]] = []


async def _close(stream: AsyncIterator[Any]) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()


def _storable(text: str) -> str:
    """``text`` as the store can keep it: no NUL, no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
