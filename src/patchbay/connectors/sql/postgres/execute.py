"""Run one statement on a source: breaker, pool, one retry where it is safe, and refusals instead of server errors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import psycopg

from patchbay.connectors.breaker import Breaker
from patchbay.connectors.refusals import (
    CallRefused,
    CredentialsRefused,
    PermissionMissing,
    SchemaChanged,
    SourceBusy,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    ValueNotAccepted,
)
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.postgres.backend import Answer, Backend, BackendLost, DeadlinePassed, StatementFailed
from patchbay.connectors.sql.postgres.pool import SIZE, Pool, PoolBusy
from patchbay.connectors.sql.postgres.session import Role, open_session, session_settings
from patchbay.connectors.sql.postgres.values import known
from patchbay.connectors.sql.refusals import AuthenticationRefused, ConnectFailed, DatabaseMissing
from patchbay.connectors.system import SourceClosed
from patchbay.egress.guard import EgressGuard, EgressRefused

STATEMENT_TIMEOUT_MS = 4_000
"""The session's own limit: the last resort when a cancellation does not arrive. No call may take longer."""
SLACK_BYTES = 65_536
"""What an answer may exceed its byte cap by on the wire before reading stops: names, framing and TLS cost something."""

_RETRY_AFTER = frozenset({"0A000", "26000", "42P05"})
"""The plan no longer fits the table, or the session is not the one that prepared it: nothing ran, a new session can."""
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


class Source:
    """One external PostgreSQL under one role: its pool, its breaker, and what was learned about its types."""

    def __init__(self, credentials: SqlCredentials, guard: EgressGuard, *, role: Role = "read", size: int = SIZE) -> None:
        self._credentials = credentials
        self._guard = guard
        self._role: Role = role
        self._loop = asyncio.get_running_loop()
        self._settings = session_settings(role, STATEMENT_TIMEOUT_MS, "patchbay")
        self.pool = Pool(self._open_backend, size=size)
        self.breaker = Breaker()
        self.elements: dict[int, int] = {}
        self._asked: set[int] = set()

    @property
    def ended(self) -> bool:
        """Whether it is retired and every session that was given back has ended."""
        return self.pool.ended

    def retire(self) -> None:
        """End the idle sessions now and those in use when they come back."""
        self.pool.retire()

    def end_idle(self, now: float) -> None:
        """End sessions nobody used for a while."""
        self.pool.end_idle(now)

    async def close(self) -> None:
        """Retire, and wait a few seconds for the sessions in use."""
        await self.pool.close()

    async def execute(self, sql: bytes, values: Sequence[bytes | None], *, rows: int, limit: int, deadline: float) -> Answer:
        """Up to ``rows`` rows of ``sql``; ``limit`` bounds the bytes read, ``deadline`` (the loop's time) everything.

        A session that broke before the first row is replaced and the read is tried once more. Raises a
        :class:`~patchbay.connectors.refusals.CallRefused`.
        """
        wait = self.breaker.admit(self._loop.time())
        if wait > 0:
            raise SourceUnavailable(retry_after_s=wait)
        try:
            answer = await self._attempts(sql, values, rows, limit, deadline)
            if not all(known(oid) or oid in self._asked for oid in answer.oids):
                await self._learn(answer.oids, deadline)
        except (SourceUnavailable, SourceTimeout):
            self.breaker.failed(self._loop.time())
            raise
        except (SourceBusy, SourceClosed):
            self.breaker.abandoned()
            raise
        except CallRefused:
            self.breaker.succeeded()
            raise
        except BaseException:
            self.breaker.abandoned()
            raise
        self.breaker.succeeded()
        return answer

    async def _attempts(self, sql: bytes, values: Sequence[bytes | None], rows: int, limit: int, deadline: float) -> Answer:
        try:
            return await self._once(sql, values, rows, limit, deadline)
        except BackendLost as lost:
            if lost.rows_seen:
                raise SourceUnavailable from None
            # What ended this session has likely ended the idle ones too.
            self.pool.end_idle(self._loop.time(), older_than_s=0.0)
        except StatementFailed as failed:
            if failed.sqlstate not in _RETRY_AFTER:
                raise refusal_for(failed.sqlstate) from None
        try:
            return await self._once(sql, values, rows, limit, deadline)
        except BackendLost:
            raise SourceUnavailable from None
        except StatementFailed as failed:
            raise refusal_for(failed.sqlstate) from None

    async def _once(self, sql: bytes, values: Sequence[bytes | None], rows: int, limit: int, deadline: float) -> Answer:
        backend = self.pool.take_idle() or await self._take(deadline)
        try:
            if backend.lent:
                answer = await backend.run_once(self._preamble(deadline), sql, values, rows=rows, limit=limit, deadline=deadline)
            else:
                answer = await backend.run(sql, values, rows=rows, limit=limit, deadline=deadline)
        except StatementFailed as failed:
            backend.usable = backend.usable and failed.sqlstate not in _RETRY_AFTER
            self.pool.give_back(backend)
            raise
        except BackendLost:
            self.pool.give_back(backend)
            raise
        except DeadlinePassed:
            self.pool.give_back(backend, cancel=True)
            raise SourceTimeout from None
        except BaseException:
            backend.usable = False
            self.pool.give_back(backend, cancel=True)
            raise
        self.pool.give_back(backend, cancel=answer.cut)
        return answer

    async def _take(self, deadline: float) -> Backend:
        try:
            return await self.pool.take(deadline)
        except PoolBusy:
            raise SourceBusy from None
        except TimeoutError:
            raise SourceTimeout from None
        except (AuthenticationRefused, DatabaseMissing):
            raise CredentialsRefused from None
        except (ConnectFailed, EgressRefused, BackendLost, psycopg.Error, OSError):
            raise SourceUnavailable from None

    async def _open_backend(self) -> Backend:
        connection = await open_session(
            self._credentials, self._guard, role=self._role, statement_timeout_ms=STATEMENT_TIMEOUT_MS
        )
        backend = Backend(connection)
        try:
            await backend.find_out_whether_lent(self._loop.time() + STATEMENT_TIMEOUT_MS / 1000)
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

    async def _learn(self, oids: Sequence[int], deadline: float) -> None:
        """Ask the server's catalogue what the arrays of its own types hold, once a type."""
        unknown = [oid for oid in oids if not known(oid) and oid not in self._asked]
        array = ("{" + ",".join(map(str, unknown)) + "}").encode()
        found = await self._attempts(_ELEMENTS, [array], 1_000, 1_000_000, deadline)
        self.elements |= {int(oid or 0): int(base or 0) for oid, base in found.rows}
        self._asked.update(unknown)


def refusal_for(sqlstate: str) -> CallRefused:
    """What a server's refusal means to the caller, by its SQLSTATE (PostgreSQL, appendix A)."""
    for prefix, kind in _REFUSALS:
        if sqlstate.startswith(prefix):
            return kind()
    return SourceRefused()


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
