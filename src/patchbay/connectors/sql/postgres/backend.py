"""One open session as the executor drives it: straight on libpq, one statement at a time, extended protocol only.

psycopg opens the session (TLS, authentication, settings); from then on this class owns its socket. A call on the caller's
path costs one round trip and one wake-up: the socket stays registered with the event loop between calls, rows come in
libpq's single-row mode, so they can be dropped as they arrive, and the bytes on the wire are counted before they are
read, so that neither a long answer nor one huge value is taken into memory beyond the limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg import pq

from patchbay.connectors.sql.failures import BackendLost, DeadlinePassed, StatementFailed
from patchbay.connectors.sql.postgres.valve import Valve

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

PREPARED_MOST = 256
_TUPLE = pq.ExecStatus.SINGLE_TUPLE
_ROWS_END = pq.ExecStatus.TUPLES_OK
_COMMAND_END = pq.ExecStatus.COMMAND_OK
_SYNC = pq.ExecStatus.PIPELINE_SYNC
_ABORTED = pq.ExecStatus.PIPELINE_ABORTED
_SESSION_ENDED = ("57P", "08")
_IN_FAILED_TRANSACTION = "25P02"
_BAD = pq.ConnStatus.BAD

RawRow = tuple[bytes | None, ...]


class Answer:
    """Rows as the server sent them, in text form. ``oids`` are the types of the columns.

    ``cut`` says that the byte limit ended the reading early; the session cannot be used again then. ``affected`` counts the
    records a write changed.
    """

    __slots__ = ("affected", "cut", "oids", "rows")

    def __init__(self) -> None:
        self.rows: list[RawRow] = []
        self.oids: tuple[int, ...] = ()
        self.cut = False
        self.affected = 0

    @property
    def types(self) -> tuple[int, ...]:
        """What decides how the columns are read."""
        return self.oids

    def take(self, result: PGresult, most: int) -> None:
        """Add the rows of one result, up to ``most`` in all."""
        columns = range(result.nfields)
        if not self.oids:
            self.oids = tuple([result.ftype(c) for c in columns])
        value = result.get_value
        for row in range(min(result.ntuples, most - len(self.rows))):
            self.rows.append(tuple([value(row, c) for c in columns]))


class _Bounds(NamedTuple):
    """What bounds the reading of an answer: rows kept, bytes taken from the wire, the loop's time."""

    rows: int
    limit: int
    deadline: float


class Description:
    """What the server says of a prepared statement: parameter types, and per column its name, type and origin.

    The origin is the oid of the table or view and the number of the column in it; both are 0 for an expression.
    """

    __slots__ = ("columns", "parameters")

    def __init__(self, result: PGresult) -> None:
        self.parameters = tuple([result.param_type(n) for n in range(result.nparams)])
        self.columns = tuple(
            [(result.fname(c) or b"", result.ftype(c), result.ftable(c), result.ftablecol(c)) for c in range(result.nfields)]
        )


class Backend:
    """A session in the hands of one caller at a time. Not safe for two callers at once: the pool sees to that."""

    def __init__(self, connection: psycopg.AsyncConnection[object]) -> None:
        self._connection = connection
        self._pg: PGconn = connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._fd = self._pg.socket
        self._waiter: asyncio.Future[bool] | None = None
        self._prepared: dict[bytes, bytes] = {}
        # Behind a pooler names outlive the session they were given in: no two sessions may share one.
        self._token = secrets.token_hex(6).encode()
        self._serial = 0
        self._limit = 0
        self._seen = 0
        self._valve: Valve | None = None
        self._over = False
        self.usable = True
        self.lent = False
        self.idle_since = 0.0
        self._loop.add_reader(self._fd, self._on_readable)

    @property
    def process_id(self) -> int:
        """The server's process id of this session."""
        return self._pg.backend_pid

    def give_up(self) -> None:
        """Not to be used again."""
        self.usable = False

    async def find_out_whether_lent(self, deadline: float) -> None:
        """Set ``lent`` when a pooler stands between: the server process that answers is not the one that greeted us."""
        try:
            self._pg.send_query_params(b"SELECT pg_catalog.pg_backend_pid()", None)
        except psycopg.Error:
            raise self._lost() from None
        answer = await self._collect(1, 65_536, deadline)
        self.lent = answer.rows[0][0] != b"%d" % self._pg.backend_pid

    async def run(self, sql: bytes, values: Sequence[bytes | None], *, rows: int, limit: int, deadline: float) -> Answer:
        """Prepare ``sql`` once in this session, execute it with text ``values``, and read up to ``rows`` rows.

        ``limit`` bounds the bytes taken from the wire, ``deadline`` is in the loop's time. Raises :class:`BackendLost`,
        :class:`StatementFailed` or :class:`DeadlinePassed`; when cancelled or late, the session is no longer usable.
        """
        name = self._prepared.get(sql)
        if name is None:
            name = await self._prepare(sql, deadline)
        try:
            self._pg.send_query_prepared(name, values)
            self._pg.set_single_row_mode()
        except psycopg.Error:
            raise self._lost() from None
        return await self._collect(rows, limit, deadline)

    async def run_once(
        self, preamble: Sequence[tuple[bytes, Sequence[bytes | None]]], sql: bytes, values: Sequence[bytes | None],
        *, rows: int, limit: int, deadline: float,
    ) -> Answer:  # fmt: skip
        """Everything in one pipelined read-only transaction and one round trip: for sessions a pooler lends out.

        Nothing is prepared by name and nothing is left behind: ``preamble`` are statements run after ``BEGIN READ ONLY``.
        """
        return await self._pipeline(
            [(b"BEGIN READ ONLY", None), *preamble],
            lambda: self._pg.send_query_params(sql, values),
            [b"COMMIT"],
            _Bounds(rows, limit, deadline),
        )

    async def begin_write(
        self, preamble: Sequence[tuple[bytes, Sequence[bytes | None]]], sql: bytes, values: Sequence[bytes | None],
        *, rows: int, limit: int, deadline: float,
    ) -> Answer:  # fmt: skip
        """Open a transaction and run a write in it, in one round trip. What it did is for :meth:`commit` or :meth:`roll_back`.

        Raises as :meth:`run` does; after :class:`StatementFailed` the transaction is rolled back, and after the others the
        server does so by itself.
        """
        pg = self._pg
        name = None if self.lent else self._prepared.get(sql) or await self._prepare(sql, deadline)
        return await self._pipeline(
            [(b"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", None), *preamble],
            lambda: pg.send_query_params(sql, values) if name is None else pg.send_query_prepared(name, values),
            [],
            _Bounds(rows, limit, deadline),
        )

    async def commit(self, deadline: float) -> None:
        """Make the open transaction's changes last. After :class:`StatementFailed` they were rolled back; after
        :class:`BackendLost` or :class:`DeadlinePassed` nobody knows.
        """
        try:
            self._pg.send_query_params(b"COMMIT", None)
        except psycopg.Error:
            raise self._lost() from None
        self._start(65_536)
        answer, tag, failure = Answer(), b"", None
        while (result := await self._next(deadline, answer)) is not None:
            if result.status == _COMMAND_END:
                tag = result.command_status or b""
            else:
                failure = failure or _sqlstate(result)
        # The server answers COMMIT with ROLLBACK where something in the transaction had failed.
        self._finish(failure or (None if tag == b"COMMIT" else _IN_FAILED_TRANSACTION), answer)

    async def roll_back(self, deadline: float) -> None:
        """Undo the open transaction; a session that cannot is not used again, and the server undoes it."""
        try:
            await self.command(b"ROLLBACK", deadline)
        except (BackendLost, StatementFailed, DeadlinePassed):
            self.usable = False

    async def _pipeline(
        self,
        before: Sequence[tuple[bytes, Sequence[bytes | None] | None]],
        send: Callable[[], None],
        after: Sequence[bytes],
        bounds: _Bounds,
    ) -> Answer:
        """What ``send`` sends, between other statements, in one round trip; its rows are the answer."""
        pg = self._pg
        try:
            pg.enter_pipeline_mode()
            for statement, parameters in before:
                pg.send_query_params(statement, parameters)
            send()
            for statement in after:
                pg.send_query_params(statement, None)
            pg.pipeline_sync()
        except psycopg.Error:
            raise self._lost() from None
        answer = Answer()
        failure: str | None = None
        self._start(bounds.limit)
        statement = -len(before)
        while True:
            result = await self._next(bounds.deadline, answer)
            if answer.cut:
                break
            if result is None:
                statement += 1
            elif result.status == _SYNC:
                self._leave_pipeline()
                break
            elif result.status in (_ROWS_END, _COMMAND_END):
                if statement == 0:
                    answer.affected = result.command_tuples or 0
                    answer.take(result, bounds.rows)
            elif result.status != _ABORTED:
                failure = failure or _sqlstate(result)
        if failure is not None and self.usable and self._fd >= 0:
            await self.roll_back(bounds.deadline)
        self._finish(failure, answer)
        return answer

    def _leave_pipeline(self) -> None:
        with contextlib.suppress(psycopg.Error):
            self._pg.exit_pipeline_mode()
            return
        self.usable = False

    async def _prepare(self, sql: bytes, deadline: float) -> bytes:
        if len(self._prepared) >= PREPARED_MOST:
            oldest = next(iter(self._prepared))
            await self.command(b"DEALLOCATE " + self._prepared.pop(oldest), deadline)
        self._serial += 1
        name = b"pb_%s_%d" % (self._token, self._serial)
        try:
            self._pg.send_prepare(name, sql)
        except psycopg.Error:
            raise self._lost() from None
        await self._collect(0, 65_536, deadline)
        self._prepared[sql] = name
        return name

    async def describe(self, sql: bytes, deadline: float) -> Description:
        """Parse and describe ``sql`` without running it: parameter types, and the type and origin of each column."""
        name = self._prepared.get(sql) or await self._prepare(sql, deadline)
        try:
            self._pg.send_describe_prepared(name)
        except psycopg.Error:
            raise self._lost() from None
        self._start(1_048_576)
        answer = Answer()
        described: PGresult | None = None
        failure: str | None = None
        while (result := await self._next(deadline, answer)) is not None:
            if result.status == _COMMAND_END:
                described = result
            else:
                failure = failure or _sqlstate(result)
        self._finish(failure, answer)
        if described is None:
            raise self._lost()
        return Description(described)

    async def forget_prepared(self, deadline: float) -> None:
        """Deallocate what this session prepared: for one that goes back to a pooler."""
        while self._prepared:
            _, name = self._prepared.popitem()
            await self.command(b"DEALLOCATE " + name, deadline)

    async def command(self, sql: bytes, deadline: float) -> None:
        """Run a statement that returns nothing of interest."""
        try:
            self._pg.send_query_params(sql, None)
        except psycopg.Error:
            raise self._lost() from None
        await self._collect(0, 65_536, deadline)

    def _start(self, limit: int) -> None:
        self._limit, self._seen, self._over = limit, 0, False
        try:
            if self._pg.flush() != 0:
                self._loop.add_writer(self._fd, self._on_writable)
        except psycopg.Error:
            raise self._lost() from None

    async def _collect(self, rows: int, limit: int, deadline: float) -> Answer:
        answer = Answer()
        failure: str | None = None
        self._start(limit)
        while (result := await self._next(deadline, answer)) is not None:
            status = result.status
            if status in (_TUPLE, _ROWS_END):
                answer.take(result, rows)
            elif status != _COMMAND_END:
                failure = failure or _sqlstate(result)
        self._finish(failure, answer)
        return answer

    async def _next(self, deadline: float, answer: Answer) -> PGresult | None:
        """The next result of what was sent; None at its end, or when the limit cut it."""
        pg = self._pg
        try:
            while pg.is_busy():
                if self._over:
                    answer.cut = True
                    return None
                if self._fd < 0:
                    raise self._lost(answer)
                await self._wait(deadline)
            return pg.get_result()
        except psycopg.Error:
            raise self._lost(answer) from None

    def _finish(self, failure: str | None, answer: Answer) -> None:
        if self._valve is not None:
            self._close_valve()
        if failure is None:
            return
        if self._fd < 0 or self._pg.status == _BAD or failure.startswith(_SESSION_ENDED):
            raise self._lost(answer)
        raise StatementFailed(failure)

    async def _wait(self, deadline: float) -> None:
        waiter = self._waiter = self._loop.create_future()
        timer = self._loop.call_at(deadline, _expire, waiter)
        try:
            if not await waiter:
                self.usable = False
                raise DeadlinePassed
        except asyncio.CancelledError:
            self.usable = False
            raise
        finally:
            timer.cancel()
            self._waiter = None

    def _on_readable(self) -> None:
        waiter = self._waiter
        try:
            done = self._read() or waiter is None
        except (psycopg.Error, OSError):
            self._drop_socket()
            done = True
        if done and waiter is not None and not waiter.done():
            waiter.set_result(True)

    def _read(self) -> bool:
        """Take what is there; True when libpq has a result or the reading is over."""
        pg, valve = self._pg, self._valve
        if valve is None:
            pg.consume_input()
            if not pg.is_busy():
                return True
            if self._waiter is None:
                return False
            valve = self._open_valve()
        else:
            passed = valve.pass_portion()
            if passed == 0:
                self._drop_socket()
                return True
            self._seen += max(passed, 0)
            if self._seen > self._limit:
                self._over = True
                self._drop_socket()
                return True
        # A TLS record may be half taken, and no readiness follows for its rest: look until nothing is left, then once more.
        while valve.unread():
            pg.consume_input()
        pg.consume_input()
        return not pg.is_busy()

    def _open_valve(self) -> Valve:
        self._loop.remove_reader(self._fd)
        valve = self._valve = Valve(self._fd)
        self._loop.add_reader(valve.descriptor, self._on_readable)
        return valve

    def _close_valve(self) -> None:
        valve = self._valve
        if valve is None:
            return
        self._valve = None
        self._loop.remove_reader(valve.descriptor)
        if valve.unread():
            self.usable = False
        valve.remove()
        if self.usable:
            self._loop.add_reader(self._fd, self._on_readable)

    def _on_writable(self) -> None:
        try:
            if self._pg.flush() == 0:
                self._loop.remove_writer(self._fd)
        except psycopg.Error:
            self._drop_socket()
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(True)

    def _drop_socket(self) -> None:
        """The session is over for us: stop listening to it, and leave the rest to :meth:`close`."""
        self.usable = False
        self._close_valve()
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._fd = -1

    def _lost(self, answer: Answer | None = None) -> BackendLost:
        self._drop_socket()
        return BackendLost(rows_seen=answer is not None and bool(answer.rows))

    async def close(self, *, cancel: bool = False) -> None:
        """End the session; with ``cancel`` first ask the server to stop what it runs (bounded, best effort)."""
        self._drop_socket()
        try:
            if cancel and self._pg.status == pq.ConnStatus.OK:
                with contextlib.suppress(psycopg.Error, TimeoutError, OSError):
                    await self._connection.cancel_safe(timeout=2.0)
        finally:
            with contextlib.suppress(psycopg.Error):
                await self._connection.close()


def _expire(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)


def _sqlstate(result: PGresult) -> str:
    return (result.error_field(pq.DiagnosticField.SQLSTATE) or b"XX000").decode("ascii", "replace")
