"""One bound read of a MariaDB through the source and its projection against bare asyncmy, side by side in one run.

    uv run --locked python benchmarks/mysql_read.py [--calls 6000] [--rounds 12] [--loop uvloop|asyncio]

Both sides use TLS and an index on a table of 100,000 rows of one local MariaDB; rounds alternate, and each has new sessions: on
which core the server's end of one runs, and beside what, is luck that would last. The bare side is asyncmy's ordinary cursor: it
interpolates the values and fetches tuples. Ours does all that a MySQL read adds to it: validate the
arguments, spell the phone number, write the literals, take a session, run with deadline and byte cap, and project to the JSON
forms. The last columns go through the whole runtime, which also confirms state and scoping before and after. Needs Debian's
MariaDB (the tests' own server is used) and prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import ssl
import statistics
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncmy
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._calling import CALLERS, throughput, timed
from patchbay.accounts.organizations import ensure_organization
from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors import connecting, connections, discovery
from patchbay.connectors.proving import prove
from patchbay.connectors.runtime import CallRunner
from patchbay.connectors.snapshots import load_view
from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.mysql.execute import Source
from patchbay.connectors.sql.mysql.ready import ReadyStatement
from patchbay.schema_graph.arguments import prepare_inputs
from patchbay.schema_graph.call import CallContext, FrozenCall
from patchbay.schema_graph.coercion import zone_info
from patchbay.store.database import Database
from patchbay.store.embedded import release_embedded, start_embedded
from patchbay.store.migrate import migrate
from patchbay.store.vault import Vault
from tests.connectors.platform import GUARD
from tests.servers.mariadb import MariaDbServer

ROWS = 100_000
CONNECTIONS = 4
ZONE = "America/Toronto"
SQL = f"""
CREATE TABLE customers (
  id int PRIMARY KEY, name varchar(60) NOT NULL, phone varchar(40), email varchar(80), since timestamp NOT NULL, KEY (phone));
INSERT INTO customers SELECT seq, concat('name ', seq), concat('+1416', lpad(seq, 7, '0')), concat('c', seq, '@example.com'),
  '2026-03-01 12:00:00' FROM seq_10000_to_{ROWS + 10_000};
ANALYZE TABLE customers;
"""


@dataclass(frozen=True)
class Case:
    """A kind of call, the arguments of its n-th run, and the type of what it is found by."""

    name: str
    argument: str
    arguments: Callable[[int], dict[str, Any]]

    @property
    def body(self) -> dict[str, Any]:
        """The binding."""
        return {
            "toolName": f"Find the customer {self.name}",
            "operation": "customers.read",
            "inputs": [{"param": self.argument, "arg": self.argument, "required": True}],
            "projection": [{"path": ["name"], "leaf": "customer_name"}, {"path": ["email"], "leaf": "customer_email"}],
            "enabled": True,
        }


def phone(n: int) -> dict[str, Any]:
    """The number of one of the customers."""
    return {"phone": f"+1416{10_000 + n * 7919 % ROWS:07d}"}


CASES = (
    Case("by key", "id", lambda n: {"id": 10_000 + n * 7919 % ROWS}),
    Case("by phone, 64 callers", "phone", lambda n: phone(n % 64)),
    Case("by phone, always another caller", "phone", phone),
)


@dataclass
class Connected:
    """An organization that has connected and discovered the database."""

    org: str
    database: Database
    vault: Vault
    credentials: dict[str, Any]
    calls: dict[str, FrozenCall]


@dataclass(frozen=True)
class Sessions:
    """The three sides with sessions of their own."""

    opened: list[Any]
    source: Source
    runner: CallRunner


@contextlib.asynccontextmanager
async def platform(credentials: dict[str, Any]) -> AsyncGenerator[Connected]:
    """A platform of its own with every case bound and proven."""
    with tempfile.TemporaryDirectory(prefix="pb-bench-") as directory:
        database = Database.at(await asyncio.to_thread(start_embedded, Path(directory)))
        await migrate(database)
        vault = Vault([("k1", os.urandom(32))])
        org = (await ensure_organization(database, "Acme")).id
        body = {"credentials": credentials, "timeZone": ZONE, "defaultCountry": "CA"}
        async with database.tenant(org) as session:
            await connecting.connect(database, session, vault, GUARD, org_id=org, kind="mysql", body=body)
        await discovery.discover(database, vault, GUARD, org_id=org, kind="mysql")
        async with database.tenant(org) as session:
            connection = await connections.current(session, "mysql")
            view = await load_view(session, connection)
        target = Target(connection_id=connection.id, kind="mysql", time_zone=ZONE, default_country="CA")
        calls: dict[str, FrozenCall] = {}
        for case in CASES:
            candidate = compile_plan(check(parse_binding(case.body), view, target).plan, view)
            proven = await prove(candidate, view, credentials=parse_sql_credentials("mysql", credentials), guard=GUARD)
            calls[case.name] = proven.call
        try:
            yield Connected(org, database, vault, credentials, calls)
        finally:
            await database.close()
            await asyncio.to_thread(release_embedded, Path(directory))


@contextlib.asynccontextmanager
async def sessions(made: Connected, context: ssl.SSLContext) -> AsyncGenerator[Sessions]:
    """New ones for all sides."""
    login = {name: made.credentials[name] for name in ("host", "port", "user", "password", "database")}
    opened = [await asyncmy.connect(**login, ssl=context, autocommit=True) for _ in range(CONNECTIONS)]
    source = Source(parse_sql_credentials("mysql", made.credentials), GUARD)
    runner = CallRunner(made.database, made.vault, GUARD)
    await runner.start()
    try:
        yield Sessions(opened, source, runner)
    finally:
        await runner.stop()
        await source.close()
        for connection in opened:
            await connection.ensure_closed()


async def measure(server: MariaDbServer, calls: int, rounds: int) -> str:
    """The table."""
    credentials = server.create_database(sql=SQL)
    context = ssl.create_default_context(cadata=server.ca_pem)
    lines = [
        "| one indexed lookup, TLS, 100k rows | bare asyncmy | bound read | ratio | whole runtime | ratio | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    async with platform(credentials) as made:
        for case in CASES:
            lines += await compared(case, made, context, calls, rounds)
    return "\n".join(lines)


async def compared(case: Case, made: Connected, context: ssl.SSLContext, calls: int, rounds: int) -> list[str]:
    """The lines of one case."""
    call = made.calls[case.name]
    prepare = prepare_inputs(call)
    loop, zone, ready = asyncio.get_running_loop(), zone_info(ZONE), ReadyStatement(call)
    most = max(calls * rounds, CALLERS * 1_000 + calls)
    contexts = [CallContext(arguments=case.arguments(n), time_zone=ZONE) for n in range(most)]
    given = [tuple(prepare(context).values()) for context in contexts]
    several = isinstance(given[0][0], tuple)
    sql = call.body.sql.replace("(?)", "%s") if several else call.body.sql.replace("?", "%s")
    free: asyncio.Queue[Any] = asyncio.Queue()
    at: Sessions

    async def on(connection: Any, n: int) -> Any:
        async with connection.cursor() as cursor:
            await cursor.execute(sql, given[n])
            return await cursor.fetchall()

    async def bare(n: int) -> Any:
        return await on(at.opened[0], n)

    async def bare_shared(n: int) -> Any:
        connection = await free.get()
        try:
            return await on(connection, n)
        finally:
            free.put_nowait(connection)

    async def bound(n: int) -> Any:
        values = ready.values(contexts[n], zone)
        answer = await ready.run(at.source, values, loop.time() + ready.seconds)
        return ready.result(at.source, answer, zone_name=ZONE, zone=zone, duration_ms=0.0)

    async def whole(n: int) -> Any:
        return await at.runner.run(made.org, call, contexts[n])

    sides = {"bare": (bare, bare_shared), "bound": (bound, bound), "whole": (whole, whole)}
    samples: dict[str, list[float]] = {side: [] for side in sides}
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for number_of in range(rounds):
        order = list(sides.items())
        async with sessions(made, context) as at:
            free = asyncio.Queue()
            for connection in at.opened:
                free.put_nowait(connection)
            expected = (await bare(1))[0]
            for ours in (bound, whole):
                (row,) = (await ours(1)).rows
                # Behind what is shown come the columns that are compared: the statement is the same on both sides.
                assert tuple(row.values()) == expected[: len(row)]
            for _, (alone, _) in order:
                await timed(alone, 300, 0)
            for side, (alone, shared) in order if number_of % 2 else reversed(order):
                samples[side] += await timed(alone, calls // rounds, number_of * calls)
                rates[side].append(await throughput(shared, calls // 4))
    return table(case, samples, rates)


def table(case: Case, samples: dict[str, list[float]], rates: dict[str, list[float]]) -> list[str]:
    """Markdown lines."""
    p50 = {side: statistics.median(values) for side, values in samples.items()}
    p95 = {side: statistics.quantiles(values, n=20)[-1] for side, values in samples.items()}
    rate = {side: statistics.median(values) for side, values in rates.items()}
    return [
        line(f"{case.name}: p50 µs", p50, "≤ 1.30"),
        line(f"{case.name}: p95 µs", p95, "–"),
        line(f"{case.name}: 16 callers on 4 connections, calls/s", rate, "≥ 0.70"),
    ]


def line(what: str, sides: dict[str, float], goal: str) -> str:
    """One line: the three sides, and ours beside the bare one."""
    bare, bound, whole = sides["bare"], sides["bound"], sides["whole"]
    return f"| {what} | {bare:.0f} | {bound:.0f} | {bound / bare:.2f} | {whole:.0f} | {whole / bare:.2f} | {goal} |"


def main() -> None:
    """Start a server, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=6_000)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    options = parser.parse_args()
    server = MariaDbServer.start()
    try:
        run = uvloop.run if options.loop == "uvloop" else asyncio.run
        print(run(measure(server, options.calls, options.rounds)))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
