"""Asking a search index."""

from __future__ import annotations

import heapq
import math
import threading
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import islice
from operator import itemgetter

from patchbay.schema_graph.compounds import in_two
from patchbay.schema_graph.naming import split_words
from patchbay.schema_graph.search.entries import POSTINGS_KEPT, Entries, Hit, Postings
from patchbay.schema_graph.search.weights import ACTIONS, ASKED_TO_DO, EVERY_WORD, PREFIX, SYNONYM
from patchbay.schema_graph.stems import STOP_WORDS, stem
from patchbay.schema_graph.thesaurus import NEAR

_OF_A_SYNONYM = 400
"""Entries that are looked at of each word that is not the one asked for: the best."""
_OF_A_WORD = 2_000
"""Entries that answer one word of a query, its synonyms included: the best."""
_WORDS_KEPT = 64
"""Words whose answers are kept: the ones asked last, at most 200 kB each."""


class SearchIndex:
    """What :func:`build_index` makes."""

    def __init__(self, entries: Entries, postings: Postings, parts: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self._entries = entries
        self._postings = postings
        self._parts = parts or {}
        self._stems = sorted(postings)
        self._recent: dict[str, Mapping[int, float]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def search(self, q: str, limit: int = 25) -> list[Hit]:
        """The best ``limit`` hits for ``q``, best first; nothing when no word of it occurs."""
        said = [word for word in split_words(q) if word not in STOP_WORDS] or q.casefold().split()
        words = {stem(word): word for word in reversed(said[:16])}
        if not words:
            return []
        answers = [self._answers(word, written) for word, written in words.items()]
        doing = ASKED_TO_DO if stem(said[0]) in ACTIONS else 1.0
        share = EVERY_WORD / len(answers)
        called = self._entries.called
        ranked: list[tuple[float, int]] = []
        for entry in _candidates(answers, limit):
            found = [answer[entry] for answer in answers if entry in answer]
            score = sum(found) * (1 + share * len(found))
            ranked.append((-score * doing if entry >= called else -score, entry))
        return [self._entries.hit(entry, -score) for score, entry in heapq.nsmallest(limit, ranked)]

    def stems_of(self, name: str) -> tuple[str, ...]:
        """The stems of a name as this index knows them: what is written as one word (``listprice``) gives its parts too."""
        found: list[str] = []
        for word in split_words(name):
            found.append(stem(word))
            found.extend(self._parts.get(word, ()))
        return tuple(found)

    def rarity(self, word: str) -> float:
        """How much a stem tells, from 0 (everything has it) to 1 (one entry has it, or none)."""
        every = len(self._entries)
        return 1.0 if every < 2 else 1 - math.log(max(1, self._postings.count(word))) / math.log(every)

    def _answers(self, word: str, written: str) -> Mapping[int, float]:
        """The best score of each entry for one word of the query, given as its stem and as it is written, best first: that word,
        its synonyms, and for one that does not occur what it begins and what it is made of. Kept for a while.
        """
        kept = self._recent.get(written)
        if kept is not None:
            return kept
        best: dict[int, float] = {}
        self._collect(best, word, 1.0, POSTINGS_KEPT)
        for near in NEAR.get(word, ()):
            self._collect(best, near, SYNONYM, _OF_A_SYNONYM)
        if len(word) > 2 and word not in self._postings:
            for longer in self._beginning(word):
                self._collect(best, longer, PREFIX, _OF_A_SYNONYM)
            for part in in_two(written, self._postings):
                self._collect(best, part, PREFIX, _OF_A_SYNONYM)
        ordered = dict(heapq.nlargest(_OF_A_WORD, best.items(), key=itemgetter(1)))
        with self._lock:
            self._recent[written] = ordered
            while len(self._recent) > _WORDS_KEPT:
                del self._recent[next(iter(self._recent))]
        return ordered

    def _collect(self, best: dict[int, float], word: str, weight: float, most: int) -> None:
        found = self._postings.best(word, most)
        if found is None:
            return
        known = best.get
        for entry, score in zip(*found, strict=True):
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


def _candidates(answers: Sequence[Mapping[int, float]], limit: int) -> set[int]:
    """The entries that may be among the best: those that answer two words or more, and of each word its best."""
    found: set[int] = set()
    seen: set[int] = set()
    for answer in answers:
        found |= answer.keys() & seen
        seen |= answer.keys()
        found.update(islice(answer, limit))
    return found
