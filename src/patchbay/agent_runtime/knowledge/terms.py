"""A text as terms to search by: folded, stemmed in its language, numbers and days in one form, and what kinds of facts it holds.

A term is a stem, a number, ``@0`` … ``@6`` for a day of the week (Monday first), or a kind of fact such as ``@price``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

import Stemmer

from patchbay.agent_runtime.knowledge.facts import days, held

_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_JOINED = re.compile(r"\b[^\W\d_]+(?:-[^\W\d_]+)+")
_STEMMERS: Mapping[str, str] = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian",
    "id": "indonesian", "it": "italian", "lt": "lithuanian", "nl": "dutch", "no": "norwegian", "nb": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
    " nineteen twenty"
)
NUMBERS: Mapping[str, str] = {word: str(n) for n, word in enumerate(_NUMBER_WORDS.split())} | {
    "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
}  # fmt: skip
"""English number words and their figures."""


def fold(text: str) -> str:
    """Small letters without marks on them: ``Größe`` is ``grosse``."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def split(folded: str) -> Iterator[str]:
    """The words and numbers of a folded text. Numbers are in one form: ``14,50`` is ``14.5``, ``1,200`` is ``1200``."""
    for match in _WORD.finditer(folded):
        word = match[0]
        yield _number(word) if word[0].isdigit() else word.removesuffix("'s").replace("'", "")


def terms(text: str, language: str) -> list[str]:
    """The terms of one sentence of a passage, repeated as they are."""
    folded = fold(text)
    stem = stemmer(language)
    found = [stem(word) for word in split(folded)]
    found += [stem(match[0].replace("-", "")) for match in _JOINED.finditer(folded)]
    return [*found, *(f"@{day}" for day in days(folded)), *held(folded)]


@lru_cache(maxsize=64)
def stemmer(language: str) -> Callable[[str], str]:
    """The stemming of a language (ISO 639-1, a region is ignored); words stay as they are where none is known."""
    name = _STEMMERS.get(language.split("-")[0].lower())
    if name is None:
        return _as_it_is
    known = cast(Any, Stemmer).Stemmer(name)

    @lru_cache(maxsize=50_000)
    def stem(word: str) -> str:
        return str(known.stemWord(word))

    return stem


def _as_it_is(word: str) -> str:
    return word


def _number(text: str) -> str:
    if ":" in text:
        return text
    plain = text.replace(",", "") if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", text) else text.replace(",", ".")
    whole, _, rest = plain.partition(".")
    rest = rest.rstrip("0")
    return f"{whole.lstrip('0') or '0'}.{rest}" if rest else whole.lstrip("0") or "0"
