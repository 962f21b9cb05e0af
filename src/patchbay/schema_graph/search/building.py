"""Building a search index over everything in view."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from patchbay.schema_graph.compounds import parts_of_all
from patchbay.schema_graph.model import Field, Object, Operation
from patchbay.schema_graph.naming import split_name, split_words
from patchbay.schema_graph.reaching import Reach, reaches
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.search import weights
from patchbay.schema_graph.search.entries import Entries, Leaf, Postings, Shown
from patchbay.schema_graph.search.index import SearchIndex
from patchbay.schema_graph.stems import STOP_WORDS, stem, stems, without_doubles

_LONGEST_TEXT = 40
_VALUES = 24
_AT_A_TIME = 32


def build_index(view: View, breathe: Callable[[], None] | None = None) -> SearchIndex:
    """The index of everything in view. Takes about two seconds for 100,000 fields; keep it.

    ``breathe`` is called after every fraction of a millisecond of work: a thread that must not hold up others can pause there.
    """
    building = _Building(view, breathe or _hold)
    for name in view.object_names():
        obj = view.object(name)
        if obj is not None:
            building.add(obj)
    building.entries.called = len(building.entries)
    for operation in view.operations(include_writes=True):
        if operation.verb == "call":
            building.add_operation(operation)
    building.split_compounds()
    return SearchIndex(building.entries, building.settled(), building.parts)


def _hold() -> None:
    """No pause."""


class _Building:
    """An index while objects are being added."""

    def __init__(self, view: View, breathe: Callable[[], None]) -> None:
        self.entries = Entries()
        self._view = view
        self._breathe = breathe
        self._scores: dict[str, dict[int, float]] = {}
        self.parts: dict[str, tuple[str, ...]] = {}
        self._words: dict[str, str] = {}
        self._leaves: dict[Leaf, Leaf] = {}
        self._reaches: Mapping[str, Reach] = reaches(view) if view.is_called else {}
        self._held = _holders(view) if view.is_called else Counter[str]()

    def add(self, obj: Object) -> None:
        """Enter an object and its fields."""
        way = self._way(obj)
        path = way.path if way is not None else (self._view.path_root(obj.name),)
        entry = self._enter(Shown(obj.name, way and way.operation, path, obj.description, obj.badges))
        own = self._stems(split_name(obj.name)[-1])
        prior = self._prior(obj, way)
        self._note_all(own, entry, weights.NAME * _by_length(own) * prior)
        self._note_text(obj.description, entry, prior)
        targets = {own: edge.target for edge in reversed(obj.edges) if edge.to_one for own, _ in edge.pairs}
        for number, field in enumerate(obj.fields):
            if number % _AT_A_TIME == 0:
                self._breathe()
            leaf = Leaf(field.name, field.type, targets.get(field.name), field.description, field.badges)
            entry = len(self.entries)
            self.entries.leaves.append(self._leaves.setdefault(leaf, leaf))
            self._note_field(field, entry, own, prior)

    def add_operation(self, operation: Operation) -> None:
        """Enter an operation that is called."""
        self._breathe()
        entry = self._enter(Shown(operation.object, operation.name, (), operation.description, ()))
        own = self._stems(operation.name)
        self._note_all(own, entry, weights.NAME * _by_length(own) * weights.OPERATION)
        self._note_all(weights.METHODS.get(str(operation.invoke.get("method")), ()), entry, weights.DONE)
        self._note_all(self._stems(str(operation.invoke.get("path", ""))), entry, weights.PLACE)
        for argument in operation.arguments[:_VALUES]:
            self._note_all(self._stems(argument.name), entry, weights.ARGUMENT)
        self._note_text(operation.description, entry, weights.OPERATION)

    def _enter(self, shown: Shown) -> int:
        entries = self.entries
        entries.first.append(len(entries))
        entries.objects.append(shown)
        entries.leaves.append(None)
        return len(entries) - 1

    def _way(self, obj: Object) -> Reach | None:
        if self._view.is_called:
            return self._reaches.get(obj.name)
        read = self._view.operation(f"{obj.name}.read")
        return None if read is None else Reach(read.name, (self._view.path_root(obj.name),))

    def _prior(self, obj: Object, way: Reach | None) -> float:
        prior = weights.CORE if "core" in obj.badges else 1.0
        if not self._view.is_called:
            return prior
        prior *= weights.OUT_OF_REACH if way is None else 1 / (1 + weights.FAR * way.hops)
        prior *= 1 + weights.HELD * min(6.0, math.log2(1 + self._held[obj.name]))
        last = split_words(split_name(obj.name)[-1])[-1:]
        return prior * weights.WRAPPER if weights.WRAPPERS.intersection(last) else prior

    def _note_field(self, field: Field, entry: int, parent: Sequence[str], prior: float) -> None:
        own = self._stems(field.name)
        self._note_all(own, entry, weights.NAME * _by_length(own) * prior)
        shared = weights.PARENT / max(1, len(parent)) ** weights.SHARED
        self._note_all([word for word in parent if word not in own], entry, shared * prior)
        for text in (*field.enum[:_VALUES], *(member.name for member in field.fields)):
            self._note_all(stems(text), entry, weights.VALUE * prior)
        self._note_text(field.description, entry, prior)

    def _note_text(self, text: str | None, entry: int, prior: float) -> None:
        if text:
            words = without_doubles(stems(text))[:_LONGEST_TEXT]
            self._note_all(words, entry, weights.TEXT / (1 + 0.02 * len(words)) * prior)

    def _note_all(self, words: Iterable[str], entry: int, weight: float) -> None:
        for word in words:
            scores = self._scores.setdefault(word, {})
            if weight > scores.get(entry, 0.0):
                scores[entry] = weight

    def split_compounds(self) -> None:
        """Let what is written as one word answer to the words it is made of."""
        for word, parts in parts_of_all(self._words).items():
            self._breathe()
            of_whole = list(self._scores.get(self._words[word], {}).items())
            self.parts[word] = tuple(stem(part) for part in parts)
            for part in self.parts[word]:
                for entry, score in of_whole:
                    self._note_all((part,), entry, score * weights.PART)

    def settled(self) -> Postings:
        """The postings, the best of each word first; rare words weigh more. Ends the building."""
        postings = Postings()
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


def _holders(view: View) -> Counter[str]:
    """How many objects hold records of each other one."""
    found: Counter[str] = Counter()
    for name in view.object_names():
        obj = view.object(name)
        if obj is not None:
            found.update({edge.target for edge in obj.edges if edge.embedded})
    return found
