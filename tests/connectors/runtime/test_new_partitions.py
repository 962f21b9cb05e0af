"""What joins a table after a call on it was published counts as soon as it is discovered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from patchbay.accounts.organizations import ensure_organization
from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors import connections, discovery
from patchbay.connectors.proof import freeze
from patchbay.connectors.refusals import ScopedOut
from patchbay.connectors.runtime import CallRunner
from patchbay.connectors.snapshots import load_view
from patchbay.schema_graph.call import CallContext, FrozenCall
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors.platform import GUARD, Shop
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

SQL = """
CREATE TABLE visits (id int NOT NULL, day int NOT NULL, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (0) TO (100);
CREATE TABLE people (id int PRIMARY KEY, name text);
CREATE TABLE pets (id int PRIMARY KEY, name text);
INSERT INTO visits VALUES (1, 1, 'first'); INSERT INTO people VALUES (1, 'Ada'); INSERT INTO pets VALUES (1, 'Rex');
"""
LATER = {
    "visits": "CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM (100) TO (200); INSERT INTO visits VALUES (1, 150, '');",
    "people": "CREATE TABLE convicts () INHERITS (people); INSERT INTO convicts VALUES (1, 'Bob');",
}
BLOCKED = {"visits": "visits_2", "people": "convicts"}
LEAF = {"visits": "note", "people": "name", "pets": "name"}


@pytest.fixture
async def made(database: Database, vault: Vault, tls_postgres: PostgresServer) -> Shop:
    credentials = tls_postgres.create_database(sql=SQL)
    org = (await ensure_organization(database, "Acme")).id
    shop = Shop(database, vault, org, "", credentials)
    shop.connection_id = (await shop.connect(credentials)).id
    return shop


@pytest.fixture
async def runner(database: Database, vault: Vault) -> AsyncGenerator[CallRunner]:
    runner = CallRunner(database, vault, GUARD)
    await runner.start()
    yield runner
    await runner.stop()


async def discovered(shop: Shop) -> None:
    await discovery.discover(shop.database, shop.vault, GUARD, org_id=shop.org, kind="postgres")


async def published(shop: Shop, table: str) -> FrozenCall:
    body: dict[str, Any] = {
        "toolName": f"Look at {table}",
        "description": "Look one up by its number.",
        "operation": f"{table}.read",
        "inputs": [{"param": "number", "arg": "id", "required": True}],
        "projection": [{"path": [LEAF[table]], "leaf": "said"}],
        "enabled": True,
    }
    async with shop.database.tenant(shop.org) as session:
        view = await load_view(session, await connections.current(session, "postgres"))
    target = Target(connection_id=shop.connection_id, kind="postgres", time_zone=None, default_country=None)
    return freeze(compile_plan(check(parse_binding(body), view, target).plan, view))


@pytest.mark.parametrize("table", ["visits", "people"])
async def test_a_blocked_table_that_joined_after_publishing_stops_the_call(
    made: Shop, runner: CallRunner, tls_postgres: PostgresServer, table: str
) -> None:
    await discovered(made)
    call, unrelated = await published(made, table), await published(made, "pets")
    context = CallContext(arguments={"number": 1})
    assert len((await runner.run(made.org, call, context)).rows) == 1
    await made.block(blockedTables=[BLOCKED[table]])
    tls_postgres.execute(made.credentials["database"], LATER[table])
    await discovered(made)
    await asyncio.sleep(0.6)
    with pytest.raises(ScopedOut):
        await runner.run(made.org, call, context)
    assert (await runner.run(made.org, unrelated, context)).rows == [{"said": "Rex"}]
    await made.block(blockedTables=[])
    await asyncio.sleep(0.6)
    assert len((await runner.run(made.org, call, context)).rows) == 2


async def test_a_partition_that_nobody_blocked_stops_nothing(
    made: Shop, runner: CallRunner, tls_postgres: PostgresServer
) -> None:
    await discovered(made)
    call = await published(made, "visits")
    await made.block(blockedTables=["pets"])
    tls_postgres.execute(made.credentials["database"], LATER["visits"])
    await discovered(made)
    await asyncio.sleep(0.6)
    assert len((await runner.run(made.org, call, CallContext(arguments={"number": 1}))).rows) == 2
