"""One session to MySQL or MariaDB: statements go out, bytes come back, and whatever goes wrong has one of three names."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from math import inf

from asyncmy.errors import MySQLError

from patchbay.connectors.sql.alarm import Alarm
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.failures import BackendLost, DeadlinePassed, StatementFailed
from patchbay.connectors.sql.mysql.refusals import UNKNOWN_VARIABLE, connect_refusal, error_number
from patchbay.connectors.sql.mysql.server import Role, possible_servers, session_statement
from patchbay.connectors.sql.mysql.wire import Answer, LimitPassed, Wire
from patchbay.connectors.sql.refusals import ConnectFailed
from patchbay.egress.guard import CheckedAddress

KILL_S = 2.0
_SESSION_ENDED = frozenset({0, 1053, 1077, 1079, 1159, 1161, 1184, 1927, 2006, 2013, 2014, 4031})
"""Errors after which there is no session: the client's own, shutdown, a killed connection, a broken network."""


class Backend:
    """A session in the hands of one caller at a time. ``kill`` ends the session of a number, over another one."""

    def __init__(self, wire: Wire, kill: Callable[[int], Awaitable[None]]) -> None:
        self._wire = wire
        self._kill = kill
        self._given_up = False
        self._late = False
        self._deadline = inf
        self._alarm = Alarm(self._look)
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        """Whether it can be asked anything more."""
        return not self._given_up and self._wire.whole

    @property
    def session_id(self) -> int:
        """The server's number of this session."""
        return int(self._wire.thread_id())

    def give_up(self) -> None:
        """Not to be used again."""
        self._given_up = True

    async def run(self, statement: bytes, *, rows: int, limit: int, deadline: float) -> Answer:
        """Send ``statement`` as it is and read up to ``rows`` rows.

        ``limit`` bounds the bytes of the rows, ``deadline`` is in the loop's time. Raises :class:`BackendLost`,
        :class:`StatementFailed` or :class:`DeadlinePassed`; when cancelled or late, the session is no longer usable.
        """
        answer = Answer()
        self._deadline = deadline
        self._alarm.by(deadline)
        try:
            await self._wire.read(statement, answer, rows, limit)
        except LimitPassed:
            answer.cut = True
        except MySQLError as error:
            number = error_number(error) or 0
            if number in _SESSION_ENDED or not self._wire.whole:
                raise self._broken(answer) from None
            raise StatementFailed(str(number)) from None
        except Exception:  # the driver stumbled over what it was sent: whatever it is, it is no answer
            raise self._broken(answer) from None
        finally:
            self._deadline = inf
        if answer.cut:
            self._given_up = True
        return answer

    async def begin_write(
        self, statement: bytes, read_back: Callable[[int], bytes] | None, *, rows: int, limit: int, deadline: float
    ) -> Answer:
        """Open a transaction and run a write in it. What it did is for :meth:`commit` or :meth:`roll_back`.

        ``read_back`` gives the statement that finds the one record that was written, by the number the server gave it; its rows
        are the answer. Raises as :meth:`run` does; after :class:`StatementFailed` the transaction is rolled back, and after the
        others the server does so by itself.
        """
        await self.run(b"START TRANSACTION READ WRITE", rows=0, limit=65_536, deadline=deadline)
        try:
            answer = await self.run(statement, rows=0, limit=65_536, deadline=deadline)
            if read_back is None or answer.affected != 1:
                return answer
            found = await self.run(read_back(answer.made), rows=rows, limit=limit, deadline=deadline)
        except StatementFailed:
            await self.roll_back(deadline)
            raise
        found.affected = answer.affected
        return found

    async def commit(self, deadline: float) -> None:
        """Make the open transaction's changes last. After :class:`BackendLost` or :class:`DeadlinePassed` nobody knows."""
        try:
            await self.run(b"COMMIT", rows=0, limit=65_536, deadline=deadline)
        except StatementFailed:
            await self.roll_back(deadline)
            raise

    async def roll_back(self, deadline: float) -> None:
        """Undo the open transaction; a session that cannot is not used again, and the server undoes it."""
        try:
            await self.run(b"ROLLBACK", rows=0, limit=65_536, deadline=deadline)
        except (BackendLost, StatementFailed, DeadlinePassed):
            self._given_up = True

    def _look(self, at: float) -> float:
        """Breaking the line costs a tenth of what cancelling the task would."""
        if self._deadline > at:
            return self._deadline
        self._late = True
        self._wire.abort()
        return inf

    def _broken(self, answer: Answer) -> BackendLost | DeadlinePassed:
        self._given_up = True
        return DeadlinePassed() if self._late else BackendLost(rows_seen=bool(answer.rows))

    async def close(self, *, cancel: bool = False) -> None:
        """End the session; with ``cancel`` first ask the server to stop what it runs (bounded, best effort)."""
        number = self.session_id if cancel else None
        self._given_up = True
        self._alarm.cancel()
        if number is None and self._wire.whole:
            with contextlib.suppress(MySQLError, OSError, TimeoutError):
                async with asyncio.timeout(KILL_S):
                    await self._wire.ensure_closed()
        self._wire.close()
        if number is not None:
            with contextlib.suppress(ConnectFailed, BackendLost, StatementFailed, DeadlinePassed, OSError, TimeoutError):
                async with asyncio.timeout(KILL_S):
                    await self._kill(number)


async def open_backend(
    credentials: SqlCredentials,
    target: CheckedAddress,
    *,
    role: Role = "read",
    connect_timeout_s: float = 5.0,
    statement_timeout_ms: int = 4000,
    enter: bool = True,
) -> Backend:
    """A session to a checked address with the settings of ``role`` in force. Raises a `ConnectFailed`.

    ``enter``: names without a database are of that of the credentials. A session goes on with the privileges it had when it
    entered a database, whatever is revoked since; one that stays outside names its tables in full and is judged each time
    (https://dev.mysql.com/doc/refman/8.4/en/privilege-changes.html).
    """

    async def kill(number: int) -> None:
        other = await open_backend(credentials, target, role=role, connect_timeout_s=KILL_S, enter=False)
        try:
            # The socket is gone already; the session, and with it what it runs, goes too.
            await other.run(b"KILL CONNECTION %d" % number, rows=0, limit=65_536, deadline=_in(KILL_S))
        finally:
            await other.close()

    wire = Wire(credentials, target, role, connect_timeout_s, enter=enter)
    try:
        async with asyncio.timeout(connect_timeout_s):
            await wire.connect()
            await _settle(wire, role, statement_timeout_ms)
    except BaseException as error:
        wire.close()
        if isinstance(error, ConnectFailed) or not isinstance(error, Exception):
            raise
        raise connect_refusal(error) from None
    return Backend(wire, kill)


async def _settle(wire: Wire, role: Role, statement_timeout_ms: int) -> None:
    """Bring the settings of ``role`` into force."""
    announced, other = possible_servers(wire.get_server_info())
    try:
        await wire.command(session_statement(role, statement_timeout_ms, announced))
    except MySQLError as error:
        if error_number(error) != UNKNOWN_VARIABLE:
            raise
        await wire.command(session_statement(role, statement_timeout_ms, other))


def _in(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds
