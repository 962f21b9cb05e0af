"""The recipes of appointments over a table: parts on PostgreSQL, run by two runners that know nothing of each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from patchbay.accounts.organizations import ensure_organization
from patchbay.agent_runtime.recipes.freezing import freeze_recipe
from patchbay.agent_runtime.recipes.running import RecipeRunner
from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors import connecting, connections, discovery
from patchbay.connectors.proving import prove
from patchbay.connectors.refusals import CallRefused
from patchbay.connectors.runtime import CallRunner
from patchbay.connectors.snapshots import load_view
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.agent_runtime.recipes.desk import HOURS, ZONE
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])
TABLE = """
CREATE TABLE appointments (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, reference text UNIQUE NOT NULL, phone text NOT NULL, name text NOT NULL,
  starts_at timestamptz NOT NULL, ends_at timestamptz NOT NULL, status text NOT NULL);
CREATE INDEX ON appointments (starts_at); CREATE INDEX ON appointments (ends_at); CREATE INDEX ON appointments (phone);
"""
TIMES = [{"path": [column], "leaf": column} for column in ("reference", "starts_at", "ends_at", "status")]
BUSY: dict[str, Any] = {
    "operation": "appointments.read",
    "inputs": [
        {"param": f"window_{end}", "arg": arg, "required": True} for end, arg in (("start", "ends_at"), ("end", "starts_at"))
    ],
    "filters": [
        {"arg": "ends_at", "op": "gt", "param": "window_start"},
        {"arg": "starts_at", "op": "lt", "param": "window_end"},
        {"arg": "status", "op": "ne", "value": "cancelled"},
    ],
    "projection": TIMES,
    "limit": 50,
}
MINE: dict[str, Any] = {
    "operation": "appointments.read",
    "inputs": [{"param": "phone", "arg": "phone", "source": "session", "key": "caller_number"}],
    "filters": [{"arg": "starts_at", "op": "gt", "value": {"now": True}}],
    "projection": TIMES,
    "limit": 50,
}
INSERT: dict[str, Any] = {
    "operation": "appointments.insert",
    "inputs": [
        {"param": "starts_at", "arg": "starts_at", "required": True},
        {"param": "ends_at", "arg": "ends_at", "required": True},
        {"param": "reference", "arg": "reference", "required": True},
        {"param": "caller_name", "arg": "name", "required": True},
        {"param": "phone", "arg": "phone", "source": "session", "key": "caller_number"},
        {"param": "status", "arg": "status", "source": "constant", "value": "booked"},
    ],
    "projection": [],
}
CANCEL: dict[str, Any] = {
    "operation": "appointments.update",
    "inputs": [
        {"param": "reference", "arg": "reference", "required": True},
        {"param": "phone", "arg": "phone", "source": "session", "key": "caller_number"},
        {"param": "status", "arg": "status", "source": "constant", "value": "cancelled"},
    ],
    "filters": [{"arg": "reference", "param": "reference"}, {"arg": "phone", "param": "phone"}],
    "projection": [],
}
MOVE: dict[str, Any] = {
    **CANCEL,
    "inputs": [
        *CANCEL["inputs"][:2],
        {"param": "starts_at", "arg": "starts_at", "required": True},
        {"param": "ends_at", "arg": "ends_at", "required": True},
    ],
}
PARTS = {"busy": BUSY, "mine": MINE, "insert": INSERT, "move": MOVE, "cancel": CANCEL}


class Clinic:
    """An organization with its table of appointments, and the processes that answer its callers."""

    def __init__(self, database: Database, vault: Vault, org: str, server: PostgresServer, raw: dict[str, Any]) -> None:
        self.database, self.vault, self.org, self.server, self.raw = database, vault, org, server, raw
        self.runners: list[CallRunner] = []

    async def prepare(self) -> None:
        async with self.database.tenant(self.org) as session:
            body = {"credentials": self.raw, "timeZone": ZONE, "defaultCountry": "US"}
            await connecting.connect(self.database, session, self.vault, GUARD, org_id=self.org, kind="postgres", body=body)
        await discovery.discover(self.database, self.vault, GUARD, org_id=self.org, kind="postgres")
        for _ in range(2):
            self.runners.append(CallRunner(self.database, self.vault, GUARD))
            await self.runners[-1].start()

    async def part(self, body: dict[str, Any]) -> FrozenCall:
        async with self.database.tenant(self.org, read_only=True) as session:
            connection = await connections.current(session, "postgres")
            view = await load_view(session, connection)
            role: Any = "read" if body["operation"].endswith(".read") else "write"
            credentials = await read_credentials(session, self.vault, connection, role=role)
        target = Target(connection_id=connection.id, kind="postgres", time_zone=ZONE, default_country="US")
        plan = check(parse_binding({"toolName": "t"} | body), view, target).plan
        return (await prove(compile_plan(plan, view), view, credentials=credentials, guard=GUARD)).call

    async def recipe(self, name: str, *parts: str) -> FrozenCall:
        hours = {} if name == "cancel" else {"workingHours": HOURS}
        settings = {**hours, "timeZone": ZONE}
        return freeze_recipe(name, settings, {part: await self.part(PARTS[part]) for part in parts})

    async def run(
        self, call: FrozenCall, *, key: str = "k1", caller: str = "+14155550132", by: int = 0, **said: Any
    ) -> CallResult:
        context = CallContext(arguments=said, session={"caller_number": caller}, time_zone=ZONE, idempotency_key=key)
        return await RecipeRunner(self.runners[by], self.database).run(self.org, call, context)

    def rows(self) -> list[tuple[Any, ...]]:
        return self.server.execute(
            self.raw["database"], "SELECT phone, starts_at FROM appointments WHERE status <> 'cancelled' ORDER BY starts_at"
        )


@pytest.fixture
async def clinic(database: Database, vault: Vault, tls_postgres: PostgresServer) -> AsyncGenerator[Clinic]:
    raw = tls_postgres.create_database(sql=TABLE, write_tables=("appointments",))
    made = Clinic(database, vault, (await ensure_organization(database, "Acme")).id, tls_postgres, raw)
    await made.prepare()
    try:
        yield made
    finally:
        for runner in made.runners:
            await runner.stop()


def monday(hour: int) -> str:
    day = datetime.now(UTC).date()
    day += timedelta(days=14 - day.weekday())
    return f"{day}T{hour:02}:00"


async def test_a_table_serves_like_a_calendar(clinic: Clinic) -> None:
    book = await clinic.recipe("book", "busy", "insert", "cancel")
    assert (await clinic.run(book, starts_at=monday(10), caller_name="Ada")).outcome == "done"
    assert (await clinic.run(book, starts_at=monday(10), caller_name="Ada")).outcome == "done"  # the same one again
    assert len(clinic.rows()) == 1
    open_times = await clinic.run(await clinic.recipe("availability", "busy"), preferred_date=monday(10)[:10])
    starts = [row["open_time"][11:16] for row in open_times.rows]
    assert starts == ["09:00", "09:30", "10:30", "11:00"]
    move, cancel = await clinic.recipe("reschedule", "busy", "mine", "move"), await clinic.recipe("cancel", "mine", "cancel")
    for call, said in ((move, {"new_time": monday(14)}), (cancel, {})):
        with pytest.raises(CallRefused, match="no such appointment"):
            await clinic.run(call, caller="+14155550199", **said)
    assert (await clinic.run(move, new_time=monday(14))).outcome == "done"
    assert clinic.rows()[0][1].astimezone(UTC).hour != 15
    assert (await clinic.run(cancel)).outcome == "done"
    assert clinic.rows() == []


async def test_of_many_who_want_one_time_one_gets_it_whoever_runs_it(clinic: Clinic) -> None:
    book = await clinic.recipe("book", "busy", "insert")
    racing = [
        clinic.run(book, key=f"k{n}", caller=f"+1415555013{n}", by=n % 2, starts_at=monday(10), caller_name=f"Caller {n}")
        for n in range(4)
    ]
    came = await asyncio.gather(*racing, return_exceptions=True)
    assert sorted(getattr(one, "code", "done") for one in came) == ["done", "slot_taken", "slot_taken", "slot_taken"]
    assert len(clinic.rows()) == 1
