"""A server is killed in the middle of reading a source, and another process reads it without anybody asking."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx2
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
from tests.servers.processes import free_port
from tests.servers.upstreams import hostile
from tests.servers.upstreams.site import Site, serving

pytestmark = pytest.mark.anyio
MASTER = os.urandom(32)
LEASE_S = 1.5


@pytest.fixture
def vault() -> Vault:
    """A vault that the other process can open too."""
    return Vault([("k1", MASTER)])


@pytest.fixture
async def server(settings: Settings, key: Key) -> AsyncGenerator[tuple[asyncio.subprocess.Process, httpx2.AsyncClient]]:
    """A server process to be killed, and a client of it."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.reading_process", stdin=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    given = {
        "data_dir": str(settings.data_dir),
        "database_url": settings.database_url.get_secret_value() if settings.database_url else None,
        "secret_key": f"k1:{base64.b64encode(MASTER).decode()}",
        "egress_allow": "127.0.0.1/32",
    }
    assert process.stdin is not None
    process.stdin.write(json.dumps({"settings": given, "port": port, "lease": LEASE_S}).encode() + b"\n")
    await process.stdin.drain()
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=key.headers, timeout=30) as client:
            async with asyncio.timeout(60):
                while True:
                    with suppress(httpx2.TransportError):
                        if (await client.get("/readyz")).status_code == 200:
                            break
                    assert process.returncode is None
                    await asyncio.sleep(0.05)
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


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
