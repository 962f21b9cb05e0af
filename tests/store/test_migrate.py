from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, text

import patchbay.accounts.tables
import patchbay.agent_runtime.knowledge.tables
import patchbay.agent_runtime.tables
import patchbay.connectors.tables  # noqa: F401
from patchbay.store.base import Base
from patchbay.store.database import APP_ROLE, LOOKUP_ROLE, Database
from patchbay.store.embedded import release_embedded, start_embedded
from patchbay.store.migrate import HEAD, DatabaseNewer, migrate, migrations_config, pending
from patchbay.store.roles import RolesMissing, admin_script
from patchbay.store.row_security import breaches
from tests.conftest import PlatformServer
from tests.store.whole_store import migrated, use_across_organizations

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def cluster() -> Generator[PlatformServer]:
    """A cluster in which nothing was migrated yet; tests here that need no roles drop them first."""
    with tempfile.TemporaryDirectory(prefix="patchbay-cluster-") as data_dir:
        yield PlatformServer(start_embedded(Path(data_dir)))
        release_embedded(Path(data_dir))


@pytest.fixture
def bare(cluster: PlatformServer) -> PlatformServer:
    """The cluster with no database of an earlier test and without our roles."""
    with psycopg.connect(cluster.dsn, autocommit=True) as connection:
        for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^t_'").fetchall():
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname !~ '^(pg_|postgres$)'").fetchall():
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
    return cluster


def login(server: PlatformServer, dsn: str, name: str, rights: str = "") -> str:
    """A plain login that owns the database and nothing else, and its connection string."""
    database = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        role = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS " + rights).format(role))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(str(database)), role))
    return psycopg.conninfo.make_conninfo(dsn, user=name)


async def test_the_migrations_make_what_the_code_declares(database: Database) -> None:
    def plain(default: str | None) -> str | None:
        return re.sub(r"::\w+", "", default).lower() if default else None

    def differs(context: object, inspected: object, declared: object, there: str | None, own: object, wanted: str | None) -> bool:
        return plain(there) != plain(wanted)

    def differences(connection: Connection) -> object:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": differs})
        return compare_metadata(context, Base.metadata)

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    async with database.owner() as session:
        unlogged = (
            await session.scalars(text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relpersistence = 'u'"))
        ).all()
    assert unlogged == ["rate_windows"]


def test_the_head_that_a_start_compares_with_is_that_of_the_scripts() -> None:
    assert ScriptDirectory.from_config(migrations_config()).get_current_head() == HEAD


async def test_migrating_again_does_nothing(database: Database) -> None:
    assert await pending(database) == []
    assert await migrate(database) == []


async def test_the_revisions_can_be_undone_and_applied_again(database: Database) -> None:
    def undo(connection: Connection) -> None:
        config = migrations_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    async with database.owner() as session:
        await (await session.connection()).run_sync(undo)
    left = text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
    functions = text("SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    async with database.owner() as session:
        assert (await session.scalars(left)).all() == ["alembic_version"]
        assert await session.scalar(functions) == 0
    assert "0001" in await migrate(database)


async def test_processes_that_migrate_at_once_apply_each_revision_once(bare: PlatformServer) -> None:
    dsn = bare.scratch()
    applied = await asyncio.gather(*(migrated(dsn) for _ in range(4)))
    assert sorted(len(revisions) for revisions in applied) == [0, 0, 0, len(max(applied, key=len))]
    assert max(applied, key=len)[0] == "0001"


async def test_databases_of_one_cluster_may_be_migrated_at_once(bare: PlatformServer) -> None:
    """They share the roles, which no lock inside one database guards."""
    databases = [bare.scratch() for _ in range(4)]
    assert all(await asyncio.gather(*(migrated(dsn) for dsn in databases)))


async def test_a_killed_migration_leaves_nothing_half_done(bare: PlatformServer) -> None:
    dsn = bare.scratch()
    script = "import asyncio, sys; from tests.store.whole_store import migrated; asyncio.run(migrated(sys.argv[1]))"
    with psycopg.connect(dsn) as blocker:
        # an uncommitted table of the same name stops the migration midway, after it made other tables
        blocker.execute("CREATE TABLE skills (id text)")
        process = subprocess.Popen([sys.executable, "-c", script, dsn])
        with psycopg.connect(dsn, autocommit=True) as watcher:
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%CREATE TABLE skills%'"
            )
            while watcher.execute(waiting).fetchone() == (0,):
                assert process.poll() is None
                await asyncio.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        blocker.rollback()
    database = Database.at(dsn)
    try:
        assert "0001" in await migrate(database)
        async with database.owner() as session:
            assert await breaches(session) == []
    finally:
        await database.close()


async def test_a_database_migrated_by_a_newer_version_is_refused(bare: PlatformServer) -> None:
    dsn = bare.scratch()
    await migrated(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseNewer):
        await migrated(dsn)


async def test_a_plain_owner_who_may_create_roles_needs_no_administrator(bare: PlatformServer) -> None:
    dsn = login(bare, bare.scratch(), "plain owner", "CREATEROLE")
    assert await migrated(dsn)
    await use_across_organizations(dsn)


async def test_a_login_that_may_not_create_roles_is_told_what_an_administrator_runs(bare: PlatformServer) -> None:
    name = 'o"dd login'
    dsn = login(bare, bare.scratch(), name)
    with pytest.raises(RolesMissing) as refused:
        await migrated(dsn)
    assert refused.value.hint is not None
    script = admin_script(name)
    assert script in refused.value.hint
    with psycopg.connect(bare.dsn, autocommit=True) as connection:
        connection.execute(script)
    assert await migrated(dsn)
    await use_across_organizations(dsn)


@pytest.mark.parametrize("role", [APP_ROLE, LOOKUP_ROLE])
@pytest.mark.parametrize("right", ["SUPERUSER", "BYPASSRLS", "LOGIN", "CREATEROLE", "CREATEDB"])
async def test_a_role_with_rights_it_must_not_have_is_refused(bare: PlatformServer, role: str, right: str) -> None:
    with psycopg.connect(bare.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} {right}")
    with pytest.raises(RolesMissing, match=role):
        await migrated(bare.scratch())
