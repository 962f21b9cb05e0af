"""The planner as a model: the engine asks it like any other."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from patchbay.agent_runtime.conversation.model import (
    Finish,
    ModelEvent,
    ModelRequest,
    TextDelta,
    ToolCallRequest,
    ToolMessage,
    UserMessage,
)
from patchbay.agent_runtime.conversation.tools import HAND_OFF
from patchbay.agent_runtime.planner import dialogue, results
from patchbay.agent_runtime.planner.dialogue import Call, HandOff, Say, Scene, Step
from patchbay.agent_runtime.planner.memory import Memory, kept, recalled

_READ_AT_MOST = 1_000
_SENTENCE = re.compile(r"(?<=[.!?:])\s+")


class Planner:
    """A :class:`ModelClient` without a model. It keeps nothing: its memory is in the request."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """The next step, as text or one tool request."""
        step = plan(request)
        match step:
            case Say():
                pieces = _SENTENCE.split(step.text)
                for number, piece in enumerate(pieces):
                    yield TextDelta(text=piece if number == len(pieces) - 1 else f"{piece} ")
                yield Finish(memory=kept(step.memory), unanswered=step.unanswered)
            case Call():
                arguments = msgspec.json.encode(step.arguments).decode()
                yield ToolCallRequest(call_id="call", name=step.slug, arguments=arguments)
                yield Finish(reason="tools", memory=kept(step.memory))
            case HandOff():
                arguments = msgspec.json.encode({"reason": step.reason}).decode()
                yield ToolCallRequest(call_id="call", name=HAND_OFF, arguments=arguments)
                yield Finish(reason="tools", memory=kept(step.memory))


def plan(request: ModelRequest) -> Step:
    """What to do next."""
    zone = ZoneInfo(request.agent.time_zone)
    scene = Scene(
        agent=request.agent,
        tools=request.tools,
        session=request.session,
        now=datetime.now(UTC).astimezone(zone),
        knowledge=request.knowledge,
    )
    memory = recalled(request.memory)
    last = request.messages[-1] if request.messages else None
    if isinstance(last, ToolMessage):
        return _after_tool(last, memory, scene)
    if not request.memory and request.untrusted_history:
        memory = _replayed(request.untrusted_history, msgspec.structs.replace(scene, knowledge=None))
    said = last.text if isinstance(last, UserMessage) else ""
    return dialogue.respond(_read(said), memory, scene)


def _read(said: str) -> str:
    """As much of an utterance as the planner reads, with single blanks: no pattern is tried on an endless text."""
    return " ".join(said.split())[:_READ_AT_MOST]


def _after_tool(message: ToolMessage, memory: Memory, scene: Scene) -> Step:
    tool = scene.tool(message.tool)
    if tool is not None:
        return results.after(tool, message.outcome, memory, scene)
    said = message.outcome.message or "I can't do that."
    return Say(text=said, memory=memory.cleared(), unanswered=message.outcome.status != "succeeded")


def _replayed(history: tuple[tuple[str, str], ...], scene: Scene) -> Memory:
    """What the planner would remember, had the caller said these things to it. Nothing is run and nothing is believed."""
    memory = Memory()
    for role, text in history:
        if role == "user":
            step = dialogue.respond(_read(text), memory, scene)
            memory = step.memory
            if isinstance(step, Call):
                done = memory.cleared()
                done.last, done.last_slots = step.slug, dict(step.arguments)
                memory = done
    return memory
