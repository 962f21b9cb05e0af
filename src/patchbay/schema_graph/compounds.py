"""Names written as one word, such as ``emailaddress``, taken apart by the words that are known.

A word is known when the schema uses it on its own or when business uses it everywhere. Whatever is taken apart still counts as
the word it is; its parts are only more to find it by, so that a wrong guess costs little.
"""

from __future__ import annotations

from collections.abc import Collection, Container

from patchbay.schema_graph.stems import SHORT_FORMS, stem
from patchbay.schema_graph.thesaurus import WORDS

_SHORTEST = 7
_SHORTEST_OWN, _SHORTEST_COMMON = 4, 3
_LAST = frozenset({"id", "no"})


def parts_of_all(vocabulary: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The parts of each word of ``vocabulary`` (lower case) that others of them, or common ones, make up from end to end."""
    known = {word for word in vocabulary if len(word) >= _SHORTEST_OWN} | _COMMON
    found: dict[str, tuple[str, ...]] = {}
    for word in vocabulary:
        if len(word) >= _SHORTEST and word not in _COMMON and word.isalpha():
            parts = _parts(word, known, 4)
            if parts:
                found[word] = parts
    return found


def in_two(word: str, stems_in_use: Container[str]) -> tuple[str, ...]:
    """The two stems that ``word`` is made of, the longest first one that fits; empty when there are none."""
    for at in range(len(word) - _SHORTEST_COMMON, _SHORTEST_COMMON - 1, -1):
        pair = stem(word[:at]), stem(word[at:])
        if pair[0] in stems_in_use and pair[1] in stems_in_use:
            return pair
    return ()


def _parts(word: str, known: Container[str], most: int) -> tuple[str, ...]:
    """The words that ``word`` is made of, at least two; empty when it is not made of known ones."""
    for at in range(len(word) - 1, _SHORTEST_COMMON - 1, -1):
        if word[:at] not in known:
            continue
        rest = word[at:]
        if rest in known or rest in _LAST:
            tail: tuple[str, ...] = (rest,)
        elif most > 2 and len(rest) >= 2 * _SHORTEST_COMMON - 1:
            tail = _parts(rest, known, most - 1)
        else:
            tail = ()
        if tail:
            return (*_further(word[:at], known, most), *(end for one in tail for end in _further(one, known, most)))
    return ()


def _further(word: str, known: Container[str], most: int) -> tuple[str, ...]:
    """A part that is itself made of parts, or that part."""
    if word in _COMMON or len(word) < _SHORTEST or most <= 1:
        return (word,)
    return _parts(word, known, most - 1) or (word,)


_COMMON = frozenset(word for word in WORDS | SHORT_FORMS if len(word) >= _SHORTEST_COMMON)
