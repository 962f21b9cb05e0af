"""Run one statement on a MySQL or MariaDB database, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from patchbay.connectors.refusals import (
    AlreadyExists,
    CallRefused,
    CredentialsRefused,
    PermissionMissing,
    RecordLocked,
    SchemaChanged,
    SourceBusy,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    ValueNotAccepted,
    WriteRefused,
)
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.mysql.backend import Answer, Backend, open_backend
from patchbay.connectors.sql.mysql.refusals import DENIED
from patchbay.connectors.sql.mysql.server import Role
from patchbay.connectors.sql.pool import SIZE
from patchbay.connectors.sql.source import STATEMENT_TIMEOUT_MS
from patchbay.connectors.sql.writing import WritingSource
from patchbay.egress.guard import EgressGuard


class Asked(NamedTuple):
    """A statement; how many rows and bytes of its answer are read. ``read_back`` as in :meth:`Backend.begin_write`."""

    statement: bytes
    rows: int
    limit: int
    read_back: Callable[[int], bytes] | None = None


class Source(WritingSource[Backend, Answer]):
    """One external MySQL or MariaDB under one role."""

    def __init__(self, credentials: SqlCredentials, guard: EgressGuard, *, role: Role = "read", size: int = SIZE) -> None:
        super().__init__(size=size)
        self._credentials = credentials
        self._guard = guard
        self.role = role

    def execute(self, statement: bytes, *, rows: int, limit: int, deadline: float) -> Awaitable[Answer]:
        """Up to ``rows`` rows of a statement that names its tables in full.

        ``limit`` bounds the bytes read, ``deadline`` (the loop's time) everything.
        Raises a :class:`~patchbay.connectors.refusals.CallRefused`.
        """
        self.check_role("read")
        return self._ask(Asked(statement, rows, limit), deadline)

    async def _open_backend(self) -> Backend:
        target = await self._guard.check(self._credentials.host, self._credentials.port)
        return await open_backend(
            self._credentials, target, role=self.role, statement_timeout_ms=STATEMENT_TIMEOUT_MS, enter=False
        )

    def _run(self, backend: Backend, asked: Asked, deadline: float) -> Awaitable[Answer]:
        return backend.run(asked.statement, rows=asked.rows, limit=asked.limit, deadline=deadline)

    def _refusal(self, code: str) -> CallRefused:
        return refusal_for(int(code))

    def _begin(self, backend: Backend, asked: Asked, deadline: float) -> Awaitable[Answer]:
        statement, rows, limit, read_back = asked
        return backend.begin_write(statement, read_back, rows=rows, limit=limit, deadline=deadline)

    def _commit(self, backend: Backend, deadline: float) -> Awaitable[None]:
        return backend.commit(deadline)

    def _roll_back(self, backend: Backend, deadline: float) -> Awaitable[None]:
        return backend.roll_back(deadline)

    def _write_refusal(self, code: str) -> CallRefused:
        return write_refusal_for(int(code))


def refusal_for(number: int) -> CallRefused:
    """What a server's refusal means to the caller, by its number (see :mod:`patchbay.connectors.sql.mysql.refusals`)."""
    return _REFUSALS.get(number, SourceRefused)()


def write_refusal_for(number: int) -> CallRefused:
    """The same for a write that was rolled back. A number that is not the server's own comes from a trigger of the owner's."""
    known = _WRITE_REFUSALS.get(number) or _REFUSALS.get(number)
    return known() if known is not None else WriteRefused()


_WRITE_REFUSALS: Mapping[int, type[CallRefused]] = {
    # a unique key; one of a value that is in no order
    **dict.fromkeys((1062, 1169, 1586, 1859), AlreadyExists),
    # waited for a lock; deadlock; locked and told not to wait
    **dict.fromkeys((1205, 1213, 3572), RecordLocked),
    # longer than the column, or cut to fit
    **dict.fromkeys((1406, 1265), ValueNotAccepted),
    # the server takes no writes: read-only, a replica, recovering
    **dict.fromkeys((1290, 1792, 1836, 3100, 1064), SourceRefused),
}

_REFUSALS: Mapping[int, type[CallRefused]] = {
    **dict.fromkeys(DENIED, PermissionMissing),
    # unknown: table, column, database, function; a view that is no longer valid; the type of a column it names
    **dict.fromkeys((1146, 1051, 1054, 1049, 1305, 1356), SchemaChanged),
    **dict.fromkeys((1045, 1698, 1820, 1862), CredentialsRefused),
    # the time limit of MySQL, of MariaDB; interrupted; waited for a lock
    **dict.fromkeys((3024, 1969, 1317, 1205, 1028), SourceTimeout),
    **dict.fromkeys((1040, 1203, 1226), SourceBusy),
    # not of the column's type, out of its range, not in its character set (1267, 1270, 1271, 1977), no such number
    **dict.fromkeys((1292, 1366, 1264, 1411, 1525, 1690, 1367, 1267, 1270, 1271, 1977, 3854), ValueNotAccepted),
    # out of memory or disk, deadlock, read error
    **dict.fromkeys((1021, 1037, 1038, 1041, 1114, 1213, 1030, 1105, 1194, 1195), SourceUnavailable),
}
