"""What the store said last about the connections in use, and when. Nothing runs on what is older than a second.

One session of its own listens for changes and asks for the states of all watched connections every quarter of a second. A
state counts from the moment its question was *sent*. When that session is down, each call asks for itself; when the store
does not answer, there is no fresh state and the caller must refuse. The clock is one that goes on while the machine sleeps,
so a process that was paused wakes up with stale states.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import msgspec
import psycopg
import structlog
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from patchbay.store.background import Background
from patchbay.store.clock import TRUSTED_S, now
from patchbay.store.database import APP_ROLE, Database

CHANNEL = "patchbay_connections"
FRESH_S = TRUSTED_S
HEARTBEAT_S = 0.25
ANSWER_S = 2.0
WATCHED_S = 120.0
_COLUMNS = "id, org_id, status, scoping_version, snapshot_id, replaced"
_NAMES = tuple(_COLUMNS.split(", "))
_log = structlog.get_logger(__name__)


class ConnectionState(msgspec.Struct, frozen=True):
    """One connection, as ``connection_states`` tells it."""

    id: str
    org_id: str
    status: str
    scoping_version: int
    snapshot_id: str | None
    replaced: bool


class _Watched:
    __slots__ = ("asking", "confirmed_at", "state", "used_at")

    def __init__(self) -> None:
        self.state: ConnectionState | None = None
        self.confirmed_at = float("-inf")
        self.used_at = now()
        self.asking: asyncio.Task[None] | None = None


class StateUnconfirmed(Exception):
    """The store did not answer in time."""


class ConnectionStates:
    """The states of this process. ``start`` and ``stop`` bracket its life; the other methods are called from its loop."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = now) -> None:
        self._database = database
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        self._following = Background("connection states")
        self._heard_at = float("-inf")

    @property
    def heard_lately(self) -> bool:
        """Whether the heartbeat got through within the last seconds."""
        return self._clock() - self._heard_at < 5 * FRESH_S

    async def start(self) -> None:
        """Begin to listen, in the background."""
        self._heard_at = self._clock()
        self._following.start(self._follow())

    async def stop(self) -> None:
        """Stop listening."""
        await self._following.stop()

    def fresh(self, connection_id: str) -> ConnectionState | None:
        """The state, when it was confirmed within the last second; no I/O."""
        watched = self._watched.get(connection_id)
        if watched is None:
            return None
        at = self._clock()
        watched.used_at = at
        return watched.state if at - watched.confirmed_at <= FRESH_S else None

    async def confirm(self, connection_id: str) -> ConnectionState | None:
        """The state as of now, asked from the store; None when there is no such connection.

        Callers that ask for the same connection at once share one question. Raises :class:`StateUnconfirmed`.
        """
        watched = self._watched.setdefault(connection_id, _Watched())
        if watched.asking is None or watched.asking.done():
            watched.asking = asyncio.get_running_loop().create_task(self._ask(connection_id))
        try:
            await asyncio.shield(watched.asking)
        except (SQLAlchemyError, psycopg.Error, OSError, TimeoutError):
            raise StateUnconfirmed from None
        if self._clock() - watched.confirmed_at > FRESH_S:
            raise StateUnconfirmed
        return watched.state

    async def _ask(self, connection_id: str) -> None:
        async with asyncio.timeout(ANSWER_S), self._database.anonymous() as session:
            await session.connection()
            asked_at = self._clock()
            result = await session.execute(
                text(f"SELECT {_COLUMNS} FROM connection_states(ARRAY[CAST(:id AS text)])"), {"id": connection_id}
            )
            rows = [tuple(row) for row in result]
        self._note([connection_id], rows, asked_at)

    def _note(self, asked: Iterable[str], rows: Iterable[tuple[object, ...]], asked_at: float) -> None:
        states = [msgspec.convert(dict(zip(_NAMES, row, strict=True)), ConnectionState) for row in rows]
        found = {state.id: state for state in states}
        for connection_id in asked:
            watched = self._watched.get(connection_id)
            if watched is None or asked_at < watched.confirmed_at:
                continue
            state = found.get(connection_id)
            if state != watched.state:
                watched.state = state
            watched.confirmed_at = asked_at

    async def _follow(self) -> None:
        pause = 0.1
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError, TimeoutError) as error:
                _log.warning("connection states are not followed", error=type(error).__name__)
            await asyncio.sleep(pause if self._clock() - self._heard_at > FRESH_S else 0.1)
            pause = min(pause * 2, 2.0)

    async def _listen(self) -> None:
        async with asyncio.timeout(2 * ANSWER_S):
            connection = await self._database.connect(autocommit=True)
        async with connection:
            async with asyncio.timeout(ANSWER_S):
                await connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(APP_ROLE)))
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
            while True:
                async with asyncio.timeout(ANSWER_S):
                    await self._beat(connection)
                async for notice in connection.notifies(timeout=HEARTBEAT_S, stop_after=1):
                    watched = self._watched.get(notice.payload)
                    if watched is not None:
                        watched.confirmed_at = float("-inf")

    async def _beat(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        asked_at = self._clock()
        self._forget_unused(asked_at)
        wanted = list(self._watched)
        cursor = await connection.execute(sql.SQL("SELECT {} FROM connection_states(%s)").format(sql.SQL(_COLUMNS)), [wanted])
        self._note(wanted, await cursor.fetchall(), asked_at)
        self._heard_at = self._clock()

    def _forget_unused(self, at: float) -> None:
        for connection_id in [
            i for i, w in self._watched.items() if at - w.used_at > WATCHED_S and (w.asking is None or w.asking.done())
        ]:
            del self._watched[connection_id]
