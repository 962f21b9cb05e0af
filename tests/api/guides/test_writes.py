"""A write from connecting to talking, as a new user does it through the public API, on a database of either kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.guides.conftest import Caller, calls, said
from tests.servers.mariadb import MariaDbServer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

ORDERS = """
CREATE TABLE orders (id int PRIMARY KEY, number varchar(20) NOT NULL UNIQUE, note varchar(100));
INSERT INTO orders VALUES (1, 'A-100', 'as ordered'), (2, 'A-200', 'as ordered');
"""
BINDING: dict[str, Any] = {
    "toolName": "Change the note of an order",
    "description": "Change the note on an order.",
    "operation": "orders.update",
    "inputs": [
        {"param": "order_number", "arg": "number", "required": True, "description": "The order's number"},
        {"param": "note", "arg": "note", "source": "constant", "value": "hold it back"},
    ],
    "filters": [{"arg": "number", "param": "order_number"}],
    "projection": [{"path": ["note"], "leaf": "note"}],
    "enabled": True,
}
ASK = ["Change the note of order A-100"]


class Shop:
    """A connected shop, and an agent whose only skill is the write."""

    def __init__(self, caller: Caller, kind: str, read: Callable[[], list[tuple[Any, ...]]]) -> None:
        self.caller, self.kind, self.read = caller, kind, read
        self.agent, self.skill = "", {}

    @property
    def note(self) -> str:
        """The note of order A-100 as the database has it."""
        return self.read()[0][0]

    @property
    def path(self) -> str:
        return f"/agents/{self.agent}/skills/{self.skill['id']}"

    async def bind(self) -> None:
        self.agent = (await self.caller.ask("POST", "/agents", {"name": "Shop"}, status=201))["id"]
        bindings = f"/agents/{self.agent}/integrations/{self.kind}/bindings"
        self.skill = await self.caller.ask("POST", bindings, BINDING, status=201)

    async def enable(self, **change: Any) -> None:
        shown = await self.caller.ask("GET", self.path)
        if change:
            shown = await self.caller.ask("PATCH", self.path, change)
        review = {"digest": shown["reviewDigest"], "note": "looked at"}
        assert (await self.caller.ask("PATCH", self.path, {"enabled": True, "review": review}))["enabled"] is True

    async def publish(self) -> None:
        await self.caller.ask("POST", f"/agents/{self.agent}/publish", status=201)

    async def talk(self, *spoken: str) -> Any:
        return await self.caller.simulate(self.agent, transcript=list(spoken), draftMode=False)


@pytest.fixture(params=["postgres", "mysql"])
async def shop(request: pytest.FixtureRequest, caller: Caller) -> Shop:
    """Connected with a write role, and discovered."""
    kind: str = request.param
    fixture = "tls_postgres" if kind == "postgres" else "tls_mariadb"
    server: PostgresServer | MariaDbServer = request.getfixturevalue(fixture)
    credentials = server.create_database(sql=ORDERS, write_tables=("orders",))
    await caller.ask("POST", f"/integrations/{kind}/connect", {"credentials": credentials})
    await caller.ask("POST", f"/integrations/{kind}/discover")
    query = "SELECT note FROM orders WHERE number = 'A-100'"
    made = Shop(caller, kind, lambda: server.execute(credentials["database"], query))
    await made.bind()
    return made


async def test_a_write_is_reviewed_before_it_is_enabled_and_again_after_an_edit(shop: Shop) -> None:
    caller = shop.caller
    assert shop.skill["enabled"] is False
    arguments = {"order_number": "A-100"}
    looked = await caller.ask("POST", f"{shop.path}/preview", {"arguments": arguments})
    assert "UPDATE" in str(looked)
    assert "as ordered" in str(looked)
    tried = await caller.ask("POST", f"{shop.path}/preview", {"arguments": arguments, "execute": True})
    assert "hold it back" in str(tried)
    assert shop.note == "as ordered"

    refused = await caller.refused("PATCH", shop.path, {"enabled": True})
    assert (refused["status"], refused["code"]) == (422, "review_required")
    stale = await caller.refused("PATCH", shop.path, {"enabled": True, "review": {"digest": "0" * 64}})
    assert (stale["status"], stale["code"]) == (409, "review_stale")
    await shop.enable()
    edited = await caller.ask("PATCH", shop.path, {"description": "Put another note on an order."})
    assert edited["enabled"] is False
    assert edited["reviewDigest"] != edited["review"]["digest"]
    refused = await caller.refused("PATCH", shop.path, {"enabled": True})
    assert refused["code"] == "review_required"


async def test_the_caller_confirms_and_it_is_done_once(shop: Shop) -> None:
    await shop.enable()
    await shop.publish()
    report = await shop.caller.ask("GET", f"/agents/{shop.agent}/prepublish-report")
    (write,) = report["writes"]
    assert (write["published"], write["reviewed"], write["confirmedFirst"]) == (True, True, True)

    asked = await shop.talk(*ASK)
    assert "Shall I go ahead?" in said(asked)
    refused = await shop.talk(*ASK, "no")
    assert shop.note == "as ordered"
    assert "succeeded" not in {state for state, _ in calls(refused)}
    done = await shop.talk(*ASK, "yes")
    assert [state for state, _ in calls(done)].count("succeeded") == 1
    assert shop.note == "hold it back"

    direct = await shop.caller.ask("POST", f"{shop.path}/call", {"arguments": {"order_number": "A-100"}})
    assert (direct["status"], direct["code"]) == ("refused", "confirmation_required")


async def test_low_stakes_may_say_that_nobody_is_asked(shop: Shop) -> None:
    await shop.enable(stakes="low", requiresConfirmation=False)
    await shop.publish()
    frames = await shop.talk(*ASK)
    assert calls(frames)[-1] == ("succeeded", BINDING["toolName"])
    assert shop.note == "hold it back"


async def test_a_gated_write_asks_who_is_calling_first(shop: Shop) -> None:
    await shop.caller.ask("PATCH", shop.path, {"requiresVerifiedIdentity": True})
    await shop.enable()
    await shop.publish()
    frames = await shop.talk(*ASK, "yes")
    assert next(f["data"]["policy"] for name, f in frames if name == "guardrail") == "verification_required"
    assert shop.note == "as ordered"
