"""Scoping in another process: one that runs, and one that was stopped while the scoping changed."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors import shop
from tests.connectors.platform import Shop, open_shop
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio


class Other:
    """The other process: what it reports, read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def next(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 20)
        return json.loads(line)

    async def until(self, outcome: str) -> list[dict[str, Any]]:
        """Everything it reported up to the first ``outcome``, that included."""
        reports = [await self.next()]
        while reports[-1]["outcome"] != outcome:
            reports.append(await self.next())
        return reports


@pytest.fixture
async def acme(platform_dsn: str, tls_postgres: PostgresServer) -> AsyncGenerator[tuple[Shop, Other]]:
    key = os.urandom(32)
    database = Database.at(platform_dsn)
    made = await open_shop(database, Vault([("k1", key)]), tls_postgres.create_database(sql=shop.SQL))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.connectors.runtime.other_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    given = {
        "dsn": platform_dsn,
        "key": base64.b64encode(key).decode(),
        "org": made.org,
        "call": msgspec.json.encode(made.find_customer).decode(),
    }
    assert process.stdin is not None
    process.stdin.write(json.dumps(given).encode() + b"\n")
    await process.stdin.drain()
    yield made, Other(process)
    process.kill()
    await process.wait()
    await database.close()


async def test_blocking_here_stops_calls_there_within_a_second(acme: tuple[Shop, Other]) -> None:
    made, other = acme
    await other.until("rows:1")
    await made.block(blockedColumns={"customers": ["email"]})
    blocked_at = time.monotonic()
    *before, refused = await other.until("scoped_out")
    assert refused["at"] - blocked_at < 1
    assert all(report["at"] - blocked_at < 1 for report in before)


async def test_a_stopped_process_returns_nothing_it_read_before(acme: tuple[Shop, Other]) -> None:
    made, other = acme
    await other.until("rows:1")
    other.process.send_signal(signal.SIGSTOP)
    await made.block(blockedColumns={"customers": ["email"]})
    blocked_at = time.monotonic()
    await asyncio.sleep(1.2)
    other.process.send_signal(signal.SIGCONT)
    reports = await other.until("scoped_out")
    # What it printed before it was stopped may still be in the pipe; after the change it ran nothing.
    assert [r for r in reports if r["at"] > blocked_at and r["outcome"] != "scoped_out"] == []
