"""The MariaDB that the tests start: over TLS only, read-only accounts, the data sets, hostile names, nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pymysql
import pytest

from tests.servers.datasets import MARIADB_DATASETS
from tests.servers.mariadb import MariaDbServer, quoted


def log_in(credentials: dict[str, Any], server: MariaDbServer, **options: Any) -> pymysql.Connection[Any]:
    return pymysql.connect(
        host=credentials["host"],
        port=credentials["port"],
        user=credentials["user"],
        password=credentials["password"],
        database=credentials["database"],
        **options or {"ssl_ca": server.ca_file, "ssl_verify_cert": True, "ssl_verify_identity": True},
    )


@pytest.mark.parametrize("dataset", MARIADB_DATASETS)
def test_a_data_set_is_read_by_the_account_of_its_credentials(tls_mariadb: MariaDbServer, dataset: str) -> None:
    credentials = tls_mariadb.create_database(dataset=dataset)
    with log_in(credentials, tls_mariadb) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        table = cursor.fetchall()[0][0]
        cursor.execute(f"SELECT * FROM {quoted(table)} LIMIT 1")
        with pytest.raises(pymysql.OperationalError, match="denied"):
            cursor.execute(f"DELETE FROM {quoted(table)}")
    tls_mariadb.drop_database(credentials["database"])


def test_unencrypted_connections_are_refused(tls_mariadb: MariaDbServer) -> None:
    credentials = tls_mariadb.create_database()
    with pytest.raises(pymysql.OperationalError):
        log_in(credentials, tls_mariadb, ssl_disabled=True)


def test_names_of_any_kind_and_accounts_that_may_write(tls_mariadb: MariaDbServer) -> None:
    credentials = tls_mariadb.create_database(
        "we`ird_%\\ 'db\"", "CREATE TABLE `a``b%s` (id int PRIMARY KEY); CREATE TABLE other (id int)", write_tables=("a`b%s",)
    )
    writer = credentials | credentials["write"]
    with log_in(writer, tls_mariadb) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO `a``b%s` VALUES (1)")
        with pytest.raises(pymysql.OperationalError, match="denied"):
            cursor.execute("INSERT INTO other VALUES (1)")
    tls_mariadb.drop_database(credentials["database"])


def test_a_killed_run_leaves_no_server_behind() -> None:
    program = (
        "import time; from tests.servers.mariadb import MariaDbServer; server = MariaDbServer.start();"
        "print(server._process.pid, server.base, flush=True); time.sleep(60)"
    )
    runner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    assert runner.stdout is not None
    pid, base = runner.stdout.readline().split()
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    runner.stdout.close()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}/fd").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < deadline, "the server outlived the tests"
        time.sleep(0.05)
    subprocess.run(["rm", "-rf", base], check=True)
