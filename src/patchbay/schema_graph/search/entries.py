"""What search finds, and how it is kept: entries, and for each stem the best of them."""

from __future__ import annotations

import heapq
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from patchbay.schema_graph.model import Badge, FieldType

POSTINGS_KEPT = 4_000
"""Entries of one stem that are kept: the best, so that only ever more of the same are left out."""

HitKind = Literal["object", "field", "operation"]


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One thing found. ``operation`` is the one that was found, or a read that leads to the object or field; ``path`` goes on
    from its record. Scores compare within one answer.
    """

    kind: HitKind
    object: str | None
    field: str | None = None
    operation: str | None = None
    path: list[str]
    type: FieldType | None = None
    relationship_target: str | None = None
    description: str | None = None
    badges: tuple[Badge, ...] = ()
    score: float


class Shown(msgspec.Struct, frozen=True, gc=False):
    """What a hit shows of its object; ``name`` None: of an operation that returns none."""

    name: str | None
    operation: str | None
    path: tuple[str, ...]
    description: str | None
    badges: tuple[Badge, ...]


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """What a hit shows of its field. Fields that look alike share one."""

    name: str
    type: FieldType
    target: str | None
    description: str | None
    badges: tuple[Badge, ...]


class Entries:
    """What can be hit, numbered: each object, followed by its fields; then, from ``called`` on, the called operations."""

    def __init__(self) -> None:
        self.objects: list[Shown] = []
        self.first = array("I")
        self.leaves: list[Leaf | None] = []
        self.called = sys.maxsize

    def __len__(self) -> int:
        return len(self.leaves)

    def hit(self, entry: int, score: float) -> Hit:
        """What is shown of one entry."""
        shown, leaf = self.objects[bisect_right(self.first, entry) - 1], self.leaves[entry]
        if leaf is None:
            path, type_, target, described = [*shown.path], None, None, shown
        else:
            path, type_, target, described = [*shown.path, leaf.name], leaf.type, leaf.target, leaf
        operation = entry >= self.called
        return Hit(
            kind="operation" if operation else "object" if leaf is None else "field",
            object=shown.name,
            field=None if leaf is None else leaf.name,
            operation=shown.operation,
            path=path,
            type=type_,
            relationship_target=target,
            description=described.description,
            badges=described.badges,
            score=round(score, 4),
        )


class Postings:
    """The best entries of each stem with their scores, best first, all in two arrays that a garbage collection need not visit."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._starts = array("I", [0])
        self._entries = array("I")
        self._scores = array("f")

    def __contains__(self, word: object) -> bool:
        return word in self._number

    def __iter__(self) -> Iterator[str]:
        return iter(self._number)

    def __len__(self) -> int:
        return len(self._number)

    def put(self, word: str, scores: Mapping[int, float], rarity: float) -> None:
        """Keep the best entries of a stem; ``rarity`` multiplies their scores."""
        ordered = heapq.nlargest(POSTINGS_KEPT, scores, key=scores.__getitem__)
        self._number[word] = len(self._number)
        self._entries.extend(ordered)
        self._scores.extend([scores[entry] * rarity for entry in ordered])
        self._starts.append(len(self._entries))

    def count(self, word: str) -> int:
        """How many entries of a stem are kept."""
        number = self._number.get(word)
        return 0 if number is None else self._starts[number + 1] - self._starts[number]

    def best(self, word: str, most: int) -> tuple[array[int], array[float]] | None:
        """The best entries of a stem, at most so many, and their scores; None where it does not occur."""
        number = self._number.get(word)
        if number is None:
            return None
        start = self._starts[number]
        end = min(self._starts[number + 1], start + most)
        return self._entries[start:end], self._scores[start:end]
