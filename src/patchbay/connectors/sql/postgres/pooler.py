"""Whether a connection pooler stands between us and the server, and what it does to sessions.

A transaction pooler (PgBouncer's ``pool_mode = transaction`` and its relatives) lends a server session to one
transaction at a time, so settings and prepared statements of a session do not stay with it.
"""

from __future__ import annotations

import secrets
import time

from patchbay.connectors.sql.pooling import Pooling
from patchbay.connectors.sql.postgres.session import Session

_TRIES = 4
_ENOUGH_S = 2.0
_MARK = "SELECT pg_catalog.pg_backend_pid(), pg_catalog.set_config('patchbay.mark', %s, false)"
_READ = "SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('patchbay.mark', true)"


async def detect_pooling(first: Session, second: Session) -> Pooling:
    """Look at two open autocommit sessions of the same role with at most 3 × 4 short statements that read no table.

    Poolers hand out the server session that was used last, so what one connection sets is found by the other. No
    evidence is not a proof: a pooler with one server session for each client looks like none until it is busy.
    """
    mark = secrets.token_hex(8)
    proxied = False
    ends = time.monotonic() + _ENOUGH_S
    for attempt in range(_TRIES):
        expected = f"{mark}.{attempt}"
        own, _ = await _ask(first, _MARK, [expected])
        other, seen = await _ask(second, _READ)
        again, kept = await _ask(first, _READ)
        if own == other or seen == expected:
            return Pooling(mode="transaction", evidence="shared_backend")
        if again != own:
            return Pooling(mode="transaction", evidence="changed_backend")
        if kept != expected:
            return Pooling(mode="transaction", evidence="lost_setting")
        proxied = proxied or first.info.backend_pid != own
        if time.monotonic() > ends:
            break
    return Pooling(mode="session" if proxied else "direct")


async def _ask(session: Session, statement: str, values: list[str] | None = None) -> tuple[int, str | None]:
    row = await (await session.execute(statement.encode(), values)).fetchone()
    if row is None:
        raise LookupError("the server answered with no row")
    return row[0], row[1]
