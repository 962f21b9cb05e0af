"""Callers who withhold their number. What a carrier gives in its place is the same for all of them, so it tells nobody apart:
taken for a number, it would show one of them what belongs to another.
"""

from __future__ import annotations

import re

_WORDS = frozenset({
    "anonymous", "restricted", "blocked", "unknown", "unavailable", "private", "withheld", "noid", "nocallerid", "nonumber",
    "privatenumber", "unknownnumber", "blockednumber", "withheldnumber", "numberwithheld", "notavailable", "calleridblocked",
})  # fmt: skip
_KEYPAD = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})
"""ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE as they are spelled on a keypad, with a plus or without."""
_SCHEME = re.compile(r"^(?:sips?|tel):", re.IGNORECASE)


def is_withheld(number: str) -> bool:
    """Whether this stands in the place of a number that is withheld: a word for it (RFC 3323 has ``anonymous``), its spelling on
    a keypad, or nothing but zeros.
    """
    name = _SCHEME.sub("", number.strip()).partition("@")[0].casefold()
    digits = "".join(character for character in name if character.isdigit())
    letters = "".join(character for character in name if character.isalpha())
    if letters:
        return not digits and letters in _WORDS
    return digits in _KEYPAD or not digits.strip("0")
