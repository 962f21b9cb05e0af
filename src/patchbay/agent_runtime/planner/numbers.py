"""Numbers as people say and write them."""

from __future__ import annotations

import re

_TEENS = tuple(f"{part}teen" for part in ("thir", "four", "fif", "six", "seven", "eigh", "nine"))
_TO_TWELVE = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_SMALL = {word: value for value, word in enumerate((*_TO_TWELVE, *_TEENS))}
_TENS = {f"{part}ty": 10 * value for value, part in enumerate(("twen", "thir", "for", "fif", "six", "seven", "eigh", "nine"), 2)}
_DIGITS = {**{w: str(v) for w, v in _SMALL.items() if v < 10}, "oh": "0"}
_SPOKEN_RUN = re.compile(
    r"\b(?:(?:double |triple )?(?:" + "|".join(_DIGITS) + r")\b[\s,-]*){3,}",
    re.I,
)
_NUMBER = re.compile(r"(?<![\w.,-])[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w])|(?<![\w.-])[-+]?\d+(?:\.\d+)?(?![\w-])")
_WORD_NUMBER = re.compile(r"\b(" + "|".join([*_TENS, *_SMALL]) + r")(?:[\s-]+(" + "|".join(_SMALL) + r"))?\b", re.I)

Span = tuple[int, int]


def digits_for_words(text: str) -> str:
    """``text`` with runs of at least three spoken digits written out: ``five five five`` is ``555``."""
    return _SPOKEN_RUN.sub(lambda match: _digits(match[0]) + " ", text)


def _digits(run: str) -> str:
    written, times = "", 1
    for word in re.findall(r"[a-z]+", run.lower()):
        if word in ("double", "triple"):
            times = 2 if word == "double" else 3
            continue
        written += _DIGITS[word] * times
        times = 1
    return written


def find_numbers(text: str) -> list[tuple[str, Span]]:
    """Every number in ``text`` as plain digits (``1,250.50`` is ``1250.50``, ``twenty two`` is ``22``) and where it stands."""
    found = [(match[0].replace(",", "").lstrip("+"), match.span()) for match in _NUMBER.finditer(text)]
    if found:
        return found
    for match in _WORD_NUMBER.finditer(text):
        first, second = match[1].lower(), (match[2] or "").lower()
        value = _TENS.get(first, _SMALL.get(first, 0))
        if second and first in _TENS:
            value += _SMALL[second]
        found.append((str(value), match.span()))
    return found
