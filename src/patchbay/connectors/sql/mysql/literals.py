"""From a checked value to the one literal that MySQL and MariaDB read as exactly that value.

Statements go out as text, so a value must not be able to end its literal, whatever the server's settings. Texts and bytes are
written in hexadecimal behind their character set (``_utf8mb4 x'C3A9'``): between the quotes stand only hexadecimal digits, and
neither quotes, backslashes, ``sql_mode`` nor the connection's character set mean anything there. Everything else is digits and
fixed punctuation. Such a text compares as any literal does: by the column's own collation, with its index.

https://dev.mysql.com/doc/refman/8.4/en/literals.html, https://mariadb.com/kb/en/hexadecimal-literals/
"""

from __future__ import annotations

import json
import math
import re
import struct
from binascii import hexlify
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from patchbay.connectors.refusals import ValueNotAccepted
from patchbay.schema_graph.call import SqlSlot

Encoder = Callable[[Any], bytes]

_DIGITS_MOST = 65
"""Of a DECIMAL; a longer number would be read as another one."""
_INTEGER_PAST = 10**_DIGITS_MOST
_TIME_MOST = timedelta(hours=838, minutes=59, seconds=59)
_PLACEHOLDER = re.compile(r"`(?:[^`]|``)*`|(\?)")


def encoder(slot: SqlSlot) -> Encoder:
    """How the values of one placeholder are written: one literal, or for ``many`` all of them with commas between.

    What is written for a list is never empty: no values, or None, are ``NULL``. Raises
    :class:`~patchbay.connectors.refusals.ValueNotAccepted` for a value these servers have no literal for.
    """
    write = _writer(slot)
    if not slot.many:
        return write

    def encode(value: Any) -> bytes:
        if value is None:
            return b"NULL"
        items = cast("Sequence[Any]", value if isinstance(value, (list, tuple)) else (value,))
        return b", ".join([write(item) for item in items]) or b"NULL"

    return encode


def literal(value: Any) -> bytes:
    """``value`` as a literal of its own type. A time with a zone is written in UTC, the zone of every session."""
    write = _BY_TYPE.get(value.__class__)
    if write is not None:
        return write(value)
    for kinds, inherited in _WRITERS:
        if isinstance(value, kinds):
            return inherited(value)
    raise ValueNotAccepted


def template(sql: str) -> tuple[bytes, ...]:
    """``sql`` cut at its placeholders: one part more than there are of them. A ``?`` in a quoted name is none."""
    parts: list[bytes] = []
    begin = 0
    for found in _PLACEHOLDER.finditer(sql):
        if found[1]:
            parts.append(sql[begin : found.start()].encode())
            begin = found.end()
    return (*parts, sql[begin:].encode())


def statement(parts: Sequence[bytes], literals: Sequence[bytes]) -> bytes:
    """The parts with the literals between them. Raises ValueError unless there is one for each placeholder."""
    filled = [b""] * (2 * len(parts) - 1)
    filled[::2] = parts
    filled[1::2] = literals
    return b"".join(filled)


def _writer(slot: SqlSlot) -> Encoder:
    """Texts stay texts: a number beside a column of texts would be compared with them as a number, without the index."""
    if slot.type in ("string", "enum", "uuid"):
        return lambda value: b"NULL" if value is None else _text(str(value))
    if slot.native_type.startswith("float"):
        return lambda value: b"NULL" if value is None else _single(value)
    return literal


def _text(value: str) -> bytes:
    try:
        return b"_utf8mb4 x'%s'" % hexlify(value.encode())
    except UnicodeEncodeError:  # half of a surrogate pair is no character
        raise ValueNotAccepted from None


def _bytes(value: bytes | bytearray | memoryview) -> bytes:
    return b"_binary x'%s'" % hexlify(value)


def _integer(value: int) -> bytes:
    if not -_INTEGER_PAST < value < _INTEGER_PAST:
        raise ValueNotAccepted
    return b"%d" % value


def _exact(value: Decimal) -> bytes:
    if not value.is_finite() or abs(value.adjusted()) > _DIGITS_MOST:
        raise ValueNotAccepted
    text = f"{value:f}"
    if sum(map(str.isdigit, text)) > _DIGITS_MOST:
        raise ValueNotAccepted
    return text.encode()


def _double(value: float) -> bytes:
    """With an exponent, so that it is read as a DOUBLE and not as a DECIMAL."""
    if not math.isfinite(value):
        raise ValueNotAccepted
    text = repr(value)
    return (text if "e" in text else text + "e0").encode()


def _single(value: Any) -> bytes:
    """A column of single precision holds the nearest of its own numbers: what is compared with it has to be that one."""
    try:
        return _double(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return _double(float(value))


def _moment(value: datetime) -> bytes:
    plain = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo is not None else value
    return b"TIMESTAMP'%s'" % plain.isoformat(" ").encode()


def _time(value: time) -> bytes:
    return b"TIME'%s'" % value.replace(tzinfo=None).isoformat().encode()


def _span(value: timedelta) -> bytes:
    if abs(value) > _TIME_MOST:
        raise ValueNotAccepted
    seconds, micros = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    sign = "-" if value < timedelta() else ""
    text = f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{micros:06d}"
    return b"TIME'%s'" % text.encode()


def _json(value: Any) -> bytes:
    return _text(json.dumps(value, ensure_ascii=False))


_WRITERS: tuple[tuple[tuple[type, ...], Callable[[Any], bytes]], ...] = (
    ((type(None),), lambda _: b"NULL"),
    ((str,), _text),
    ((bool,), lambda value: b"TRUE" if value else b"FALSE"),
    ((int,), _integer),
    ((Decimal,), _exact),
    ((float,), _double),
    ((datetime,), _moment),
    ((date,), lambda value: b"DATE'%s'" % value.isoformat().encode()),
    ((time,), _time),
    ((timedelta,), _span),
    ((UUID,), lambda value: _text(str(value))),
    ((bytes, bytearray, memoryview), _bytes),
    ((dict, list, tuple), _json),
)
_BY_TYPE = {kind: write for kinds, write in _WRITERS for kind in kinds}
