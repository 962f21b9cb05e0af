"""Ranked search over the objects, fields and operations of a view, answered with the path that reaches each hit.

An inverted index over stems: names are split and weigh most, then allowed values, then descriptions. A field also answers
to the words of its object, so that ``customer phone`` finds ``customers.phone``. Words that mean the same count for less than
the word itself. The index is built once for a view; a query looks only at the postings of its own words.
"""

from __future__ import annotations

import heapq
import math
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence

import msgspec

from patchbay.schema_graph.model import Badge, Field, FieldType, Object
from patchbay.schema_graph.naming import split_name
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.stems import stem, stems, without_doubles
from patchbay.schema_graph.thesaurus import NEAR

_NAME, _VALUE, _TEXT, _PARENT = 1.0, 0.45, 0.4, 0.5
_SYNONYM = 0.45
_PREFIX = 0.6
_EVERY_WORD = 0.6  # added, in parts, for the share of the query's words that a hit answers
_LONGEST_TEXT = 40
_VALUES = 24
_POSTINGS_READ = 4_000
"""Entries of one word looked at; the best come first, so only ever more of the same are left out."""


_Postings = tuple["array[int]", "array[float]"]


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One thing found. ``path`` starts at an object's path root; ``operation`` reads it. Scores compare within one answer."""

    object: str
    field: str | None = None
    operation: str | None = None
    path: list[str]
    type: FieldType | None = None
    relationship_target: str | None = None
    description: str | None = None
    badges: tuple[Badge, ...] = ()
    score: float


class SearchIndex:
    """What :func:`build_index` makes. Holds names and postings; the objects of a hit are fetched from the view."""

    def __init__(self, view: View, entries: Sequence[tuple[str, int]], postings: Mapping[str, _Postings]) -> None:
        self._view = view
        self._entries = entries
        self._postings = postings
        self._stems = sorted(postings)

    def __len__(self) -> int:
        return len(self._entries)

    def search(self, q: str, limit: int = 25) -> list[Hit]:
        """The best ``limit`` hits for ``q``, best first; nothing when no word of it occurs."""
        words = without_doubles(stems(q)) or without_doubles(stem(word) for word in q.casefold().split())
        if not words:
            return []
        scores: dict[int, float] = {}
        answered: dict[int, int] = {}
        for number, word in enumerate(words[:16]):
            for entry, score in self._answers(word).items():
                scores[entry] = scores.get(entry, 0.0) + score
                answered[entry] = answered.get(entry, 0) | 1 << number
        share = _EVERY_WORD / len(words)
        ranked = heapq.nsmallest(
            limit, scores, key=lambda entry: (-scores[entry] * (1 + share * answered[entry].bit_count()), self._entries[entry])
        )
        hits = [self._hit(entry, scores[entry] * (1 + share * answered[entry].bit_count())) for entry in ranked]
        return [hit for hit in hits if hit is not None]

    def _answers(self, word: str) -> dict[int, float]:
        """The best score of each entry for one word of the query: itself, its synonyms, what it begins."""
        best: dict[int, float] = {}
        self._collect(best, word, 1.0)
        for near in NEAR.get(word, ()):
            self._collect(best, near, _SYNONYM)
        if len(word) > 2 and word not in self._postings:
            for longer in self._beginning(word):
                self._collect(best, longer, _PREFIX)
        return best

    def _collect(self, best: dict[int, float], word: str, weight: float) -> None:
        found = self._postings.get(word)
        if found is None:
            return
        entries, scores = found
        for entry, score in zip(entries[:_POSTINGS_READ], scores, strict=False):
            value = score * weight
            if value > best.get(entry, 0.0):
                best[entry] = value

    def _beginning(self, word: str) -> list[str]:

        at = bisect_left(self._stems, word)
        found: list[str] = []
        while at < len(self._stems) and self._stems[at].startswith(word) and len(found) < 12:
            found.append(self._stems[at])
            at += 1
        return found

    def _hit(self, entry: int, score: float) -> Hit | None:
        name, position = self._entries[entry]
        obj = self._view.object(name)
        if obj is None:
            return None
        read = self._view.operation(f"{name}.read")
        root = self._view.path_root(name)
        field = obj.fields[position] if position >= 0 else None
        target = None if field is None else next((e.target for e in obj.edges if e.to_one and _starts(e.pairs, field)), None)
        return Hit(
            object=name,
            field=None if field is None else field.name,
            operation=read.name if read is not None else None,
            path=[root] if field is None else [root, field.name],
            type=None if field is None else field.type,
            relationship_target=target,
            description=obj.description if field is None else field.description,
            badges=obj.badges if field is None else field.badges,
            score=round(score, 4),
        )


def _starts(pairs: Sequence[tuple[str, str]], field: Field) -> bool:
    return any(own == field.name for own, _ in pairs)


def build_index(view: View) -> SearchIndex:
    """The index of everything in view. Takes about a second for 100,000 fields; keep it."""
    building: dict[str, dict[int, float]] = {}
    entries: list[tuple[str, int]] = []
    for name in view.object_names():
        obj = view.object(name)
        if obj is not None:
            _add_object(building, entries, obj)
    postings: dict[str, _Postings] = {}
    for word, scores in building.items():
        rarity = math.log(1 + len(entries) / (len(scores) + 1)) + 0.5
        ordered = sorted(scores, key=lambda entry: (-scores[entry], entry))
        postings[word] = array("I", ordered), array("f", (scores[entry] * rarity for entry in ordered))
    return SearchIndex(view, entries, postings)


def _add_object(building: dict[str, dict[int, float]], entries: list[tuple[str, int]], obj: Object) -> None:
    own = stems(split_name(obj.name)[-1])
    core = 1.08 if "core" in obj.badges else 1.0
    entry = len(entries)
    entries.append((obj.name, -1))
    length = 1 / (1 + 0.12 * max(0, len(own) - 1))
    for word in own:
        _note(building, word, entry, _NAME * length * core)
    _add_text(building, entry, obj.description)
    for position, field in enumerate(obj.fields):
        entry = len(entries)
        entries.append((obj.name, position))
        _add_field(building, entry, field, own)


def _add_field(building: dict[str, dict[int, float]], entry: int, field: Field, parent: Sequence[str]) -> None:
    words = stems(field.name)
    length = 1 / (1 + 0.12 * max(0, len(words) - 1))
    for word in words:
        _note(building, word, entry, _NAME * length)
    for word in parent:
        if word not in words:
            _note(building, word, entry, _PARENT * _NAME / len(parent) * 0.9)
    for label in field.enum[:_VALUES]:
        for word in stems(label):
            _note(building, word, entry, _VALUE)
    for member in field.fields:
        for word in stems(member.name):
            _note(building, word, entry, _VALUE)
    _add_text(building, entry, field.description)


def _add_text(building: dict[str, dict[int, float]], entry: int, text: str | None) -> None:
    if not text:
        return
    words = without_doubles(stems(text))[:_LONGEST_TEXT]
    weight = _TEXT / (1 + 0.02 * len(words))
    for word in words:
        _note(building, word, entry, weight)


def _note(building: dict[str, dict[int, float]], word: str, entry: int, weight: float) -> None:
    scores = building.setdefault(word, {})
    if weight > scores.get(entry, 0.0):
        scores[entry] = weight
