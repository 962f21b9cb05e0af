"""A configured model beside auto-map: it may choose, and whatever else it does changes nothing."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest

from patchbay.accounts.organizations import ensure_organization
from patchbay.agent_runtime import auto_mapping
from patchbay.agent_runtime.agents import create_agent
from patchbay.agent_runtime.auto_mapping import AutoMapped, auto_map
from patchbay.agent_runtime.conversation.model import Finish, ModelClient, ModelEvent, ModelRequest, ModelUnavailable, TextDelta
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.agent_runtime.services import Runtime
from patchbay.connectors import connecting, connections, scoping
from patchbay.connectors.discovery import discover
from patchbay.connectors.runtime import CallRunner
from patchbay.egress.guard import EgressGuard
from patchbay.errors import NotFound
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.agent_runtime.test_openai_model import chunk, endpoint, piece
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

SHOP = """
CREATE TABLE customers (id int PRIMARY KEY, name text, phone text UNIQUE, ssn text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers, order_number text UNIQUE, total numeric(9,2));
INSERT INTO customers VALUES (1, 'Ada', '+14155550132', '1');
ANALYZE;
"""
GOAL = "Look up a customer by phone and return the name"
GUARD = EgressGuard([ip_network("127.0.0.1/32")])


class Chooser:
    """A model that answers with what ``say`` makes of the question."""

    def __init__(self) -> None:
        self.say: Callable[[dict[str, Any]], str] = lambda _: ""
        self.asked: list[dict[str, Any]] = []
        self.fails: BaseException | None = None
        self.sleeps = 0.0

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        if self.fails is not None:
            raise self.fails
        await asyncio.sleep(self.sleeps)
        (message,) = request.messages
        question = msgspec.json.decode(getattr(message, "text", ""))
        self.asked.append(question)
        assert request.tools == ()
        yield TextDelta(text=self.say(question))
        yield Finish()


class Shop:
    def __init__(self, runtime: Runtime, org_id: str, agent_id: str, model: Chooser) -> None:
        self.runtime, self.org_id, self.agent_id, self.model = runtime, org_id, agent_id, model

    async def map(self, goal: str = GOAL) -> AutoMapped:
        return await auto_map(self.runtime, self.org_id, self.agent_id, "postgres", {"goal": goal})


@pytest.fixture
async def shop(database: Database, vault: Vault, settings: Settings, tls_postgres: PostgresServer) -> AsyncGenerator[Shop]:
    model = Chooser()
    configured = settings.model_copy(update={"llm_base_url": "https://model.invalid/v1"})
    org_id = (await ensure_organization(database, "Shop")).id
    credentials = tls_postgres.create_database(sql=SHOP)
    async with database.tenant(org_id) as session:
        body = {"credentials": credentials, "defaultCountry": "US"}
        await connecting.connect(database, session, vault, GUARD, org_id=org_id, kind="postgres", body=body)
        agent_id = (await create_agent(session, {"name": "Shop"})).id
    await discover(database, vault, GUARD, org_id=org_id, kind="postgres")
    runner = CallRunner(database, vault, GUARD)
    await runner.start()
    runtime = Runtime(database, vault, GUARD, runner, lambda _agent: model, configured)
    yield Shop(runtime, org_id, agent_id, model)
    await runtime.drain()
    await runner.stop()


def always(model: ModelClient) -> Callable[[FrozenAgent], ModelClient]:
    return lambda _: model


def numbered(candidate: dict[str, Any], which: str, name: str) -> int:
    return next(int(number) for number, known in candidate[which].items() if known == name)


async def test_a_model_chooses_among_what_is_offered(shop: Shop) -> None:
    def say(question: dict[str, Any]) -> str:
        orders = next(one for one in question["candidates"] if one["operation"] == "orders.read")
        arguments = [numbered(orders, "arguments", "customer.phone")]
        fields = [numbered(orders, "fields", "order_number"), numbered(orders, "fields", "total")]
        return msgspec.json.encode({"candidate": orders["number"], "arguments": arguments, "fields": fields}).decode()

    shop.model.say = say
    made = await shop.map()
    binding = made.skill.binding or {}
    assert (binding["operation"], made.skill.enabled) == ("orders.read", False)
    assert [one["path"] for one in binding["projection"]] == [["order_number"], ["total"]]
    assert [one["arg"] for one in binding["inputs"]] == ["customer.phone"]
    assert shop.model.asked[0]["goal"] == GOAL


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "customers.read, of course",
        '{"operation": "payments.read", "fields": ["ssn"]}',
        '{"candidate": 1, "arguments": ["ssn"], "fields": ["password"]}',
        '{"candidate": 400, "arguments": [1], "fields": [1]}',
        "x" * 50_000,
    ],
)
async def test_what_a_model_invents_changes_nothing(shop: Shop, answer: str) -> None:
    shop.model.fails = ModelUnavailable()
    without = (await shop.map()).skill.binding or {}
    shop.model.fails = None
    shop.model.say = lambda _: answer
    beside = (await shop.map()).skill.binding or {}
    assert beside == {**without, "toolName": f"{without['toolName']} 2"}
    assert without["operation"] == "customers.read"


async def test_a_model_that_hangs_is_not_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto_mapping, "MODEL_SECONDS", 0.05)
    shop.model.sleeps = 30.0
    made = await asyncio.wait_for(shop.map(), 20)
    assert (made.skill.binding or {})["operation"] == "customers.read"


async def test_an_endless_answer_is_left_and_closed(shop: Shop) -> None:
    class Endless(Chooser):
        sent, closed = 0, False

        async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
            try:
                while True:
                    self.sent += 1
                    yield TextDelta(text="{" * 1_000)
            finally:
                self.closed = True

    endless = Endless()
    shop.runtime = dataclasses.replace(shop.runtime, models=always(endless))
    made = await asyncio.wait_for(shop.map(), 20)
    assert (made.skill.binding or {})["operation"] == "customers.read"
    assert endless.sent < 10
    assert endless.closed


WRONG: list[Any] = [
    [chunk(content="x" * 1_000_000, finish="stop")],
    [*(chunk(content="[" * 1_000) for _ in range(10)), "hang"],
    ["{", "[DONE]"],
    ['{"choices": "first"}', "[DONE]"],
    ['{"choices": [{"delta": {"content": 7}, "finish_reason": ["stop"]}]}', "[DONE]"],
    [chunk(content='{"candidate": "1", "arguments": {}, "fields": null}', finish="stop"), "[DONE]"],
    [chunk(content='{"candidate": 1, "arguments": [1], "fields": [1]}'), "cut"],
    [chunk(calls=[piece(0, id="c", name="run_sql", arguments='{"sql": "SELECT ssn"}')], finish="tool_calls"), "[DONE]"],
    401,
    500,
]


@pytest.mark.parametrize("answer", WRONG, ids=range(len(WRONG)))
async def test_whatever_an_endpoint_sends_leaves_what_is_proposed_without_it(shop: Shop, answer: Any) -> None:
    shop.model.fails = ModelUnavailable()
    without = (await shop.map()).skill.binding or {}
    async with endpoint(answer) as (serving, model):
        shop.runtime = dataclasses.replace(shop.runtime, models=always(model))
        beside = (await asyncio.wait_for(shop.map(), 20)).skill.binding or {}
    assert serving.bodies
    assert beside == {**without, "toolName": f"{without['toolName']} 2"}


async def test_a_model_that_breaks_is_as_none(shop: Shop) -> None:
    shop.model.fails = RuntimeError("a bug in an SDK")
    assert ((await shop.map()).skill.binding or {})["operation"] == "customers.read"


async def test_a_model_is_shown_nothing_that_is_blocked(shop: Shop) -> None:
    async with shop.runtime.database.tenant(shop.org_id) as session:
        connection = await connections.current(session, "postgres")
        await scoping.patch_scoping(session, connection, {"blockedColumns": {"customers": ["ssn"]}})
    await shop.map()
    assert "ssn" not in str(shop.model.asked)


async def test_another_organization_sees_nothing(shop: Shop) -> None:
    other = (await ensure_organization(shop.runtime.database, "Globex")).id
    with pytest.raises(NotFound):
        await auto_map(shop.runtime, other, shop.agent_id, "postgres", {"goal": GOAL})
    assert shop.model.asked == []
