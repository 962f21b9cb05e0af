"""From the JSON a system sends to the JSON form of a result. The form follows the schema's type, never the value.

| type | accepted | form |
|---|---|---|
| string, enum, uuid, bytes, date, time, duration | text; for string and enum also numbers and booleans | text |
| integer, 64 bits wide | whole numbers, also as text | string: no reader loses digits |
| other integer | the same | number |
| decimal | numbers, also as text | string, digit for digit |
| number | finite numbers, also as text | number |
| boolean | true, false, also as text or 1 and 0 | true, false |
| datetime | RFC 3339; seconds since 1970; a time without offset, read in the connection's zone | RFC 3339 in the agent's zone |
| json | anything | as it is |
| array | lists, each value by the item's type | list |

What is not accepted is :class:`Mismatch`. An object or a list where a scalar belongs is always one: it could hold what the data
scoping blocks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from patchbay.schema_graph.call import Column
from patchbay.schema_graph.model import FieldType

Form = Callable[[Any], Any]
"""Takes a value as JSON gave it (not null) and gives its form in a result, or raises :class:`Mismatch`."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_DURATION = re.compile(r"[+-]?P(?=.)[0-9YMWDTHS.,+-]{1,60}|-?[0-9]+(?:\.[0-9]+)?s")
_MOST_SECONDS = 1e11
"""Larger moments are in milliseconds: as seconds they would lie beyond the year 5000."""
_MOST_DIGITS = 100
_LARGEST = 10**40


class Mismatch(Exception):
    """The value is not of its type."""


class ZoneNeeded(LookupError):
    """A time without offset came, and the connection has no time zone to read it in."""


def form_of(column: Column, zone: tzinfo, source_zone: tzinfo | None) -> Form:
    """How the values of ``column`` are read. ``zone`` is the agent's; ``source_zone`` the one times without offset are in."""
    if column.type == "array":
        item = _form(column.item_type or "string", column, zone, source_zone)
        return item if column.many else _list_of(item)
    return _form(column.type, column, zone, source_zone)


def _form(kind: FieldType, column: Column, zone: tzinfo, source_zone: tzinfo | None) -> Form:
    if kind == "datetime":
        return lambda value: _moment(value, zone, source_zone, must_know=not column.zoned)
    if kind == "integer":
        return _wide if "64" in column.native_type else _whole
    return _FORMS[kind]


def _list_of(item: Form) -> Form:
    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Mismatch
        return [None if one is None else item(one) for one in cast("list[Any]", value)]

    return read


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _exact(value)


def _exact(value: Any) -> str:
    """The digits of a number."""
    if isinstance(value, str):
        written = value.strip()
    elif isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        # Python refuses to write very long numbers, and nobody means one.
        written = str(value) if not isinstance(value, int) else str(_integer(value))
    else:
        raise Mismatch
    if len(written) > _MOST_DIGITS or not _NUMBER.fullmatch(written):
        raise Mismatch
    return written


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if -_LARGEST < value < _LARGEST:
            return value
        raise Mismatch
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, (float, Decimal)) and math.isfinite(value) and -_LARGEST < value < _LARGEST and value == int(value):
        return int(value)
    raise Mismatch


def _whole(value: Any) -> int:
    return _integer(value)


def _wide(value: Any) -> str:
    return str(_integer(value))


def _decimal(value: Any) -> str:
    written = _exact(value)
    return (
        format(Decimal(written), "f") if "e" in written.lower() and abs(Decimal(written).adjusted()) < _MOST_DIGITS else written
    )


def _number(value: Any) -> int | float:
    if isinstance(value, int) and not isinstance(value, bool):
        return _integer(value)
    number = float(_exact(value))
    if not math.isfinite(number):
        raise Mismatch
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(value, int) and value in (0, 1):
        return value == 1
    raise Mismatch


def _iso(parse: Callable[[str], Any]) -> Form:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise Mismatch
        try:
            parse(value)
        except ValueError:
            raise Mismatch from None
        return value

    return read


def _duration(value: Any) -> str:
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return value
    raise Mismatch


def _bytes(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise Mismatch


def plain_json(value: Any) -> Any:
    """JSON with its numbers as JSON has them."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [plain_json(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: plain_json(one) for key, one in cast("dict[str, Any]", value).items()}
    return value


def _nothing(_: Any) -> Any:
    """A whole object is never a leaf."""
    raise Mismatch


def _moment(value: Any, zone: tzinfo, source_zone: tzinfo | None, *, must_know: bool) -> str:
    try:
        if isinstance(value, str) and value[4:5] == "-":
            moment = datetime.fromisoformat(value)
        else:
            seconds = float(_exact(value))
            moment = datetime.fromtimestamp(seconds / 1000 if abs(seconds) > _MOST_SECONDS else seconds, UTC)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=_known(source_zone, must_know))
        return moment.astimezone(zone).isoformat()
    except (ValueError, OverflowError, OSError):
        raise Mismatch from None


def _known(source_zone: tzinfo | None, must_know: bool) -> tzinfo:
    if source_zone is None:
        raise ZoneNeeded if must_know else Mismatch
    return source_zone


_FORMS: dict[FieldType, Form] = {
    "string": _text,
    "enum": _text,
    "decimal": _decimal,
    "number": _number,
    "boolean": _boolean,
    "date": _iso(date.fromisoformat),
    "time": _iso(time.fromisoformat),
    "duration": _duration,
    "uuid": _iso(UUID),
    "bytes": _bytes,
    "json": plain_json,
    "object": _nothing,
    "array": _nothing,
}
