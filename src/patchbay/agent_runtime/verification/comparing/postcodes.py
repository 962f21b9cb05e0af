"""Postcodes as people say and write them, in the formats of the countries.

``O`` and ``0``, ``I`` and ``1`` are told apart by the format alone: ``SWIA IAA`` can only be ``SW1A 1AA``. Where the format does
not decide (two of a country's formats fit), a code stays as it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from patchbay.agent_runtime.verification.comparing.spoken import Word, equal, words

_FORMATS: dict[str, tuple[str, ...]] = {
    "GB": ("A99AA", "A999AA", "AA99AA", "AA999AA", "A9A9AA", "AA9A9AA"),
    "US": ("99999", "999999999"),
    "CA": ("A9A9A9",),
    "NL": ("9999AA",),
    "IE": ("A99****", "A9W****"),
    **dict.fromkeys(("DE", "FR", "ES", "IT", "FI", "MX", "TR", "UA", "MY", "TH", "HR", "EE", "LT"), ("99999",)),
    **dict.fromkeys(("AT", "AU", "BE", "CH", "DK", "HU", "LU", "NO", "NZ", "ZA", "SI", "BG", "LV", "PH"), ("9999",)),
    **dict.fromkeys(("CN", "IN", "SG", "RO"), ("999999",)),
    **dict.fromkeys(("SE", "CZ", "SK", "GR"), ("99999",)),
    "PL": ("99999",),
    "PT": ("9999999",),
    "JP": ("9999999",),
    "BR": ("99999999",),
}
_EVERYWHERE = tuple(dict.fromkeys(form for forms in _FORMATS.values() for form in forms))
_AS_DIGIT, _AS_LETTER = {"O": "0", "I": "1", "L": "1"}, {"0": "O", "1": "I"}
_ALPHABET = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo sierra tango"
    " uniform victor whiskey xray yankee zulu"
)
_SPELLED = {name: name[0].upper() for name in _ALPHABET.split()} | {
    "alfa": "A",
    "juliett": "J",
    "whisky": "W",
    "zed": "Z",
    "zee": "Z",
}
_MOST_WORDS = 10


def read_postcode(text: str, country: str | None) -> tuple[str, tuple[int, int]] | None:
    """The postcode in ``text``, canonical, and where it stands; None when nothing in it has the form of one."""
    said = words(text)
    best: tuple[str, tuple[int, int]] | None = None
    for at in range(len(said)):
        for end in range(min(len(said), at + _MOST_WORDS), at, -1):
            code = _fitted(_joined(said[at:end]), country)
            if code is not None and (best is None or len(code) > len(best[0])):
                best = code, (said[at].start, said[end - 1].end)
    return best


def same_postcode(said: str, stored: str, country: str | None) -> bool:
    """Whether two codes are the same; one without its extension (``ZIP`` beside ``ZIP+4``) is the same place."""
    mine, theirs = canonical_postcode(said, country), canonical_postcode(stored, country)
    if {len(mine), len(theirs)} == {5, 9} and mine.isdigit() and theirs.isdigit():
        return equal(mine[:5], theirs[:5])
    return bool(mine) and equal(mine, theirs)


def canonical_postcode(text: str, country: str | None) -> str:
    """Capital letters and digits only, with what the format decides put right."""
    joined = _joined(words(text))
    return _fitted(joined, country) or joined


def spaced_postcode(code: str, country: str | None) -> str:
    """A canonical code as its country writes it."""
    if country == "GB" or (country is None and len(code) in (5, 6, 7) and _fits(code, "GB")):
        return f"{code[:-3]} {code[-3:]}"
    if country == "CA" or (country is None and _fits(code, "CA")):
        return f"{code[:3]} {code[3:]}"
    if country == "NL":
        return f"{code[:4]} {code[4:]}"
    return f"{code[:5]}-{code[5:]}" if len(code) == 9 and code.isdigit() else code


def _fits(code: str, country: str) -> bool:
    return any(_into(code, form) == code for form in _FORMATS[country])


def _joined(said: Iterable[Word]) -> str:
    return "".join(_SPELLED.get(w.text, w.text.upper()) for w in said)


def _fitted(code: str, country: str | None) -> str | None:
    """``code`` in the one form it fits, or None when it fits none or could be two different codes."""
    forms: Sequence[str] = _FORMATS.get(country or "", _EVERYWHERE)
    if any(_into(code, form) == code for form in forms):
        return code
    fitted = {made for form in forms if (made := _into(code, form)) is not None}
    return fitted.pop() if len(fitted) == 1 else None


def _into(code: str, form: str) -> str | None:
    if len(code) != len(form) or not code.isascii():
        return None
    made: list[str] = []
    for given, wanted in zip(code, form, strict=True):
        if wanted == "9":
            given = _AS_DIGIT.get(given, given)
            if not given.isdigit():
                return None
        elif wanted == "A":
            given = _AS_LETTER.get(given, given)
            if not given.isalpha():
                return None
        elif wanted != "*" and given != wanted:
            return None
        made.append(given)
    return "".join(made)
