"""What every area's tests share: one embedded PostgreSQL a run, a migrated template in it, and a fresh copy for each test."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.embedded import release_embedded, start_embedded
from patchbay.store.ids import new_id
from patchbay.store.migrate import migrate
from patchbay.store.vault import Vault

TEMPLATE = "patchbay_template"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests and fixtures run on asyncio."""
    return "asyncio"


@dataclass(frozen=True)
class PlatformServer:
    """The run's PostgreSQL. ``clone`` makes a migrated database in about 0.1 s, ``scratch`` an empty one."""

    dsn: str

    def dsn_of(self, name: str) -> str:
        return make_conninfo(self.dsn, dbname=name)

    def clone(self) -> str:
        return self._create(f"TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")

    def scratch(self) -> str:
        return self._create("")

    def _create(self, how: str) -> str:
        name = new_id("t")
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} {how}")
        return self.dsn_of(name)

    def drop(self, dsn: str) -> None:
        name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def platform_db() -> Generator[PlatformServer]:
    """An embedded PostgreSQL of this run's own, with a migrated template database. Not durable, hence fast."""
    data_dir = Path(tempfile.mkdtemp(prefix="patchbay-tests-"))
    server = PlatformServer(start_embedded(data_dir))
    try:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
                connection.execute(f"ALTER SYSTEM SET {setting}")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(f"CREATE DATABASE {TEMPLATE}")

        async def prepare() -> None:
            database = Database.at(server.dsn_of(TEMPLATE))
            await migrate(database)
            await database.close()

        asyncio.run(prepare())
        yield server
    finally:
        release_embedded(data_dir)
        shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture
def platform_dsn(platform_db: PlatformServer) -> Generator[str]:
    """The connection string of a migrated database of this test's own."""
    dsn = platform_db.clone()
    yield dsn
    platform_db.drop(dsn)


@pytest.fixture
async def database(platform_dsn: str) -> AsyncGenerator[Database]:
    """A migrated platform store of this test's own."""
    opened = Database.at(platform_dsn)
    yield opened
    await opened.close()


@pytest.fixture
def settings(tmp_path: Path, platform_dsn: str) -> Settings:
    """Settings that point at this test's store and a data directory of its own, whatever the environment says."""
    return Settings(data_dir=tmp_path, database_url=platform_dsn)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def vault() -> Vault:
    """A vault with one key made for this test."""
    return Vault([("k1", os.urandom(32))])
