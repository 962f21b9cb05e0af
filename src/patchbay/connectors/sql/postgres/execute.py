"""Run one statement on a PostgreSQL database, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple

import psycopg

from patchbay.connectors.refusals import (
    AlreadyExists,
    CallRefused,
    PermissionMissing,
    RecordLocked,
    SchemaChanged,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    ValueNotAccepted,
    WriteRefused,
)
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.failures import BackendLost
from patchbay.connectors.sql.pool import SIZE
from patchbay.connectors.sql.postgres.backend import Answer, Backend
from patchbay.connectors.sql.postgres.session import Role, open_session, session_settings
from patchbay.connectors.sql.postgres.values import known
from patchbay.connectors.sql.source import STATEMENT_TIMEOUT_MS
from patchbay.connectors.sql.writing import WritingSource
from patchbay.egress.guard import EgressGuard

_ELEMENTS = b"""
WITH RECURSIVE wanted AS (
  SELECT t.oid, CASE WHEN t.typcategory = 'A' AND t.typlen = -1 THEN t.typelem ELSE 0 END AS element
  FROM pg_catalog.pg_type t WHERE t.oid = ANY ($1::oid[])
), base AS (
  SELECT oid, element AS at FROM wanted WHERE element <> 0
  UNION ALL
  SELECT base.oid, t.typbasetype FROM base JOIN pg_catalog.pg_type t ON t.oid = base.at WHERE t.typtype = 'd'
)
SELECT DISTINCT ON (base.oid) base.oid, base.at FROM base JOIN pg_catalog.pg_type t ON t.oid = base.at
WHERE t.typtype <> 'd' ORDER BY base.oid
"""


class Asked(NamedTuple):
    """A statement with its values; how many rows and bytes of its answer are read."""

    sql: bytes
    values: Sequence[bytes | None]
    rows: int
    limit: int


class Source(WritingSource[Backend, Answer]):
    """One external PostgreSQL under one role: its pool, its breaker, and what was learned about its types."""

    needs_new_session = frozenset({"0A000", "26000", "42P05"})
    # The plan no longer fits the table, or the session is not the one that prepared it: nothing ran.

    def __init__(self, credentials: SqlCredentials, guard: EgressGuard, *, role: Role = "read", size: int = SIZE) -> None:
        super().__init__(size=size)
        self._credentials = credentials
        self._guard = guard
        self.role = role
        self._settings = session_settings(role, STATEMENT_TIMEOUT_MS, "patchbay")
        self.elements: dict[int, int] = {}
        self._asked: set[int] = set()

    def execute(self, sql: bytes, values: Sequence[bytes | None], *, rows: int, limit: int, deadline: float) -> Awaitable[Answer]:
        """Up to ``rows`` rows of ``sql``; ``limit`` bounds the bytes read, ``deadline`` (the loop's time) everything.

        Raises a :class:`~patchbay.connectors.refusals.CallRefused`.
        """
        self.check_role("read")
        return self._ask(Asked(sql, values, rows, limit), deadline)

    def _run(self, backend: Backend, asked: Asked, deadline: float) -> Awaitable[Answer]:
        sql, values, rows, limit = asked
        if backend.lent:
            return backend.run_once(self._preamble(deadline), sql, values, rows=rows, limit=limit, deadline=deadline)
        return backend.run(sql, values, rows=rows, limit=limit, deadline=deadline)

    def _refusal(self, code: str) -> CallRefused:
        return refusal_for(code)

    def _begin(self, backend: Backend, asked: Asked, deadline: float) -> Awaitable[Answer]:
        sql, values, rows, limit = asked
        preamble = self._preamble(deadline) if backend.lent else []
        return backend.begin_write(preamble, sql, values, rows=rows, limit=limit, deadline=deadline)

    def _commit(self, backend: Backend, deadline: float) -> Awaitable[None]:
        return backend.commit(deadline)

    def _roll_back(self, backend: Backend, deadline: float) -> Awaitable[None]:
        return backend.roll_back(deadline)

    def _write_refusal(self, code: str) -> CallRefused:
        return write_refusal_for(code)

    async def _open_backend(self) -> Backend:
        connection = await open_session(self._credentials, self._guard, role=self.role, statement_timeout_ms=STATEMENT_TIMEOUT_MS)
        backend = Backend(connection)
        try:
            await backend.find_out_whether_lent(self._loop.time() + STATEMENT_TIMEOUT_MS / 1000)
        except psycopg.Error:
            await backend.close()
            raise BackendLost(rows_seen=False) from None
        except BaseException:
            await backend.close()
            raise
        return backend

    def _preamble(self, deadline: float) -> list[tuple[bytes, list[bytes | None]]]:
        """The session's settings, for this transaction alone; the time left is the statement's limit."""
        left = max(1, round((deadline - self._loop.time()) * 1000))
        settings: Mapping[str, str] = self._settings | {"statement_timeout": str(min(left, STATEMENT_TIMEOUT_MS))}
        calls = ", ".join(f"pg_catalog.set_config(${2 * n + 1}, ${2 * n + 2}, true)" for n in range(len(settings)))
        values: list[bytes | None] = [text.encode() for pair in settings.items() for text in pair]
        return [(f"SELECT {calls}".encode(), values)]

    def _learn(self, answer: Answer, deadline: float) -> Awaitable[None] | None:
        unknown = [oid for oid in answer.oids if not known(oid) and oid not in self._asked]
        return self._learn_types(unknown, deadline) if unknown else None

    async def _learn_types(self, unknown: Sequence[int], deadline: float) -> None:
        """Ask the server's catalogue what the arrays of its own types hold, once a type."""
        array = ("{" + ",".join(map(str, unknown)) + "}").encode()
        found = await self._attempts(Asked(_ELEMENTS, [array], 1_000, 1_000_000), deadline)
        self.elements |= {int(oid or 0): int(base or 0) for oid, base in found.rows}
        self._asked.update(unknown)


def refusal_for(sqlstate: str) -> CallRefused:
    """What a server's refusal means to the caller, by its SQLSTATE (PostgreSQL, appendix A)."""
    for prefix, kind in _REFUSALS:
        if sqlstate.startswith(prefix):
            return kind()
    return SourceRefused()


def write_refusal_for(sqlstate: str) -> CallRefused:
    """The same for a write that was rolled back. What is in no class of the server's own comes from a trigger of the owner's."""
    for prefix, kind in _WRITE_REFUSALS:
        if sqlstate.startswith(prefix):
            return kind()
    known = refusal_for(sqlstate)
    return known if type(known) is not SourceRefused or sqlstate[:2] in _SERVERS_OWN else WriteRefused()


_WRITE_REFUSALS: tuple[tuple[str, type[CallRefused]], ...] = (
    ("23505", AlreadyExists),
    ("23P01", AlreadyExists),  # an exclusion constraint: that slot is taken
    ("23", WriteRefused),
    ("55P03", RecordLocked),
    ("40", RecordLocked),
)
_SERVERS_OWN = ("25", "26", "28", "42", "54", "55", "XX")

_REFUSALS: tuple[tuple[str, type[CallRefused]], ...] = (
    ("57014", SourceTimeout),
    ("55P03", SourceTimeout),
    ("42501", PermissionMissing),
    ("42P01", SchemaChanged),
    ("42703", SchemaChanged),
    ("42704", SchemaChanged),
    ("42883", SchemaChanged),
    ("42804", SchemaChanged),
    ("3F000", SchemaChanged),
    ("0A000", SchemaChanged),
    ("22", ValueNotAccepted),
    ("08", SourceUnavailable),
    ("53", SourceUnavailable),
    ("57", SourceUnavailable),
    ("58", SourceUnavailable),
    ("40", SourceUnavailable),
)
