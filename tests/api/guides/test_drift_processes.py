"""Drift across processes: one skill breaks and the other goes on; what a process met before it was killed is kept."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from patchbay.agent_runtime.tables import Skill
from patchbay.api.platform import Platform
from patchbay.connectors import discovery
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import Key
from tests.api.guides.conftest import Caller
from tests.api.guides.test_drift import ARGUMENTS, POSTGRES, Desk, desk
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

MASTER = os.urandom(32)
FIRST, SECOND = "Look up an appointment", "Find the customer"


@pytest.fixture
def vault() -> Vault:
    """A vault that the other process can open too."""
    return Vault([("k1", MASTER)])


class Other:
    """The other process; ``until`` reads its reports until they are as expected."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def until(self, expected: dict[str, str]) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            while json.loads(await self.process.stdout.readline()) != expected:
                pass


Start = Callable[[Desk], Awaitable[Other]]


@pytest.fixture
async def start(database: Database, platform_dsn: str) -> AsyncGenerator[Start]:
    """Starts a process that runs a desk's live calls."""
    started: list[asyncio.subprocess.Process] = []

    async def run(made: Desk) -> Other:
        async with database.tenant(made.org, read_only=True) as session:
            rows = (await session.scalars(select(Skill))).all()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.api.guides.drift_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        started.append(process)
        calls = {row.name: (row.call or b"").decode() for row in rows}
        given = {"dsn": platform_dsn, "key": base64.b64encode(MASTER).decode(), "org": made.org, "calls": calls,
                 "arguments": ARGUMENTS}  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps(given).encode() + b"\n")
        await process.stdin.drain()
        return Other(process)

    yield run
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_one_skill_breaks_and_the_other_goes_on_in_every_process(
    caller: Caller, patchbay: Platform, key: Key, start: Start, tls_postgres: PostgresServer
) -> None:
    credentials = tls_postgres.create_database(sql=POSTGRES)
    made = await desk(caller, patchbay, key, "postgres", credentials)
    others = [await start(made) for _ in range(2)]
    for other in others:
        await other.until({FIRST: "rows:1", SECOND: "rows:1"})
    tls_postgres.execute(credentials["database"], "ALTER TABLE appointments ALTER starts_at TYPE date")
    await made.discover()
    for other in others:
        await other.until({FIRST: "schema_changed", SECOND: "rows:1"})
    tls_postgres.execute(credentials["database"], "ALTER TABLE appointments ALTER starts_at TYPE timestamptz")
    await made.discover()
    for other in others:
        await other.until({FIRST: "rows:1", SECOND: "rows:1"})


async def test_what_a_killed_process_met_is_known(
    caller: Caller, patchbay: Platform, key: Key, start: Start, tls_postgres: PostgresServer
) -> None:
    credentials = tls_postgres.create_database(sql=POSTGRES)
    made = await desk(caller, patchbay, key, "postgres", credentials)
    other = await start(made)
    await other.until({FIRST: "rows:1", SECOND: "rows:1"})
    tls_postgres.execute(credentials["database"], "ALTER TABLE appointments DROP status")
    await other.until({FIRST: "schema_changed", SECOND: "rows:1"})
    await asyncio.sleep(3)
    other.process.kill()
    await other.process.wait()
    drift = await made.drift()
    assert (drift[FIRST]["status"], drift[SECOND]["status"]) == ("degraded", "unchanged")
    assert [reason["code"] for reason in drift[FIRST]["reasons"]] == ["live_refused"]
    assert drift[FIRST]["observed"][0]["leaf"] is None
    await made.discover()
    assert {(r["code"], r["status"]) for r in (await made.drift())[FIRST]["reasons"]} == {("field_gone", "broken")}
    assert [event["data"]["status"] for event in await made.events()] == ["broken", "degraded"]


async def test_a_discovery_killed_before_it_is_stored_judges_nothing_and_one_that_is_stored_everything(
    caller: Caller, patchbay: Platform, key: Key, tls_postgres: PostgresServer
) -> None:
    """The schema and what it means are stored in one transaction, so there is no moment between."""
    credentials = tls_postgres.create_database(sql=POSTGRES)
    made = await desk(caller, patchbay, key, "postgres", credentials)
    before = (await caller.ask("GET", "/integrations/postgres/drift"))["fingerprint"]
    tls_postgres.execute(credentials["database"], "ALTER TABLE appointments DROP status")

    async def killed(session: Any, connection_id: str) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await discovery.discover(
            patchbay.database, patchbay.vault, patchbay.guard, org_id=made.org, kind="postgres", judge=killed
        )
    found = await caller.ask("GET", "/integrations/postgres/drift")
    assert (found["fingerprint"], {one["status"] for one in found["skills"]}) == (before, {"unchanged"})

    async def failing(session: Any, connection_id: str) -> None:
        raise RuntimeError

    await discovery.discover(patchbay.database, patchbay.vault, patchbay.guard, org_id=made.org, kind="postgres", judge=failing)
    assert (await made.drift())[FIRST]["status"] == "broken"
