"""A row is found by an e-mail address in whatever case it is said, over the column's own index."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from patchbay.accounts.organizations import ensure_organization
from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors import connections, discovery
from patchbay.connectors.proving import prove
from patchbay.connectors.runtime import CallRunner
from patchbay.connectors.snapshots import load_view
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.schema_graph.call import CallContext, FrozenCall
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors.platform import GUARD, Shop
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

TYPES = {
    "plain": "text",
    "bounded": "varchar(60)",
    "padded": "char(60)",
    "own": "address",
    "folded": "citext",
    "wrapped": "folded_address",
}
SQL = "CREATE EXTENSION citext; CREATE DOMAIN address AS text; CREATE DOMAIN folded_address AS citext;" + "".join(
    f"""CREATE TABLE {name} (id int PRIMARY KEY, email {kind}); CREATE UNIQUE INDEX ON {name} (email);
    INSERT INTO {name} SELECT n, 'someone' || n || '@example.com' FROM generate_series(1, 3000) n;
    INSERT INTO {name} VALUES (5001, 'ada@example.com'), (5002, 'Grace.Hopper@Example.com'), (5003, 'KAY@EXAMPLE.COM');
    ANALYZE {name};"""
    for name, kind in TYPES.items()
)


@pytest.fixture
async def made(database: Database, vault: Vault, tls_postgres: PostgresServer) -> Shop:
    credentials = tls_postgres.create_database(sql=SQL)
    org = (await ensure_organization(database, "Acme")).id
    shop = Shop(database, vault, org, "", credentials)
    shop.connection_id = (await shop.connect(credentials)).id
    await discovery.discover(database, vault, GUARD, org_id=org, kind="postgres")
    return shop


@pytest.fixture
async def runner(database: Database, vault: Vault) -> AsyncGenerator[CallRunner]:
    runner = CallRunner(database, vault, GUARD)
    await runner.start()
    yield runner
    await runner.stop()


async def published(shop: Shop, table: str) -> FrozenCall:
    body: dict[str, Any] = {
        "toolName": f"Look at {table}",
        "description": "Look one up by its address.",
        "operation": f"{table}.read",
        "inputs": [{"param": "caller_email", "arg": "email", "required": True}],
        "projection": [{"path": ["id"], "leaf": "number"}],
        "enabled": True,
    }
    target = Target(connection_id=shop.connection_id, kind="postgres", time_zone=None, default_country=None)
    async with shop.database.tenant(shop.org) as session:
        connection = await connections.current(session, "postgres")
        view = await load_view(session, connection)
        credentials = await read_credentials(session, shop.vault, connection)
    candidate = compile_plan(check(parse_binding(body), view, target).plan, view)
    return (await prove(candidate, view, credentials=credentials, guard=GUARD)).call


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("ADA@EXAMPLE.COM", 5001),
        ("Ada@Example.com", 5001),
        ("Grace.Hopper@Example.com", 5002),
        ("Kay@Example.com", 5003),
        ("bda@example.com", None),
    ],
)
async def test_the_case_of_an_address_does_not_matter(made: Shop, runner: CallRunner, said: str, number: int | None) -> None:
    context = CallContext(arguments={"caller_email": said})
    for table in TYPES:
        found = (await runner.run(made.org, await published(made, table), context)).rows
        assert found == ([] if number is None else [{"number": number}]), table


async def test_the_columns_own_index_serves(made: Shop, tls_postgres: PostgresServer) -> None:
    call = await published(made, "plain")
    sql = call.body.sql.replace("$1", "'{ADA@EXAMPLE.COM,ada@example.com}'")
    with tls_postgres.connect(made.credentials["database"]) as connection:
        rows = connection.execute(f"EXPLAIN {sql}".encode()).fetchall()
    assert any("plain_email_idx" in line for (line,) in rows)


async def test_two_records_that_differ_in_case_alone_are_ambiguous(
    made: Shop, runner: CallRunner, tls_postgres: PostgresServer
) -> None:
    tls_postgres.execute(made.credentials["database"], "INSERT INTO plain VALUES (6000, 'ADA@EXAMPLE.COM')")
    result = await runner.run(
        made.org, await published(made, "plain"), CallContext(arguments={"caller_email": "Ada@example.com"})
    )
    assert (sorted(row["number"] for row in result.rows), result.ambiguous) == ([5001, 6000], True)
