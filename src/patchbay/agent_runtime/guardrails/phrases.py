"""Phrases and patterns over words: ``call back at ### ####``, ``guarantee * refund``. Read once, matched without backtracking
far.

They are compared word by word, without regard to case, accents, punctuation and spacing. In a pattern ``#`` stands for one digit,
``@`` for one letter, and a ``*`` between two words for up to three words. A pattern is not a regular expression, so that none can
take long, and so that it is known how many words it can span: what is streamed is held back by just as many.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import msgspec

from patchbay.agent_runtime.verification.comparing.spoken import Word, plain, words

MOST_WORDS = 20
GAP = 3
"""How many words a ``*`` may stand for."""
_ELEMENT = re.compile(r"\*|[^\s*]+")


class BadPattern(ValueError):
    """The text cannot be a phrase or pattern; the message says why."""


class Phrase(msgspec.Struct, frozen=True):
    """The elements in order: a word, a word with wildcards, or None for a gap. ``span`` is the most words it can take."""

    elements: tuple[str | re.Pattern[str] | None, ...]
    span: int


def read_pattern(text: str, *, wild: bool) -> Phrase:
    """A phrase, or with ``wild`` a pattern. Raises :class:`BadPattern`."""
    elements: list[str | re.Pattern[str] | None] = []
    if wild:
        for part in _ELEMENT.findall(text):
            elements += [None] if part == "*" else _wild_words(part)
    else:
        elements = [bare(word) for word in words(text)]
    if not any(elements):
        raise BadPattern("must have a word in it")
    if elements[0] is None or elements[-1] is None:
        raise BadPattern("must begin and end with a word: a * stands between two words")
    if len(elements) > MOST_WORDS:
        raise BadPattern(f"must have at most {MOST_WORDS} words")
    if any(one is None and other is None for one, other in itertools.pairwise(elements)):
        raise BadPattern("must not have two * in a row")
    return Phrase(tuple(elements), sum(GAP if e is None else 1 for e in elements))


def bare(word: Word) -> str:
    """A word as it is compared."""
    return word.text.replace("'", "")


def match_at(phrase: Phrase, said: Sequence[str], at: int) -> int | None:
    """Where a match that begins at the word ``at`` ends (after its last word), or None."""
    ends = {at}
    gap = False
    for element in phrase.elements:
        if element is None:
            gap = True
            continue
        reach = {e + g for e in ends for g in range(GAP + 1)} if gap else ends
        ends = {e + 1 for e in reach if e < len(said) and _fits(element, said[e])}
        gap = False
        if not ends:
            return None
    return min(ends)


def _fits(element: str | re.Pattern[str], word: str) -> bool:
    return element == word if isinstance(element, str) else element.fullmatch(word) is not None


def _wild_words(part: str) -> list[str | re.Pattern[str] | None]:
    """The words of a part, of which some may hold ``#`` and ``@``."""
    found: list[str | re.Pattern[str] | None] = []
    for piece in re.findall(r"[\w#@'’]+", part):
        if "#" in piece or "@" in piece:
            shape = "".join({"#": r"\d", "@": r"[^\W\d_]"}.get(c, re.escape(c)) for c in plain(piece).replace("'", ""))
            found.append(re.compile(shape))
        else:
            found += [bare(word) for word in words(piece)]
    return found
