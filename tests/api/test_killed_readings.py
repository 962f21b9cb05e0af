"""A server is killed in the middle of reading a source, and another process reads it without anybody asking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import psycopg
import pytest

from patchbay.agent_runtime.agents import create_agent
from patchbay.agent_runtime.knowledge import sources, taking
from patchbay.agent_runtime.knowledge.ingestion import Ingestion
from patchbay.egress.guard import EgressGuard
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import Key
from tests.api.killed import LEASE_S, Killable, killable, shared_vault
from tests.servers.upstreams import hostile
from tests.servers.upstreams.site import Site, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
def vault() -> Vault:
    return shared_vault()


@pytest.fixture
async def server(settings: Settings, key: Key) -> AsyncGenerator[Killable]:
    """A server process to be killed, and a client of it."""
    async with killable(settings, key) as running:
        yield running


async def storing(dsn: str) -> None:
    """Until the database is at the insert of passages."""
    query = "SELECT FROM pg_stat_activity WHERE query ILIKE 'INSERT INTO knowledge_passages%' AND wait_event_type = 'Lock'"
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as looking:
        while await (await looking.execute(query)).fetchone() is None:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("killed", ["fetching", "storing"])
async def test_a_killed_reading_is_taken_over(
    killed: str, server: Any, key: Key, database: Database, platform_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "LEASE", timedelta(seconds=LEASE_S))
    process, client = server
    async with database.tenant(key.org_id) as session:
        agent = (await create_agent(session, {"name": "Front desk"})).id
    page = "<p>Large $18"
    async with serving(Site({"/menu": hostile.silence if killed == "fetching" else page})) as site:
        async with await psycopg.AsyncConnection.connect(platform_dsn) as blocking, asyncio.timeout(30):
            if killed == "storing":
                await blocking.execute("LOCK TABLE knowledge_passages IN EXCLUSIVE MODE")
            body = {"kind": "url", "label": "Menu", "url": site.url("/menu")}
            added = await client.post(f"/api/v1/agents/{agent}/knowledge/sources", json=body)
            assert added.status_code == 201, added.text
            if killed == "storing":
                await storing(platform_dsn)
            while not site.asked:
                await asyncio.sleep(0.02)
            process.kill()
            await process.wait()
        site.pages["/menu"] = page
        others = [Ingestion(database, EgressGuard([ip_network("127.0.0.1/32")]), every_s=0.1) for _ in range(2)]
        for other in others:
            other.start()
        async with asyncio.timeout(20):
            while True:
                async with database.tenant(key.org_id, read_only=True) as session:
                    found = await sources.get_source(session, agent, added.json()["data"]["id"])
                if found.row.status != "pending":
                    break
                await asyncio.sleep(0.05)
        for other in others:
            await other.stop()
    assert (found.row.status, found.text, found.passages, found.row.attempts) == ("indexed", "Large $18", 1, 0)
    assert site.asked == ["/menu", "/menu"]
    async with await psycopg.AsyncConnection.connect(platform_dsn) as looking:
        rows = await (await looking.execute("SELECT count(*) FROM knowledge_indexes")).fetchone()
    assert rows == (1,)
