"""A real MariaDB with TLS for tests: started on a free loopback port, gone when the tests end or are killed.

`MariaDbServer.start()` runs Debian's binaries as an unprivileged user. `create_database` makes a database, from SQL or
from one of the shared data sets, with a read-only account, and returns the credentials as the API takes them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.constants import CLIENT

from tests.servers.certificates import Authority, Certificate
from tests.servers.datasets import mariadb_statements
from tests.servers.processes import HOST, Runner, environment, free_port

_START_TIMEOUT_S = 60.0
_SEARCH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
_names = itertools.count(1)


def program(*names: str) -> str:
    """The path of the first of these programs that is installed."""
    for name in names:
        if found := shutil.which(name, path=_SEARCH):
            return found
    raise RuntimeError(f"the tests need Debian's MariaDB packages ({names[0]} is missing): `make test` installs them")


def quoted(*names: str) -> str:
    """Names as identifiers, joined with dots."""
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


def pattern(database: str) -> str:
    """A database in a GRANT, where ``_`` and ``%`` stand for others unless they are escaped."""
    return quoted(database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%"))


class MariaDbServer:
    """One running server. Its authority's certificate is ``ca_pem``; plaintext TCP connections are not accepted."""

    host = HOST
    superuser = "admin"

    def __init__(self) -> None:
        self.authority = Authority()
        self.ca_pem = self.authority.pem
        self.superuser_password = secrets.token_urlsafe(12)
        self.runner = Runner()
        # A socket's path must stay short, and the user must be able to get there.
        self.base = Path(tempfile.mkdtemp(prefix="pbmy", dir="/tmp"))
        self.base.chmod(0o755)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, **settings: str) -> MariaDbServer:
        """Make a data directory and start on it; ``settings`` are options of the server."""
        server = cls()
        try:
            server._initialize()
            server._run(settings)
        except BaseException:
            server.stop()
            raise
        return server

    def stop(self) -> None:
        """Stop at once; the data is thrown away."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None
        shutil.rmtree(self.base, ignore_errors=True)

    # -- connecting ------------------------------------------------------------------------------------------------

    @property
    def ca_file(self) -> str:
        return str(self.base / "ca.pem")

    @property
    def socket(self) -> str:
        return str(self.base / "socket")

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

    def connect(self, database: str | None = None) -> pymysql.Connection[Any]:
        """A superuser connection in autocommit mode, by the socket; a statement may be several."""
        return pymysql.connect(
            unix_socket=self.socket,
            user=self.superuser,
            password=self.superuser_password,
            database=database,
            charset="utf8mb4",
            autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS,
        )

    def execute(self, database: str | None, statements: str, values: Any = None) -> list[tuple[Any, ...]]:
        """Run statements as superuser; returns the last one's rows."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(statements, values)
            rows = cursor.fetchall()
            while cursor.nextset():
                rows = cursor.fetchall()
            return list(rows)

    def client(self, database: str | None, script: str, *, user: str | None = None, password: str | None = None) -> str:
        """Run a script with the mariadb program, stopping at its first error; returns what it printed.

        DELIMITER lines work as people write them.
        """
        run = subprocess.run(
            [
                program("mariadb", "mysql"),
                "--no-defaults",
                f"--socket={self.socket}",
                f"--user={user or self.superuser}",
                "--default-character-set=utf8mb4",
                *([f"--database={database}"] if database is not None else []),
            ],
            input=script.encode(),
            capture_output=True,
            env={**environment(), "MYSQL_PWD": password or self.superuser_password},
        )
        if run.returncode:
            raise AssertionError(run.stderr.decode(errors="replace")[-2000:])
        return run.stdout.decode()

    # -- databases -------------------------------------------------------------------------------------------------

    def create_database(
        self,
        name: str | None = None,
        sql: str | None = None,
        *,
        dataset: str | None = None,
        write_tables: tuple[str, ...] | None = None,
        sslmode: str = "verify-full",
    ) -> dict[str, Any]:
        """Make a database (from ``dataset``, then ``sql``) and a read-only account; return the credentials.

        Without ``name`` a fresh one is used. ``sql`` is a script as people write them, DELIMITER lines included. With
        ``write_tables`` a write account for these tables is made too.
        """
        database = name or f"db_{os.getpid()}_{next(_names)}"
        self.execute(None, f"CREATE DATABASE {quoted(database)}")
        if dataset:
            self.client(database, mariadb_statements(dataset))
        if sql:
            self.client(database, sql)
        reader, password = self.create_account("ro", f"SELECT, SHOW VIEW ON {pattern(database)}.*")
        credentials = self.credentials(database, reader, password, sslmode=sslmode)
        if write_tables is not None:
            grants = [f"SELECT, INSERT, UPDATE ON {quoted(database, table)}" for table in write_tables]
            writer, password = self.create_account("rw", *grants)
            credentials["write"] = {"user": writer, "password": password}
        return credentials

    def create_account(self, prefix: str, *grants: str) -> tuple[str, str]:
        """A user that may log in over TLS, and the privileges in ``grants`` (`SELECT ON db.*`); with its password."""
        user, password = f"{prefix}_{secrets.token_hex(4)}", secrets.token_urlsafe(12)
        self.execute(None, f"CREATE USER {quoted(user)}@'%%' IDENTIFIED BY %s REQUIRE SSL", (password,))
        for grant in grants:
            self.execute(None, f"GRANT {grant} TO {quoted(user)}@'%'")
        return user, password

    def drop_database(self, name: str) -> None:
        """Drop a database; the accounts made for it stay."""
        self.execute(None, f"DROP DATABASE IF EXISTS {quoted(name)}")

    # -- TLS -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def serving(self, certificate: Certificate) -> Iterator[None]:
        """Serve another certificate for a while; connections that are open keep theirs."""
        self._use(certificate)
        try:
            yield
        finally:
            self._use(self._certificate)

    def _use(self, certificate: Certificate) -> None:
        self._write_certificate(certificate)
        self.execute(None, "FLUSH SSL")

    def _write_certificate(self, certificate: Certificate) -> None:
        for name, text in (("server.crt", certificate.pem), ("server.key", certificate.key)):
            self.runner.write_private(self.base / name, text)

    # -- starting --------------------------------------------------------------------------------------------------

    def _initialize(self) -> None:
        self.runner.give(self.base)
        self._certificate = self.authority.issue()
        self._write_certificate(self._certificate)
        (self.base / "ca.pem").write_text(self.ca_pem)
        self.runner.run(
            [
                program("mariadb-install-db", "mysql_install_db"),
                "--no-defaults",
                f"--datadir={self.base / 'data'}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
            ],
            directory=self.base,
        )
        account = f"'{self.superuser}'@'localhost'"
        self.runner.write_private(
            self.base / "first.sql",
            f"CREATE USER {account} IDENTIFIED BY '{self.superuser_password}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION;\n"
            "DELETE FROM mysql.global_priv WHERE User IN ('root', '');\nFLUSH PRIVILEGES;\n",
        )

    def _run(self, settings: dict[str, str]) -> None:
        options = {
            "datadir": self.base / "data",
            "socket": self.socket,
            "pid-file": self.base / "pid",
            "bind-address": self.host,
            "port": self.port,
            "init-file": self.base / "first.sql",
            "ssl-cert": self.base / "server.crt",
            "ssl-key": self.base / "server.key",
            "require-secure-transport": "ON",
            "skip-name-resolve": "ON",
            "character-set-server": "utf8mb4",
            "innodb-buffer-pool-size": "64M",
            "innodb-log-file-size": "16M",
            "innodb-flush-log-at-trx-commit": "0",
            "innodb-doublewrite": "OFF",
            "innodb-flush-method": "nosync",
            "performance-schema": "OFF",
            "default-time-zone": "+00:00",
            "tmpdir": self.base,
            **{name.replace("_", "-"): value for name, value in settings.items()},
        }
        command = [program("mariadbd", "mysqld"), "--no-defaults", *(f"--{name}={value}" for name, value in options.items())]
        self._process = self.runner.start(command, directory=self.base, log=self.base / "log")
        deadline = time.monotonic() + _START_TIMEOUT_S
        # The init file runs before the server listens. PyMySQL would leave its socket open where nobody does.
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(self.socket)
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    tail = (self.base / "log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"MariaDB did not start: {tail}") from None
                time.sleep(0.05)


@pytest.fixture(scope="session")
def tls_mariadb() -> Iterator[MariaDbServer]:
    """A MariaDB with TLS, one for the whole session."""
    server = MariaDbServer.start()
    try:
        yield server
    finally:
        server.stop()
