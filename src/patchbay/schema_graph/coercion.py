"""Turning what a model, a session or a binding gives into a value of a column's type, or saying why it cannot be one.

Accepted beside values that already fit: numbers as text; yes/no words for booleans; ISO dates, times and datetimes, ``14:30``,
``2:30 pm``, ``5 March 2026``, ``25/12/2026`` (but not ``05/03/2026``, which two readers read differently); enum values without
regard to case, spaces, ``-`` and ``_``; one value where a list belongs. A datetime without zone is in the agent's zone. Nothing
is rounded or cut.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from patchbay.schema_graph.model import FieldType
from patchbay.schema_graph.said_times import Unfit, said_date, said_moment, said_time

__all__ = ["JSON_INTEGER", "MAX_ITEMS", "MAX_TEXT", "Reader", "Unfit", "integer_bounds", "local_time", "reader", "zone_info"]

MAX_TEXT = 2_000
Reader = Callable[[Any, str], Any]
"""Takes a value and the agent's time zone; gives a value of the column's type or raises :class:`Unfit`."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,60}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})")
JSON_INTEGER = "int53"
"""The native type of an integer of no stated width in JSON: as wide as every reader of JSON is exact (RFC 8259, section 6)."""
MAX_ITEMS = 100
"""Values in one list."""
_BITS = {"tinyint": 8, "smallint": 16, "int2": 16, "smallserial": 16, "mediumint": 24, "integer": 32, "int": 32, "int4": 32} | {
    "serial": 32,
    "int32": 32,
    JSON_INTEGER: 54,
}
_BASE_TYPE = re.compile(r"[a-z0-9]+")
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.IGNORECASE,
)


def reader(
    kind: FieldType,
    native_type: str = "",
    *,
    zoned: bool = False,
    enum: Sequence[str] = (),
    max_length: int | None = None,
    column_zone: str | None = None,
    item_type: FieldType | None = None,
) -> Reader:
    """The function that turns a value into one of this type. ``column_zone``: what a datetime without zone is stored in.

    For an array, ``item_type`` and all the rest are about its elements.
    """
    if kind == "array" and item_type is not None and item_type != "array":
        return _list_reader(
            reader(item_type, native_type, zoned=zoned, enum=enum, max_length=max_length, column_zone=column_zone)
        )
    if enum:
        return _enum_reader(enum)
    if kind in ("string", "enum"):
        return _text_reader(max_length)
    if kind == "integer":
        low, high = integer_bounds(native_type)
        return lambda value, _zone: _integer(value, low, high)
    if kind == "datetime":
        return lambda value, zone: _datetime(value, zone, zoned=zoned, column_zone=column_zone)
    if kind == "time":
        return lambda value, _zone: _time(value, zoned=zoned)
    simple = _SIMPLE.get(kind)
    if simple is None:
        raise Unfit("type_not_supported", f"A value of type {kind} cannot be given to a call.")
    return simple


def integer_bounds(native_type: str) -> tuple[int, int]:
    """The least and the largest integer a type holds, by its name (``smallint``, ``int(10) unsigned``); 64 bits without one."""
    native = native_type.lower()
    base = _BASE_TYPE.match(native)
    bits = _BITS.get(base[0] if base else "", 64)
    return (0, (1 << bits) - 1) if "unsigned" in native else (-(1 << bits - 1), (1 << bits - 1) - 1)


@lru_cache(maxsize=512)
def zone_info(name: str) -> ZoneInfo:
    """The zone of that IANA name. :class:`Unfit` when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Unfit("time_zone_unknown", "The time zone is not an IANA name such as America/Toronto.") from error


def local_time(moment: datetime, column_zone: str | None, *, zoned: bool) -> datetime:
    """An instant as its column stores it: aware where that is zoned, else the wall clock of ``column_zone`` (or its own)."""
    if zoned:
        return moment
    return (moment.astimezone(zone_info(column_zone)) if column_zone else moment).replace(tzinfo=None)


def _text(value: Any, what: str) -> str:
    if isinstance(value, str):
        return value.strip()
    raise Unfit("type_invalid", f"This must be {what}.")


def _text_reader(max_length: int | None) -> Reader:
    most = min(max_length or MAX_TEXT, MAX_TEXT)

    def read(value: Any, _zone: str) -> str:
        if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
            value = str(int(value)) if value == value and abs(value) != math.inf and value == int(value) else str(value)
        text = _text(value, "text")
        if len(text) > most:
            raise Unfit("too_long", f"This may have at most {most} characters.")
        if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
            raise Unfit("text_invalid", "This holds characters that no text may hold.")
        return text

    return read


def _list_reader(one: Reader) -> Reader:
    def read(value: Any, zone: str) -> list[Any]:
        given = list(cast("Sequence[Any]", value)) if isinstance(value, (list, tuple)) else [value]
        if not 1 <= len(given) <= MAX_ITEMS:
            raise Unfit("out_of_range", f"This must be a list of 1 to {MAX_ITEMS} values.")
        return [one(item, zone) for item in given]

    return read


def _enum_reader(labels: Sequence[str]) -> Reader:
    exact = {label: label for label in labels}
    folded: dict[str, str | None] = {}
    for label in labels:
        key = _fold(label)
        folded[key] = None if key in folded else label
    shown = ", ".join(labels[:20]) + (", …" if len(labels) > 20 else "")

    def read(value: Any, _zone: str) -> str:
        plain = isinstance(value, int) and not isinstance(value, bool)  # the labels of an enum of numbers
        text = str(value) if plain else _text(value, f"one of: {shown}")
        found = exact.get(text) or folded.get(_fold(text))
        if found is None:
            raise Unfit("not_in_enum", f"This must be one of: {shown}.")
        return found

    return read


def _fold(label: str) -> str:
    return re.sub(r"[\s_-]+", "", label).casefold()


def _integer(value: Any, low: int, high: int) -> int:
    number: int | None = None
    if isinstance(value, bool):
        number = None
    elif isinstance(value, int):
        number = value
    elif isinstance(value, (float, Decimal)):
        number = int(value) if math.isfinite(value) and value == int(value) else None
    elif isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        number = int(value)
    if number is None:
        raise Unfit("type_invalid", "This must be a whole number.")
    if not low <= number <= high:
        raise Unfit("out_of_range", "This number is larger than the field can hold.")
    return number


def _decimal(value: Any, _zone: str) -> Decimal:
    if isinstance(value, str) and not _DECIMAL.fullmatch(value.strip()):
        raise Unfit("type_invalid", "This must be a number.")
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        raise Unfit("type_invalid", "This must be a number.")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation as error:
        raise Unfit("type_invalid", "This must be a number.") from error
    if not number.is_finite():
        raise Unfit("type_invalid", "This must be a finite number.")
    return number


def _number(value: Any, zone: str) -> float:
    number = float(_decimal(value, zone))
    if not math.isfinite(number):
        raise Unfit("out_of_range", "This number is larger than the field can hold.")
    return number


def _boolean(value: Any, _zone: str) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise Unfit("type_invalid", "This must be true or false.")


def _date(value: Any, zone: str) -> date:
    if isinstance(value, datetime):
        return value.astimezone(zone_info(zone)).date() if value.tzinfo else value.date()
    if isinstance(value, date):
        return value
    text = _text(value, "a date such as 2026-03-05")
    found = said_date(text.lower())
    if found is not None:
        return found
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unfit("type_invalid", "This must be a date such as 2026-03-05.") from error
    return moment.astimezone(zone_info(zone)).date() if moment.tzinfo else moment.date()


def _time(value: Any, *, zoned: bool) -> time:
    if isinstance(value, datetime):
        value = value.timetz()
    if not isinstance(value, time):
        value = said_time(_text(value, "a time such as 14:30"))
    if zoned and value.tzinfo is None:
        raise Unfit("type_invalid", "This must be a time with its offset, such as 14:30-05:00.")
    if not zoned and value.tzinfo is not None:
        raise Unfit("type_invalid", "This must be a time without a zone, such as 14:30.")
    return value


def _datetime(value: Any, zone: str, *, zoned: bool, column_zone: str | None) -> datetime:
    moment = value if isinstance(value, datetime) else said_moment(_text(value, "a date and time such as 2026-03-05T14:30"))
    if moment.tzinfo is None:
        if not zoned and (column_zone or zone) == zone:
            return _existing(moment, zone).replace(tzinfo=None)
        moment = _existing(moment, zone)
    try:
        return local_time(moment, column_zone or zone, zoned=zoned)
    except OverflowError as error:
        raise Unfit("out_of_range", "This time is too far away.") from error


def _existing(moment: datetime, zone: str) -> datetime:
    """``moment`` in ``zone``; refused where the clocks skipped it. Of a repeated hour it is the first."""
    info = zone_info(zone)
    aware = moment.replace(tzinfo=info)
    try:
        again = aware.astimezone(ZoneInfo("UTC")).astimezone(info).replace(tzinfo=None)
    except OverflowError as error:
        raise Unfit("out_of_range", "This time is too far away.") from error
    if again != moment:
        raise Unfit("time_does_not_exist", "The clocks are put forward over that time: there is no such local time.")
    return aware


def _duration(value: Any, _zone: str) -> timedelta:
    if isinstance(value, timedelta):
        return value
    text = _text(value, "a duration such as PT1H30M")
    match = _DURATION.fullmatch(text)
    if match is None or len(text) < 3 or text[-1] in "Tt":
        raise Unfit("type_invalid", "This must be a duration such as PT1H30M.")
    try:
        return timedelta(**{unit: float(amount) for unit, amount in match.groupdict().items() if amount})
    except OverflowError as error:
        raise Unfit("out_of_range", "This duration is too long.") from error


def _uuid(value: Any, _zone: str) -> UUID:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(_text(value, "a UUID"))
    except ValueError as error:
        raise Unfit("type_invalid", "This must be a UUID.") from error


def _bytes(value: Any, _zone: str) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(_text(value, "base64"), validate=True)
    except ValueError as error:
        raise Unfit("type_invalid", "This must be base64.") from error


_SIMPLE: Mapping[str, Reader] = {
    "decimal": _decimal,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "duration": _duration,
    "uuid": _uuid,
    "bytes": _bytes,
}
