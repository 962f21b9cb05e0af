"""Ranked search over the objects, fields and operations of a view, answered with the path that reaches each hit.

An inverted index over stems: names are split and weigh most, then allowed values, then descriptions. A field also answers
to the words of its object, so that ``customer phone`` finds ``customers.phone``. Words that mean the same count for less than
the word itself; a name written without spaces also answers to the words it is made of (:mod:`.compounds`). The index is built
once for a view and holds all that a hit shows; a query looks only at the postings of its own words.
"""

from __future__ import annotations

import heapq
import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from patchbay.schema_graph.compounds import in_two, parts_of_all
from patchbay.schema_graph.model import Badge, Field, FieldType, Object
from patchbay.schema_graph.naming import split_name, split_words
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.stems import STOP_WORDS, stem, stems, without_doubles
from patchbay.schema_graph.thesaurus import NEAR

_NAME, _VALUE, _TEXT, _PARENT = 1.0, 0.45, 0.4, 0.5
_SYNONYM = 0.45
_PREFIX = 0.6
_PART = 0.85
_EVERY_WORD = 0.6  # added, in parts, for the share of the query's words that a hit answers
_LONGEST_TEXT = 40
_VALUES = 24
_POSTINGS_KEPT = 4_000
"""Entries of one stem that are kept: the best, so that only ever more of the same are left out."""
_AT_A_TIME = 32


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


class _Shown(msgspec.Struct, frozen=True, gc=False):
    """What a hit shows of its object."""

    name: str
    operation: str | None
    root: str
    description: str | None
    badges: tuple[Badge, ...]


class _Leaf(msgspec.Struct, frozen=True, gc=False):
    """What a hit shows of its field. Fields that look alike share one."""

    name: str
    type: FieldType
    target: str | None
    description: str | None
    badges: tuple[Badge, ...]


class _Entries:
    """What can be hit, numbered: each object, followed by its fields."""

    def __init__(self) -> None:
        self.objects: list[_Shown] = []
        self.first = array("I")
        self.leaves: list[_Leaf | None] = []

    def __len__(self) -> int:
        return len(self.leaves)

    def hit(self, entry: int, score: float) -> Hit:
        shown, leaf = self.objects[bisect_right(self.first, entry) - 1], self.leaves[entry]
        if leaf is None:
            path, kind, target, described = [shown.root], None, None, shown
        else:
            path, kind, target, described = [shown.root, leaf.name], leaf.type, leaf.target, leaf
        return Hit(
            object=shown.name,
            field=None if leaf is None else leaf.name,
            operation=shown.operation,
            path=path,
            type=kind,
            relationship_target=target,
            description=described.description,
            badges=described.badges,
            score=round(score, 4),
        )


class _Postings:
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
        ordered = heapq.nlargest(_POSTINGS_KEPT, scores, key=scores.__getitem__)
        self._number[word] = len(self._number)
        self._entries.extend(ordered)
        self._scores.extend([scores[entry] * rarity for entry in ordered])
        self._starts.append(len(self._entries))

    def best(self, word: str) -> tuple[array[int], array[float]] | None:
        """The best entries of a stem and their scores; None where it does not occur."""
        number = self._number.get(word)
        if number is None:
            return None
        start, end = self._starts[number], self._starts[number + 1]
        return self._entries[start:end], self._scores[start:end]


class SearchIndex:
    """What :func:`build_index` makes."""

    def __init__(self, entries: _Entries, postings: _Postings) -> None:
        self._entries = entries
        self._postings = postings
        self._stems = sorted(postings)

    def __len__(self) -> int:
        return len(self._entries)

    def search(self, q: str, limit: int = 25) -> list[Hit]:
        """The best ``limit`` hits for ``q``, best first; nothing when no word of it occurs."""
        said = [word for word in split_words(q) if word not in STOP_WORDS] or q.casefold().split()
        words = {stem(word): word for word in reversed(said[:16])}
        if not words:
            return []
        share = _EVERY_WORD / len(words)
        scores, *others = [self._answers(word, written) for word, written in words.items()]
        answered = dict.fromkeys(scores, 1 + share)
        for more in others:
            for entry, score in more.items():
                if entry in scores:
                    scores[entry] += score
                    answered[entry] += share
                else:
                    scores[entry] = score
                    answered[entry] = 1 + share
        ranked = heapq.nsmallest(limit, [(-score * answered[entry], entry) for entry, score in scores.items()])
        return [self._entries.hit(entry, -score) for score, entry in ranked]

    def _answers(self, word: str, written: str) -> dict[int, float]:
        """The best score of each entry for one word of the query, given as its stem and as it is written: that word, its
        synonyms, and for one that does not occur what it begins and what it is made of.
        """
        best: dict[int, float] = {}
        self._collect(best, word, 1.0)
        for near in NEAR.get(word, ()):
            self._collect(best, near, _SYNONYM)
        if len(word) > 2 and word not in self._postings:
            for longer in self._beginning(word):
                self._collect(best, longer, _PREFIX)
            for part in in_two(written, self._postings):
                self._collect(best, part, _PREFIX)
        return best

    def _collect(self, best: dict[int, float], word: str, weight: float) -> None:
        found = self._postings.best(word)
        if found is None:
            return
        entries, scores = found
        if not best:
            best.update(zip(entries, scores if weight == 1.0 else [score * weight for score in scores], strict=True))
            return
        known = best.get
        for entry, score in zip(entries, scores, strict=True):
            value = score * weight
            if value > known(entry, 0.0):
                best[entry] = value

    def _beginning(self, word: str) -> list[str]:
        at = bisect_left(self._stems, word)
        found: list[str] = []
        while at < len(self._stems) and self._stems[at].startswith(word) and len(found) < 12:
            found.append(self._stems[at])
            at += 1
        return found


def build_index(view: View, breathe: Callable[[], None] | None = None) -> SearchIndex:
    """The index of everything in view. Takes about two seconds for 100,000 fields; keep it.

    ``breathe`` is called after every fraction of a millisecond of work: a thread that must not hold up others can pause there.
    """
    building = _Building(view, breathe or _hold)
    for name in view.object_names():
        obj = view.object(name)
        if obj is not None:
            building.add(obj)
    building.split_compounds()
    return SearchIndex(building.entries, building.settled())


def _hold() -> None:
    """No pause."""


class _Building:
    """An index while objects are being added."""

    def __init__(self, view: View, breathe: Callable[[], None]) -> None:
        self.entries = _Entries()
        self._view = view
        self._breathe = breathe
        self._scores: dict[str, dict[int, float]] = {}
        self._words: dict[str, str] = {}
        self._leaves: dict[_Leaf, _Leaf] = {}

    def add(self, obj: Object) -> None:
        """Enter an object and its fields."""
        entries = self.entries
        read = self._view.operation(f"{obj.name}.read")
        shown = _Shown(obj.name, read and read.name, self._view.path_root(obj.name), obj.description, obj.badges)
        entries.first.append(len(entries))
        entries.objects.append(shown)
        own = self._stems(split_name(obj.name)[-1])
        core = 1.08 if "core" in obj.badges else 1.0
        entry = len(entries)
        entries.leaves.append(None)
        for word in own:
            _note(self._scores, word, entry, _NAME * _by_length(own) * core)
        _add_text(self._scores, entry, obj.description)
        targets = {own: edge.target for edge in reversed(obj.edges) if edge.to_one for own, _ in edge.pairs}
        for number, field in enumerate(obj.fields):
            if number % _AT_A_TIME == 0:
                self._breathe()
            leaf = _Leaf(field.name, field.type, targets.get(field.name), field.description, field.badges)
            entry = len(entries)
            entries.leaves.append(self._leaves.setdefault(leaf, leaf))
            _add_field(self._scores, entry, field, self._stems(field.name), own)

    def split_compounds(self) -> None:
        """Let what is written as one word answer to the words it is made of."""
        for word, parts in parts_of_all(self._words).items():
            self._breathe()
            of_whole = list(self._scores.get(self._words[word], {}).items())
            for part in parts:
                for entry, score in of_whole:
                    _note(self._scores, stem(part), entry, score * _PART)

    def settled(self) -> _Postings:
        """The postings, the best of each word first; rare words weigh more. Ends the building."""
        postings = _Postings()
        every = len(self.entries)
        for number, word in enumerate(list(self._scores)):
            if number % _AT_A_TIME == 0:
                self._breathe()
            scores = self._scores.pop(word)
            rarity = math.log(1 + every / (len(scores) + 1)) + 0.5
            postings.put(word, scores, rarity)
        return postings

    def _stems(self, name: str) -> tuple[str, ...]:
        found: list[str] = []
        for word in split_words(name):
            if word not in STOP_WORDS:
                known = self._words.get(word)
                if known is None:
                    known = self._words[word] = stem(word)
                found.append(known)
        return tuple(found)


def _by_length(words: Sequence[str]) -> float:
    return 1 / (1 + 0.12 * max(0, len(words) - 1))


def _add_field(
    building: dict[str, dict[int, float]], entry: int, field: Field, words: Sequence[str], parent: Sequence[str]
) -> None:
    for word in words:
        _note(building, word, entry, _NAME * _by_length(words))
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
