"""Phone numbers: one reading, and every spelling that reads the same.

A stored number and a caller's number match only when both read as the same full E.164 number. So that a plain index
serves, the comparison is turned round: from the caller's number every spelling in the column's sampled shapes is made,
and the call asks for a row that holds one of them. Each spelling is kept only if :func:`to_e164` reads it as that very
number, and since that is a function, no spelling ever belongs to two numbers under the same country.

Numbering plans are :mod:`patchbay.schema_graph.numbering`'s. A number must have a *possible* length for its plan; a range that
is not assigned yet is still a number. Without a country only ``+`` numbers can be read: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import itemgetter

from patchbay.schema_graph.numbering import home_forms, known_country, main_plan, plan_of
from patchbay.schema_graph.phone_forms import ZERO_PREFIX, read, written_forms

_MAX_TEXT = 40
_PUNCTUATION = re.escape(" \t\u00a0\u2009\u202f-.()/[]_~\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u200e\u202a\u202c\u2060\u200b")
_WRITTEN = re.compile(f"[{_PUNCTUATION}]*([+＋]?)[{_PUNCTUATION}0-9]*")
_PLAIN = frozenset(("", "+"))
_DIGITS = re.compile("[0-9]+")
_NOT_A_DIGIT = re.compile("[^0-9]+")
_EXTENSION = re.compile(r"extension|extn?|x|#", re.IGNORECASE)


def to_e164(text: str, country: str | None) -> str | None:
    """The full number ``text`` spells, as ``+<digits>``, or None where it cannot be told.

    ``country`` is where a number without a country code belongs. Letters and extensions are not read: a line behind an
    extension is not the number in front of it.
    """
    written = _digits(text)
    return None if written is None else read(*written, country)


def shape(text: str) -> str:
    """The way a value is written, without the value: digits are ``9``, extension markers stay, other letters are ``A``."""
    marked: list[str] = []
    position = 0
    for marker in _EXTENSION.finditer(text):
        marked.append(_mask(text[position : marker.start()]))
        alone = not text[marker.start() - 1 : marker.start()].isalpha() and not text[marker.end() : marker.end() + 1].isalpha()
        marked.append(marker.group().lower() if alone else "A" * len(marker.group()))
        position = marker.end()
    marked.append(_mask(text[position:]))
    return "".join(marked)


def spellings(e164: str, shapes: Iterable[str], country: str | None) -> tuple[str, ...]:
    """Every way to write ``e164`` in ``shapes``, and always the plain ones (E.164 itself and bare digits) that are safe.

    Every one of them reads as ``e164`` under ``country``.
    """
    return speller(tuple(shapes), country)(e164)


@lru_cache(maxsize=1024)
def speller(shapes: tuple[str, ...], country: str | None) -> Callable[[str], tuple[str, ...]]:
    """:func:`spellings` for one column, with everything but the number worked out; it keeps what it made last."""
    by_plus = _layouts(shapes)
    if country is not None and known_country(country):
        home_forms(plan_of(country).code, "")  # reads its data and compiles its expressions before anybody waits

    @lru_cache(maxsize=1024)
    def spell(e164: str) -> tuple[str, ...]:
        behind_plus, alone = written_forms(e164, country)
        found = ["+" + digits for digits in behind_plus] + alone
        for plus, forms in ((True, behind_plus), (False, alone)):
            layouts = by_plus[plus]
            for digits in forms if layouts else ():
                found += [write(digits) for write in layouts.get(len(digits), ())]
        return tuple(dict.fromkeys(found))

    return spell


def unreadable_shapes(shapes: Iterable[str], country: str | None) -> tuple[str, ...]:
    """Those of ``shapes`` in which no number can be spelled under ``country``: a caller is not found by a value written so."""
    return tuple(one for one in shapes if not _producible(one, country))


def needs_country(shapes: Sequence[str]) -> bool:
    """Whether a column with these shapes may hold a number without a country code (an unsampled column may)."""
    return not shapes or any(_digits(one) is not None and not _starts_with_plus(one) for one in shapes)


def _layouts(shapes: Iterable[str]) -> dict[bool, dict[int, list[Callable[[str], str]]]]:
    """How digits are written in those of ``shapes`` that are not plain, by whether a plus leads and how many they are."""
    layouts: dict[bool, dict[int, list[Callable[[str], str]]]] = {True: {}, False: {}}
    for one in dict.fromkeys(shapes):
        written = _digits(one)
        if written is not None and _DIGITS.sub("", one) not in _PLAIN:
            plus, digits = written
            layouts[plus].setdefault(len(digits), []).append(_layout(one))
    return layouts


def _layout(one: str) -> Callable[[str], str]:
    """Digits written in a shape: a slice of them for each run of its own."""
    runs = [(run.start(), run.end()) for run in _DIGITS.finditer(one)]
    ends = list(accumulate(end - start for start, end in runs))
    template = _DIGITS.sub("{}", one)
    cut = itemgetter(*(slice(end - (stop - start), end) for (start, stop), end in zip(runs, ends, strict=True)))
    return (lambda digits: template.format(cut(digits))) if len(runs) == 1 else (lambda digits: template.format(*cut(digits)))


def _mask(text: str) -> str:
    return "".join("9" if "0" <= c <= "9" else "A" if c.isalnum() else c for c in text)


def _digits(text: str) -> tuple[bool, str] | None:
    """Whether a plus leads, and the digits; None where anything but digits and usual separators is there."""
    if text.startswith("+") and text[1:].isdecimal() and text.isascii() and len(text) <= _MAX_TEXT:
        return True, text[1:]  # how channels give a caller's number
    written = _WRITTEN.fullmatch(text) if len(text) <= _MAX_TEXT else None
    if written is None:
        return None
    digits = _NOT_A_DIGIT.sub("", text)
    return (bool(written[1]), digits) if digits else None


def _starts_with_plus(text: str) -> bool:
    written = _digits(text)
    return written is not None and written[0]


def _producible(one: str, country: str | None) -> bool:
    written = _digits(one)
    if written is None:
        return False
    plus, digits = written
    if plus:
        return 7 <= len(digits) <= 17
    if country is None:
        return False
    return len(digits) in _lengths(country) or 11 <= len(digits) <= 17


@lru_cache(maxsize=512)
def _lengths(country: str) -> frozenset[int]:
    """How many digits a number of ``country`` may have as it is written at home, or with the country code."""
    plan = plan_of(country)
    main = main_plan(plan.code)  # countries that share a code are measured by its main one
    trunk, abroad = len(plan.trunk), len(plan.code)
    prefixes = {0, trunk, abroad, abroad + trunk, len(ZERO_PREFIX) + abroad, len(plan.dialling_prefix) + abroad}
    return frozenset(n + prefix for n in main.possible for prefix in prefixes)
