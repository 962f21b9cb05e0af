"""From a checked value to the text PostgreSQL reads for a placeholder.

Every placeholder gets its type from the statement, so text is enough, and text cannot change the statement: it travels
beside it (the extended protocol's Bind message).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from patchbay.schema_graph.call import SqlSlot

Encoder = Callable[[Any], bytes | None]


def encoder(slot: SqlSlot) -> Encoder:
    """How the values of one placeholder are written; ``many`` ones are lists and become arrays."""
    if slot.type == "json":
        return _array_of(_json) if slot.many else _single(_json)
    return _array_of(_plain) if slot.many else _single(_plain)


def _single(write: Callable[[Any], str]) -> Encoder:
    def encode(value: Any) -> bytes | None:
        if value is None:
            return None
        return value.encode() if type(value) is str and write is _plain else write(value).encode()

    return encode


def _array_of(write: Callable[[Any], str]) -> Encoder:
    def encode(value: Any) -> bytes | None:
        if value is None:
            return None
        items = cast("Sequence[Any]", value if isinstance(value, (list, tuple)) else (value,))
        if write is _plain and (texts := _plain_texts(items)) is not None:
            return texts.encode()
        return ("{" + ",".join("NULL" if item is None else _quoted(write(item)) for item in items) + "}").encode()

    return encode


def _plain_texts(items: Sequence[Any]) -> str | None:
    """An array of texts in which nothing has to be escaped, such as the spellings of a phone number; None if it is none."""
    try:
        joined = '","'.join(items)
    except TypeError:
        return None
    if not items or "\\" in joined or joined.count('"') != 2 * (len(items) - 1):
        return None
    return '{"' + joined + '"}'


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _plain(value: Any) -> str:
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(value)
    return str(value)


def _list(values: Sequence[Any]) -> str:
    return "{" + ",".join("NULL" if v is None else _item(v) for v in values) + "}"


def _item(value: Any) -> str:
    return _list(cast("Sequence[Any]", value)) if isinstance(value, (list, tuple)) else _quoted(_plain(value))


def _duration(value: timedelta) -> str:
    return f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"


_WRITERS: tuple[tuple[tuple[type, ...], Callable[[Any], str]], ...] = (
    ((str,), str),
    ((bool,), lambda v: "true" if v else "false"),
    ((int, Decimal, UUID), str),
    ((float,), repr),
    ((datetime, date, time), lambda v: v.isoformat()),
    ((timedelta,), _duration),
    ((bytes, bytearray, memoryview), lambda v: "\\x" + bytes(v).hex()),
    ((dict,), _json),
    ((list, tuple), _list),
)
