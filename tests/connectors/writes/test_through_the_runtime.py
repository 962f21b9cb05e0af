"""Writes as a conversation runs them: through the runner, on a pool of the write role's own, and through a pooler."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from patchbay.accounts.organizations import ensure_organization
from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors import connecting, connections, discovery, scoping
from patchbay.connectors.proving import prove
from patchbay.connectors.refusals import (
    AlreadyExists,
    CallRefused,
    NotConnected,
    OutcomeUnknown,
    RecordNotFound,
    ScopedOut,
    WriteRoleMissing,
)
from patchbay.connectors.runtime import WITHHELD, CallRunner
from patchbay.connectors.snapshots import load_view
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.schema_graph.call import CallContext, CallResult, FrozenCall
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors.writes.places import GUARD, Place, back, model
from tests.servers.pgbouncer import pgbouncer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
CHANGE: dict[str, Any] = {
    "operation": "orders.update", "inputs": [model("id"), model("note")], "projection": back("number", "note"),
}  # fmt: skip
LOOK: dict[str, Any] = {"operation": "orders.read", "inputs": [model("id")], "projection": back("note")}


async def until(kind: type[CallRefused] | None, run: Callable[[], Awaitable[CallResult]]) -> None:
    """Run until it ends so: a change is confirmed within a second."""
    for _ in range(100):
        try:
            await run()
        except CallRefused as refused:
            if type(refused) is kind:
                return
        else:
            if kind is None:
                return
        await asyncio.sleep(0.02)
    raise AssertionError(f"it never ended with {kind}")


class Shop:
    """A bookshop, connected and discovered."""

    def __init__(self, place: Place, database: Database, vault: Vault, runner: CallRunner, org: str) -> None:
        self.place, self.database, self.vault, self.runner, self.org = place, database, vault, runner, org
        self.kind = place.kind

    async def connect(self, raw: dict[str, Any]) -> None:
        async with self.database.tenant(self.org) as session:
            body = {"credentials": raw, "timeZone": "America/Toronto", "defaultCountry": "CA"}
            await connecting.connect(self.database, session, self.vault, GUARD, org_id=self.org, kind=self.kind, body=body)

    async def discover(self) -> dict[str, Any]:
        return await discovery.discover(self.database, self.vault, GUARD, org_id=self.org, kind=self.kind)

    async def block(self, **body: Any) -> None:
        async with self.database.tenant(self.org) as session:
            await scoping.patch_scoping(session, await connections.current(session, self.kind), body)

    async def call(self, body: dict[str, Any]) -> FrozenCall:
        async with self.database.tenant(self.org, read_only=True) as session:
            connection = await connections.current(session, self.kind)
            view = await load_view(session, connection)
            credentials = await read_credentials(session, self.vault, connection, role="write")
        target = Target(connection_id=connection.id, kind=self.kind, time_zone="America/Toronto", default_country="CA")
        plan = check(parse_binding({"toolName": "t"} | body), view, target).plan
        return (await prove(compile_plan(plan, view), view, credentials=credentials, guard=GUARD)).call

    async def run(self, call: FrozenCall, **arguments: Any) -> CallResult:
        return await self.runner.run(self.org, call, CallContext(arguments=arguments, time_zone="America/Toronto"))

    def sessions(self, user: str) -> int:
        if self.kind == "postgres":
            query = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{user}'"
        else:
            query = f"SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = '{user}'"
        return self.place.execute(query)[0][0]


@pytest.fixture
async def shop(place: Place, database: Database, vault: Vault) -> AsyncGenerator[Shop]:
    runner = CallRunner(database, vault, GUARD)
    await runner.start()
    made = Shop(place, database, vault, runner, (await ensure_organization(database, "Acme")).id)
    await made.connect(place.raw)
    await made.discover()
    try:
        yield made
    finally:
        await runner.stop()


async def test_reads_and_writes_go_through_sessions_of_their_own(shop: Shop) -> None:
    writer, reader = shop.place.raw["write"]["user"], shop.place.raw["user"]
    look, change = await shop.call(LOOK), await shop.call(CHANGE)
    assert (await shop.run(look, id=201)).rows == [{"note": "note 201"}]
    assert (shop.sessions(reader), shop.sessions(writer)) == (1, 0)
    done = await shop.run(change, id=201, note="written")
    assert (done.outcome, done.rows) == ("done", [{"number": "A-1", "note": "written"}])
    assert (shop.sessions(reader), shop.sessions(writer)) == (1, 1)
    assert (await shop.run(look, id=201)).outcome is None
    with pytest.raises(RecordNotFound):
        await shop.run(change, id=999, note="x")
    await shop.runner.stop()
    assert (shop.sessions(reader), shop.sessions(writer)) == (0, 0)


async def test_what_is_blocked_or_gone_stops_the_write(shop: Shop) -> None:
    change = await shop.call(CHANGE)
    assert (await shop.run(change, id=201, note="before")).outcome == "done"
    await shop.block(blockedColumns={"orders": ["note"]})
    await until(ScopedOut, lambda: shop.run(change, id=201, note="before"))
    await shop.block(blockedColumns={})
    await until(None, lambda: shop.run(change, id=201, note="again"))
    await shop.connect({name: value for name, value in shop.place.raw.items() if name != "write"})
    await shop.discover()
    await until(WriteRoleMissing, lambda: shop.run(change, id=201, note="again"))
    async with shop.database.tenant(shop.org) as session:
        await connections.disconnect(session, kind=shop.kind)
    await until(NotConnected, lambda: shop.run(change, id=201, note="again"))
    assert shop.place.execute("SELECT note FROM orders WHERE id = 201") == [("again",)]


async def test_another_organization_cannot_run_it(shop: Shop) -> None:
    change = await shop.call(CHANGE)
    other = (await ensure_organization(shop.database, "Other")).id
    with pytest.raises(Exception, match="no such connection"):
        await shop.runner.run(other, change, CallContext(arguments={"id": 201, "note": "theirs"}))
    assert shop.place.execute("SELECT note FROM orders WHERE id = 201") == [("note 201",)]


async def test_what_is_blocked_while_it_is_written_is_withheld(shop: Shop) -> None:
    change = await shop.call(CHANGE)
    await shop.run(change, id=201, note="warm")
    source = shop.runner._facts[change.connection_id].writer
    assert source is not None
    commit = source._commit  # type: ignore[attr-defined]

    async def slow(backend: Any, deadline: float) -> None:
        await commit(backend, deadline)
        await shop.block(blockedColumns={"orders": ["number"]})
        await shop.runner._states.confirm(change.connection_id)

    source._commit = slow  # type: ignore[attr-defined]
    result = await shop.run(change, id=201, note="done")
    assert (result.outcome, result.rows) == ("done", [])
    assert WITHHELD in result.notes
    assert shop.place.execute("SELECT note FROM orders WHERE id = 201") == [("done",)]


async def test_a_transaction_pooler_changes_nothing(tls_postgres: PostgresServer) -> None:
    place = Place(tls_postgres)
    change = await place.call(**CHANGE)
    insert = await place.call(operation="codes.insert", inputs=[model("code"), model("must")], projection=back("must"))
    with pgbouncer(tls_postgres, pool_size=2) as port:
        source = place.source("write", port=port)
        for n in range(5):
            done = await place.run(change, {"id": 201 + n % 2, "note": f"pooled {n}"}, source=source)
            assert done.rows[0]["note"] == f"pooled {n}"
        await place.run(insert, {"code": "c", "must": "m"}, source=source)
        with pytest.raises(AlreadyExists):
            await place.run(insert, {"code": "c", "must": "m"}, source=source)
        with pytest.raises(RecordNotFound):
            await place.run(change, {"id": 9, "note": "x"}, source=source)
        assert (await place.run(change, {"id": 203, "note": "after"}, source=source)).outcome == "done"
        commit = source._commit

        async def lost(backend: Any, deadline: float) -> None:
            with contextlib.suppress(Exception):
                await backend.roll_back(deadline)
            backend._drop_socket()
            await commit(backend, deadline)

        source._commit = lost
        with pytest.raises(OutcomeUnknown):
            await place.run(change, {"id": 203, "note": "lost"}, source=source)
        await source.close()
    assert place.execute("SELECT note FROM orders ORDER BY id") == [("pooled 4",), ("pooled 3",), ("after",)]
