"""What live calls meet that is not what the schema says, kept in the store: batched, and never while a caller waits.

Two things are met: values that are not of their type (:mod:`patchbay.connectors.http.drift`) and refusals of the source that say
that something is gone. Each process writes what it met every other second; one that is killed loses at most that. What was met
before the last discovery does not count any more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.http.drift import DRIFT, Drift, Place
from patchbay.schema_graph.call import FrozenCall
from patchbay.store.background import Background
from patchbay.store.database import Database

FLUSH_S = 2.0
WHOLE = ""
"""The leaf of an observation that is about the whole call."""
_PLACES_KEPT = 10_000
_log = structlog.get_logger(__name__)

Judge = Callable[[AsyncSession, str], Awaitable[None]]
"""Told, in the transaction that stored it, that something new is known of a connection (its id)."""

_KEEP = text(
    """
INSERT INTO drift_observations AS o (connection_id, operation, leaf, count)
SELECT c.id, :operation, :leaf, :count FROM connections c WHERE c.id = :connection
ON CONFLICT (connection_id, operation, leaf) DO UPDATE SET
  count = CASE WHEN o.last_at < s.at THEN 0 ELSE o.count END + excluded.count,
  first_at = CASE WHEN o.last_at < s.at THEN now() ELSE o.first_at END,
  last_at = now()
RETURNING o.count
""".replace(
        "s.at",
        """coalesce((SELECT n.created_at FROM snapshots n JOIN connections k ON k.snapshot_id = n.id
    WHERE k.id = o.connection_id), '-infinity')""",
    )
)


class DriftLog:
    """One process's. ``judge`` is set by the composition root."""

    def __init__(self, database: Database, *, drift: Drift = DRIFT) -> None:
        self.judge: Judge | None = None
        self._database = database
        self._drift = drift
        self._organizations: dict[str, str] = {}
        self._pending: Counter[Place] = Counter()
        self._writing = Background("drift")

    def start(self) -> None:
        """Begin to write, in the background."""
        self._writing.start(self._keep_writing())

    async def stop(self) -> None:
        """Write what is left and end."""
        if await self._writing.stop():
            await self.flush()

    def serves(self, org_id: str, connection_id: str) -> None:
        """Whose a connection is that calls run on: what is met there is kept for that organization."""
        self._organizations[connection_id] = org_id

    def refused(self, org_id: str, call: FrozenCall) -> None:
        """The source refused a call because of its schema."""
        self.serves(org_id, call.connection_id)
        self._add(Counter({(call.connection_id, call.operation, WHOLE): 1}))

    async def flush(self) -> None:
        """Write everything that was met until now; what cannot be written waits for the next time."""
        self._add(self._drift.take(self._organizations))
        pending, self._pending = self._pending, Counter()
        by_organization: dict[str, Counter[Place]] = {}
        for place, count in pending.items():
            by_organization.setdefault(self._organizations[place[0]], Counter())[place] = count
        for org_id, met in by_organization.items():
            try:
                await self._write(org_id, met)
            except (SQLAlchemyError, psycopg.Error, OSError, TimeoutError) as error:
                _log.warning("drift could not be kept", error=type(error).__name__)
                self._add(met)
            except BaseException:
                self._add(met)
                raise

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush()

    def _add(self, met: Mapping[Place, int]) -> None:
        for place, count in met.items():
            if place in self._pending or len(self._pending) < _PLACES_KEPT:
                self._pending[place] += count

    async def _write(self, org_id: str, met: Mapping[Place, int]) -> None:
        news: set[str] = set()
        async with self._database.tenant(org_id) as session:
            for (connection_id, operation, leaf), count in sorted(met.items()):
                values = {"connection": connection_id, "operation": operation, "leaf": leaf, "count": count}
                if await session.scalar(_KEEP, values) == count:
                    news.add(connection_id)
            for connection_id in sorted(news):
                await told(session, self.judge, connection_id)


async def told(session: AsyncSession, judge: Judge | None, connection_id: str) -> None:
    """Have ``judge`` look at a connection in this transaction. What goes wrong there undoes nothing but its own: it is made up
    for when somebody next looks.
    """
    if judge is None:
        return
    try:
        async with session.begin_nested():
            await judge(session, connection_id)
    except Exception as error:
        _log.warning("drift was not judged", connection=connection_id, error=type(error).__name__)
