"""A question as what it asks about: each unit one thing, with the terms of an index that would meet it and how well."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

import msgspec
from rapidfuzz import process
from rapidfuzz.distance import OSA

from patchbay.agent_runtime.knowledge.common_words import LIGHT, SENSES, SILENT
from patchbay.agent_runtime.knowledge.facts import DAYS, asked_for, days
from patchbay.agent_runtime.knowledge.terms import NUMBERS, fold, split, stemmer

MOST_WORDS = 60
"""So many words of a question are read."""
MOST_GUESSED = 8
"""For so many words that no passage has, it is looked for what they may be meant for."""
_SAME_SENSE, _MISSPELLED, _BEGINS, _FACT = 0.85, 0.65, 0.7, 0.9
_LIGHTLY, _EXPECTED = 0.2, 0.5
_GREETINGS = re.compile(
    r"\b(?:good (?:morning|afternoon|evening|day)|guten (?:morgen|tag|abend)|buen(?:os|as) (?:dias|tardes|noches)"
    r"|(?:have|had) a (?:good|nice|great) \w+|thank you(?: (?:so|very) much)?|by the way|i(?:'m| am) calling (?:about|to ask)"
    r"|(?:can|could) you (?:please )?tell me|i(?:'d| would) like to know|i was wondering|do you (?:guys )?happen to)\b"
)


class Vocabulary(Protocol):
    """The terms of an index."""

    @property
    def vocabulary(self) -> Sequence[str]:
        """Those that are words."""
        ...

    def __contains__(self, term: str) -> bool: ...


class Unit(msgspec.Struct, frozen=True):
    """One thing asked about: the ``terms`` that meet it, each with how well (0 to 1). ``factor`` is how much it weighs beside
    its rarity; ``tells``: it says what the question is about, not only how it is asked.
    """

    word: str
    terms: tuple[tuple[str, float], ...]
    factor: float = 1.0
    tells: bool = True


def read_question(question: str, language: str, known: Vocabulary) -> list[Unit]:
    """The units of a question in the language of an index."""
    folded = _GREETINGS.sub(" ", fold(question[:4_000]))
    code = language.split("-")[0].lower()
    words = [word for word in split(folded)][:MOST_WORDS]
    silent, light = SILENT.get(code, frozenset[str]()), LIGHT.get(code, frozenset[str]())
    units = [Unit(f"@{day}", ((f"@{day}", 1.0),)) for day in sorted(days(folded))]
    guesses = MOST_GUESSED
    for word in dict.fromkeys(_joined(words, known, code)):
        if word in silent or word in DAYS or (len(word) < 2 and not word.isdigit()):
            continue
        unit = _unit(word, code, known, factor=_LIGHTLY if word in light else 1.0, guess=guesses > 0)
        guesses -= not any(term in known for term, quality in unit.terms if quality > _BEGINS)
        units.append(unit)
    met = {term for unit in units for term, _ in unit.terms}
    expected = [Unit(fact, ((fact, 1.0),), factor=_EXPECTED, tells=False) for fact in asked_for(folded) if fact not in met]
    return [*units, *expected]


def _unit(word: str, code: str, known: Vocabulary, *, factor: float, guess: bool) -> Unit:
    stem = stemmer(code)
    found: dict[str, float] = {stem(word): 1.0}
    for other in _senses(code).get(stem(word), ()):
        found.setdefault(other, _FACT if other.startswith("@") else _SAME_SENSE)
    if word in NUMBERS:
        found.setdefault(NUMBERS[word], 1.0)
    if guess and not any(term in known for term in found):
        for term, quality in _near(stem(word), known):
            found.setdefault(term, quality)
    return Unit(word, tuple(found.items()), factor=factor, tells=factor >= 1.0)


def _near(stem: str, known: Vocabulary) -> list[tuple[str, float]]:
    """Terms that may be meant by a word that is in no passage: one it begins, or begins with, and one it may be a slip for."""
    if len(stem) < 5 or not stem.isalpha():
        return []
    begins = [
        (term, _BEGINS)
        for term in known.vocabulary
        if len(term) >= 5
        and (term.startswith(stem) or stem.startswith(term))
        and min(len(term), len(stem)) >= 0.5 * max(len(term), len(stem))
    ]
    slips = 1 if len(stem) < 8 else 2
    close = process.extract(stem, known.vocabulary, scorer=OSA.distance, score_cutoff=slips, limit=3)
    return [*begins, *((term, _MISSPELLED) for term, _, _ in close if term[0] == stem[0])]


def _joined(words: Sequence[str], known: Vocabulary, code: str) -> list[str]:
    """The words, two of them as one where the passages write them so (``wi fi``), and one as two (``glutenfree``)."""
    stem = stemmer(code)
    found: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        after = words[at + 1] if at + 1 < len(words) else ""
        if (
            after
            and word.isalpha()
            and after.isalpha()
            and stem(word + after) in known
            and not (stem(word) in known and stem(after) in known)
        ):
            found.append(word + after)
            at += 2
            continue
        found += [word] if stem(word) in known else _halves(word, known, code) or [word]
        at += 1
    return found


def _halves(word: str, known: Vocabulary, code: str) -> list[str]:
    stem, silent = stemmer(code), SILENT.get(code, frozenset[str]())
    if len(word) < 6 or not word.isalpha():
        return []
    cuts = ((word[:at], word[at:]) for at in range(3, len(word) - 1))
    return next(
        ([a, b] for a, b in cuts if stem(a) in known and (len(b) > 1 and stem(b) in known) and a not in silent), list[str]()
    )


@lru_cache(maxsize=8)
def _senses(code: str) -> Mapping[str, tuple[str, ...]]:
    """By the stem of a word, the stems of the others that mean the same."""
    stem = stemmer(code)
    found: dict[str, list[str]] = {}
    for group in SENSES.get(code, ()):
        stems = list(dict.fromkeys(word if word.startswith("@") else stem(word) for word in group.split()))
        for one in stems:
            found.setdefault(one, []).extend(other for other in stems if other != one)
    return {one: tuple(dict.fromkeys(others)) for one, others in found.items()}
