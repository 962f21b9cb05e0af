"""Gates over the real store: what must be durable before something runs, and what may never be stored."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import text

from patchbay.agent_runtime.channels import create_session, prepare_message
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from tests.agent_runtime.conftest import World
from tests.agent_runtime.doubles import FakeRunner, ScriptedModel, call_input, found, frozen_call, output

pytestmark = pytest.mark.anyio
REFUND = frozen_call([call_input("order_number")], [output("reference")], effect="write")
CHECK = frozen_call([call_input("account_number")], [output("pin"), output("customer_id")])
BALANCE = frozen_call(
    [call_input("customer_id", source="verified", key="customer_id")], [output("balance")], verification="basic"
)


async def session_with(world: World, agent: str) -> str:
    async with world.runtime.database.tenant(world.org_id) as session:
        return (await create_session(session, world.org_id, {"agentId": agent})).id


async def say(world: World, conversation: str, said: str) -> str:
    events = await (await prepare_message(world.runtime, world.org_id, conversation, {"content": said})).collect()
    return " ".join(e.data["text"] for e in events if e.type == "agent_message")


async def stored(world: World, conversation: str) -> dict[str, Any]:
    async with world.runtime.database.tenant(world.org_id) as session:
        row = await session.execute(text("SELECT state FROM conversations WHERE id = :id"), {"id": conversation})
        return row.scalar_one()


async def test_a_confirmation_is_used_up_and_the_write_marked_before_it_runs(world: World) -> None:
    agent = await world.live_agent(("Refund an order", REFUND))
    world.model = ScriptedModel(("refund_an_order", {"order_number": "7"}), "Done.")
    conversation = await session_with(world, agent)
    seen: list[dict[str, Any]] = []

    async def look(call: FrozenCall, context: CallContext) -> CallResult:
        seen.append(await stored(world, conversation))
        return found({"reference": "R1"}, outcome="done")

    world.runner = FakeRunner(look)
    assert "Shall I go ahead?" in await say(world, conversation, "refund order 7")
    assert (await stored(world, conversation))["pending"]["arguments"] == {"order_number": "7"}
    assert await say(world, conversation, "yes") == "Done."
    assert "pending" not in seen[0]
    assert seen[0]["writing"]["skillId"]
    assert "claim" in seen[0]
    after = await stored(world, conversation)
    assert "writing" not in after
    assert list(after["done"].values()) == [1]


async def test_what_is_given_in_a_verification_is_nowhere_in_the_store(world: World) -> None:
    agent = await world.agent()
    verifier = await world.skill(agent, "Check a PIN", CHECK)
    await world.skill(agent, "Read the balance", BALANCE, requiresVerifiedIdentity=True)
    config = [{"id": "v", "method": "account_pin", "requiredFields": ["account_number", "pin"], "verifierSkillId": verifier}]
    async with world.runtime.database.tenant(world.org_id) as session:
        await session.execute(
            text("UPDATE agents SET caller_verification = CAST(:config AS jsonb) WHERE id = :id"),
            {"id": agent, "config": str(config).replace("'", '"')},
        )
    await world.publish(agent)

    def answer(call: FrozenCall, context: CallContext) -> CallResult:
        if call.verification == "none":
            return found({"pin": "407193", "customer_id": "c1"})
        return found({"balance": f"B-{context.verified['customer_id']}"})

    world.runner = FakeRunner(answer)
    world.model = ScriptedModel(("read_the_balance", {}), "Here it is.")
    conversation = await session_with(world, agent)
    await say(world, conversation, "my balance")
    assert "PIN" in await say(world, conversation, "ZQ998877")
    assert await say(world, conversation, "407193") == "Here it is."
    async with world.runtime.database.owner(world.org_id) as session:
        tables = (await session.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))).scalars().all()
        for table in tables:
            rows = (await session.execute(text(f"SELECT t::text FROM {table} t"))).scalars().all()
            assert not [row for row in rows if "407193" in row or "ZQ998877" in row], table
        counted = (await session.execute(text("SELECT scope, failures FROM verification_attempts ORDER BY 1"))).all()
    assert [tuple(row) for row in counted] == [("identity", 0), ("origin", 0)]
    assert "B-c1" in str(world.model.asked)


async def test_a_no_is_a_no_even_if_its_process_is_killed(world: World) -> None:
    agent = await world.live_agent(("Refund an order", REFUND))
    world.model = ScriptedModel(("refund_an_order", {"order_number": "7"}), "Fine.")
    conversation = await session_with(world, agent)
    assert "Shall I go ahead?" in await say(world, conversation, "refund order 7")
    await prepare_message(world.runtime, world.org_id, conversation, {"content": "no"})  # and killed before it answers
    async with world.runtime.database.tenant(world.org_id) as session:
        await session.execute(text("UPDATE conversations SET state = state - 'claim' WHERE id = :id"), {"id": conversation})
    await say(world, conversation, "ok")
    assert world.runner.ran == []


async def test_guesses_at_the_same_moment_in_many_conversations_are_counted_one_by_one(world: World) -> None:
    agent = await world.agent()
    verifier = await world.skill(agent, "Check a PIN", CHECK)
    await world.skill(agent, "Read the balance", BALANCE, requiresVerifiedIdentity=True)
    config = [{"id": "v", "method": "account_pin", "requiredFields": ["account_number", "pin"], "verifierSkillId": verifier}]
    async with world.runtime.database.tenant(world.org_id) as session:
        await session.execute(
            text("UPDATE agents SET caller_verification = CAST(:config AS jsonb) WHERE id = :id"),
            {"id": agent, "config": json.dumps(config)},
        )
    await world.publish(agent)
    world.runner = FakeRunner(found({"pin": "407193", "customer_id": "c1"}))

    async def guess(number: int) -> str:
        async with world.runtime.database.tenant(world.org_id) as session:
            facts = {"visitor": f"v{number}"}
            conversation = (await create_session(session, world.org_id, {"agentId": agent, "session": facts})).id
        for said in ("my balance", "ZQ" + "-" * number + "998877"):
            await say(world, conversation, said)
        return await say(world, conversation, f"40718{number % 10}")

    world.model = ScriptedModel(("read_the_balance", {}))
    heard = await asyncio.gather(*(guess(number) for number in range(4, 24)))
    assert len(world.runner.ran) == 3
    assert sum("doesn't match" in answer for answer in heard) == 2
    assert sum("couldn't verify" in answer for answer in heard) == 18
