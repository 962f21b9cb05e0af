"""The words that the names of a schema are made of."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from patchbay.schema_graph.naming import split_words
from patchbay.schema_graph.search import SearchIndex
from patchbay.schema_graph.stems import stem
from patchbay.schema_graph.thesaurus import WORDS

_LONG = 9
_MOST_KEPT = 50_000
_KEPT: WeakKeyDictionary[SearchIndex, tuple[dict[str, tuple[str, ...]], dict[str, float]]] = WeakKeyDictionary()


class Words:
    """The words of the names in one index. They are worked out once, and kept with the index."""

    def __init__(self, index: SearchIndex) -> None:
        self._index = index
        self._known, self._rarity = _KEPT.setdefault(index, ({}, {}))
        if len(self._known) > _MOST_KEPT:
            self._known.clear()
        self.of_records: dict[str, Mapping[str, float]] = {}
        """The stems of what records of a name hold, as profiles work them out."""

    def of(self, name: str) -> tuple[str, ...]:
        """The stems of a name."""
        known = self._known.get(name)
        if known is None:
            known = self._index.stems_of(name)
            if len(known) > 1 and len(split_words(name)) == 1:
                known = known[1:]  # what is written as one word is the words it is made of
            if len(known) == 1 and len(name) >= _LONG and name.isalpha() and name.lower() not in WORDS:
                known = _begins_with(name.lower()) or known
            if len(known) == 1 and len(name) > 6 and name.lower().endswith("name"):
                known = (*known, stem(name.lower()[:-4]), stem("name"))
            self._known[name] = known
        return known

    def rarity(self, word: str) -> float:
        """How much a stem tells, from 0 to 1."""
        known = self._rarity.get(word)
        if known is None:
            known = self._rarity[word] = self._index.rarity(word)
        return known


def _begins_with(word: str) -> tuple[str, ...]:
    """The stems of the common words that a long one begins with, and of what is left: ``salesorderheader``."""
    found: list[str] = []
    while len(word) >= _LONG - 4:
        at = next((at for at in range(len(word) - 3, 3, -1) if word[:at] in WORDS), None)
        if at is None:
            break
        found.append(stem(word[:at]))
        word = word[at:]
    return (*found, stem(word)) if found else ()
