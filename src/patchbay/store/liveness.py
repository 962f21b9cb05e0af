"""Finding out before its use that a pooled connection has died, without asking each one each time.

A server that stops or is killed closes its sockets, which shows here at once and costs no round trip. A connection that went
silent (a pulled cable, a firewall that forgot it) shows nothing: one that has rested for a while is asked.
"""

from __future__ import annotations

import select
import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

RESTED_S = 5.0
"""How many seconds a connection may rest in the pool and still be believed to live."""

_RESTS_SINCE = "patchbay.rests_since"


def check_before_use(engine: AsyncEngine) -> None:
    """Replace dead connections of ``engine`` as they leave its pool; when one is found, all that are as old are replaced."""
    dialect = engine.dialect
    failure = dialect.loaded_dbapi.Error

    def taken(connection: Any, entry: ConnectionPoolEntry, _: object) -> None:
        since = entry.info.pop(_RESTS_SINCE, None)
        if since is None or (time.monotonic() - since < RESTED_S and not _has_word(connection.driver_connection)):
            return
        try:
            dialect.do_ping(connection)
        except failure as error:
            raise InvalidatePoolError from error

    def returned(_: object, entry: ConnectionPoolEntry) -> None:
        entry.info[_RESTS_SINCE] = time.monotonic()

    event.listen(engine.sync_engine, "checkout", taken)
    event.listen(engine.sync_engine, "checkin", returned)


def _has_word(connection: Any) -> bool:
    """Whether the server said something unasked, or hung up."""
    asked = select.poll()
    asked.register(connection.fileno(), select.POLLIN)
    return bool(asked.poll(0))
