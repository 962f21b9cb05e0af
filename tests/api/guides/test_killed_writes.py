"""A server is killed in the middle of a write, and another process tells of it without anybody asking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from patchbay.agent_runtime import lost_writes
from patchbay.api.platform import Platform
from patchbay.settings import Settings
from patchbay.store.vault import Vault
from tests.api.conftest import Key
from tests.api.guides.conftest import Caller
from tests.api.guides.test_writes import ORDERS, Shop
from tests.api.killed import LEASE_S, Killable, killable, shared_vault
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
SLOW_COMMIT = (
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.8); RETURN NULL; END $$",
    "CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()",
)


@pytest.fixture
def vault() -> Vault:
    return shared_vault()


@pytest.fixture
async def server(settings: Settings, key: Key) -> AsyncGenerator[Killable]:
    """A server process to be killed, and a client of it."""
    async with killable(settings, key) as running:
        yield running


class Killing:
    """A shop of which one write is under way in a server, and what is told of it afterwards."""

    def __init__(self, shop: Shop, server: Any, dsn: str) -> None:
        self.shop, (self.process, self.client), self.dsn = shop, server, dsn
        self.conversation: str | None = None
        self._asked: asyncio.Task[Any] | None = None

    async def begin(self, via: str) -> None:
        """Ask the other server for the write."""
        path, body = f"{self.shop.path}/call", {"arguments": {"order_number": "A-100"}}
        if via == "turn":
            session = await self.shop.caller.ask("POST", "/chat/sessions", {"agentId": self.shop.agent}, status=201)
            self.conversation = session["id"]
            path, body = f"/chat/sessions/{session['id']}/messages", {"content": "Change the note of order A-100"}
        self._asked = asyncio.ensure_future(self.client.post(f"/api/v1{path}", json=body))

    async def under_way(self, statement: str, waiting_for: str) -> None:
        """Until the database is at the statement."""
        query = "SELECT FROM pg_stat_activity WHERE query ILIKE %s AND (wait_event_type = %s OR wait_event = %s)"
        with psycopg.connect(self.dsn, autocommit=True) as looking:
            async with asyncio.timeout(10):
                while looking.execute(query, (f"{statement}%", waiting_for, waiting_for)).fetchone() is None:
                    await asyncio.sleep(0.02)

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()
        assert self._asked is not None
        with pytest.raises(httpx2.TransportError):
            await self._asked

    async def receipt(self) -> list[dict[str, Any]]:
        """What the receipt tells of the call."""
        if self.conversation is None:
            (found,) = await self.shop.caller.ask("GET", "/conversations")
            self.conversation = found["id"]
        events = await self.shop.caller.ask("GET", f"/conversations/{self.conversation}/receipt")
        return [event for event in events if event["type"] == "tool_call"]

    async def end(self) -> dict[str, Any]:
        """The end of the call, once somebody has told it."""
        async with asyncio.timeout(20):
            while len(ends := (await self.receipt())[1:]) < 1:
                await asyncio.sleep(0.1)
        assert len(ends) == 1
        return ends[0]["data"]

    async def told(self) -> list[dict[str, Any]]:
        return await self.shop.caller.ask("GET", "/operator-events?type=write.unknown")


@pytest.fixture
async def killing(
    caller: Caller, patchbay: Platform, server: Any, tls_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Killing]:
    """With two others looking for lost writes at once."""
    monkeypatch.setattr(lost_writes, "LEASE", timedelta(seconds=LEASE_S))
    credentials = tls_postgres.create_database(sql=ORDERS, write_tables=("orders",))
    await caller.ask("POST", "/integrations/postgres/connect", {"credentials": credentials})
    await caller.ask("POST", "/integrations/postgres/discover")
    query = "SELECT note FROM orders WHERE number = 'A-100'"
    shop = Shop(caller, "postgres", lambda: tls_postgres.execute(credentials["database"], query))
    await shop.bind()
    await shop.enable(stakes="low", requiresConfirmation=False)
    await shop.publish()
    made = Killing(shop, server, tls_postgres.superuser_dsn(credentials["database"]))
    others = [lost_writes.LostWrites(patchbay.runtime, every_s=0.2) for _ in range(2)]
    for other in others:
        other.start()
    yield made
    for other in others:
        await other.stop()


@pytest.mark.parametrize("via", ["turn", "call"])
async def test_what_never_happened_is_unknown_and_told_once(killing: Killing, via: str) -> None:
    with psycopg.connect(killing.dsn) as holder:
        holder.execute("SELECT FROM orders WHERE number = 'A-100' FOR UPDATE")
        await killing.begin(via)
        await killing.under_way("UPDATE", "Lock")
        await killing.kill()
    end = await killing.end()
    assert (end["state"], end["code"], end["detail"]) == ("failed", "outcome_unknown", "interrupted")
    await asyncio.sleep(1)
    (event,) = await killing.told()
    assert (event["conversationId"], event["data"]["callId"]) == (killing.conversation, end["callId"])
    assert (event["skillId"], event["data"]["toolName"]) == (killing.shop.skill["id"], killing.shop.skill["name"])
    assert len(await killing.receipt()) == 2
    assert killing.shop.note == "as ordered"


@pytest.mark.parametrize("via", ["turn", "call"])
async def test_what_was_committed_is_looked_up_and_found_done(killing: Killing, via: str) -> None:
    """The server is killed while it waits for the commit; the database goes on with it."""
    with psycopg.connect(killing.dsn, autocommit=True) as owner:
        for statement in SLOW_COMMIT:
            owner.execute(statement)  # pyright: ignore[reportArgumentType]
    await killing.begin(via)
    await killing.under_way("COMMIT", "PgSleep")
    await killing.kill()
    end = await killing.end()
    assert (end["state"], end["result"]["outcome"], end["result"]["rows"]) == ("succeeded", "done", [])
    assert killing.shop.note == "hold it back"
    assert await killing.told() == []


async def test_the_conversation_goes_on_after_it_was_told(killing: Killing) -> None:
    with psycopg.connect(killing.dsn) as holder:
        holder.execute("SELECT FROM orders WHERE number = 'A-100' FOR UPDATE")
        await killing.begin("turn")
        await killing.under_way("UPDATE", "Lock")
        await killing.kill()
    await killing.end()
    path = f"/chat/sessions/{killing.conversation}/messages"
    await killing.shop.caller.ask("POST", path, {"content": "Change the note of order A-100"})
    calls = await killing.receipt()
    assert [call["data"]["state"] for call in calls] == ["started", "failed", "started", "succeeded"]
    assert calls[0]["data"]["callId"] != calls[2]["data"]["callId"]
    assert [call["turn"] for call in calls] == [1, 1, 2, 2]
    assert len(await killing.told()) == 1
