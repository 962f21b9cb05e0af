"""Whatever a model does, the engine keeps its promises."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from patchbay.agent_runtime.conversation.engine import MAX_CALLS, MAX_SAID, MAX_STEPS, Engine
from patchbay.agent_runtime.conversation.events import STREAMED_ONLY, Event, Sequence
from patchbay.agent_runtime.conversation.journal import Held
from patchbay.agent_runtime.conversation.model import (
    Finish,
    ModelEvent,
    ModelRequest,
    ModelUnavailable,
    TextDelta,
    ToolCallRequest,
)
from patchbay.agent_runtime.conversation.tools import HAND_OFF
from patchbay.agent_runtime.conversation.turn import Turn
from patchbay.agent_runtime.frozen import FrozenAgent, FrozenSkill
from patchbay.agent_runtime.services import Runtime
from patchbay.errors import PatchbayError, Unavailable
from patchbay.schema_graph.call import FrozenCall
from tests.agent_runtime.doubles import FakeRunner, agent_draft, call_input, found, frozen_call, output, phone_input, tool

PERMITTED = frozen_call([phone_input()], [output("name"), output("secret")])
OPTIONAL = frozen_call([call_input("n", "integer", native_type="int4", required=False)], [output("count", "integer")])
GATED = frozen_call([phone_input()], [output("balance", "decimal")], verification="basic")
WRITE = frozen_call([phone_input()], [], effect="write")


def frozen_skill(name: str, call: FrozenCall, **more: Any) -> FrozenSkill:
    document = {"id": f"skl_{name}", "name": name, "slug": name, "description": "", "skillType": "postgres"}
    document |= {"tool": tool(name).schema, "requiresVerifiedIdentity": False, "call": {"digest": "d"}, **more}
    return FrozenSkill(document, call)


AGENT = FrozenAgent(
    agent_id="agt_1",
    version_id="ver_1",
    number=1,
    sha256="s",
    profile=agent_draft(),
    skills=(
        frozen_skill("permitted", PERMITTED, allowedFields=["name"]),
        frozen_skill("optional", OPTIONAL),
        frozen_skill("gated", GATED),
        frozen_skill("write", WRITE),
    ),
)


class MemoryJournal:
    """A journal that stores in a list, for conversations without a store."""

    def __init__(self, held: Held) -> None:
        self._numbers = Sequence(held.id, last_seq=0, turn=0)
        self.stored: list[Event] = []
        self.finished: list[str] = []

    @property
    def turn(self) -> int:
        return self._numbers.turn

    def next_turn(self) -> None:
        self._numbers.turn += 1

    def make(self, type: Any, data: dict[str, Any]) -> Event:
        event = self._numbers.make(type, data)
        if event.seq is not None:
            self.stored.append(event)
        return event

    def flush_soon(self) -> None: ...

    def stay_alive(self) -> None: ...

    def rest(self) -> None: ...

    async def flush(self) -> None: ...

    async def keep_state(self) -> None: ...

    async def finish(self, *, outcome: str, summary: str, ends: bool) -> None:
        self.finished.append(outcome)

    def finish_detached(self, *, outcome: str, summary: str, ends: bool) -> None:
        self.finished.append(outcome)


class HostileModel:
    def __init__(self, script: list[list[Any]]) -> None:
        self.script = script
        self.asked = 0
        self.seen: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> Any:
        self.seen.append(request)
        step = self.script[self.asked % len(self.script)]
        self.asked += 1
        for part in step:
            if isinstance(part, BaseException):
                raise part
            yield part


def prepared(
    model: Any, runner: Any, said: list[str], *, turn_seconds: float = 5.0, agent: FrozenAgent = AGENT
) -> tuple[Turn, MemoryJournal]:
    held = Held(
        id="cnv_1", org_id="org_1", agent_id="agt_1", version_id="ver_1", draft=False, channel="chat", session={}, state={},
        last_seq=0, turns=0, claim="c",
    )  # fmt: skip
    runtime = Runtime(None, None, None, runner, lambda _agent: model, None)  # pyright: ignore[reportArgumentType]
    journal: Any = MemoryJournal(held)
    engine = Engine(runtime, AGENT, held, journal, (), turn_seconds=turn_seconds)
    first = engine.hear(said[0])
    return Turn(held, journal, engine, said, first, ends=False), journal


async def collected(model: Any, runner: Any, said: list[str]) -> tuple[list[Event], MemoryJournal]:
    turn, journal = prepared(model, runner, said)
    with capture_logs():
        return await turn.collect(), journal


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
argument_texts = (
    st.text(max_size=40)
    | st.dictionaries(st.sampled_from(["caller_phone", "n", "sql", "__proto__", ""]), json_values, max_size=3).map(json.dumps)
    | st.just('{"caller_phone": "613-555-0142"}')
    | st.just("[" * 5000)
    | st.just('{"n": 1e999}')
)
tool_names = st.sampled_from(["permitted", "optional", "gated", "write", HAND_OFF, "patchbay_admin", "", "permitted "]) | st.text(
    max_size=80
)
model_parts = (
    st.builds(TextDelta, text=st.text(max_size=50))
    | st.just(TextDelta(text="x" * 20_000))
    | st.builds(ToolCallRequest, call_id=st.text(max_size=10), name=tool_names, arguments=argument_texts)
    | st.builds(Finish, memory=st.none() | st.dictionaries(st.text(max_size=5), json_values, max_size=2))
    | st.sampled_from([ModelUnavailable(), ValueError("bad"), TimeoutError(), RecursionError(), KeyError("x")])
)
results = st.sampled_from(
    [
        found({"name": "Ada", "secret": "s3cret"}),
        found(),
        found({"name": "A", "secret": "s3cret"}, {"name": "B", "secret": "s3cret"}, ambiguous=True),
        Unavailable("inner details"),
        ValueError("SELECT secret FROM t"),
        TimeoutError(),
    ]
)


utterances = st.text(min_size=1, max_size=30).map(lambda s: s.replace("\x00", "")).filter(lambda s: s.strip())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    script=st.lists(st.lists(model_parts, max_size=6), min_size=1, max_size=10),
    answers=st.lists(results, min_size=1, max_size=4),
    said=st.lists(utterances, min_size=1, max_size=3),
)
def test_no_model_breaks_the_stream_or_runs_what_it_may_not(
    script: list[list[ModelEvent]], answers: list[Any], said: list[str]
) -> None:
    runner = FakeRunner(*answers)
    model = HostileModel(script)
    events, journal = asyncio.run(collected(model, runner, said))

    stored = [e for e in events if e.seq is not None]
    assert [e.seq for e in stored] == list(range(1, len(stored) + 1))
    assert stored == journal.stored
    assert events[-1].type == "done"
    assert [e.type for e in events].count("done") == 1
    assert all((e.seq is None) == (e.type in STREAMED_ONLY) for e in events)
    assert all(call in (PERMITTED, OPTIONAL) for _, call, _ in runner.ran)
    assert len(runner.ran) <= MAX_CALLS * len(said)
    assert model.asked <= MAX_STEPS * len(said)
    assert [e.data["text"] for e in stored if e.type == "user_utterance"] == said
    for turn_number in range(1, len(said) + 1):
        of_turn = [e for e in stored if e.turn == turn_number]
        assert of_turn[0].type == "user_utterance"
        assert of_turn[-1].type == "agent_message"
        assert 0 < len(of_turn[-1].data["text"]) <= MAX_SAID + 400
    check_calls(stored)
    shown = repr([e.data for e in events]) + repr([m for r in model.seen for m in r.messages])
    assert "s3cret" not in shown
    assert "inner details" not in repr([m for r in model.seen for m in r.messages])
    assert "SELECT secret" not in shown


def check_calls(stored: list[Event]) -> None:
    """Each call has its states in order under an identity of its own, and each that started came to an end."""
    states: dict[str, list[str]] = {}
    for event in stored:
        if event.type == "tool_call":
            states.setdefault(event.data["callId"], []).append(event.data["state"])
    ends = {"succeeded", "refused", "failed"}
    for seen in states.values():
        assert (len(seen) == 1 and seen[0] in ends) or (len(seen) == 2 and seen[0] == "started" and seen[1] in ends), seen


@pytest.mark.anyio
async def test_a_model_that_never_answers_is_given_up() -> None:
    async def forever(request: ModelRequest) -> Any:
        yield TextDelta(text="Let me see")
        await asyncio.sleep(3600)

    class Slow:
        stream = staticmethod(forever)

    turn, _ = prepared(Slow(), FakeRunner(found()), ["hi"], turn_seconds=0.05)
    events = await turn.collect()
    assert events[-1].data["outcome"] == "failed"
    assert events[-2].data["text"].startswith("Let me see… I'm sorry")


@pytest.mark.anyio
async def test_a_call_that_never_returns_is_given_up_and_said_so() -> None:
    async def forever(*_: Any) -> Any:
        await asyncio.sleep(3600)

    script = [[ToolCallRequest(call_id="1", name="permitted", arguments='{"caller_phone": "6135550142"}')]]
    turn, journal = prepared(HostileModel(script), FakeRunner(forever), ["hi"], turn_seconds=0.05)
    events = await turn.collect()
    assert [e.data["state"] for e in events if e.type == "tool_call"] == ["started", "failed"]
    assert events[-1].data["outcome"] == "failed"
    assert [e for e in events if e.seq is not None] == journal.stored


@pytest.mark.anyio
async def test_a_gated_skill_is_blocked_with_a_guardrail_event_and_shows_no_argument() -> None:
    script = [[ToolCallRequest(call_id="1", name="gated", arguments='{"caller_phone": "6135550142"}')], [TextDelta(text="ok")]]
    runner = FakeRunner(found({"balance": "1"}))
    turn, _ = prepared(HostileModel(script), runner, ["hi"])
    events = await turn.collect()
    assert [e.type for e in events if e.seq] == ["user_utterance", "guardrail", "tool_call", "agent_message"]
    assert events[1].data["policy"] == "verification_required"
    assert events[2].data["state"] == "refused"
    assert events[2].data["arguments"] == {}
    assert runner.ran == []


@pytest.mark.anyio
async def test_a_caller_who_hangs_up_in_mid_call_leaves_a_receipt() -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def forever(*_: Any) -> Any:
        entered.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    script = [
        [
            TextDelta(text="One moment."),
            ToolCallRequest(call_id="1", name="permitted", arguments='{"caller_phone": "6135550142"}'),
        ]
    ]
    turn, journal = prepared(HostileModel(script), FakeRunner(forever), ["hi"])
    task = asyncio.create_task(turn.collect())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()
    assert journal.finished == ["abandoned"]
    assert [e.type for e in journal.stored] == ["user_utterance", "agent_message", "tool_call", "tool_call"]
    assert journal.stored[-1].data["code"] == "cancelled"


@pytest.mark.anyio
async def test_a_reader_who_stops_reading_ends_the_turn() -> None:
    turn, journal = prepared(HostileModel([[TextDelta(text="One. "), TextDelta(text="Two.")]]), FakeRunner(found()), ["hi"])
    events = turn.events()
    assert (await anext(events)).type == "user_utterance"
    assert (await anext(events)).data == {"text": "One. "}
    await events.aclose()
    assert journal.finished == ["abandoned"]
    assert journal.stored[-1].data == {"text": "One. ", "interrupted": True}


@pytest.mark.anyio
async def test_a_store_that_fails_ends_the_stream_with_a_problem() -> None:
    turn, journal = prepared(HostileModel([[TextDelta(text="Hello.")]]), FakeRunner(found()), ["hi"])

    async def broken(**_: Any) -> None:
        raise OSError("disk on fire at /var/lib")

    journal.finish = broken  # pyright: ignore[reportAttributeAccessIssue]
    events = await turn.collect()
    assert events[-1].type == "error"
    assert events[-1].data["problem"]["status"] == 500
    assert "disk" not in repr(events[-1].data)
    assert not isinstance(events[-1].data["problem"], PatchbayError)
