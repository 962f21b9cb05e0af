"""Writes whose process is gone: told once, by one process, in their own organization, by the store's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
import time_machine
from sqlalchemy import text

from patchbay.accounts import audit
from patchbay.accounts.operator_events import list_events
from patchbay.agent_runtime.agents import delete_agent
from patchbay.agent_runtime.channels import create_session, end_session, prepare_message
from patchbay.agent_runtime.direct_calls import DirectCalls
from patchbay.agent_runtime.lost_writes import LostWrites
from patchbay.agent_runtime.receipts import receipt
from tests.agent_runtime.conftest import World, appointment_call
from tests.agent_runtime.doubles import ScriptedModel, found

pytestmark = pytest.mark.anyio
Made = Callable[[str], Awaitable[World]]
WRITE = msgspec.structs.replace(appointment_call(effect="write"), guarantee="unique_key")
SLUG = "look_up_an_appointment"
PHONE = {"caller_phone": "+14155550132"}
DONE = audit.Done(principal=None, method="POST", path="/", route=None, status=200, request_id="req_1")
AGED = """
UPDATE conversations SET writing_since = writing_since - interval '1 day', state = CASE
  WHEN state ? 'claim' THEN jsonb_set(state, '{claim,until}', '"2000-01-01T00:00:00Z"')
  ELSE jsonb_set(state, '{writes}', (SELECT jsonb_object_agg(key, value || '{"until": "2000-01-01T00:00:00Z"}')
                                       FROM jsonb_each(state -> 'writes'))) END
WHERE writing_since IS NOT NULL
"""


class Killed(BaseException):
    """The process is gone: nothing of it runs on."""


async def lost_in_turn(world: World, monkeypatch: pytest.MonkeyPatch, *, aged: bool = True) -> str:
    """A chat session whose process was killed while it wrote."""
    agent = await unasked(world)
    async with world.runtime.database.tenant(world.org_id) as session:
        conversation = (await create_session(session, world.org_id, {"agentId": agent})).id
    world.model = ScriptedModel((SLUG, PHONE), "ok")
    turn = await prepare_message(world.runtime, world.org_id, conversation, {"content": "now"})
    running = asyncio.Event()
    world.runner.answers = [lambda *_: never(running)]
    task = asyncio.ensure_future(turn.collect())
    await asyncio.wait_for(running.wait(), 10)
    with monkeypatch.context() as dead:
        dead.setattr(turn._engine, "abandon", lambda: None)
        dead.setattr(turn._journal, "finish_detached", lambda **_: None)
        await cancelled(task)
    if aged:
        await age(world)
    return conversation


async def lost_in_call(world: World, monkeypatch: pytest.MonkeyPatch, *, aged: bool = True) -> str:
    """A direct call whose process was killed while it wrote."""
    calls = DirectCalls(world.runtime)
    running = asyncio.Event()
    world.runner.answers = [lambda *_: never(running)]
    agent = await unasked(world)
    task = asyncio.ensure_future(calls.call(world.org_id, agent, SLUG, {"arguments": PHONE}, audited=DONE))
    await asyncio.wait_for(running.wait(), 10)
    with monkeypatch.context() as dead:
        dead.setattr(calls._records, "soon", lambda *_: None)
        dead.setattr("patchbay.agent_runtime.services.Runtime.detach", lambda _, work: work.close())
        await cancelled(task)
    await calls.close()
    if aged:
        await age(world)
    conversation = world.runner.ran[-1][2].conversation_id
    assert conversation is not None
    return conversation


async def unasked(world: World) -> str:
    agent = await world.agent()
    await world.skill(agent, "Look up an appointment", WRITE, requiresConfirmation=False, stakes="low")
    await world.publish(agent)
    return agent


async def never(running: asyncio.Event) -> None:
    running.set()
    await asyncio.sleep(3600)


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def age(world: World) -> None:
    async with world.runtime.database.owner() as session:
        await session.execute(text(AGED))


async def ends(world: World, conversation: str) -> list[tuple[Any, Any]]:
    """(state, code) of each end of a call in the receipt; its numbers have no gap."""
    async with world.runtime.database.tenant(world.org_id) as session:
        events = await receipt(session, conversation)
        row = await session.execute(
            text("SELECT last_seq, writing_since FROM conversations WHERE id = :id"), {"id": conversation}
        )
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert row.one()[0] == len(events)
    calls = [event.data for event in events if event.type == "tool_call" and event.data["state"] != "started"]
    return [(data["state"], data.get("code")) for data in calls]


async def told(world: World) -> list[str | None]:
    async with world.runtime.database.tenant(world.org_id) as session:
        return [event.conversation_id for event in await list_events(session, types=["write.unknown"])]


UNKNOWN = [("failed", "outcome_unknown")]
either = pytest.mark.parametrize("lost", [lost_in_turn, lost_in_call])
Lost = Callable[..., Awaitable[str]]


@either
async def test_it_is_told_once_by_however_many_processes(world: World, monkeypatch: pytest.MonkeyPatch, lost: Lost) -> None:
    conversation = await lost(world, monkeypatch)
    sweepers = [LostWrites(world.runtime) for _ in range(4)]
    counts = await asyncio.gather(*(one.sweep() for one in sweepers))
    assert sorted(counts) == [0, 0, 0, 1]
    assert await sweepers[0].sweep() == 0
    assert await ends(world, conversation) == UNKNOWN
    assert await told(world) == [conversation]


@either
async def test_it_is_told_in_its_own_organization(
    world: World, make_world: Made, monkeypatch: pytest.MonkeyPatch, lost: Lost
) -> None:
    other = await make_world("Globex")
    mine, theirs = await lost(world, monkeypatch), await lost(other, monkeypatch)
    assert await LostWrites(world.runtime).sweep() == 2
    assert (await told(world), await told(other)) == ([mine], [theirs])
    async with world.runtime.database.tenant(other.org_id) as session:
        assert (await session.execute(text("SELECT id FROM conversations WHERE id = :id"), {"id": mine})).all() == []


@either
@pytest.mark.parametrize("clock", ["2001-01-01", "2101-01-01"])
async def test_what_is_alive_is_left_alone_whatever_a_process_takes_for_now(
    world: World, monkeypatch: pytest.MonkeyPatch, lost: Lost, clock: str
) -> None:
    conversation = await lost(world, monkeypatch, aged=False)
    async with world.runtime.database.owner() as session:
        await session.execute(text("UPDATE conversations SET writing_since = writing_since - interval '1 day'"))
    with time_machine.travel(clock, tick=True):
        assert await LostWrites(world.runtime).sweep() == 0
        await age(world)
        assert await LostWrites(world.runtime).sweep() == 1
    assert await ends(world, conversation) == UNKNOWN


@either
async def test_what_is_found_done_is_done_and_nobody_is_alarmed(
    world: World, monkeypatch: pytest.MonkeyPatch, lost: Lost
) -> None:
    conversation = await lost(world, monkeypatch)
    world.runner.done = True
    assert await LostWrites(world.runtime).sweep() == 1
    assert await ends(world, conversation) == [("succeeded", None)]
    assert await told(world) == []
    (_, ran, asked), (_, settled, looked_up) = world.runner.ran[-1], world.runner.settled[-1]
    assert settled == ran
    assert looked_up == asked


@either
async def test_one_that_looks_and_is_killed_leaves_it_to_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, lost: Lost
) -> None:
    conversation = await lost(world, monkeypatch)

    async def killed(*_: Any) -> bool:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(world.runner, "settle", killed)
        with pytest.raises(Killed):
            await LostWrites(world.runtime).sweep()
    assert await LostWrites(world.runtime).sweep() == 0, "its lease is not over"
    async with world.runtime.database.owner() as session:
        await session.execute(text('UPDATE conversations SET state = state #- \'{claim,until}\' || \'{"claim": {"id": "x"}}\''))
        await session.execute(text("UPDATE conversations SET state = jsonb_set(state, '{claim,until}', '\"2000-01-01\"')"))
    assert await LostWrites(world.runtime).sweep() == 1
    assert await ends(world, conversation) == UNKNOWN
    assert await told(world) == [conversation]


@either
async def test_a_mark_that_cannot_be_read_is_told_as_unknown(world: World, monkeypatch: pytest.MonkeyPatch, lost: Lost) -> None:
    conversation = await lost(world, monkeypatch)
    world.runner.done = True
    async with world.runtime.database.owner() as session:
        spoiled = 'UPDATE conversations SET state = replace(state::text, \'"text": "\', \'"text": "AAAA\')::jsonb'
        await session.execute(text(spoiled))
    assert await LostWrites(world.runtime).sweep() == 1
    assert await ends(world, conversation) == UNKNOWN


async def test_a_deleted_agents_write_is_told_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = await lost_in_turn(world, monkeypatch)
    async with world.runtime.database.tenant(world.org_id) as session:
        row = await session.execute(text("SELECT agent_id FROM conversations"))
        await delete_agent(session, row.scalar_one())
    assert await LostWrites(world.runtime).sweep() == 1
    assert await told(world) == [conversation]


async def test_whoever_finds_it_first_tells_and_nobody_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next turn, the end of the session, the sweep."""
    by_turn = await lost_in_turn(world, monkeypatch)
    world.model = ScriptedModel("Hello.")
    await (await prepare_message(world.runtime, world.org_id, by_turn, {"content": "did it work?"})).collect()
    assert await LostWrites(world.runtime).sweep() == 0
    async with world.runtime.database.tenant(world.org_id) as session:
        await end_session(session, by_turn)
    assert await ends(world, by_turn) == UNKNOWN
    assert await told(world) == [by_turn]


async def test_ending_the_session_leaves_nothing_to_tell(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = await lost_in_turn(world, monkeypatch)
    async with world.runtime.database.tenant(world.org_id) as session:
        await end_session(session, conversation)
    assert await LostWrites(world.runtime).sweep() == 0
    assert await ends(world, conversation) == UNKNOWN
    assert await told(world) == [conversation]


async def test_calls_of_one_conversation_are_lost_one_by_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = await lost_in_call(world, monkeypatch)
    calls = DirectCalls(world.runtime)
    world.runner.answers = [found({"appointment_status": "booked"}, outcome="done")]
    async with world.runtime.database.tenant(world.org_id) as session:
        agent = (await session.execute(text("SELECT agent_id FROM conversations"))).scalar_one()
    body = {"arguments": PHONE, "conversationId": conversation}
    await calls.call(world.org_id, agent, SLUG, body, audited=DONE)
    await calls.close()
    assert await LostWrites(world.runtime).sweep() == 1
    assert sorted(await ends(world, conversation)) == [*UNKNOWN, ("succeeded", None)]
    assert await told(world) == [conversation]
    async with world.runtime.database.owner() as session:
        row = (await session.execute(text("SELECT state -> 'writes', writing_since FROM conversations"))).one()
    assert tuple(row) == ({}, None)


async def test_a_call_that_ends_after_it_was_given_up_is_told_as_it_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process was paused for longer than anybody believed in it."""
    calls, go_on, running = DirectCalls(world.runtime), asyncio.Event(), asyncio.Event()

    async def paused(*_: Any) -> Any:
        running.set()
        await go_on.wait()
        return found({"appointment_status": "booked"}, outcome="done")

    world.runner.answers = [paused]
    task = asyncio.ensure_future(calls.call(world.org_id, await unasked(world), SLUG, {"arguments": PHONE}, audited=DONE))
    await asyncio.wait_for(running.wait(), 10)
    await age(world)
    assert await LostWrites(world.runtime).sweep() == 1
    go_on.set()
    answer = await task
    await calls.close()
    assert await ends(world, answer.conversation_id) == [*UNKNOWN, ("succeeded", None)]
    assert await told(world) == [answer.conversation_id]


async def test_a_server_that_stops_in_the_middle_of_a_direct_write_tells(world: World) -> None:
    calls, running = DirectCalls(world.runtime), asyncio.Event()
    world.runner.answers = [lambda *_: never(running)]
    task = asyncio.ensure_future(calls.call(world.org_id, await unasked(world), SLUG, {"arguments": PHONE}, audited=DONE))
    await asyncio.wait_for(running.wait(), 10)
    await cancelled(task)
    await calls.close()
    await world.runtime.drain()
    conversation = world.runner.ran[-1][2].conversation_id
    assert await told(world) == [conversation]
    await age(world)
    assert await LostWrites(world.runtime).sweep() == 0
