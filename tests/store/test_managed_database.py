"""A PostgreSQL of the operator's own: an older version, over verified TLS, as a login that is no superuser."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest
from psycopg.conninfo import make_conninfo
from sqlalchemy import text

from patchbay.accounts.organizations import ensure_organization
from patchbay.store.database import Database
from tests.servers.pgbouncer import pgbouncer
from tests.servers.postgres import PostgresServer
from tests.store.whole_store import migrated, use_across_organizations

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server() -> Generator[PostgresServer]:
    running = PostgresServer.start()
    yield running
    running.stop()


@pytest.fixture
def url(server: PostgresServer) -> Generator[str]:
    """The address of a database that a plain login owns."""
    server.execute("postgres", "CREATE ROLE operator LOGIN CREATEROLE PASSWORD 'p@ss word'")
    server.execute("postgres", "CREATE DATABASE platform OWNER operator")
    # before PostgreSQL 15 anyone could create tables in the schema `public`, since then its database's owner can
    yield (
        f"postgres://operator:p%40ss%20word@{server.host}:{server.port}/platform?sslmode=verify-full&sslrootcert={server.ca_file}"
    )
    server.drop_database("platform")
    server.execute("postgres", "DROP ROLE patchbay_app, patchbay_lookup; DROP ROLE operator")


async def test_the_store_works_as_a_plain_owner_over_tls(url: str) -> None:
    assert await migrated(url)
    assert await migrated(url) == []
    await use_across_organizations(url)


async def test_the_store_works_behind_a_transaction_pooler(server: PostgresServer, url: str) -> None:
    with pgbouncer(server, pool_size=2) as port:
        pooled = make_conninfo(
            host=server.host, port=port, user="operator", password="p@ss word", dbname="platform", sslmode="require"
        )
        assert await migrated(f"{pooled} pgbouncer=true")
        await use_across_organizations(f"{pooled} pgbouncer=true")
        await no_session_sees_another(f"{pooled} pgbouncer=true")


async def no_session_sees_another(url: str) -> None:
    """Many sessions of several organizations at once over two server connections."""
    database = Database.at(url)

    async def look(org_id: str) -> None:
        async with database.tenant(org_id) as session:
            assert (await session.scalars(text("SELECT id FROM organizations"))).all() == [org_id]

    try:
        orgs = [(await ensure_organization(database, name)).id for name in "abcde"]
        await asyncio.gather(*(look(org_id) for org_id in orgs * 12))
    finally:
        await database.close()
