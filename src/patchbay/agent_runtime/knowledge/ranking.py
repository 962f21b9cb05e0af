"""Which passages answer a question: pure, over indexes that were prepared once.

A question is a handful of *units*, each something asked about with the terms that would meet it; a word that no passage has is
one too. A passage's score says how much of the question it covers, every unit weighed by how rare it is: 1 is all of it. What
stands in one sentence (with the heading above it) counts more than what is scattered.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence

import msgspec

from patchbay.agent_runtime.knowledge.asking import Unit, read_question
from patchbay.agent_runtime.knowledge.sentences import sentences
from patchbay.agent_runtime.knowledge.terms import terms

COVERED = 0.5
"""The least score at which a question counts as covered."""
SHOWN = 0.2
"""The least score of a passage that is worth showing."""

_CANDIDATES = 40
_BACKGROUND = 20
"""Passages of other businesses that are thought of, so that a word is not common because a source is small."""
_IN_HEADING = 0.06
_BY_FREQUENCY = 0.04
_LIKE_QUESTION = 0.12
_SCATTERED = 0.6
_BITS = 63
_HEADING = 1


class Passage(msgspec.Struct, frozen=True):
    """One passage as it is stored."""

    number: int
    heading: str
    body: str


class Prepared:
    """An index ready to be searched. ``size`` is about how many bytes it takes."""

    def __init__(self, passages: Sequence[Passage], language: str) -> None:
        self.passages = tuple(passages)
        self.language = language
        self.size = 0
        self.asked: list[frozenset[str]] = []
        self._postings: dict[str, tuple[array[int], array[int]]] = {}
        for place, passage in enumerate(self.passages):
            self._take(place, passage)
        self.vocabulary = [term for term in self._postings if term.isalpha()]

    def __len__(self) -> int:
        return len(self.passages)

    def __contains__(self, term: str) -> bool:
        return term in self._postings

    def frequency(self, term: str) -> int:
        """How many passages have the term."""
        found = self._postings.get(term)
        return len(found[0]) if found is not None else 0

    def postings(self, term: str) -> tuple[array[int], array[int]]:
        """The places of the passages that have the term, and in which of their sentences: bit 0 is the heading."""
        return self._postings.get(term, _NOWHERE)

    def _take(self, place: int, passage: Passage) -> None:
        heading = terms(passage.heading, self.language)
        self.asked.append(frozenset(heading) if passage.heading.rstrip().endswith("?") else frozenset())
        masks = dict.fromkeys(heading, _HEADING)
        for number, sentence in enumerate(sentences(passage.body), start=1):
            bit = 1 << min(number, _BITS - 1)
            for term in terms(sentence, self.language):
                masks[term] = masks.get(term, 0) | bit
        for term, mask in masks.items():
            if (found := self._postings.get(term)) is None:
                found = self._postings[term] = (array("I"), array("Q"))
                self.size += 300
            found[0].append(place)
            found[1].append(mask)
        self.size += 12 * len(masks) + 2 * len(passage.body) + 400


_NOWHERE: tuple[array[int], array[int]] = (array("I"), array("Q"))


class Hit(msgspec.Struct, frozen=True):
    """A passage that covers some of a question: ``score`` is how much, from 0 to 1."""

    source: str
    passage: Passage
    score: float


class _Weighed(msgspec.Struct, frozen=True):
    unit: Unit
    weight: float


def search(question: str, indexes: Mapping[str, Prepared], *, limit: int, least: float = SHOWN) -> list[Hit]:
    """The passages that cover a question, best first. ``indexes`` are by the name of their source; nothing is found for words
    that ask nothing.
    """
    total = sum(len(index) for index in indexes.values())
    units = {name: read_question(question, index.language, index) for name, index in indexes.items()}
    ranked: list[tuple[float, Hit]] = []
    for name, index in indexes.items():
        weighed = _weigh(units[name], indexes, total)
        if weighed:
            ranked += _of_index(name, index, weighed)
    ranked.sort(key=lambda one: (-one[0], one[1].source, one[1].passage.number))
    return [hit for _, hit in ranked if hit.score >= least][:limit]


def _weigh(units: Sequence[Unit], indexes: Mapping[str, Prepared], total: int) -> list[_Weighed]:
    """The units with their weights; none where all of them only say how something is asked."""
    if not any(unit.tells for unit in units):
        return []
    found: list[_Weighed] = []
    for unit in units:
        frequency = max(
            (sum(index.frequency(term) for index in indexes.values()) for term, q in unit.terms if q > 0.5), default=0
        )
        rarity = math.log(1 + (total + _BACKGROUND - frequency + 0.5) / (frequency + 0.5))
        found.append(_Weighed(unit, unit.factor * rarity))
    return found


def _of_index(name: str, index: Prepared, weighed: Sequence[_Weighed]) -> list[tuple[float, Hit]]:
    """The best passages of one index, each with what it is ranked by."""
    total = sum(one.weight for one in weighed)
    met: list[dict[int, tuple[float, int]]] = [_meet(index, one.unit) for one in weighed]
    rough: dict[int, float] = {}
    for one, places in zip(weighed, met, strict=True):
        for place, (quality, _) in places.items():
            rough[place] = rough.get(place, 0.0) + one.weight * quality
    best = sorted(rough, key=lambda place: (-rough[place], place))[:_CANDIDATES]
    return [_judged(name, index, place, weighed, met, rough[place] / total, total) for place in best]


def _meet(index: Prepared, unit: Unit) -> dict[int, tuple[float, int]]:
    """Where a unit is met: how well, and in which sentences."""
    met: dict[int, tuple[float, int]] = {}
    for term, quality in unit.terms:
        places, masks = index.postings(term)
        for place, mask in zip(places, masks, strict=True):
            before = met.get(place)
            if before is None:
                met[place] = (quality, mask)
            else:
                met[place] = (max(before[0], quality), before[1] | mask)
    return met


def _judged(
    name: str,
    index: Prepared,
    place: int,
    weighed: Sequence[_Weighed],
    met: Sequence[Mapping[int, tuple[float, int]]],
    covered: float,
    total: float,
) -> tuple[float, Hit]:
    here = [(one.weight, *places[place]) for one, places in zip(weighed, met, strict=True) if place in places]
    together = _together(here) / total
    score = _SCATTERED * covered + (1 - _SCATTERED) * together
    headed = sum(weight * quality for weight, quality, mask in here if mask & _HEADING) / total
    often = sum(weight * (count := mask.bit_count()) / (count + 1.5) for weight, _, mask in here) / total
    like = _likeness(index.asked[place], weighed) if index.asked[place] else 0.0
    score = min(1.0, max(score, like))
    rank = score + _IN_HEADING * headed + _BY_FREQUENCY * often + _LIKE_QUESTION * like
    return rank, Hit(name, index.passages[place], round(score, 4))


def _together(here: Sequence[tuple[float, float, int]]) -> float:
    """The most that one sentence covers, with the heading above it."""
    everywhere = sum(weight * quality for weight, quality, mask in here if mask & _HEADING)
    bits = 0
    for _, _, mask in here:
        bits |= mask & ~_HEADING
    best = 0.0
    while bits:
        bit = bits & -bits
        bits ^= bit
        inside = sum(weight * quality for weight, quality, mask in here if mask & bit and not mask & _HEADING)
        best = max(best, inside)
    return everywhere + best


def _likeness(asked: frozenset[str], weighed: Sequence[_Weighed]) -> float:
    """How alike two questions are: what they share of what the caller asks."""
    total = sum(one.weight for one in weighed)
    shared = sum(one.weight * max((q for term, q in one.unit.terms if term in asked), default=0.0) for one in weighed)
    return shared / total if total else 0.0
