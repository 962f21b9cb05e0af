"""The words of an utterance, with spoken digits written out: ``double five oh`` is ``550``, ``nineteen eighty`` is ``1980``."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Sequence

import msgspec

_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:['’][^\W\d_]+)*")
_TO_NINETEEN = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TEN_TIMES = {"twenty": 2, "thirty": 3, "forty": 4, "fourty": 4, "fifty": 5, "sixty": 6, "seventy": 7, "eighty": 8, "ninety": 9}
_ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
]
_ROUND_ORDINALS = {"twentieth": "20", "thirtieth": "30"}
SMALL: dict[str, str] = {word: str(value) for value, word in enumerate(_TO_NINETEEN)} | {"oh": "0", "nought": "0", "nil": "0"}
ORDINALS: dict[str, str] = {word: str(value) for value, word in enumerate(_ORDINALS, 1)} | _ROUND_ORDINALS
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_SUFFIXES = frozenset({"st", "nd", "rd", "th"})


class Word(msgspec.Struct, frozen=True):
    """One word and where it stands. ``text`` is lower case without accents, or digits; ``written``: it was given in digits."""

    text: str
    start: int
    end: int
    written: bool = False

    @property
    def number(self) -> bool:
        """Whether it is made of digits."""
        return self.text.isdigit()


def plain(text: str) -> str:
    """Lower case, without accents and compatibility forms (``Ａ`` is ``a``, ``é`` is ``e``, ``ß`` is ``ss``)."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_LETTERS).casefold()


_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i", "’": "'", "ʼ": "'"})


def words(text: str) -> list[Word]:
    """The words of ``text`` in order, spoken numbers as digits."""
    raw = [Word(plain(m[0]), m.start(), m.end(), m[0].isdigit()) for m in _TOKEN.finditer(text)]
    read: list[Word] = []
    at = 0
    while at < len(raw):
        word, used = _number(raw, at)
        if word is not None:
            read.append(word)
            at += used
        else:
            read.append(raw[at])
            at += 1
    return read


def without_endings(said: Sequence[Word]) -> list[Word]:
    """The same without the endings of written ordinals: ``3rd`` is ``3``."""
    return [w for w, before in zip(said, [None, *said], strict=False) if not _is_ending(w, before)]


def _is_ending(word: Word, before: Word | None) -> bool:
    return before is not None and before.written and before.end == word.start and word.text in _SUFFIXES


def _number(raw: Sequence[Word], at: int) -> tuple[Word | None, int]:
    """The number that begins at ``at`` and how many words it takes, or (None, 0)."""
    one = raw[at]
    if one.text.isdigit():
        return Word(_ascii_digits(one.text), one.start, one.end, True), 1
    if one.text in _TIMES and at + 1 < len(raw):
        repeated, used = _number(raw, at + 1)
        if repeated is not None and len(repeated.text) == 1:
            return Word(repeated.text * _TIMES[one.text], one.start, repeated.end), used + 1
        return None, 0
    if one.text in _TEN_TIMES:
        tens = _TEN_TIMES[one.text]
        following = raw[at + 1].text if at + 1 < len(raw) else ""
        unit = SMALL.get(following, ORDINALS.get(following, ""))
        if len(unit) == 1 and unit != "0":
            return Word(f"{tens}{unit}", one.start, raw[at + 1].end), 2
        return Word(f"{tens}0", one.start, one.end), 1
    spoken = SMALL.get(one.text) or ORDINALS.get(one.text)
    return (Word(spoken, one.start, one.end), 1) if spoken is not None else (None, 0)


def _ascii_digits(text: str) -> str:
    return "".join(str(unicodedata.digit(c)) for c in text)


def digits(text: str) -> str:
    """Every digit of ``text`` in order, spoken ones too."""
    return "".join(word.text for word in words(text) if word.number)


def equal(one: str, other: str) -> bool:
    """Whether two texts are the same, in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
