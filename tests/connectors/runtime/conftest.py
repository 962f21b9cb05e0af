"""A source of one's own (to be killed and restarted), and a transaction pooler in front of it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import psycopg
import pytest

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.postgres.execute import Source
from patchbay.egress.guard import EgressGuard
from tests.servers.pgbouncer import pgbouncer
from tests.servers.postgres import PostgresServer

GUARD = EgressGuard([ip_network("127.0.0.1/32")])
SCHEMA = """
CREATE TABLE customers (id int PRIMARY KEY, name text, phone text, ssn text);
INSERT INTO customers SELECT n, 'name ' || n, '+1416555' || lpad(n::text, 4, '0'), 's' || n FROM generate_series(1, 2000) n;
CREATE INDEX ON customers (phone);
CREATE TABLE big (id int PRIMARY KEY, body text);
INSERT INTO big VALUES (1, repeat('x', 100000000)), (2, 'small');
CREATE VIEW slow AS SELECT id, name, pg_sleep(3)::text AS waited FROM customers;
ANALYZE;
"""

OpenSource = Callable[..., Source]


class Mortal(PostgresServer):
    """A server that can be killed and come back on the same port."""

    def kill(self) -> None:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        self._process.kill()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        self._process.wait(20)
        self._process = None

    def revive(self) -> None:
        (self.base / "data" / "postmaster.pid").unlink(missing_ok=True)
        deadline = time.monotonic() + 30
        while True:
            try:
                self._run()
                return
            except RuntimeError:
                # The killed server's shared memory is released only when its last child is gone.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


@pytest.fixture(scope="module")
def mortal() -> Iterator[Mortal]:
    server = Mortal.start()
    yield server  # pyright: ignore[reportReturnType]
    server.stop()


@pytest.fixture(scope="module")
def sample(tls_postgres: PostgresServer) -> dict[str, Any]:
    """Credentials of a database with :data:`SCHEMA`."""
    return tls_postgres.create_database(sql=SCHEMA)


@pytest.fixture
async def open_source() -> AsyncGenerator[OpenSource]:
    """Makes sources that are closed when the test ends."""
    opened: list[Source] = []

    def make(credentials: dict[str, Any], **options: Any) -> Source:
        opened.append(Source(parse_sql_credentials("postgres", credentials), GUARD, **options))
        return opened[-1]

    yield make
    for source in opened:
        await source.pool.close()


@pytest.fixture(scope="module")
def pooled(tls_postgres: PostgresServer, sample: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Credentials that reach ``sample`` through PgBouncer in transaction mode, with two server sessions to lend."""
    with pgbouncer(tls_postgres, pool_size=2) as port:
        yield {**sample, "port": port}


@pytest.fixture
def session_count(tls_postgres: PostgresServer) -> Callable[[str], int]:
    """How many sessions a role has on the server."""

    def count(user: str) -> int:
        with psycopg.connect(tls_postgres.superuser_dsn()) as connection:
            row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [user]).fetchone()
            assert row is not None
            return row[0]

    return count
