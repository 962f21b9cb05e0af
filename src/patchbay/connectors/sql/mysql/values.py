"""From the text form of MySQL and MariaDB to the JSON form of a result. The form follows the column's type, never the value.

| column | JSON form |
|---|---|
| `tinyint(1)`, `bit(1)` | true, false: whatever is not 0 is true |
| `tinyint` to `int`, `unsigned` too, `year` | number |
| `bigint`, `bigint unsigned`, `decimal` | string: no reader loses digits |
| `bit(n)` | its number; beyond 32 bits as a string |
| `float`, `double` | number |
| `timestamp` | RFC 3339 with the agent's offset at that time |
| `datetime` | the same, read in the connection's time zone (the first of two readings where clocks go back) |
| a `datetime` that is in no year of another zone | as it stands, without offset |
| `date` | `2026-05-01` |
| a date of zeros or with zeros in it | null with a note |
| `time` | `10:30:00`; outside a day an ISO 8601 duration (`PT30H5M`, `-PT1H`) with a note |
| `binary`, `varbinary`, `blob`, `vector` | base64 |
| `json` | the JSON value itself |
| `set` | list of its labels |
| spatial | GeoJSON |
| a list (see `src/patchbay/bindings/compile/mysql.py`) | list of the column's own form |
| everything else (`char`, `text`, `enum`, `uuid`, `inet6`) | its text |

The session's settings (zone UTC, utf8mb4) are fixed when it is opened, so the text form does not depend on the server's own.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from patchbay.connectors.refusals import SchemaChanged
from patchbay.connectors.sql.decoding import Altered, Decoder, json_value, rfc3339, text_value
from patchbay.connectors.sql.mysql.spatial import geo_json
from patchbay.schema_graph.call import Column

ZERO_DATE = "is a date of zeros in the source and is given as null"
NOT_A_TIME = "is not a time of day; it is given as a duration"
NOT_GEOMETRY = "holds bytes that are not a geometry; they are given as base64"
LIST_LOST = "is a list longer than the server gives and is given as null"
NOT_FINITE = "is not a finite number in the source and is given as null"

_INTEGERS = frozenset({1, 2, 3, 8, 9, 13})
_DECIMALS = frozenset({0, 246})
_FLOATS = frozenset({4, 5})
TEXTS = frozenset({15, 247, 248, 249, 250, 251, 252, 253, 254})
_BITS, _TIMESTAMPS, DATETIMES, _DATES, _TIMES = (
    frozenset({16}),
    frozenset({7, 17}),
    frozenset({12, 18}),
    frozenset({10, 14}),
    frozenset({11, 19}),
)
_JSON = TEXTS | {245}
_GEOMETRY = frozenset({255})
_VECTOR = TEXTS | {242}
"""The type bytes of a column definition (``enum_field_types``) that a column of a type may come with."""

_BASE = re.compile(r"[a-z0-9_]+")
_WIDTH = re.compile(r"\((\d+)\)")
_TIME = re.compile(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?\Z")


def _boolean(raw: bytes) -> bool:
    return int(raw) != 0


def _bit(raw: bytes) -> bool:
    return any(raw)


def _bits(raw: bytes) -> int:
    return int.from_bytes(raw)


def _wide_bits(raw: bytes) -> str:
    return str(int.from_bytes(raw))


def _long(raw: bytes) -> str:
    return str(int(raw))


def _float(raw: bytes) -> float:
    value = float(raw)
    if math.isfinite(value):
        return value
    raise Altered(None, NOT_FINITE)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _date(raw: bytes) -> str:
    if raw[:4] == b"0000" or raw[5:7] == b"00" or raw[8:10] == b"00":
        raise Altered(None, ZERO_DATE)
    return raw.decode()


def _time(raw: bytes) -> str:
    found = _TIME.match(raw.decode())
    if found is None:
        raise SchemaChanged
    sign, hours, minutes, seconds, fraction = found.groups()
    if not sign and int(hours) < 24:
        return raw.decode()
    shown = "".join(f"{int(number)}{unit}" for number, unit in ((hours, "H"), (minutes, "M")) if int(number))
    if int(seconds) or int(fraction or 0):
        shown += f"{int(seconds)}{f'.{fraction}' if int(fraction or 0) else ''}S"
    raise Altered(f"{sign}PT{shown or '0S'}", NOT_A_TIME)


def _labels(raw: bytes) -> list[str]:
    return text_value(raw).split(",") if raw else []


def _geometry(raw: bytes) -> Any:
    try:
        return geo_json(raw)
    except ValueError:
        raise Altered(_base64(raw), NOT_GEOMETRY) from None


def _moment(source: tzinfo, zone: tzinfo) -> Decoder:
    def decode(raw: bytes) -> str:
        try:
            moment = datetime.fromisoformat(raw.decode()).replace(tzinfo=source)
        except ValueError:
            raise Altered(None, ZERO_DATE) from None
        try:
            return rfc3339(moment, moment.astimezone(zone))
        except OverflowError:  # the first and the last day of the calendar stay the wall clock they are
            return raw.decode().replace(" ", "T")

    return decode


_Form = tuple[Decoder, frozenset[int]]
_TEXT: _Form = (text_value, TEXTS)
_BYTES: _Form = (_base64, TEXTS)
_NUMBER: _Form = (int, _INTEGERS)
_DECIMAL: _Form = (bytes.decode, _DECIMALS)
_DOUBLE: _Form = (_float, _FLOATS)
_FORMS: Mapping[str, _Form] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "integer", "year"), _NUMBER),
    "bigint": (_long, _INTEGERS),
    **dict.fromkeys(("decimal", "numeric", "dec", "fixed"), _DECIMAL),
    **dict.fromkeys(("float", "double", "real"), _DOUBLE),
    "date": (_date, _DATES),
    "time": (_time, _TIMES),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), _BYTES),
    "vector": (_base64, _VECTOR),
    "json": (json_value, _JSON),
    "set": (_labels, TEXTS),
    **dict.fromkeys(
        (
            "geometry",
            "point",
            "linestring",
            "polygon",
            "multipoint",
            "multilinestring",
            "multipolygon",
            "geometrycollection",
            "geomcollection",
        ),
        (_geometry, _GEOMETRY),
    ),
}


def decoders_of(
    columns: Sequence[Column], types: Sequence[int], *, agent_zone: tzinfo, source_zone: tzinfo | None
) -> tuple[Decoder, ...]:
    """How each column is read. ``types`` are the type bytes the server sent with the answer.

    Raises :class:`~patchbay.connectors.refusals.SchemaChanged` where those are not of the type that was discovered; LookupError
    for a ``datetime`` without ``source_zone``.
    """
    if len(columns) != len(types):
        raise SchemaChanged
    return tuple(_decoder(column, sent, agent_zone, source_zone) for column, sent in zip(columns, types, strict=True))


def _list_of(element: Decoder) -> Decoder:
    """``2:31;-`` is the count and, in hexadecimal, the texts of the values. What is not whole is given as null."""

    def decode(raw: bytes) -> list[Any]:
        count, _, written = raw.partition(b":")
        texts = written.split(b";") if written else []
        try:
            whole = len(texts) == int(count)
            found = [None if text == b"-" else bytes.fromhex(text.decode()) for text in texts]
        except ValueError:
            whole, found = False, []
        if not whole:
            raise Altered(None, LIST_LOST)
        return _elements(found, element)

    return decode


def _elements(texts: Sequence[bytes | None], element: Decoder) -> list[Any]:
    values: list[Any] = []
    notes: list[str] = []
    for text in texts:
        try:
            values.append(None if text is None else element(text))
        except Altered as altered:
            values.append(altered.value)
            notes.append(altered.note)
        except ValueError:  # a number that is none: the column is of another type now
            raise SchemaChanged from None
    if notes:
        raise Altered(values, notes[0])
    return values


def check_compared(columns: Sequence[Column], types: Sequence[int]) -> None:
    """Raises :class:`~patchbay.connectors.refusals.SchemaChanged` where a column is not of the type its value was made for."""
    if len(columns) != len(types) or any(sent not in sent_as(column) for column, sent in zip(columns, types, strict=True)):
        raise SchemaChanged


def sent_as(column: Column) -> frozenset[int]:
    """The type bytes a column of its type comes with."""
    return _form(column, UTC, UTC)[1]


def _decoder(column: Column, sent: int, agent_zone: tzinfo, source_zone: tzinfo | None) -> Decoder:
    read, expected = _form(column, agent_zone, source_zone)
    if column.many:
        read, expected = _list_of(read), TEXTS
    if sent not in expected:
        raise SchemaChanged
    return read


def _form(column: Column, agent_zone: tzinfo, source_zone: tzinfo | None) -> _Form:
    name = _base(column.native_type)
    if name == "timestamp":
        return _moment(UTC, agent_zone), _TIMESTAMPS
    if name == "datetime":
        if source_zone is None:
            raise LookupError("a datetime needs the connection's time zone")
        return _moment(source_zone, agent_zone), DATETIMES
    if name == "bit":
        return _bit_form(column), _BITS
    if name == "tinyint" and column.type == "boolean":
        return _boolean, _INTEGERS
    return _FORMS.get(name, _TEXT)


def _bit_form(column: Column) -> Callable[[bytes], Any]:
    if column.type == "boolean":
        return _bit
    width = _WIDTH.search(column.native_type)
    return _wide_bits if width is not None and int(width[1]) > 32 else _bits


def _base(native_type: str) -> str:
    found = _BASE.match(native_type.lower())
    return found.group() if found else ""
