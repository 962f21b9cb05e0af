"""The words of a goal: what each may mean, and the runs they stand in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from patchbay.bindings.automap.function_words import TIME_AFTER
from patchbay.bindings.automap.time_words import DATED_WORDS, DIGITS
from patchbay.schema_graph.stems import stem
from patchbay.schema_graph.thesaurus import NEAR

Role = Literal["subject", "given", "place", "wanted"]
SYNONYM = 0.5


class Term(msgspec.Struct, frozen=True):
    """One content word: as written, its stem, and what may be meant instead with how surely (0 to 1)."""

    word: str
    stem: str
    means: dict[str, float]


class Phrase(msgspec.Struct, frozen=True):
    """A run of content words and its roles. ``pointed``: *this*, *a given* or the like stands before it. ``said``: in the goal
    itself, rather than understood from an everyday way to say it. ``after`` is the preposition before it, if any.
    """

    terms: tuple[Term, ...]
    roles: frozenset[Role]
    pointed: bool = False
    said: bool = True
    after: str | None = None
    plural: bool = False
    possessive: bool = False

    @property
    def text(self) -> str:
        """The words."""
        return " ".join(term.word for term in self.terms)


def is_timed(phrase: Phrase) -> bool:
    """Whether a phrase says a time: after *since* or the like, in words for a time."""
    return phrase.after in TIME_AFTER and any(term.stem in DATED_WORDS for term in phrase.terms)


def term_of(word: str) -> Term:
    """A word with what it may mean."""
    root = stem(word)
    means = dict.fromkeys(sorted(NEAR.get(root, ())), SYNONYM)
    means[root] = 1.0
    if word in DIGITS:
        means[DIGITS[word]] = 1.0
    return Term(word, root, means)


def terms_of(words: Sequence[str]) -> Iterator[Term]:
    """The terms of these words, each word once."""
    return (term_of(word) for word in dict.fromkeys(words))
