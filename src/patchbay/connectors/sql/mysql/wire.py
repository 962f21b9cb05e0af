"""The connection under a session to MySQL or MariaDB: asyncmy, made stricter.

The driver does the protocol: handshake, log-in, TLS, packets. It is told to convert nothing, so values come as the server sends
them, and to hand out rows as they arrive, so that reading stops at the byte limit. Beyond that:

- it connects to the address the guard checked, and the certificate has to be for the host's name;
- it never goes on without TLS: nothing but the server's greeting is read before it;
- the server is not offered to take several statements in one message, nor to ask for files;
- no more is read of an answer than was agreed, its columns included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from asyncmy.connection import Connection
from asyncmy.constants.CLIENT import FOUND_ROWS, LOCAL_FILES, MULTI_STATEMENTS, SSL

from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.mysql.server import Role
from patchbay.connectors.sql.refusals import TlsNotOffered
from patchbay.connectors.sql.tls import session_context
from patchbay.egress.guard import CheckedAddress

if TYPE_CHECKING:

    class _Driver:
        """What is used of :class:`asyncmy.connection.Connection`, most of which its own stubs leave out."""

        server_capabilities: int
        _client_flag: int
        _host: str
        _stream_broken: bool
        _result: Any
        _transport: asyncio.Transport | None

        def __init__(self, **options: Any) -> None: ...
        async def connect(self) -> None: ...
        async def query(self, sql: bytes | str, unbuffered: bool = False) -> int: ...
        async def ensure_closed(self) -> None: ...
        async def _request_authentication(self) -> Any: ...
        def _fill_buffer(self, need: int) -> Awaitable[None]: ...
        def read_packet(self, *kind: Any) -> Awaitable[Any]: ...
        def close(self) -> None: ...
        def thread_id(self) -> int: ...
        def get_server_info(self) -> str: ...

else:
    _Driver = Connection


_TALK_BYTES = 1 << 20
"""More than anything but an answer is long: greeting, log-in, settings."""
RawRow = tuple[bytes | None, ...]


class Answer:
    """Rows as the server sent them, in text form. ``types`` are the type bytes of the columns.

    ``cut`` says that the byte limit ended the reading early; the session cannot be used again then. ``affected`` counts the
    records a write found, changed or not; ``made`` is the number the server gave the one it added.
    """

    __slots__ = ("affected", "cut", "made", "rows", "types")

    def __init__(self) -> None:
        self.affected = 0
        self.made = 0
        self.rows: list[RawRow] = []
        self.types: tuple[int, ...] = ()
        self.cut = False


class LimitPassed(Exception):
    """More bytes were announced than may be read."""


class Wire(_Driver):
    """The driver's connection to a checked address."""

    def __init__(self, credentials: SqlCredentials, target: CheckedAddress, role: Role, timeout_s: float, *, enter: bool) -> None:
        login = credentials.login(role)
        super().__init__(
            host=target.address,
            port=target.port,
            user=login.user,
            # As text it would be sent in Latin-1.
            password=login.password.encode(),
            database=credentials.database if enter else None,
            charset="utf8mb4",
            conv={},
            use_unicode=False,
            autocommit=None,
            connect_timeout=timeout_s,
            program_name="patchbay",
            ssl=session_context(credentials),
        )
        self._certified_host = target.host
        self._client_flag &= ~(MULTI_STATEMENTS | LOCAL_FILES)
        # An update that finds its record as it should be has found it all the same.
        self._client_flag |= FOUND_ROWS
        self.bytes_left = _TALK_BYTES

    async def _request_authentication(self) -> Any:
        """Between the greeting and TLS: the host from here on is the one the certificate must name."""
        if not self.server_capabilities & SSL:
            raise TlsNotOffered
        self._host = self._certified_host
        return await super()._request_authentication()

    def _fill_buffer(self, need: int) -> Awaitable[None]:
        """Waits until ``need`` bytes have come, which is the length of a packet that was announced."""
        if need > self.bytes_left > 0:
            raise LimitPassed
        return super()._fill_buffer(need)

    def read_packet(self, *kind: Any) -> Awaitable[Any]:
        """Reads a packet. The definition of a column, which alone is asked for by its kind, counts as part of the answer."""
        return self._read_column(*kind) if kind else super().read_packet()

    async def _read_column(self, kind: Any) -> Any:
        column = await super().read_packet(kind)
        self.bytes_left -= len(column.get_all_data())
        if self.bytes_left <= 0:
            raise LimitPassed
        return column

    @property
    def whole(self) -> bool:
        """Whether it is still there."""
        return not self._stream_broken

    def abort(self) -> None:
        """Break the line at once; for whoever waits for an answer, an error."""
        if self._transport is not None:
            self._transport.abort()

    async def command(self, statement: str) -> None:
        """Run a statement that returns no rows. Raises the driver's error, and :class:`LimitPassed` when there are any."""
        answer = Answer()
        await self.read(statement.encode(), answer, 0, _TALK_BYTES)
        if answer.types:
            raise LimitPassed

    async def read(self, statement: bytes, answer: Answer, rows: int, limit: int) -> None:
        """Send ``statement`` and read up to ``rows`` rows into ``answer``."""
        self.bytes_left = limit
        await self.query(statement, unbuffered=True)
        result = self._result
        if not result.field_count:
            answer.affected, answer.made = result.affected_rows, result.insert_id
            return
        answer.types = tuple([field.type_code for field in result.fields])
        kept = answer.rows
        while (row := await result._read_rowdata_packet_unbuffered()) is not None:
            self.bytes_left -= sum([len(value) for value in row if value is not None])
            if self.bytes_left <= 0 or len(kept) == rows:
                answer.cut = True
                return
            kept.append(row)
