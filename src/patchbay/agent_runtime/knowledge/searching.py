"""Searching what an agent answers from. An index never changes, so a process prepares each once and keeps those it used last."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import text

from patchbay.agent_runtime.knowledge.known import Current, Pins, current_sources
from patchbay.agent_runtime.knowledge.ranking import COVERED, SHOWN, Passage, Prepared, search
from patchbay.store.database import Database

MOST_BYTES = 128 * 1024 * 1024
"""About how much the prepared indexes of one process may take."""
AT_ONCE = 5_000
"""More passages than these are looked through in a thread, so that other conversations are not held up."""
MOST_PASSAGES = 20
"""So many passages are found at most."""

_PASSAGES = text(
    "SELECT i.language, p.number, p.heading, p.body FROM knowledge_indexes i JOIN knowledge_passages p ON p.index_id = i.id"
    " WHERE i.id = :id ORDER BY p.number"
)


class Found(msgspec.Struct, frozen=True):
    """A passage that covers some of a question, and the source it is from. ``score``: how much, from 0 to 1."""

    source_id: str
    label: str
    index_id: str
    number: int
    heading: str
    text: str
    score: float


class Retrieved(msgspec.Struct, frozen=True):
    """What was found for a question, best first."""

    passages: tuple[Found, ...] = ()

    @property
    def top_score(self) -> float:
        """How much of the question the best passage covers."""
        return self.passages[0].score if self.passages else 0.0

    @property
    def covered(self) -> bool:
        """Whether that is enough to answer from."""
        return self.top_score >= COVERED


class Library:
    """The prepared indexes of one process: those used last, as long as they take no more than ``most_bytes`` together."""

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[tuple[str, str], Prepared] = OrderedDict()
        self._preparing: dict[tuple[str, str], asyncio.Task[Prepared | None]] = {}
        self._size = 0

    async def retrieve(
        self, database: Database, org_id: str, pins: Pins, question: str, *, limit: int = 5, least: float = SHOWN
    ) -> Retrieved:
        """The passages that cover ``question`` among what ``pins`` name, as far as it is there now."""
        sources = await current_sources(database, org_id, pins)
        return await self.search(database, org_id, sources, question, limit=limit, least=least)

    async def search(
        self, database: Database, org_id: str, sources: Sequence[Current], question: str, *, limit: int, least: float = SHOWN
    ) -> Retrieved:
        """The same over sources that were looked up before."""
        prepared = {one.source_id: await self._prepared(database, org_id, one.index_id) for one in sources}
        indexes = {source_id: index for source_id, index in prepared.items() if index is not None}
        of = {one.source_id: one for one in sources}
        look = partial(search, question, indexes, limit=min(limit, MOST_PASSAGES), least=least)
        large = sum(len(index) for index in indexes.values()) > AT_ONCE
        hits = await asyncio.to_thread(look) if large else look()
        return Retrieved(tuple(_found(of[hit.source], hit.passage, hit.score) for hit in hits))

    async def _prepared(self, database: Database, org_id: str, index_id: str) -> Prepared | None:
        """The index, from the store where it is not kept; None where there is none. Whoever wants it at once shares the work."""
        key = (org_id, index_id)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        task = self._preparing.get(key)
        if task is None:
            task = self._preparing[key] = asyncio.get_running_loop().create_task(self._prepare(database, key))
            task.add_done_callback(lambda _: self._preparing.pop(key, None))
        return await asyncio.shield(task)

    async def _prepare(self, database: Database, key: tuple[str, str]) -> Prepared | None:
        org_id, index_id = key
        rows = await database.once(org_id, _PASSAGES, {"id": index_id})
        if not rows:
            return None
        # In a thread: a large one takes a second, and other conversations go on meanwhile.
        prepared = await asyncio.to_thread(read_index, rows)
        self._kept[key] = prepared
        self._size += prepared.size
        while self._size > self._most and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._size -= dropped.size
        return prepared


def read_index(rows: Sequence[tuple[Any, ...]]) -> Prepared:
    """The rows ``(language, number, heading, body)`` of one index, prepared."""
    return Prepared([Passage(number, heading, body) for _, number, heading, body in rows], rows[0][0])


def _found(source: Current, passage: Passage, score: float) -> Found:
    return Found(source.source_id, source.label, source.index_id, passage.number, passage.heading, passage.body, score)
