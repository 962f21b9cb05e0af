"""Snapshots: the discovered schemas of connections, kept packed, and opened once in each process."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.pacing import pacer
from patchbay.connectors.tables import Connection, Snapshot
from patchbay.errors import NotFound
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.pack import unpack
from patchbay.schema_graph.scoping import Scoping, View
from patchbay.schema_graph.search import SearchIndex, build_index

GRAPHS_OPEN = 64
VIEWS_KEPT = 128
INDEXES_KEPT = 32

INDEXED_ENTRIES_KEPT = 600_000
"""Objects and fields in all indexes that are kept; at about 250 bytes each."""

K = TypeVar("K")
V = TypeVar("V")
ViewKey = tuple[str, str, str]


class SchemaNotDiscovered(NotFound):
    """Refused with schema_not_discovered: run POST /integrations/{kind}/discover first."""

    code, title, named = "schema_not_discovered", "Schema not discovered", True


class _Recent(Generic[K, V]):
    """The most recently used values, as long as they weigh no more than ``bearable`` together (the last one stays whatever it
    weighs); safe to use from several threads.
    """

    def __init__(self, most: int, *, weight: Callable[[V], int] | None = None, bearable: int = 0) -> None:
        self._most = most
        self._weight = weight
        self._bearable = bearable
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def keep(self, key: K, value: V) -> V:
        with self._lock:
            value = self._values.setdefault(key, value)
            self._values.move_to_end(key)
            while len(self._values) > self._most or (len(self._values) > 1 and self._overweight()):
                self._values.popitem(last=False)
            return value

    def _overweight(self) -> bool:
        return self._weight is not None and sum(map(self._weight, self._values.values())) > self._bearable


_graphs: _Recent[str, Graph] = _Recent(GRAPHS_OPEN)
_views: _Recent[ViewKey, View] = _Recent(VIEWS_KEPT)
_indexes: _Recent[ViewKey, SearchIndex] = _Recent(INDEXES_KEPT, weight=len, bearable=INDEXED_ENTRIES_KEPT)
_being_made: dict[tuple[int, ViewKey], asyncio.Task[Any]] = {}


async def load_graph(session: AsyncSession, snapshot_id: str) -> Graph:
    """The graph of one snapshot of the session's organization. Raises :class:`SchemaNotDiscovered`.

    Snapshots never change, so one is read once in each process. Row-level security is asked each time a graph is not open
    yet; ids of snapshots are not guessable and reach this function from rows that the organization may read.
    """
    graph = _graphs.get(snapshot_id)
    if graph is None:
        body = await session.scalar(select(Snapshot.body).where(Snapshot.id == snapshot_id))
        if body is None:
            raise SchemaNotDiscovered
        graph = _graphs.keep(snapshot_id, unpack(body))
    return graph


def keep_open(snapshot_id: str, graph: Graph) -> None:
    """Keep a graph that was just stored, so that the first to ask need not read it."""
    _graphs.keep(snapshot_id, graph)


async def load_view(session: AsyncSession, connection: Connection) -> View:
    """The connection's current snapshot under its current scoping. Raises :class:`SchemaNotDiscovered`.

    What takes looking at every operation is worked out in a thread, once for a snapshot and version of the scoping.
    """
    key = _key(connection)
    view = _views.get(key)
    if view is None:
        fresh = View(await load_graph(session, key[1]), Scoping.from_json(connection.scoping))
        view = await _in_thread(_views, key, lambda: fresh.prepared(pacer())) if fresh.is_called else _views.keep(key, fresh)
    return view


async def load_index(session: AsyncSession, connection: Connection) -> SearchIndex:
    """The search index of the current view, built once for a snapshot and version of the scoping."""
    view = await load_view(session, connection)
    return await _in_thread(_indexes, _key(connection), lambda: build_index(view, pacer()))


async def _in_thread(kept: _Recent[ViewKey, V], key: ViewKey, make: Callable[[], V]) -> V:
    """The kept value, made in a thread by the first who asks; the others wait for it, and nobody's leaving stops it."""
    value = kept.get(key)
    if value is not None:
        return value
    loop = asyncio.get_running_loop()
    made = (id(kept), key)
    task = _being_made.get(made)
    if task is None or task.get_loop() is not loop:
        task = _being_made[made] = loop.create_task(_make(kept, key, make))
    return await asyncio.shield(task)


async def _make(kept: _Recent[ViewKey, V], key: ViewKey, make: Callable[[], V]) -> V:
    try:
        return kept.keep(key, await asyncio.to_thread(make))
    finally:
        if _being_made.get((id(kept), key)) is asyncio.current_task():
            del _being_made[id(kept), key]


def _key(connection: Connection) -> ViewKey:
    if connection.snapshot_id is None:
        raise SchemaNotDiscovered
    return connection.id, connection.snapshot_id, msgspec.json.encode(connection.scoping).decode()
