"""Doing the transforms: from what the agent says to what the system keeps, and back.

Forward then back gives the same value again for everything that goes forward at all: what would not is :class:`Unfit`. Back
from a system gives the agent's form, or :class:`Unfit` for a value that is not of the declared form; nothing is guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any

from patchbay.schema_graph.coercion import Reader, reader
from patchbay.schema_graph.phones import to_e164
from patchbay.schema_graph.said_times import Unfit
from patchbay.schema_graph.time_forms import day_reader, day_writer, moment_reader, moment_writer
from patchbay.schema_graph.transform import (
    Affix,
    EnumWords,
    JoinName,
    MoneyMinor,
    PhoneForm,
    Scale,
    SplitName,
    TextCase,
    TextForm,
    TimeForm,
    Transform,
    is_date,
)

Teller = Callable[[Any], Any]
"""From a value of a result (not null) to the agent's form of it. Raises :class:`Unfit`."""

_AMOUNT = re.compile(r"(?:([A-Za-z]{3})\s*)?([+-]?[0-9]{1,24}(?:\.[0-9]{1,12})?)(?:\s*([A-Za-z]{3}))?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,60}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})")
_BARE = frozenset("_-.@+")
_NO_TEXT = frozenset({"Cc", "Cs", "Cn", "Co", "Cf", "Zl", "Zp"})
"""Categories of characters (Unicode, section 4.5) that are not text on a line: controls, formats, separators of lines."""
_NOT_OF_THE_FORM = "This is not of the declared form."


def to_system(transform: Transform) -> Reader:
    """The function from the agent's value (and time zone) to one that the system's own reader takes. It raises :class:`Unfit`."""
    match transform:
        case PhoneForm():
            return lambda value, _zone: _written_phone(value, transform)
        case TimeForm():
            return _time_writer(transform)
        case MoneyMinor():
            return lambda value, _zone: _minor(value, transform)
        case EnumWords():
            return _word_reader(transform)
        case TextForm():
            return lambda value, _zone: _tidied(_text(value), transform.case)
        case Scale():
            return lambda value, _zone: _shifted(_number(value), transform.digits)
        case SplitName():
            return lambda value, _zone: split_name(_text(value))[0 if transform.part == "given" else 1]
        case Affix():
            return lambda value, _zone: _affixed(_text(value), transform)
        case JoinName():
            raise TypeError("names are joined in results only")


def to_agent(transform: Transform, zone: tzinfo) -> Teller:
    """The function from the system's value, in the JSON form of a result, to the agent's. ``zone`` is the agent's."""
    match transform:
        case PhoneForm():
            return lambda value: _read_phone(value, transform)
        case TimeForm():
            return _time_teller(transform, zone)
        case MoneyMinor():
            return lambda value: _amount(value, transform)
        case EnumWords():
            return _word_teller(transform)
        case TextForm():
            return lambda value: _tidied(_text(value), transform.case)
        case Scale():
            return lambda value: format(_shifted(_number(value), -transform.digits), "f")
        case Affix():
            return lambda value: _bared(_text(value), transform)
        case SplitName() | JoinName():
            return lambda value: _tidied(_text(value), "keep")


def split_name(full: str) -> tuple[str, str]:
    """The given and the family name of ``Ada Byron`` or ``Byron, Ada``. The family name is the last word, or what is before
    the comma. Raises :class:`Unfit` for one name alone.
    """
    name = _tidied(full, "keep")
    family, comma, given = (part.strip() for part in name.partition(","))
    if not comma:
        given, _, family = name.rpartition(" ")
    if not given or not family or "," in given:
        raise Unfit("name_incomplete", "This must be a given name and a family name.")
    return given, family


def join_name(given: Any, family: Any) -> str | None:
    """One full name; None when neither part is there."""
    parts = [_tidied(part, "keep") for part in (given, family) if isinstance(part, str)]
    return " ".join(part for part in parts if part) or None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit("type_invalid", "This must be text.")
    return value


def _tidied(text: str, case: TextCase) -> str:
    text = " ".join(text.split())
    return text.lower() if case == "lower" else text.upper() if case == "upper" else text


def refused_in(text: str, affix: Affix) -> str | None:
    """The first character for which ``text`` is no value of ``affix``; None when it is one.

    In quotation marks a value may hold everything but that mark, a backslash, what no line of text holds, and ``without``. A bare
    one consists of ASCII letters, digits and ``_ - . @ +``. What a character becomes when the other side folds it counts too.
    """
    quote = affix.quote
    for character in text:
        for form in (character, *unicodedata.normalize("NFKC", character)):
            refused = form in affix.without
            if quote is None:
                refused = refused or not (form.isascii() and (form.isalnum() or form in _BARE))
            else:
                refused = refused or form in (quote, "\\") or unicodedata.category(form) in _NO_TEXT
            if refused:
                return character
    return None


def _affixed(text: str, affix: Affix) -> str:
    if not text or refused_in(text, affix) is not None:
        shown = " ".join(dict.fromkeys((*(affix.quote or ""), *("\\" if affix.quote else ""), *affix.without)))
        ordinary = "only letters, digits and _ - . @ +" if affix.quote is None else "text on one line"
        raise Unfit("character_not_allowed", f"This must be {ordinary}{f', without {shown}' if shown else ''}.")
    return f"{affix.before}{text}{affix.after}"


def _bared(text: str, affix: Affix) -> str:
    bare = text.removeprefix(affix.before).removesuffix(affix.after)
    if f"{affix.before}{bare}{affix.after}" != text or not bare or refused_in(bare, affix) is not None:
        raise Unfit("not_of_the_form", _NOT_OF_THE_FORM)
    return bare


def _written_phone(value: Any, form: PhoneForm) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    number = to_e164(value.strip(), form.country) if isinstance(value, str) else None
    if number is None:
        raise Unfit("phone_unreadable", "This must be a full phone number, with its country code or area code.")
    written = _phone_text(number, form.format)
    if written is None or _e164_of(written, form) != number:
        raise Unfit("not_representable", "The connected system cannot hold a number of this country.")
    return written


def _read_phone(value: Any, form: PhoneForm) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value).strip()
    number = _e164_of(text, form)
    if number is None:
        raise Unfit("phone_unreadable", _NOT_OF_THE_FORM)
    return number


def _e164_of(text: str, form: PhoneForm) -> str | None:
    if form.format == "digits":
        return to_e164("+" + text, None) if text.isdecimal() else None
    return to_e164(text, form.country if form.format == "national" else None)


@lru_cache(maxsize=1024)
def _phone_text(e164: str, form: str) -> str | None:
    if form in ("e164", "digits"):
        return e164 if form == "e164" else e164[1:]
    import phonenumbers  # heavy, and needed for these two forms only

    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return None
    style = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(number, style.NATIONAL if form == "national" else style.INTERNATIONAL)


def _time_writer(form: TimeForm) -> Reader:
    if is_date(form):
        read_day, write_day = reader("date"), day_writer(form)
        return lambda value, zone: write_day(read_day(value, zone))
    read, write = reader("datetime", zoned=True), moment_writer(form)
    return lambda value, zone: write(read(value, zone))


def _time_teller(form: TimeForm, zone: tzinfo) -> Teller:
    if is_date(form):
        read_day = day_reader(form)

        def tell_day(value: Any) -> str:
            day: date = read_day(value)
            return day.isoformat()

        return tell_day
    read = moment_reader(form)

    def tell(value: Any) -> str:
        moment: datetime = read(value)
        try:
            local = moment.astimezone(zone)
        except OverflowError as error:
            raise Unfit("out_of_range", _NOT_OF_THE_FORM) from error
        offset = local.utcoffset()
        # RFC 3339, section 5.6, has no seconds in an offset.
        return (moment.astimezone(UTC) if offset is not None and offset.seconds % 60 else local).isoformat()

    return tell


def _number(value: Any) -> Decimal:
    """Digit for digit; a float by the shortest text that reads as it."""
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, float):
        text = format(Decimal(repr(value)), "f") if abs(value) < 1e40 else ""
    else:
        text = format(value, "f") if isinstance(value, Decimal) else str(value) if _is_int(value) else ""
    if not _NUMBER.fullmatch(text):
        raise Unfit("type_invalid", "This must be a number.")
    return Decimal(text)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**60


def _shifted(number: Decimal, digits: int) -> Decimal:
    """Times ten to the power of ``digits``, exactly: no context rounds it."""
    sign, figures, exponent = number.as_tuple()
    return Decimal((sign, figures, int(exponent) + digits))


def _minor(value: Any, money: MoneyMinor) -> int:
    if isinstance(value, str):
        found = _AMOUNT.fullmatch(value.strip())
        if found is None:
            raise Unfit("type_invalid", f"This must be an amount in {money.currency}, such as 12.34.")
        if any(code and code.upper() != money.currency for code in (found[1], found[3])):
            raise Unfit("currency_other", f"This must be an amount in {money.currency}.")
        value = found[2]
    return _whole(
        _shifted(_number(value), money.digits), f"An amount in {money.currency} has at most {money.digits} decimal places."
    )


def _whole(number: Decimal, otherwise: str) -> int:
    sign, figures, exponent = number.as_tuple()
    behind = -int(exponent)
    if behind > 0 and any(figures[-behind:]):
        raise Unfit("not_representable", otherwise)
    whole = "".join(map(str, figures[:-behind] if behind > 0 else figures)) or "0"
    return (-1 if sign else 1) * int(whole + "0" * max(0, -behind))


def _amount(value: Any, money: MoneyMinor) -> str:
    minor = _whole(_number(value), _NOT_OF_THE_FORM)
    digits = str(abs(minor)).rjust(money.digits + 1, "0")
    at = len(digits) - money.digits
    written = f"{digits[:at]}.{digits[at:]}" if money.digits else digits
    return f"{'-' if minor < 0 else ''}{written} {money.currency}"


def fold_word(word: str) -> str:
    """What two words have in common that are said alike: neither case nor spaces, ``-`` and ``_`` count."""
    return re.sub(r"[\s_-]+", "", word).casefold()


def _word_reader(enum: EnumWords) -> Reader:
    values = {fold_word(word): value for value, word in enum.words}
    shown = ", ".join(word for _, word in enum.words[:20]) + (", …" if len(enum.words) > 20 else "")

    def read(value: Any, _zone: str) -> str:
        found = values.get(fold_word(value)) if isinstance(value, str) else None
        if found is None:
            raise Unfit("not_in_enum", f"This must be one of: {shown}.")
        return found

    return read


def _word_teller(enum: EnumWords) -> Teller:
    words: Mapping[str, str] = dict(enum.words)

    def tell(value: Any) -> str:
        found = words.get(value_text(value))
        if found is None:
            raise Unfit("not_in_enum", _NOT_OF_THE_FORM)
        return found

    return tell


def value_text(value: Any) -> str:
    """A system's value as text: what the pairs of :class:`EnumWords` begin with. Text is without the spaces that pad it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.rstrip(" ") if isinstance(value, str) else str(value)
