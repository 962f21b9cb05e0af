"""Skill calls while a large schema is discovered in the same platform process, against the same calls without it.

    uv run --locked python benchmarks/discovery_under_load.py [--rounds 5] [--callers 4]

Callers come at a steady pace and look up a customer by phone on a PostgreSQL behind TLS with 100,000 rows; meanwhile another
organization's 5,000 tables of 12 columns, on the same server, are discovered as `POST …/discover` does it, until the snapshot
is stored; then its OpenAPI document of 4 MB (Stripe's, uploaded; from ``PATCHBAY_SHARED_DATA``, by default ``../shared/data``
beside the project). Rounds with and without take turns in one process and last equally long. Latency
counts from when a call is due, so that an event loop that stands still shows, even if it lets nobody start. Prints a table in
Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.discovery import COLUMNS, make_database
from benchmarks.skill_call import MORE_ROWS, phone, platform
from patchbay.accounts.uploads import store_upload
from patchbay.connectors.connecting import connect
from patchbay.connectors.discovery import discover
from patchbay.connectors.runtime import CallRunner
from patchbay.schema_graph.call import CallContext
from tests.connectors import shop
from tests.connectors.platform import GUARD, Shop
from tests.servers.postgres import PostgresServer

TABLES = 5_000
SHARED = Path(os.environ.get("PATCHBAY_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
DOCUMENT = SHARED / "openapi" / "stripe" / "spec3.json"
Latencies = dict[str, list[float]]
LIMIT_MS = 20.0
PACE_S = 0.005
"""How often each caller calls."""


async def calling(made: Shop, runner: CallRunner, seed: int, until: asyncio.Event) -> list[float]:
    """Milliseconds from due to answered of one caller's calls, one every :data:`PACE_S`."""
    call = made.find_customer
    taken: list[float] = []
    due = time.perf_counter() + seed % 7 * PACE_S / 7
    while not until.is_set():
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        seed += 1
        result = await runner.run(made.org, call, CallContext(arguments=phone(seed), time_zone=shop.ZONE))
        assert result.row_count == 1
        taken.append((time.perf_counter() - due) * 1000)
        due += PACE_S
    return taken


async def during(work: Any, made: Shop, runner: CallRunner, callers: int, seed: int) -> list[float]:
    """The latencies of ``callers`` callers while ``work`` goes on."""
    until = asyncio.Event()
    tasks = [asyncio.create_task(calling(made, runner, seed + which * 1_009, until)) for which in range(callers)]
    await asyncio.sleep(0)
    try:
        await work
    finally:
        until.set()
    return [one for taken in await asyncio.gather(*tasks) for one in taken]


async def measure(server: PostgresServer, rounds: int, callers: int) -> tuple[Latencies, dict[str, list[float]]]:
    """The latencies without and with each kind of discovery, and how many seconds each discovery took."""
    small = server.create_database(sql=shop.SQL + MORE_ROWS)
    big = server.create_database()
    with psycopg.connect(server.superuser_dsn(big["database"]), autocommit=True) as connection:
        make_database(connection, TABLES)
    grant = f'GRANT USAGE ON SCHEMA public TO "{big["user"]}"; GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{big["user"]}"'
    server.execute(big["database"], grant)
    rows: Latencies = {"alone": []}
    took: dict[str, list[float]] = {}
    async with platform(small) as (made, runner):
        other = Shop(made.database, made.vault, await _organization(made), "", big)
        await other.connect(big)
        await _connect_document(other)

        async def discovery(name: str, kind: str) -> None:
            began = time.perf_counter()
            await discover(made.database, made.vault, GUARD, org_id=other.org, kind=kind)
            took.setdefault(name, []).append(time.perf_counter() - began)

        for name, kind in ((f"{TABLES * COLUMNS:,} columns are discovered", "postgres"), ("a 4 MB document is imported", "api")):
            await during(discovery(name, kind), made, runner, callers, 0)  # nothing is cold any more
            taken = rows[name] = []
            for number in range(1, rounds + 1):
                taken += await during(discovery(name, kind), made, runner, callers, number * 50_000)
                rows["alone"] += await during(asyncio.sleep(took[name][-1]), made, runner, callers, number * 50_000 + 25_000)
            del took[name][0]
    return rows, took


async def _connect_document(other: Shop) -> None:
    """Upload the document and connect it as a kind of the organization's own; nothing is asked of its server."""
    async with other.database.tenant(other.org) as session:
        upload = await store_upload(session, name="api.json", content_type="application/json", content=DOCUMENT.read_bytes())
        document = {"fileId": upload.id}
    definition = {"type": "rest", "displayName": "API", "baseUrl": "https://api.example.com", "document": document}
    async with other.database.tenant(other.org) as session:
        await connect(other.database, session, other.vault, GUARD, org_id=other.org, kind="api", body={"definition": definition})


async def _organization(made: Shop) -> str:
    from patchbay.accounts.organizations import ensure_organization

    return (await ensure_organization(made.database, "Large")).id


def show(rows: Latencies, took: dict[str, list[float]], callers: int) -> None:
    """The table."""
    print("| skill calls | calls | p50 | p95 | p99 | worst | p99 rises by | limit |")
    print("|---|---|---|---|---|---|---|---|")
    alone = statistics.quantiles(rows["alone"], n=100)[98]
    for name, taken in rows.items():
        cuts = statistics.quantiles(taken, n=100)
        rise, limit = ("", "") if name == "alone" else (f"{cuts[98] - alone:+.2f} ms", f"{LIMIT_MS:.0f} ms")
        print(
            f"| {name} | {len(taken):,} | {statistics.median(taken):.2f} ms | {cuts[94]:.2f} ms | {cuts[98]:.2f} ms "
            f"| {max(taken):.2f} ms | {rise} | {limit} |"
        )
    medians = ", ".join(f"while {name}: {statistics.median(seconds):.1f} s" for name, seconds in took.items())
    load = " ".join(f"{value:.1f}" for value in psutil.getloadavg())
    print(
        f"\n{callers} callers, {1 / PACE_S:.0f} calls a second each. Median time of a discovery, {medians}. "
        f"Load average of the machine: {load} on {psutil.cpu_count()} processors."
    )


def main() -> None:
    """Start a server, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--callers", type=int, default=4)
    options = parser.parse_args()
    server = PostgresServer.start(max_locks_per_transaction="512")
    try:
        show(*uvloop.run(measure(server, options.rounds, options.callers)), options.callers)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
