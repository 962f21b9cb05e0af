"""From PostgreSQL's text form to the JSON form of a result. The form follows the column's type, never the value.

| column | JSON form |
|---|---|
| `boolean` | true, false |
| `smallint`, `integer`, `oid` | number |
| `bigint`, `numeric` | string: no reader loses digits; `NaN` and infinities are null with a note |
| `real`, `double precision` | number; `NaN` and infinities are null with a note |
| `timestamptz` | RFC 3339 with the agent's offset at that time |
| `timestamp` | the same, read in the connection's time zone (the first of two readings where clocks go back) |
| `date`, `time`, `timetz` | `2026-05-01`, `10:30:00`, `10:30:00+02:00` |
| `interval` | ISO 8601 duration: `P1Y2M3DT4H5M6S` |
| `infinity` of any date or time | null with a note |
| years outside 0001–9999 | ISO 8601 with a sign (`-0043-03-15`: 44 BC), times in UTC |
| `bytea` | base64 |
| `json`, `jsonb` | the JSON value itself |
| arrays | lists of the element's form, nested as they are, NULL as null |
| everything else (enum, `uuid`, `inet`, `xml`, `bit`, `money`, `tsvector`, ranges, geometric, composite) | its text |
| a domain | the form of the type under it |

The session's settings (ISO dates, zone UTC, intervals as PostgreSQL writes them, hex bytes) are fixed when it is opened, so
the text form does not depend on the server's own.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from patchbay.connectors.sql.decoding import Altered, Decoder, json_value, rfc3339, text_value

NOT_FINITE = "is not a finite number in the source and is given as null"
UNBOUNDED = "is infinite in the source and is given as null"

_SIGNED = re.compile(r"(\d+)-(\d\d)-(\d\d)(?:[ T](\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d(?::\d\d)*)?)?( BC)?\Z")
_INTERVAL = re.compile(
    r"(?:([+-]?\d+) years? ?)?(?:([+-]?\d+) mons? ?)?(?:([+-]?\d+) days? ?)?(?:([+-]?)(\d+):(\d\d):(\d\d(?:\.\d+)?))?\Z"
)
_OFFSET_HOURS = re.compile(r"[+-]\d\d\Z")


def _boolean(raw: bytes) -> bool:
    return raw == b"t"


def _numeric(raw: bytes) -> str:
    if raw[-1:].isdigit():
        return raw.decode()
    raise Altered(None, NOT_FINITE)


def _float(raw: bytes) -> float:
    value = float(raw)
    if math.isfinite(value):
        return value
    raise Altered(None, NOT_FINITE)


def _bytes(raw: bytes) -> str:
    return base64.b64encode(bytes.fromhex(raw[2:].decode())).decode()


def _date(raw: bytes) -> str:
    return raw.decode() if len(raw) == 10 else _signed(raw.decode())


def _duration(raw: bytes) -> str:
    """``1 year 2 mons -3 days +04:05:06.7`` in ISO 8601; a part that is negative carries its own sign."""
    found = _INTERVAL.match(raw.decode())
    if not found:
        raise Altered(None, UNBOUNDED)
    years, months, days, sign, hours, minutes, seconds = found.groups()
    sign = "-" if sign == "-" else ""
    dates = "".join(f"{int(n)}{unit}" for n, unit in ((years, "Y"), (months, "M"), (days, "D")) if n)
    times = "".join(
        f"{sign}{_unpadded(digits)}{unit}"
        for digits, unit in ((hours, "H"), (minutes, "M"), (seconds, "S"))
        if digits and float(digits)
    )
    return f"P{dates}T{times}" if times else f"P{dates}" if dates else "PT0S"


def _unpadded(digits: str) -> str:
    whole, dot, fraction = digits.partition(".")
    return f"{int(whole)}{dot}{fraction}"


def _time_zoned(raw: bytes) -> str:
    text = raw.decode()
    return text + ":00" if _OFFSET_HOURS.search(text) else text


def _signed(text: str) -> str:
    """A date or time that Python's calendar cannot hold, in ISO 8601 with a signed year."""
    found = _SIGNED.match(text)
    if not found:
        raise Altered(None, UNBOUNDED)
    year, month, day, time, offset, era = found.groups()
    number = 1 - int(year) if era else int(year)
    written = f"{number:05d}" if number < 0 else f"{number:04d}" if number <= 9999 else f"+{number}"
    if time is None:
        return f"{written}-{month}-{day}"
    zone = "" if offset is None else "+00:00" if offset == "+00" else offset
    return f"{written}-{month}-{day}T{time}{zone}"


def _zoned(zone: tzinfo) -> Decoder:
    def decode(raw: bytes) -> str:
        text = raw.decode()
        try:
            moment = datetime.fromisoformat(text)
            local = moment.astimezone(zone)
        except (ValueError, OverflowError):
            return _signed(text)
        return rfc3339(moment, local)

    return decode


def _unzoned(source: tzinfo, zone: tzinfo) -> Decoder:
    def decode(raw: bytes) -> str:
        text = raw.decode()
        try:
            moment = datetime.fromisoformat(text).replace(tzinfo=source)
            local = moment.astimezone(zone)
        except (ValueError, OverflowError):
            return _signed(text)
        return rfc3339(moment, local)

    return decode


_PLAIN: Mapping[int, Decoder] = {
    16: _boolean, 17: _bytes, 20: bytes.decode, 21: int, 23: int, 26: int, 114: json_value, 3802: json_value,
    700: _float, 701: _float, 1082: _date, 1083: bytes.decode, 1266: _time_zoned, 1186: _duration, 1700: _numeric,
}  # fmt: skip
TIMESTAMP, TIMESTAMPTZ, TIMESTAMPS = 1114, 1184, 1115
_TEXTS = frozenset(
    (18, 19, 25, 142, 600, 601, 602, 603, 604, 628, 650, 718, 774, 790, 829, 869, 1042, 1043, 1560, 1562, 2950, 3614, 3615,
     3904, 3906, 3908, 3910, 3912, 3926, 4072, 4451, 4532, 4533, 4534, 4535, 4536, 220, 27, 28, 29, 5069)
)  # fmt: skip
_ARRAYS: Mapping[int, int] = {
    1000: 16, 1001: 17, 1002: 18, 1003: 19, 1005: 21, 1007: 23, 1009: 25, 1014: 1042, 1015: 1043, 1016: 20, 1021: 700, 1022: 701,
    1028: 26, 1040: 829, 1041: 869, 651: 650, 1115: 1114, 1182: 1082, 1183: 1083, 1185: 1184, 1187: 1186, 1231: 1700, 1270: 1266,
    1561: 1560, 1563: 1562, 2951: 2950, 199: 114, 3807: 3802, 143: 142, 791: 790, 3643: 3614, 3905: 3904, 3907: 3906, 3909: 3908,
    3911: 3910, 3913: 3912, 3927: 3926, 1017: 600, 1018: 601, 1019: 602, 1027: 604, 719: 718, 629: 628, 775: 774, 4073: 4072,
}  # fmt: skip
BOX, BOX_ARRAY = 603, 1020


def known(oid: int) -> bool:
    """Whether the form of that type is known without asking the server's catalogue."""
    return oid in _PLAIN or oid in _TEXTS or oid in _ARRAYS or oid in (TIMESTAMP, TIMESTAMPTZ, BOX_ARRAY)


def decoder(oid: int, *, agent_zone: tzinfo, source_zone: tzinfo | None, elements: Mapping[int, int]) -> Decoder:
    """How a column of type ``oid`` is read.

    ``elements`` maps array types found in the server's catalogue to their element's base type; a type that is in no table
    is read as the text PostgreSQL writes. A timestamp without zone needs ``source_zone``: LookupError without one.
    """
    element = _ARRAYS.get(oid) or elements.get(oid)
    if oid == BOX_ARRAY:
        return _array(text_value, ";")
    if element is not None:
        inner = decoder(element, agent_zone=agent_zone, source_zone=source_zone, elements=elements)
        return _array(inner, ";" if element == BOX else ",")
    if oid == TIMESTAMPTZ:
        return _zoned(agent_zone)
    if oid == TIMESTAMP:
        if source_zone is None:
            raise LookupError("a timestamp without zone needs the connection's time zone")
        return _unzoned(source_zone, agent_zone)
    return _PLAIN.get(oid, text_value)


def decoders_of(
    oids: Sequence[int], *, agent_zone: tzinfo, source_zone: tzinfo | None, elements: Mapping[int, int]
) -> tuple[Decoder, ...]:
    """A :func:`decoder` for each column."""
    return tuple(decoder(oid, agent_zone=agent_zone, source_zone=source_zone, elements=elements) for oid in oids)


def _array(element: Decoder, delimiter: str) -> Decoder:
    token = re.compile(rf'[{{}}]|{delimiter}|"((?:[^"\\]|\\.)*)"|[^{{}}"{delimiter}]+', re.DOTALL)

    def decode(raw: bytes) -> list[Any]:
        text = text_value(raw)
        start = text.index("{")
        notes: list[str] = []
        values = _nested(token.finditer(text, start + 1), element, delimiter, notes)
        if notes:
            raise Altered(values, notes[0])
        return values

    return decode


def _nested(tokens: Iterator[re.Match[str]], element: Decoder, delimiter: str, notes: list[str]) -> list[Any]:
    values: list[Any] = []
    for token in tokens:
        word = token.group()
        if word == "{":
            values.append(_nested(tokens, element, delimiter, notes))
        elif word == "}":
            break
        elif word != delimiter:
            values.append(_element(token, element, notes))
    return values


def _element(token: re.Match[str], element: Decoder, notes: list[str]) -> Any:
    word, quoted = token.group(), token.group(1)
    if quoted is None and word == "NULL":
        return None
    raw = word if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
    try:
        return element(raw.encode())
    except Altered as altered:
        notes.append(altered.note)
        return altered.value
