"""Direct calls go the way of a model's tool call and are recorded as one, on a real store with canned results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from patchbay.accounts.audit import Done
from patchbay.accounts.principal import Principal
from patchbay.agent_runtime import call_records
from patchbay.agent_runtime.agents import AgentNotFound, delete_agent
from patchbay.agent_runtime.call_records import CallRecord, CallRecords, Noted
from patchbay.agent_runtime.channels import create_session
from patchbay.agent_runtime.conversation.journal import AgentDeleted, ConversationNotFound, SessionEnded
from patchbay.agent_runtime.direct_calls import CallAnswer, DirectCalls
from patchbay.agent_runtime.receipts import get_conversation, receipt
from patchbay.agent_runtime.skills import SkillNotFound
from patchbay.agent_runtime.versions import NoPublishedVersion, rollback
from patchbay.errors import ValidationFailed
from patchbay.store.clock import TRUSTED_S
from patchbay.store.ids import new_id
from tests.agent_runtime.conftest import World, appointment_call
from tests.agent_runtime.doubles import call_input, found, frozen_call, output

pytestmark = pytest.mark.anyio
PHONE = {"caller_phone": "+14155550132"}
SLUG = "look_up_an_appointment"


class Direct:
    """The direct calls of one process of ``world``'s organization."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls = DirectCalls(world.runtime)

    async def __call__(self, agent: str, body: Any = None, *, skill: str = SLUG, org: str | None = None) -> CallAnswer:
        org = org or self.world.org_id
        done = Done(
            principal=Principal(org, "key_test", "CI", frozenset(["*"])),
            method="POST",
            path="/call",
            route="/call",
            status=200,
            request_id=new_id("req"),
        )
        return await self.calls.call(org, agent, skill, {"arguments": PHONE} if body is None else body, audited=done)

    async def stored(self, conversation_id: str) -> tuple[Any, list[Any]]:
        """The conversation and its events, once everything is stored."""
        await self.calls.close()
        async with self.world.runtime.database.tenant(self.world.org_id) as session:
            return await get_conversation(session, conversation_id), list(await receipt(session, conversation_id))


@pytest.fixture
async def new_process(world: World) -> AsyncGenerator[Callable[[], Direct]]:
    opened: list[Direct] = []

    def make(of: World = world) -> Direct:
        opened.append(Direct(of))
        return opened[-1]

    yield make
    for direct in opened:
        await direct.calls.close()


@pytest.fixture
def direct(new_process: Callable[[], Direct]) -> Direct:
    return new_process()


def states(events: list[Any]) -> list[str]:
    return [event.data.get("state", event.type) for event in events]


async def test_a_call_is_answered_and_recorded(world: World, direct: Direct) -> None:
    agent = await world.live_agent()
    answer = await direct(agent)
    assert (answer.status, answer.code, answer.message, answer.row_count) == ("succeeded", None, None, 1)
    assert answer.rows == [{"appointment_time": "2031-03-04T15:30:00+00:00", "appointment_status": "confirmed"}]
    conversation, events = await direct.stored(answer.conversation_id)
    assert (conversation.channel, conversation.status, conversation.outcome, conversation.turns) == (
        "api",
        "active",
        "answered",
        1,
    )
    assert conversation.summary == "Called Look up an appointment; answered, 1 call."
    assert conversation.version_id is not None
    assert [event.seq for event in events] == [1, 2] == list(range(1, conversation.last_seq + 1))
    assert states(events) == ["started", "succeeded"]
    first, last = (event.data for event in events)
    assert first["callId"] == last["callId"]
    assert first["arguments"] == PHONE
    assert last["result"]["rows"] == answer.rows
    assert last["leaves"] == ["appointment_time", "appointment_status"]
    async with world.runtime.database.tenant(world.org_id) as session:
        logged = (await session.execute(text("SELECT status, actor_id, resource_id FROM audit_logs"))).all()
    assert [tuple(row) for row in logged] == [(200, "key_test", answer.conversation_id)]


async def test_the_events_are_those_of_a_models_call(world: World, direct: Direct) -> None:
    """The same call by a chat's model and directly: the same data but for the ids and the time it took."""
    from patchbay.agent_runtime.channels import prepare_simulation
    from tests.agent_runtime.doubles import ScriptedModel

    agent = await world.live_agent()
    world.model = ScriptedModel((SLUG, PHONE), "Done.")
    turn = await prepare_simulation(world.runtime, world.org_id, agent, {"message": "Hello?", "draftMode": False})
    by_model = [event.data for event in await turn.collect() if event.type == "tool_call"]
    _, events = await direct.stored((await direct(agent)).conversation_id)

    def plain(data: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in data.items() if k not in ("callId", "durationMs")}

    assert [plain(event.data) for event in events] == [plain(data) for data in by_model]


async def test_calls_stay_in_a_conversation_that_is_named(world: World, direct: Direct) -> None:
    agent = await world.live_agent()
    first = await direct(agent, {"arguments": PHONE, "session": {"callerNumber": "+14155550132"}})
    second = await direct(agent, {"arguments": PHONE, "conversationId": first.conversation_id})
    world.runner.answers = [found()]
    third = await direct(agent, {"arguments": {}, "conversationId": first.conversation_id})
    assert first.conversation_id == second.conversation_id == third.conversation_id
    assert (third.status, third.missing) == ("refused", ("caller_phone",))
    assert [context.session for _, _, context in world.runner.ran] == [{"caller_number": "+14155550132"}] * 2
    conversation, events = await direct.stored(first.conversation_id)
    assert states(events) == ["started", "succeeded", "started", "succeeded", "started", "refused"]
    assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event.turn for event in events] == [1, 1, 2, 2, 3, 3]
    assert (conversation.turns, conversation.outcome, conversation.last_seq) == (3, "unresolved", 6)
    assert conversation.summary == "Called Look up an appointment; unresolved, 3 calls."


async def test_a_conversation_that_began_in_another_process_goes_on_at_once(world: World, new_process) -> None:
    one, other = new_process(), new_process()
    agent = await world.live_agent()
    began = await one(agent)
    went_on = await other(agent, {"arguments": PHONE, "conversationId": began.conversation_id})
    assert went_on.conversation_id == began.conversation_id
    await one.calls.close()
    conversation, events = await other.stored(began.conversation_id)
    assert (conversation.turns, [event.seq for event in events]) == (2, [1, 2, 3, 4])


async def test_processes_add_to_one_conversation_without_a_gap(world: World, new_process) -> None:
    one, other = new_process(), new_process()
    agent = await world.live_agent()
    began = (await one(agent)).conversation_id
    body = {"arguments": PHONE, "conversationId": began}
    for _ in range(4):
        await asyncio.gather(*(process(agent, body) for process in (one, other) for _ in range(10)))
        await asyncio.sleep(0.03)
    await one.calls.close()
    conversation, events = await other.stored(began)
    assert [event.seq for event in events] == list(range(1, 163))
    assert (conversation.turns, conversation.last_seq) == (81, 162)


@pytest.mark.parametrize(
    ("body", "missing", "invalid"),
    [
        ({"arguments": {}}, ("caller_phone",), ()),
        ({"arguments": {"caller_phone": 7}}, (), ("caller_phone",)),
        ({"arguments": {**PHONE, "company": "x"}}, (), ()),
        ({"arguments": {" caller_phone": "+14155550132"}}, (), ()),
    ],
)
async def test_arguments_are_checked_as_a_models(world: World, direct: Direct, body, missing, invalid) -> None:
    agent = await world.live_agent()
    answer = await direct(agent, body)
    assert (answer.status, answer.rows, answer.missing, answer.invalid) == ("refused", [], missing, invalid)
    assert world.runner.ran == []
    _, events = await direct.stored(answer.conversation_id)
    assert states(events) == ["started", "refused"]
    assert events[-1].data["code"] == answer.code


async def test_what_needs_a_verified_caller_is_refused_before_it_runs(world: World, direct: Direct) -> None:
    agent = await world.live_agent(("Look up an appointment", appointment_call(verification="basic")))
    answer = await direct(agent)
    assert (answer.status, answer.code, answer.rows) == ("refused", "verification_required", [])
    assert world.runner.ran == []
    _, events = await direct.stored(answer.conversation_id)
    assert [event.type for event in events] == ["guardrail", "tool_call"]
    assert events[0].data["policy"] == "verification_required"
    assert "+14155550132" not in str([event.data for event in events])


async def test_fields_that_are_not_allowed_are_nowhere(world: World, direct: Direct) -> None:
    agent = await world.agent()
    await world.skill(agent, "Look up an appointment", allowedFields=["appointment_status"])
    await world.publish(agent)
    answer = await direct(agent)
    assert answer.rows == [{"appointment_status": "confirmed"}]
    _, events = await direct.stored(answer.conversation_id)
    assert "2031" not in str([event.data for event in events])


async def test_the_rows_of_an_ambiguous_result_stay_here(world: World, direct: Direct) -> None:
    agent = await world.live_agent()
    world.runner.answers = [found({"appointment_status": "a"}, {"appointment_status": "b"}, ambiguous=True)]
    answer = await direct(agent)
    assert (answer.status, answer.ambiguous, answer.rows, answer.row_count) == ("succeeded", True, [], 2)


async def test_a_failure_is_an_outcome_without_its_reasons(world: World, direct: Direct) -> None:
    agent = await world.live_agent()
    world.runner.answers = [RuntimeError("password=hunter2")]
    answer = await direct(agent)
    assert (answer.status, answer.code) == ("failed", "internal")
    _, events = await direct.stored(answer.conversation_id)
    assert "hunter2" not in str([answer, *(event.data for event in events)])


async def test_a_call_that_is_cancelled_is_closed(world: World, direct: Direct) -> None:
    agent = await world.live_agent()
    running = asyncio.Event()

    async def never(call: Any, context: Any) -> Any:
        running.set()
        await asyncio.sleep(60)

    world.runner.answers = [never]
    task = asyncio.ensure_future(direct(agent))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    conversation = world.runner.ran[0][2].conversation_id
    assert conversation is not None
    row, events = await direct.stored(conversation)
    assert (states(events), row.outcome) == (["started", "failed"], "failed")
    assert events[-1].data["code"] == "cancelled"


async def test_a_write_is_refused_while_nobody_may_confirm_it(world: World, direct: Direct) -> None:
    agent = await world.live_agent(("Look up an appointment", appointment_call(effect="write")))
    answer = await direct(agent)
    assert (answer.status, answer.code) == ("refused", "confirmation_required")
    assert world.runner.ran == []
    _, events = await direct.stored(answer.conversation_id)
    assert [event.type for event in events] == ["guardrail", "tool_call"]


async def unasked_write(world: World) -> str:
    """A published agent with a write that nobody is asked about."""
    agent = await world.agent()
    call = appointment_call(effect="write")
    await world.skill(agent, "Look up an appointment", call, requiresConfirmation=False, stakes="low")
    await world.publish(agent)
    return agent


async def test_a_writes_start_is_stored_before_it_runs(world: World, direct: Direct) -> None:
    """A process that is killed in the middle of a write leaves its ``started`` behind."""
    agent = await unasked_write(world)
    seen: list[str] = []

    async def look(call: Any, context: Any) -> Any:
        async with world.runtime.database.tenant(world.org_id) as session:
            seen.extend(states(list(await receipt(session, context.conversation_id))))
        return found({"appointment_status": "booked"})

    world.runner.answers = [look]
    answer = await direct(agent)
    assert seen == ["started"]
    conversation, events = await direct.stored(answer.conversation_id)
    assert (states(events), conversation.turns) == (["started", "succeeded"], 1)
    assert [(event.seq, event.turn) for event in events] == [(1, 1), (2, 1)]


async def test_a_write_whose_start_cannot_be_stored_does_not_run(world: World, direct: Direct, monkeypatch) -> None:
    agent = await unasked_write(world)

    async def away(*_: Any) -> None:
        raise OSError("the store is away")

    monkeypatch.setattr(direct.calls._records, "_store", away)
    with pytest.raises(OSError, match="away"):
        await direct(agent)
    assert world.runner.ran == []


async def test_who_and_what_must_exist(world: World, direct: Direct, make_world: Callable[[str], Awaitable[World]]) -> None:
    agent, draft = await world.live_agent(), await world.agent("Draft")
    stranger = await make_world("Globex")
    with pytest.raises(AgentNotFound):
        await direct("agt_none")
    with pytest.raises(AgentNotFound):
        await direct(agent, org=stranger.org_id)
    with pytest.raises(NoPublishedVersion):
        await direct(draft)
    for nothing in ("nonsense", "hand_off_to_a_person", "", "Look up an appointment"):
        with pytest.raises(SkillNotFound):
            await direct(agent, skill=nothing)
    disabled = await world.skill(agent, "Not live yet")
    with pytest.raises(SkillNotFound):
        await direct(agent, skill=disabled)


async def test_a_conversation_must_be_an_active_one_of_this_agents_calls(
    world: World, direct: Direct, make_world: Callable[[str], Awaitable[World]]
) -> None:
    agent, other = await world.live_agent(), await world.live_agent(name="Other")
    database = world.runtime.database
    async with database.tenant(world.org_id) as session:
        chat = (await create_session(session, world.org_id, {"agentId": agent})).id
    mine = (await direct(agent)).conversation_id
    await direct.calls._records.close()

    async def going_on(conversation_id: str, *, of: str = agent, org: str | None = None) -> CallAnswer:
        return await direct(of, {"arguments": PHONE, "conversationId": conversation_id}, org=org)

    for conversation in ("cnv_none", "x", chat):
        with pytest.raises(ConversationNotFound):
            await going_on(conversation)
    with pytest.raises(ConversationNotFound):
        await going_on(mine, of=other)
    stranger = await make_world("Globex")
    theirs = await stranger.live_agent()
    with pytest.raises(ConversationNotFound):
        await going_on(mine, of=theirs, org=stranger.org_id)
    async with database.tenant(world.org_id) as session:
        await session.execute(text("UPDATE conversations SET status = 'ended' WHERE id = :id"), {"id": mine})
    direct.calls._held.forget((world.org_id, mine))
    with pytest.raises(SessionEnded):
        await going_on(mine)
    async with database.tenant(world.org_id) as session:
        await session.execute(text("UPDATE conversations SET outcome = 'agent_deleted' WHERE id = :id"), {"id": mine})
    direct.calls._held.forget((world.org_id, mine))
    with pytest.raises(AgentDeleted):
        await going_on(mine)


async def test_publishing_rolling_back_and_deleting_take_effect_within_a_second(world: World, direct: Direct) -> None:
    agent = await world.live_agent()
    async with world.runtime.database.tenant(world.org_id) as session:
        first = await session.scalar(text("SELECT published_version_id FROM agents"))
    await direct(agent)
    await world.skill(agent, "Second skill")
    await world.publish(agent)
    await asyncio.sleep(TRUSTED_S)
    assert (await direct(agent, skill="second_skill")).status == "succeeded"
    async with world.runtime.database.tenant(world.org_id) as session:
        await rollback(session, agent, first)
    await asyncio.sleep(TRUSTED_S)
    with pytest.raises(SkillNotFound):
        await direct(agent, skill="second_skill")
    assert (await direct(agent)).status == "succeeded"
    async with world.runtime.database.tenant(world.org_id) as session:
        await delete_agent(session, agent)
    await asyncio.sleep(TRUSTED_S)
    with pytest.raises(AgentNotFound):
        await direct(agent)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
BODIES = JSON | st.fixed_dictionaries(
    {},
    optional={
        "arguments": JSON | st.dictionaries(st.sampled_from(["caller_phone", "x", " caller_phone"]), JSON, max_size=3),
        "conversationId": JSON,
        "session": JSON | st.fixed_dictionaries({}, optional={"callerNumber": JSON, "visitor": JSON}),
        "nonsense": JSON,
    },
)


async def test_whatever_the_body_is_the_answer_is_a_problem_or_an_outcome(world: World, direct: Direct) -> None:
    agent = await world.live_agent()
    answers: list[str] = []

    async def one(body: Any) -> None:
        try:
            answer = await direct(agent, body)
        except (ValidationFailed, ConversationNotFound):
            return
        assert answer.status in ("succeeded", "refused", "failed")
        answers.append(answer.conversation_id)
        msgspec.json.encode(answer)

    loop = asyncio.get_running_loop()

    @settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
    @given(body=BODIES)
    def whatever(body: Any) -> None:
        asyncio.run_coroutine_threadsafe(one(body), loop).result(30)

    await asyncio.to_thread(whatever)
    await direct.calls.close()
    async with world.runtime.database.tenant(world.org_id) as session:
        kept = set(await session.scalars(text("SELECT id FROM conversations")))
    assert kept == set(answers)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"arguments": []}, "arguments"),
        ({"argument": {}}, "argument"),
        ({"arguments": {}, "conversationId": ""}, "conversationId"),
        ({"arguments": {}, "session": {"callerNumbr": "1"}}, "session.callerNumbr"),
        ({"arguments": {}, "conversationId": "cnv_x", "session": {"callerNumber": "1"}}, ""),
    ],
)
async def test_a_body_that_is_wrong_is_said_to_be(world: World, direct: Direct, body: Any, field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        await direct("agt_none", body)
    assert [finding.field for finding in refused.value.errors] == [field]


class TestRecords:
    def record(self, conversation: str, *, said: str = "x", type: str = "tool_call") -> CallRecord:
        event = Noted(new_id("evt"), type, "2031-03-04T15:30:00+00:00", {"said": said})
        return CallRecord(
            conversation_id=conversation, opening=None, turns=1, events=(event,), outcome="answered", summary="Called; "
        )

    async def test_one_that_cannot_be_stored_takes_no_other_along(self, world: World, direct: Direct) -> None:
        agent = await world.live_agent()
        good = (await direct(agent)).conversation_id
        records = CallRecords(world.runtime.database)
        await direct.calls._records.close()
        for conversation in (good, "cnv_nowhere", good):
            records.soon(world.org_id, self.record(conversation))
        await records.close()
        _, events = await direct.stored(good)
        assert [event.seq for event in events] == [1, 2, 3, 4]

    async def test_what_the_store_cannot_keep_is_replaced(self, world: World, direct: Direct) -> None:
        agent = await world.live_agent()
        world.runner.answers = [found({"appointment_status": "a\x00b"})]
        answer = await direct(agent)
        _, events = await direct.stored(answer.conversation_id)
        assert events[-1].data["result"]["rows"] == [{"appointment_status": "a\ufffdb"}]

    async def test_records_wait_for_a_store_that_comes_back(self, world: World, direct: Direct, monkeypatch) -> None:
        agent = await world.live_agent()
        records = direct.calls._records
        store, tried = records._store, 0

        async def twice_away(*arguments: Any) -> None:
            nonlocal tried
            tried += 1
            if tried <= 2:
                raise OSError("the store is away")
            await store(*arguments)

        monkeypatch.setattr(records, "_store", twice_away)
        answer = await direct(agent)
        give_up = asyncio.get_running_loop().time() + 5
        while records._count and asyncio.get_running_loop().time() < give_up:
            await asyncio.sleep(0.02)
        assert tried == 3
        _, events = await direct.stored(answer.conversation_id)
        assert states(events) == ["started", "succeeded"]

    async def test_a_confirmation_that_was_lost_stores_nothing_twice(self, world: World, direct: Direct, monkeypatch) -> None:
        agent = await world.live_agent()
        records = direct.calls._records
        store = records._store

        async def unconfirmed(*arguments: Any) -> None:
            await store(*arguments)
            raise OSError("the confirmation was lost")

        monkeypatch.setattr(records, "_store", unconfirmed)
        answer = await direct(agent)
        _, events = await direct.stored(answer.conversation_id)
        assert [event.seq for event in events] == [1, 2]

    async def test_calls_wait_when_too_many_records_do(self, world: World, direct: Direct, monkeypatch) -> None:
        monkeypatch.setattr(call_records, "AT_MOST", 3)
        agent = await world.live_agent()
        for _ in range(10):
            await direct(agent)
            assert direct.calls._records._count <= 3


async def test_an_input_of_the_session_is_filled_by_the_channel_alone(world: World, direct: Direct) -> None:
    mine = call_input("number", source="session", key="caller_number", required=True)
    agent = await world.live_agent(("Who calls", frozen_call([mine], [output("name")])))
    world.runner.answers = [found({"name": "Ada"})]
    refused = await direct(agent, {"arguments": {}}, skill="who_calls")
    assert (refused.status, refused.rows) == ("refused", [])
    sent = await direct(agent, {"arguments": {"number": "+1"}, "session": {"callerNumber": "+1"}}, skill="who_calls")
    assert sent.status == "refused"
    assert world.runner.ran == []
    told = await direct(agent, {"session": {"callerNumber": "+1"}}, skill="who_calls")
    assert told.rows == [{"name": "Ada"}]
