"""Phone numbers: one reading, and every spelling that reads the same.

A stored number and a caller's number match only when both read as the same full E.164 number. So that a plain index
serves, the comparison is turned round: from the caller's number every spelling in the column's sampled shapes is made,
and the call asks for a row that holds one of them. Each spelling is kept only if :func:`to_e164` reads it as that very
number, and since that is a function, no spelling ever belongs to two numbers under the same country.

Numbering plans come from ``phonenumbers`` (Google's libphonenumber). A number must have a *possible* length for its plan;
a range that is not assigned yet is still a number. Without a country only ``+`` numbers can be read: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

_MAX_TEXT = 40
_PUNCTUATION = frozenset(" \t\u00a0\u2009\u202f-.()/[]_~\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u200e\u202a\u202c\u2060\u200b")
_PLUS = frozenset("+＋")
_EXTENSION = re.compile(r"extension|extn?|x|#", re.IGNORECASE)
_ZERO_PREFIX = "00"


def known_country(country: str) -> bool:
    """Whether ``country`` is an ISO 3166-1 alpha-2 code with a numbering plan."""
    return country in phonenumbers.SUPPORTED_REGIONS


def to_e164(text: str, country: str | None) -> str | None:
    """The full number ``text`` spells, as ``+<digits>``, or None where it cannot be told.

    ``country`` is where a number without a country code belongs. Letters and extensions are not read: a line behind an
    extension is not the number in front of it.
    """
    written = _digits(text)
    return None if written is None else _read(*written, country)


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
    return _spellings(e164, tuple(shapes), country)


def unreadable_shapes(shapes: Iterable[str], country: str | None) -> tuple[str, ...]:
    """Those of ``shapes`` in which no number can be spelled under ``country``: a caller is not found by a value written so."""
    return tuple(one for one in shapes if not _producible(one, country))


def needs_country(shapes: Sequence[str]) -> bool:
    """Whether a column with these shapes may hold a number without a country code (an unsampled column may)."""
    return not shapes or any(_digits(one) is not None and not _starts_with_plus(one) for one in shapes)


def _mask(text: str) -> str:
    return "".join("9" if "0" <= c <= "9" else "A" if c.isalnum() else c for c in text)


@lru_cache(maxsize=4096)
def _digits(text: str) -> tuple[bool, str] | None:
    """Whether a plus leads, and the digits; None where anything but digits and usual separators is there."""
    if len(text) > _MAX_TEXT:
        return None
    plus, digits = False, ""
    for character in text:
        if "0" <= character <= "9":
            digits += character
        elif character in _PLUS:
            if plus or digits:
                return None
            plus = True
        elif character not in _PUNCTUATION:
            return None
    return (plus, digits) if digits else None


def _starts_with_plus(text: str) -> bool:
    written = _digits(text)
    return written is not None and written[0]


@lru_cache(maxsize=16_384)
def _read(plus: bool, digits: str, country: str | None) -> str | None:
    """The one reading. National first; then ``00`` as the international prefix; then a valid number that lacks only its plus."""
    if plus:
        return _international(digits, valid=False)
    if country is None or not known_country(country):
        return None
    national = _parse(digits, country)
    if national is not None and _possible(national):
        return _format(national)
    if digits.startswith(_ZERO_PREFIX):
        return _international(digits[len(_ZERO_PREFIX) :], valid=False)
    return _international(digits, valid=True)


def _international(digits: str, *, valid: bool) -> str | None:
    if digits.startswith("0"):
        return None
    number = _parse("+" + digits, None)
    if number is None or not _possible(number) or (valid and not phonenumbers.is_valid_number(number)):
        return None
    return _format(number)


def _parse(text: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, country)
    except NumberParseException:
        return None


def _possible(number: phonenumbers.PhoneNumber) -> bool:
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE


def _format(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


@lru_cache(maxsize=4096)
def _spellings(e164: str, shapes: tuple[str, ...], country: str | None) -> tuple[str, ...]:
    written = _written_forms(e164, country)
    found = [("+" if plus else "") + digits for plus, digits in written]
    for one in shapes:
        layout = _layout(one)
        if layout is not None:
            plus, slots, template = layout
            found += (template.format(*digits) for p, digits in written if p == plus and len(digits) == slots)
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=4096)
def _layout(one: str) -> tuple[bool, int, str] | None:
    """A shape as (plus leads, number of digits, a format string with one place per digit), or None where none can be written."""
    written = _digits(one)
    if written is None:
        return None
    return written[0], len(written[1]), "".join("{}" if "0" <= c <= "9" else c for c in one)


@lru_cache(maxsize=4096)
def _written_forms(e164: str, country: str | None) -> tuple[tuple[bool, str], ...]:
    """(plus, digits) of every form that reads as ``e164``, the E.164 form first."""
    number = _parse(e164, None)
    if number is None or _format(number) != e164:
        return ()
    forms: dict[tuple[bool, str], None] = {}
    for plus, digits in _candidates(number, country):
        if _read(plus, digits, country) == e164:
            forms[plus, digits] = None
    return tuple(forms)


def _candidates(number: phonenumbers.PhoneNumber, country: str | None) -> Iterable[tuple[bool, str]]:
    code = str(number.country_code)
    own = phonenumbers.national_significant_number(number)
    national = phonenumbers.normalize_digits_only(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
    region = phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(number.country_code or 0)
    trunk = phonenumbers.ndd_prefix_for_region(region, True) or "" if region else ""
    token = phonenumbers.country_mobile_token(number.country_code or 0)
    significant = dict.fromkeys((own, trunk + own, national, token + own))
    for digits in significant:
        yield True, code + digits
    for digits in significant:
        yield False, digits
    for prefix in ("", _ZERO_PREFIX, _dialling_prefix(country)):
        for digits in significant:
            yield False, prefix + code + digits


def _dialling_prefix(country: str | None) -> str:
    """What is dialled in ``country`` before a foreign country code (``011`` in North America); empty where it varies."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country) if country else None
    if metadata is None:
        return ""
    prefix = metadata.preferred_international_prefix or metadata.international_prefix or ""
    prefix = prefix.replace("~", "")
    return prefix if prefix.isdecimal() else ""


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
    code = phonenumbers.country_code_for_region(country)
    main = phonenumbers.region_code_for_country_code(code)  # countries that share a code are measured by its main one
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(main)
    if metadata is None or metadata.general_desc is None:
        return frozenset()
    own = {n for n in metadata.general_desc.possible_length if n > 0}
    trunk = len(phonenumbers.ndd_prefix_for_region(country, True) or "")
    abroad = len(str(code))
    prefixes = {0, trunk, abroad, abroad + trunk, len(_ZERO_PREFIX) + abroad, len(_dialling_prefix(country)) + abroad}
    return frozenset(n + prefix for n in own for prefix in prefixes)
