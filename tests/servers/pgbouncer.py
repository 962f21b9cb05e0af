"""A real PgBouncer in front of a test server, with TLS on its own port."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from tests.servers.postgres import PostgresServer
from tests.servers.processes import HOST, free_port


@contextlib.contextmanager
def pgbouncer(
    server: PostgresServer, *, pool_mode: str = "transaction", ignore: str = "extra_float_digits", pool_size: int = 4
) -> Iterator[int]:
    """Run PgBouncer before ``server``; yields its port. ``ignore`` are the start-up parameters it swallows.

    It asks the server for the secrets of whoever logs in, so every role of the server can be used.
    """
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise RuntimeError("this test needs Debian's pgbouncer package: `make test` installs it")
    port = free_port()
    directory = server.base / f"pgbouncer{port}"
    directory.mkdir()
    users = directory / "users"
    users.write_text(f'"{server.superuser}" ""\n')
    configuration = directory / "pgbouncer.ini"
    configuration.write_text(
        "\n".join(
            [
                "[databases]",
                f"* = host={server.base} port={server.port} auth_user={server.superuser}",
                "[pgbouncer]",
                f"listen_addr = {HOST}",
                f"listen_port = {port}",
                "unix_socket_dir =",
                "auth_type = scram-sha-256",
                f"auth_file = {users}",
                f"pool_mode = {pool_mode}",
                f"default_pool_size = {pool_size}",
                f"ignore_startup_parameters = {ignore}",
                "client_tls_sslmode = require",
                f"client_tls_cert_file = {server.base / 'server.crt'}",
                f"client_tls_key_file = {server.base / 'server.key'}",
                "server_tls_sslmode = disable",
                "logfile =",
                "",
            ]
        )
    )
    for path in (directory, users, configuration):
        server.runner.give(path)
    process = server.runner.start([program, "-q", str(configuration)], directory=directory, log=directory / "log")
    try:
        _wait(port, process, directory / "log")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes], log: Any) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PgBouncer did not start: {log.read_text()[-1000:]}") from None
            time.sleep(0.02)
