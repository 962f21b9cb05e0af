"""Discovering a connection, end to end: snapshot, summary, scoping, several at once, and what a failure leaves behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from patchbay.accounts.organizations import ensure_organization
from patchbay.connectors import connections, discovery, snapshots
from patchbay.connectors.connections import IntegrationNotConnected
from patchbay.connectors.schema_changes import read_compared, schema_changes
from patchbay.connectors.snapshots import SchemaNotDiscovered, load_index, load_view
from patchbay.connectors.sql import system as sql_system
from patchbay.connectors.tables import Connection, Snapshot
from patchbay.schema_graph.search import SearchIndex
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors.platform import GUARD, Shop
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

SQL = """CREATE TABLE customers (id int PRIMARY KEY, name text, phone text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers (id));
CREATE VIEW names AS SELECT name FROM customers;"""


@pytest.fixture
async def made(database: Database, vault: Vault, tls_postgres: PostgresServer) -> Shop:
    credentials = tls_postgres.create_database(sql=SQL)
    org = (await ensure_organization(database, "Acme")).id
    shop = Shop(database, vault, org, "", credentials)
    shop.connection_id = (await shop.connect(credentials)).id
    return shop


async def discover(shop: Shop) -> dict[str, Any]:
    return await discovery.discover(shop.database, shop.vault, GUARD, org_id=shop.org, kind="postgres")


async def current(shop: Shop) -> tuple[Connection, int]:
    async with shop.database.tenant(shop.org) as session:
        return await connections.current(session, "postgres"), await session.scalar(
            select(func.count()).select_from(Snapshot)
        ) or 0


async def test_the_first_discovery_and_one_of_the_same_schema(made: Shop) -> None:
    async with made.database.tenant(made.org) as session:
        with pytest.raises(SchemaNotDiscovered):
            await load_view(session, await connections.current(session, "postgres"))
    first = await discover(made)
    assert {k: first[k] for k in ("objectCount", "fieldCount", "edgeCount", "operationCount", "changed")} == {
        "objectCount": 3, "fieldCount": 6, "edgeCount": 2, "operationCount": 3, "changed": True,
    }  # fmt: skip
    assert len(first["fingerprint"]) == 64
    again = await discover(made)
    assert (again["changed"], again["fingerprint"]) == (False, first["fingerprint"])
    assert (await current(made))[1] == 1


async def test_what_is_blocked_is_not_even_counted(made: Shop, tls_postgres: PostgresServer) -> None:
    await made.block(blockedTables=["customers"])
    found = await discover(made)
    assert (found["objectCount"], found["edgeCount"]) == (1, 0)
    assert "customers" not in str(found)
    async with made.database.tenant(made.org) as session:
        connection = await connections.current(session, "postgres")
        assert list((await load_view(session, connection)).object_names()) == ["orders"]
        index = await load_index(session, connection)
        assert {hit.object for hit in index.search("order")} == {"orders"}
        assert {hit.object for hit in index.search("customer name")} <= {"orders"}
        assert all(hit.object == "orders" for hit in (await load_index(session, connection)).search("customer"))
    await made.block(blockedTables=[])
    async with made.database.tenant(made.org) as session:
        assert len((await load_view(session, await connections.current(session, "postgres"))).object_names()) == 3
    tls_postgres.execute(made.credentials["database"], "CREATE TABLE more (id int)")
    assert (await discover(made))["changed"]


async def test_several_at_once_are_one(made: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[object] = []
    heavy = sql_system.run_heavy
    monkeypatch.setattr(sql_system, "run_heavy", lambda *a, **k: runs.append(a) or heavy(*a, **k))
    found = await asyncio.gather(*(discover(made) for _ in range(4)))
    assert len(runs) == 1
    assert all(f == found[0] for f in found)


async def test_a_cancelled_or_failed_discovery_leaves_the_last_schema(made: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await discover(made)
    before = (await current(made))[0].snapshot_id

    async def stuck(*_: Any, **__: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(sql_system, "run_heavy", stuck)
    task = asyncio.ensure_future(discover(made))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not discovery._flights
    assert (await current(made))[0].snapshot_id == before
    await made.disconnect()
    with pytest.raises(IntegrationNotConnected):
        await discover(made)
    async with made.database.tenant(made.org) as session:
        assert (await snapshots.load_view(session, (await current(made))[0])).object("customers") is not None


async def test_another_organization_does_not_get_there(made: Shop) -> None:
    other = (await ensure_organization(made.database, "Other")).id
    with pytest.raises(IntegrationNotConnected):
        await discovery.discover(made.database, made.vault, GUARD, org_id=other, kind="postgres")


async def test_one_index_is_built_for_all_who_ask_at_once(made: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await discover(made)
    built: list[object] = []
    build = snapshots.build_index

    def counted(*given: Any) -> SearchIndex:
        built.append(given)
        return build(*given)

    monkeypatch.setattr(snapshots, "build_index", counted)

    async def ask() -> SearchIndex:
        async with made.database.tenant(made.org) as session:
            return await load_index(session, await connections.current(session, "postgres"))

    left = asyncio.create_task(ask())
    asked = [asyncio.create_task(ask()) for _ in range(4)]
    await asyncio.sleep(0)
    left.cancel()
    found = await asyncio.gather(*asked)
    assert len(built) == 1
    assert all(index is found[0] for index in found)
    assert await ask() is found[0]


async def test_what_a_discovery_changed_can_be_read(made: Shop, tls_postgres: PostgresServer) -> None:
    await discover(made)
    async with made.database.tenant(made.org) as session:
        compared = await read_compared(session, await connections.current(session, "postgres"))
    first = await schema_changes(compared)
    assert (first["before"], first["objects"]) == (None, {})
    tls_postgres.execute(made.credentials["database"], "ALTER TABLE customers RENAME phone TO phone_no; DROP TABLE orders")
    assert (await discover(made))["changed"]
    async with made.database.tenant(made.org) as session:
        compared = await read_compared(session, await connections.current(session, "postgres"))
    changes = await schema_changes(compared)
    assert changes["objects"]["removed"] == ("orders",)
    (customers,) = changes["objects"]["changed"]
    assert customers["fields"]["renamed"][0] | {"confidence": None} == {
        "before": "phone",
        "after": "phone_no",
        "confidence": None,
    }
    assert changes["before"]["fingerprint"] != changes["after"]["fingerprint"]


async def test_new_estimates_take_the_place_of_the_old(made: Shop, tls_postgres: PostgresServer) -> None:
    first = await discover(made)
    tls_postgres.execute(
        made.credentials["database"],
        "INSERT INTO customers SELECT n, 'x', '+1613555' || n FROM generate_series(1000, 3000) n; ANALYZE customers",
    )
    again = await discover(made)
    assert (again["changed"], again["fingerprint"]) == (False, first["fingerprint"])
    assert (await current(made))[1] == 1
