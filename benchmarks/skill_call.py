"""One skill call through the runtime against the same SQL on a bare psycopg async connection, side by side in one run.

    uv run --locked python benchmarks/skill_call.py [--calls 4000] [--rounds 6] [--loop uvloop|asyncio]

Both sides use TLS, a prepared statement and an index on a table of 100,000 rows of one local PostgreSQL; rounds alternate. The
bare side sends the query and fetches tuples. The runtime side does all it does on a live call: confirm state and scoping,
validate the arguments, spell the phone number, run with deadline and caps, check again, and project to the JSON forms.
Needs Debian's PostgreSQL (the tests' own server is used) and prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._calling import CALLERS, throughput, timed
from patchbay.connectors.runtime import CallRunner
from patchbay.schema_graph.arguments import prepare_inputs, prepare_slots
from patchbay.schema_graph.call import CallContext, FrozenCall
from patchbay.store.database import Database
from patchbay.store.embedded import release_embedded, start_embedded
from patchbay.store.migrate import migrate
from patchbay.store.vault import Vault
from tests.connectors import shop
from tests.connectors.platform import GUARD, Shop, open_shop
from tests.servers.postgres import PostgresServer

ROWS = 100_000
CONNECTIONS = 4
MORE_ROWS = f"""
INSERT INTO customers SELECT n, 'name ' || n, '+1416' || lpad(n::text, 7, '0'), 'c' || n || '@example.com', 's' || n
  FROM generate_series(10000, {ROWS + 10_000}) n;
ANALYZE customers;
"""


BY_ID: dict[str, Any] = {
    **shop.FIND_CUSTOMER,
    "toolName": "Find the customer by number",
    "inputs": [{"param": "customer_number", "arg": "id", "required": True}],
}


@dataclass(frozen=True)
class Case:
    """A kind of call, and the arguments of its n-th run."""

    name: str
    body: dict[str, Any]
    arguments: Callable[[int], dict[str, Any]]


def phone(n: int) -> dict[str, Any]:
    """The number of one of the customers."""
    return {"caller_phone": f"+1416{10_000 + n * 7919 % ROWS:07d}"}


CASES = (
    Case("by key", BY_ID, lambda n: {"customer_number": 10_000 + n * 7919 % ROWS}),
    Case("by phone, 64 callers", shop.FIND_CUSTOMER, lambda n: phone(n % 64)),
    Case("by phone, always another caller", shop.FIND_CUSTOMER, phone),
)


@contextlib.asynccontextmanager
async def platform(credentials: dict[str, Any]) -> AsyncGenerator[tuple[Shop, CallRunner]]:
    """A platform of its own whose one organization has connected ``credentials``, and a runner on it."""
    with tempfile.TemporaryDirectory(prefix="pb-bench-") as directory:
        database = Database.at(await asyncio.to_thread(start_embedded, Path(directory)))
        await migrate(database)
        vault = Vault([("k1", os.urandom(32))])
        made = await open_shop(database, vault, credentials)
        runner = CallRunner(database, vault, GUARD)
        await runner.start()
        try:
            yield made, runner
        finally:
            await runner.stop()
            await database.close()
            await asyncio.to_thread(release_embedded, Path(directory))


def bare_query(call: FrozenCall, case: Case) -> tuple[str, Callable[[int], Any]]:
    """The call's own SQL with psycopg's placeholders, and the values it would send."""
    prepare, fill = prepare_inputs(call), prepare_slots(call.body.slots)
    sql = call.body.sql.replace("%", "%%").replace("$1", "%s")
    return sql, lambda n: fill(prepare(CallContext(arguments=case.arguments(n))), datetime.now(UTC))


async def measure(server: PostgresServer, calls: int, rounds: int) -> str:
    """The table."""
    credentials = server.create_database(sql=shop.SQL + MORE_ROWS)
    dsn = psycopg.conninfo.make_conninfo(
        host=credentials["host"], port=credentials["port"], dbname=credentials["database"], user=credentials["user"],
        password=credentials["password"], sslmode="verify-full", sslrootcert=server.ca_file,
        options="-c default_transaction_read_only=on -c statement_timeout=4000",
    )  # fmt: skip
    lines = ["| one indexed lookup, TLS, 100k rows | bare psycopg async | skill call | ratio | goal |", "|---|---|---|---|---|"]
    async with platform(credentials) as (made, runner), contextlib.AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(await psycopg.AsyncConnection.connect(dsn, autocommit=True, prepare_threshold=0))
            for _ in range(CONNECTIONS)
        ]
        for case in CASES:
            lines += await compared(case, made, runner, opened, calls, rounds)
    return "\n".join(lines)


async def compared(
    case: Case, made: Shop, runner: CallRunner, opened: list[psycopg.AsyncConnection[Any]], calls: int, rounds: int
) -> list[str]:
    """The lines of one case."""
    call = shop.frozen(case.body, made.connection_id)
    sql, values = bare_query(call, case)
    given = {n: values(n) for n in range(max(calls * rounds, CALLERS * 1_000 + calls))}
    free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
    for connection in opened:
        free.put_nowait(connection)

    async def on(connection: psycopg.AsyncConnection[Any], n: int) -> Any:
        cursor = connection.cursor()
        await cursor.execute(sql, given[n], prepare=True)  # pyright: ignore[reportArgumentType]
        return await cursor.fetchall()

    async def bare(n: int) -> Any:
        return await on(opened[0], n)

    async def bare_shared(n: int) -> Any:
        connection = await free.get()
        try:
            return await on(connection, n)
        finally:
            free.put_nowait(connection)

    async def ours(n: int) -> Any:
        return await runner.run(made.org, call, CallContext(arguments=case.arguments(n), time_zone=shop.ZONE))

    (row,) = (await ours(1)).rows
    assert tuple(row.values()) == (await bare(1))[0]
    samples: dict[str, list[float]] = {"bare": [], "ours": []}
    rates: dict[str, list[float]] = {"bare": [], "ours": []}
    for warm in (bare, ours):
        await timed(warm, 300, 0)
    for number_of in range(rounds):
        sides = [("bare", bare, bare_shared), ("ours", ours, ours)]
        for side, alone, shared in sides if number_of % 2 else reversed(sides):
            samples[side] += await timed(alone, calls // rounds, number_of * calls)
            rates[side].append(await throughput(shared, calls))
    return table(case, samples, rates)


def table(case: Case, samples: dict[str, list[float]], rates: dict[str, list[float]]) -> list[str]:
    """Markdown lines."""
    p50 = {side: statistics.median(values) for side, values in samples.items()}
    p95 = {side: statistics.quantiles(values, n=20)[-1] for side, values in samples.items()}
    rate = {side: statistics.median(values) for side, values in rates.items()}
    return [
        f"| {case.name}: p50 µs | {p50['bare']:.0f} | {p50['ours']:.0f} | {p50['ours'] / p50['bare']:.2f} | ≤ 1.30 |",
        f"| {case.name}: p50 added µs | – | {p50['ours'] - p50['bare']:+.0f} | – | ≤ 25 |",
        f"| {case.name}: p95 µs | {p95['bare']:.0f} | {p95['ours']:.0f} | {p95['ours'] / p95['bare']:.2f} | – |",
        f"| {case.name}: 16 callers on 4 connections, calls/s | {rate['bare']:.0f} | {rate['ours']:.0f} "
        f"| {rate['ours'] / rate['bare']:.2f} | ≥ 0.80 |",
    ]


def main() -> None:
    """Start a server, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    options = parser.parse_args()
    server = PostgresServer.start()
    try:
        run = uvloop.run if options.loop == "uvloop" else asyncio.run
        print(run(measure(server, options.calls, options.rounds)))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
