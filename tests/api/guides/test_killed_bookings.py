"""A server is killed between booking and looking again, and another process says what became of it, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from patchbay.agent_runtime import lost_writes
from patchbay.api.platform import Platform
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import Key
from tests.api.guides.conftest import Caller
from tests.api.guides.google_desk import CALLER, HOME, a_monday, agree, front_desk, google_platform, operator_of
from tests.api.guides.test_google_calendar import PROVISION, USER, booked
from tests.api.killed import LEASE_S, Killable, killable, shared_vault
from tests.servers.providers.google import Google, google
from tests.servers.providers.google_accounts import CLIENT_ID, CLIENT_SECRET
from tests.servers.providers.google_errors import GoogleError

pytestmark = pytest.mark.anyio
RECIPE_S = 12.0
"""How long a direct call of a recipe may take: its mark holds for as long, and the lease."""


@pytest.fixture
def vault() -> Vault:
    return shared_vault()


@pytest.fixture
async def server() -> AsyncGenerator[Google]:
    async with google() as running:
        running.calendars.open(USER)
        yield running


@pytest.fixture
async def platform(
    settings: Settings, database: Database, vault: Vault, server: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Platform]:
    """One that looks for lost writes all the time, twice."""
    monkeypatch.setattr(lost_writes, "LEASE", timedelta(seconds=LEASE_S))
    async with google_platform(settings, database, vault, server, tmp_path) as platform:
        others = [lost_writes.LostWrites(platform.runtime, every_s=0.2) for _ in range(2)]
        for other in others:
            other.start()
        yield platform
        for other in others:
            await other.stop()


@pytest.fixture
async def operator(platform: Platform, key: Key) -> AsyncIterator[Caller]:
    async with operator_of(platform, key) as caller:
        yield caller


@pytest.fixture
async def process(settings: Settings, server: Google, key: Key, tmp_path: Path, platform: Platform) -> AsyncIterator[Killable]:
    """The server that will be killed, and a client of it."""
    stand_ins = {
        origin: {"origin": one["origin"], "ca_file": one["caFile"]}
        for origin, one in server.stand_ins(str(tmp_path / "google.pem")).items()
    }
    oauth = {"google": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}}
    async with killable(settings, key, public_url=HOME, oauth=oauth, stand_ins=stand_ins) as running:
        yield running


@pytest.mark.parametrize("when", ["before it is there", "after it is there", "beside another one"])
async def test_a_killed_booking_is_told_as_what_it_was(operator: Caller, server: Google, process: Any, when: str) -> None:
    await agree(operator, server, "google_calendar")
    agent_id = await front_desk(operator)
    (made,) = await operator.ask("POST", PROVISION.format(agent_id), {"actions": ["book_appointment"]})
    path = f"/agents/{agent_id}/skills/{made['skill']['id']}"
    await operator.ask("PATCH", path, {"requiresConfirmation": False, "stakes": "low"})
    changed = await operator.ask("GET", path)
    await operator.ask("PATCH", path, {"enabled": True, "review": {"digest": changed["reviewDigest"], "note": "looked at"}})
    await operator.ask("POST", f"/agents/{agent_id}/publish", status=201)

    running, client = process
    ten, reached, loop = a_monday("10:00"), asyncio.Event(), asyncio.get_running_loop()

    def kill() -> None:
        running.kill()
        loop.call_soon(reached.set)

    def kill_before() -> None:
        kill()
        raise GoogleError(503, "backendError", "backendError")

    if when == "before it is there":
        server.before("events.insert", kill_before)
    else:
        server.slow(1.0, matching="events.insert")
    said = {"arguments": {"starts_at": ten.isoformat(), "caller_name": "Ada Byron"}, "session": CALLER}
    asked = asyncio.ensure_future(client.post(f"/api/v1{path}/call", json=said))
    if when != "before it is there":
        async with asyncio.timeout(20):
            while not booked(server):
                await asyncio.sleep(0.02)
        kill()
    await asyncio.wait_for(reached.wait(), 20)
    with pytest.raises(httpx2.TransportError):
        await asked
    if when == "beside another one":
        server.calendars.add(server.calendars.all[USER], ten.isoformat(), a_monday("11:00").isoformat(), "By hand")

    (conversation,) = await operator.ask("GET", "/conversations")
    async with asyncio.timeout(RECIPE_S + 20):
        while True:
            events = await operator.ask("GET", f"/conversations/{conversation['id']}/receipt")
            calls = [event["data"] for event in events if event["type"] == "tool_call"]
            if len(calls) > 1:
                break
            await asyncio.sleep(0.2)
    told = await operator.ask("GET", "/operator-events?type=write.unknown")
    if when == "after it is there":
        assert [one["state"] for one in calls] == ["started", "succeeded"]
        assert told == []
    else:
        assert [(one["state"], one.get("code")) for one in calls] == [("started", None), ("failed", "outcome_unknown")]
        assert [one["conversationId"] for one in told] == [conversation["id"]]
    await asyncio.sleep(1.0)
    assert len(await operator.ask("GET", f"/conversations/{conversation['id']}/receipt")) == len(events)
    assert server.count("calendar.events.insert") <= 1
