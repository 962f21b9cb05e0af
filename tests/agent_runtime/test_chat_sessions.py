"""A chat session from its creation to its receipt, with the built-in planner."""

from __future__ import annotations

import pytest

from patchbay.accounts.operator_events import list_events
from patchbay.agent_runtime import channels, receipts
from patchbay.agent_runtime.agents import delete_agent, patch_agent
from patchbay.agent_runtime.conversation.journal import SessionEnded, TurnInProgress
from patchbay.agent_runtime.versions import NoPublishedVersion
from patchbay.errors import PatchbayError
from tests.agent_runtime.conftest import World, types

pytestmark = pytest.mark.anyio


async def start(world: World, agent_id: str, **more: object) -> str:
    async with world.runtime.database.tenant(world.org_id) as session:
        return (await channels.create_session(session, world.org_id, {"agentId": agent_id, **more})).id


async def say(world: World, conversation_id: str, text: str) -> list:
    turn = await channels.prepare_message(world.runtime, world.org_id, conversation_id, {"content": text})
    return await turn.collect()


async def test_a_caller_is_asked_for_what_is_missing_and_answered_from_the_row(world: World) -> None:
    agent_id = await world.live_agent(timeZone="America/New_York")
    conversation_id = await start(world, agent_id)

    asked = await say(world, conversation_id, "Hi, when is my appointment?")
    assert types(asked) == ["user_utterance", "agent_message", "done"]
    assert asked[-2].data["text"] == "Could you tell me your phone number?"

    told = await say(world, conversation_id, "it's 613-555-0142")
    assert types(told) == ["user_utterance", "tool_call", "tool_call", "agent_message", "done"]
    started, succeeded = [e for e in told if e.type == "tool_call"]
    assert (started.data["state"], started.data["arguments"]) == ("started", {"caller_phone": "613-555-0142"})
    assert succeeded.data["callId"] == started.data["callId"]
    assert succeeded.data["leaves"] == ["appointment_time", "appointment_status"]
    expected = "The appointment time is Tuesday, March 4, 2031 at 10:30 AM and the appointment status is confirmed."
    assert told[-2].data["text"] == expected
    assert told[-1].data == {"conversationId": conversation_id, "outcome": "answered"}

    async with world.runtime.database.tenant(world.org_id) as session:
        stored = await receipts.receipt(session, conversation_id)
        summary = await receipts.get_conversation(session, conversation_id)
        turns = await receipts.transcript(session, conversation_id)
        messages = await channels.list_messages(session, conversation_id)
    assert [e.seq for e in stored] == list(range(1, 7))
    assert [e.id for e in stored] == [e.id for e in asked + told if e.seq is not None]
    assert summary.summary == "“Hi, when is my appointment?”; used Look up an appointment; answered, 2 turns."
    assert (summary.turns, summary.outcome, summary.status, "claim" in summary.state) == (2, "answered", "active", False)
    assert [t["text"] for t in turns if t["role"] == "user"] == ["Hi, when is my appointment?", "it's 613-555-0142"]
    assert [m.type for m in messages] == ["user_utterance", "agent_message"] * 2


async def test_an_ended_session_takes_no_more_messages(world: World) -> None:
    conversation_id = await start(world, await world.live_agent())
    async with world.runtime.database.tenant(world.org_id) as session:
        assert (await channels.end_session(session, conversation_id)).status == "ended"
    with pytest.raises(SessionEnded):
        await say(world, conversation_id, "hello?")
    with pytest.raises(SessionEnded):
        async with world.runtime.database.tenant(world.org_id) as session:
            await channels.end_session(session, conversation_id)


async def test_an_unpublished_agent_answers_drafts_only(world: World) -> None:
    agent_id = await world.agent()
    await world.skill(agent_id, "Look up an appointment")
    with pytest.raises(NoPublishedVersion):
        await start(world, agent_id)
    conversation_id = await start(world, agent_id, draftMode=True, session={"callerNumber": "+16135550142"})
    told = await say(world, conversation_id, "When is my appointment?")
    assert told[-2].data["text"].startswith("Going by the number you're calling from: the appointment time is")


async def test_a_second_message_waits_for_the_first(world: World) -> None:
    conversation_id = await start(world, await world.live_agent())
    first = await channels.prepare_message(world.runtime, world.org_id, conversation_id, {"content": "hello"})
    with pytest.raises(TurnInProgress):
        await say(world, conversation_id, "hello again")
    assert types(await first.collect())[-1] == "done"
    assert types(await say(world, conversation_id, "thanks"))[-1] == "done"


async def test_a_session_stays_with_the_version_it_began_with(world: World) -> None:
    agent_id = await world.live_agent(greeting="Version one here.")
    conversation_id = await start(world, agent_id)
    async with world.runtime.database.tenant(world.org_id) as session:
        await patch_agent(session, agent_id, {"greeting": "Version two here."})
    await world.publish(agent_id)
    assert (await say(world, conversation_id, "hello"))[-2].data["text"] == "Version one here."
    assert (await say(world, await start(world, agent_id), "hello"))[-2].data["text"] == "Version two here."


async def test_deleting_the_agent_ends_its_conversations_with_a_typed_refusal(world: World) -> None:
    agent_id = await world.live_agent()
    conversation_id = await start(world, agent_id)
    async with world.runtime.database.tenant(world.org_id) as session:
        await delete_agent(session, agent_id)
    with pytest.raises(PatchbayError) as refusal:
        await say(world, conversation_id, "hello")
    assert (refusal.value.code, refusal.value.status) == ("agent_deleted", 409)
    await world.live_agent()  # the name is free again


@pytest.mark.parametrize(("claim", "events"), [(None, 1), ("2020-01-01T00:00:00+00:00", 1), ("2999-01-01T00:00:00+00:00", 0)])
async def test_ending_a_session_tells_of_a_write_that_a_killed_process_left(world: World, claim: str | None, events: int) -> None:
    """A turn that is alive tells of its own write."""
    conversation_id = await start(world, await world.live_agent())
    mark = {"skillId": "skl_1", "digest": "d", "shown": {"toolName": "Book", "callId": "call_1_1"}}
    state: dict[str, object] = {"writing": mark, **({"claim": {"id": "trn_1", "until": claim}} if claim else {})}
    async with world.runtime.database.tenant(world.org_id) as session:
        (await channels.get_session(session, conversation_id)).state = state
    async with world.runtime.database.tenant(world.org_id) as session:
        await channels.end_session(session, conversation_id)
    async with world.runtime.database.tenant(world.org_id) as session:
        told = await list_events(session, types=["write.unknown"])
    assert [(event.conversation_id, event.data["callId"]) for event in told] == [(conversation_id, "call_1_1")] * events
