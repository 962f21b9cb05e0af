"""Whether a proxy stands between us and the server, and what it does to sessions.

ProxySQL and MaxScale may lend a session of the server to one statement at a time (they call it multiplexing), so settings of a
session do not stay with it.
"""

from __future__ import annotations

import time

from patchbay.connectors.sql.mysql.server import NETWORK_S, read_only_variable
from patchbay.connectors.sql.mysql.session import Session
from patchbay.connectors.sql.pooling import Pooling

_TRIES = 4
_ENOUGH_S = 2.0
# A setting that nothing else depends on, moved by a few seconds: a mark that a proxy does not take for a reason to keep still.
_MARK = "net_write_timeout"


async def detect_pooling(first: Session, second: Session) -> Pooling:
    """Look at two open sessions of the same account with at most 4 x 4 short statements that read no table.

    No evidence is not a proof: a proxy with one session of the server for each client looks like none until it is busy.
    """
    proxied = False
    ends = time.monotonic() + _ENOUGH_S
    for attempt in range(_TRIES):
        mark = NETWORK_S + 1 + attempt
        await first.rows(f"SET @@session.{_MARK} = {mark}")
        own, _, _ = await _ask(first)
        other, seen, _ = await _ask(second)
        again, kept, held = await _ask(first)
        if own == other or seen == mark:
            return Pooling(mode="transaction", evidence="shared_backend")
        if again != own:
            return Pooling(mode="transaction", evidence="changed_backend")
        if kept != mark or not held:
            return Pooling(mode="transaction", evidence="lost_setting")
        proxied = proxied or first.connection.number != own
        if time.monotonic() > ends:
            break
    await first.rows(f"SET @@session.{_MARK} = {NETWORK_S}")
    return Pooling(mode="session" if proxied else "direct")


async def _ask(session: Session) -> tuple[int, int, bool]:
    """The server's number of the session that answers, its mark, and whether it is held to reading.

    In one statement: proxies answer a bare `SELECT CONNECTION_ID()` themselves.
    """
    read_only = read_only_variable(session.server)
    ((number, mark, held),) = await session.rows(f"SELECT CONNECTION_ID(), @@session.{_MARK}, @@session.{read_only}")
    return int(number), int(mark), bool(held)
