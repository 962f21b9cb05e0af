"""The conversation engine: one async generator, one loop between the model and the tools, for every channel.

Everything a turn does comes out as events and is kept by the journal. Nothing a model answers can raise here: what it asks
for is refused, what it says too much of is cut, and a turn that does not end is ended. Only losing the store or the caller
stops a turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
import structlog

from patchbay.agent_runtime.conversation import tools
from patchbay.agent_runtime.conversation.events import Event
from patchbay.agent_runtime.conversation.journal import Held, Journal
from patchbay.agent_runtime.conversation.model import (
    AgentMessage,
    Finish,
    Message,
    ModelRequest,
    ModelUnavailable,
    TextDelta,
    ToolCallRequest,
    ToolMessage,
    ToolOutcome,
    UserMessage,
)
from patchbay.agent_runtime.conversation.summary import Outcome, remember_turn
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.agent_runtime.services import Runtime
from patchbay.schema_graph.call import CallContext

MAX_STEPS = 8
"""How often a model may be asked in one turn."""
MAX_CALLS = 12
"""How many tools may be asked for in one turn."""
TURN_SECONDS = 60.0
"""The deadline of a whole turn."""
MAX_SAID = 8_000
"""How many characters one answer may have."""

_TROUBLE = "I'm sorry, I'm having trouble answering right now. Please try again in a moment."
_log = structlog.get_logger(__name__)


class Engine:
    """Runs the turns of one held conversation. ``outcome`` is what came of the last one."""

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
    ) -> None:
        self._runtime = runtime
        self._agent = agent
        self._held = held
        self._journal = journal
        self._messages: list[Message] = list(history)
        self._untrusted = untrusted_history
        self._turn_seconds = turn_seconds
        self._model = runtime.models(agent)
        self._tools = tools.tool_specs(agent)
        self._deadline = 0.0
        self._calls_left = 0
        self._outcomes: list[ToolOutcome] = []
        self._skills: list[str] = []
        self._partial = ""
        self._open_call: tools.Prepared | None = None
        self.outcome: Outcome = "answered"

    def hear(self, said: str) -> Event:
        """Begin a turn with what the caller said."""
        self._journal.next_turn()
        self._messages.append(UserMessage(text=said))
        self._outcomes, self._skills, self._partial = [], [], ""
        self._calls_left = MAX_CALLS
        self.outcome = "answered"
        self._deadline = asyncio.get_running_loop().time() + self._turn_seconds
        data: dict[str, Any] = {"text": said}
        if self._untrusted:
            data["clientHistory"] = len(self._untrusted)
        return self._journal.make("user_utterance", data)

    async def answer(self) -> AsyncGenerator[Event]:
        """The events of the turn, from the first tool call to the last message; the last one is not yet stored."""
        try:
            async with aclosing(self._loop()) as events:
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

    def remember(self, said: str) -> str:
        """Note the turn in the conversation's own memory and give its new summary."""
        return remember_turn(self._held.state, said=said, skills=self._skills, outcome=self.outcome, turn=self._journal.turn)

    def abandon(self) -> None:
        """The caller is gone: what was begun is closed, and what had been said stays."""
        self.outcome = "abandoned"
        if self._open_call is not None:
            cancelled = {"code": "cancelled", "message": "The caller was gone before this ended."}
            self._journal.make("tool_call", {**self._open_call.shown(), "state": "failed", **cancelled})
            self._open_call = None
        if self._partial:
            self._journal.make("agent_message", {"text": self._partial, "interrupted": True})
            self._partial = ""

    async def _loop(self) -> AsyncGenerator[Event]:
        for _ in range(MAX_STEPS):
            requests: list[ToolCallRequest] = []
            async with aclosing(self._ask(requests)) as events:
                async for event in events:
                    yield event
            if not requests:
                yield self._say(self._partial or tools.said_when_over(self._outcomes))
                return
            if self._partial.strip():
                yield self._say(self._partial, calls=tuple(requests))
            else:
                self._partial = ""
                self._messages.append(AgentMessage(text="", calls=tuple(requests)))
            for request in requests:
                async with aclosing(self._use(request)) as events:
                    async for event in events:
                        yield event
            self._journal.flush_soon()
        self.outcome = "unresolved"
        yield self._say(tools.said_when_over(self._outcomes))

    async def _ask(self, requests: list[ToolCallRequest]) -> AsyncGenerator[Event]:
        """Ask the model once: its words are streamed and gathered, the tools it asks for are put into ``requests``."""
        request = ModelRequest(
            agent=self._agent.profile,
            messages=tuple(self._messages),
            tools=self._tools,
            session=self._held.session,
            memory=self._held.state.get("memory", {}),
            untrusted_history=self._untrusted,
        )
        self._partial = ""
        stream = aiter(self._model.stream(request))
        try:
            while True:
                async with asyncio.timeout_at(self._deadline):
                    heard = await anext(stream, None)
                match heard:
                    case None:
                        return
                    case TextDelta():
                        piece = _storable(heard.text)[: MAX_SAID - len(self._partial)]
                        if piece:
                            self._partial += piece
                            yield self._journal.make("agent_message_delta", {"text": piece})
                        elif heard.text:
                            return
                    case ToolCallRequest():
                        requests.append(self._unique(heard, requests))
                    case Finish():
                        if heard.memory is not None:
                            self._held.state["memory"] = heard.memory
                        if heard.unanswered:
                            self.outcome = "unresolved"
                if len(requests) >= MAX_CALLS:
                    return
        finally:
            await _close(stream)

    async def _use(self, request: ToolCallRequest) -> AsyncGenerator[Event]:
        """One tool call: prepared, run if it may, and its outcome given to the model."""
        verified: Mapping[str, Any] = self._held.state.get("verified", {})
        prepared = tools.prepare(self._agent, request, verified=verified)
        if self._calls_left <= 0 and prepared.outcome is None:
            said = "That is more than I can look up at once."
            prepared = msgspec.structs.replace(
                prepared, outcome=ToolOutcome(status="refused", code="too_many_calls", message=said)
            )
        self._calls_left -= 1
        if prepared.guardrail:
            blocked = {
                "policy": prepared.guardrail,
                "action": "blocked",
                "skillId": prepared.skill.id if prepared.skill else None,
            }
            yield self._journal.make("guardrail", {**blocked, "toolName": prepared.name})
        if prepared.hand_off:
            yield self._hand_off(prepared)
            return
        shown, took = prepared.shown(), 0.0
        outcome = prepared.outcome
        if outcome is None and prepared.skill is not None:
            yield self._journal.make("tool_call", {**shown, "state": "started"})
            outcome, took = await self._run(prepared)
        assert outcome is not None
        told = msgspec.structs.replace(outcome, reason={})  # the reason is for the receipt: no model sees it
        self._messages.append(ToolMessage(call_id=request.call_id, tool=request.name, outcome=told))
        self._outcomes.append(outcome)
        if outcome.status == "succeeded" and prepared.skill:
            self._skills.append(prepared.skill.name)
        data = {**shown, "state": outcome.status, "durationMs": round(took, 2)}
        yield self._journal.make("tool_call", {**data, **tools.outcome_data(outcome, prepared.skill)})

    async def _run(self, prepared: tools.Prepared) -> tuple[ToolOutcome, float]:
        context = CallContext(
            arguments=prepared.arguments,
            session=self._held.session,
            verified=self._held.state.get("verified", {}),
            time_zone=self._agent.profile.time_zone,
            conversation_id=self._held.id,
        )
        self._open_call = prepared
        async with asyncio.timeout_at(self._deadline):
            ran = await tools.run(self._runtime.runner, self._held.org_id, prepared, context)
        self._open_call = None
        return ran

    def _hand_off(self, prepared: tools.Prepared) -> Event:
        handoff = self._agent.profile.handoff
        self.outcome = "handed_off"
        said = handoff.message or "I've noted that you would like to speak to a person."
        if handoff.destination:
            said = f"{said} You can reach them at {handoff.destination}."
        outcome = ToolOutcome(status="succeeded", code="handed_off", message=said)
        self._messages.append(ToolMessage(call_id=prepared.request.call_id, tool=prepared.request.name, outcome=outcome))
        self._outcomes.append(outcome)
        reason = _storable(str(prepared.arguments.get("reason") or ""))[:200]
        return self._journal.make("handoff", {"reason": reason, "destination": handoff.destination, "message": said})

    def _say(self, said: str, calls: tuple[ToolCallRequest, ...] = ()) -> Event:
        self._partial = ""
        self._messages.append(AgentMessage(text=said, calls=calls))
        if not calls and self.outcome == "answered" and self._outcomes and not self._skills:
            self.outcome = "unresolved"
        return self._journal.make("agent_message", {"text": said})

    def _in_trouble(self, said: str) -> Sequence[Event]:
        self.outcome = "failed"
        events: list[Event] = []
        if self._open_call is not None:
            late = {"code": "deadline", "message": "The turn's time was over."}
            events.append(self._journal.make("tool_call", {**self._open_call.shown(), "state": "failed", **late}))
            self._open_call = None
        partial = self._partial.rstrip()
        return [*events, self._say(f"{partial}… {said}" if partial else said)]

    def _unique(self, request: ToolCallRequest, others: Sequence[ToolCallRequest]) -> ToolCallRequest:
        """The request under a ``callId`` that no other has: the model's own names are not to be relied on."""
        call_id = f"call_{self._journal.turn}_{MAX_CALLS - self._calls_left + len(others) + 1}"
        return msgspec.structs.replace(request, call_id=call_id)


async def _close(stream: AsyncIterator[Any]) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()


def _storable(text: str) -> str:
    """``text`` as the store can keep it: no NUL, no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
