"""The guarded session: every blocking connection to a customer's MySQL or MariaDB is opened here.

- The host is checked by the egress guard and the connection goes to the address that was checked; the name is kept for SNI
  and certificate verification.
- No file of this machine is read (no ``my.cnf``, no ``LOAD DATA LOCAL``), and a message is one statement: the client never
  offers the server to take several.
- Settings (read only, time limits, formats) are one statement after the log-in, see `server.session_settings`.

PyMySQL blocks. `Session` runs it in threads for code in an event loop: the connection test and proving, not live calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import Any, TypeAlias, cast

import pymysql

from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.mysql.refusals import UNKNOWN_VARIABLE, connect_refusal, error_number
from patchbay.connectors.sql.mysql.server import Role, Server, possible_servers, session_statement
from patchbay.connectors.sql.refusals import ConnectionTimedOut
from patchbay.connectors.sql.tls import session_context
from patchbay.egress.guard import CheckedAddress, EgressGuard

Row: TypeAlias = tuple[Any, ...]

_LOOK_UP_S = 3.0
_GRACE_S = 5.0
_KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 10_000}


class Connection(pymysql.Connection):
    """A logged-in connection in autocommit mode with its settings in force. ``server`` is what it was settled to be."""

    server: Server
    line: socket.socket

    @property
    def greeting(self) -> str:
        """The version as the other end announced it."""
        return str(cast(Any, self).server_version)

    @property
    def number(self) -> int:
        """The server's number of this connection, as the other end announced it."""
        return int(cast(Any, self).thread_id())

    def settle(self, role: Role, statement_timeout_ms: int) -> None:
        """Bring the settings of ``role`` into force."""
        announced, other = possible_servers(self.greeting)
        try:
            self.rows(session_statement(role, statement_timeout_ms, announced))
            self.server = announced
        except pymysql.Error as error:
            if error_number(error) != UNKNOWN_VARIABLE:
                raise
            self.rows(session_statement(role, statement_timeout_ms, other))
            self.server = other

    def rows(self, statement: str) -> list[Row]:
        """The rows of one statement, which is sent as it is. Raises `pymysql.Error`."""
        with self.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def wait_at_most(self, seconds: float) -> None:
        """How long each wait for the other end may take from now on."""
        self._read_timeout = self._write_timeout = seconds

    def cut(self) -> None:
        """End the conversation at once, without waiting for the other side; for a thread that waits in it, an error."""
        _shut(self.line)

    def close(self) -> None:
        """Say good-bye and close; again does nothing."""
        self.line.close()
        with contextlib.suppress(pymysql.Error):
            super().close()


class Session:
    """A `Connection` for code in an event loop: statements run in a thread, one after the other."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._turn = asyncio.Lock()

    @property
    def server(self) -> Server:
        """What the other end is."""
        return self.connection.server

    @property
    def closed(self) -> bool:
        """Whether nothing can be asked any more."""
        return not self.connection.open

    async def rows(self, statement: str) -> list[Row]:
        """See `Connection.rows`. Given up, it takes the session with it: its answer would be taken for the next one's."""
        async with self._turn:
            work = asyncio.ensure_future(asyncio.to_thread(self.connection.rows, statement))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                self.cut()
                await asyncio.gather(work, return_exceptions=True)
                raise

    def cut(self) -> None:
        """See `Connection.cut`."""
        self.connection.cut()

    async def close(self) -> None:
        """Say good-bye and close."""
        async with self._turn:
            await asyncio.to_thread(self.connection.close)


async def open_session(
    credentials: SqlCredentials,
    guard: EgressGuard,
    *,
    role: Role = "read",
    connect_timeout_s: float = 5.0,
    statement_timeout_ms: int = 4000,
    application_name: str = "patchbay",
    pinned: CheckedAddress | None = None,
) -> Session:
    """Connect and return an open session with the settings of ``role`` in force.

    ``connect_timeout_s`` covers look-up, TCP, TLS and log-in together. ``pinned`` is an address the guard has already
    checked for these credentials. Raises `EgressRefused` or a `ConnectFailed`.
    """
    credentials.login(role)  # without one there is nothing to open
    ends = time.monotonic() + connect_timeout_s
    try:
        async with asyncio.timeout(connect_timeout_s):
            target = pinned or await guard.check(credentials.host, credentials.port, timeout_s=min(_LOOK_UP_S, connect_timeout_s))
            wire = await _reach(target)
            line = wire.dup()
            left_s = max(0.001, ends - time.monotonic())
            logging_in = asyncio.ensure_future(
                asyncio.to_thread(_log_in, wire, line, credentials, target, role, left_s, statement_timeout_ms, application_name)
            )
            try:
                return Session(await asyncio.shield(logging_in))
            except asyncio.CancelledError:
                # The thread cannot be cancelled, but what it waits for can be ended.
                _shut(line)
                logging_in.add_done_callback(_discard)
                raise
    except TimeoutError:
        raise ConnectionTimedOut from None


def open_session_blocking(
    credentials: SqlCredentials,
    target: CheckedAddress,
    *,
    role: Role = "read",
    connect_timeout_s: float = 5.0,
    statement_timeout_ms: int = 4000,
    application_name: str = "patchbay",
) -> Connection:
    """The same for a process without an event loop (discovery). ``target`` comes from the guard."""
    credentials.login(role)
    ends = time.monotonic() + connect_timeout_s
    try:
        wire = socket.create_connection((target.address, target.port), connect_timeout_s)
    except OSError as error:
        raise connect_refusal(error) from None
    left_s = max(0.001, ends - time.monotonic())
    return _log_in(wire, wire.dup(), credentials, target, role, left_s, statement_timeout_ms, application_name)


async def _reach(target: CheckedAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
    wire = socket.socket(family, socket.SOCK_STREAM)
    try:
        wire.setblocking(False)
        await asyncio.get_running_loop().sock_connect(wire, (target.address, target.port))
    except BaseException as error:
        wire.close()
        if isinstance(error, OSError):
            raise connect_refusal(error) from None
        raise
    return wire


def _log_in(
    wire: socket.socket,
    line: socket.socket,
    credentials: SqlCredentials,
    target: CheckedAddress,
    role: Role,
    left_s: float,
    statement_timeout_ms: int,
    application_name: str,
) -> Connection:
    """Greet, encrypt, log in and settle over ``wire``; both sockets are closed when it fails.

    ``line`` is a second handle on ``wire``: the encrypted socket takes the first one over.
    """
    login = credentials.login(role)
    try:
        _keep_alive(wire)
        connection = Connection(
            host=target.host,
            port=target.port,
            user=login.user,
            # As text it would be sent in Latin-1.
            password=login.password.encode(),
            database=credentials.database,
            charset="utf8mb4",
            autocommit=None,
            ssl=session_context(credentials),
            program_name=application_name,
            read_timeout=left_s,
            write_timeout=left_s,
            defer_connect=True,
        )
        connection.line = line
        connection.connect(wire)
        connection.settle(role, statement_timeout_ms)
    except BaseException as error:
        wire.close()
        line.close()
        if isinstance(error, Exception):
            raise connect_refusal(error) from None
        raise
    connection.wait_at_most(statement_timeout_ms / 1000 + _GRACE_S)
    return connection


def _keep_alive(wire: socket.socket) -> None:
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):
            wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _shut(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _discard(logging_in: asyncio.Future[Connection]) -> None:
    """A log-in that nobody waits for any more ends here."""
    if not logging_in.cancelled() and logging_in.exception() is None:
        connection = logging_in.result()
        connection.cut()
        connection.close()
