"""Reading what a database sent in text form: what both kinds of database have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

Decoder = Callable[[bytes], Any]
"""From a value's text to its JSON form; raises :class:`Altered` where there is no exact one."""

NOT_TEXT = "holds bytes that are not UTF-8; they were replaced"
NOT_JSON = "holds JSON that cannot be represented; it is given as text"


class Altered(Exception):
    """The value has no exact JSON form: ``value`` is given instead, and ``note`` says why."""

    def __init__(self, value: Any, note: str) -> None:
        super().__init__(note)
        self.value = value
        self.note = note


def text_value(raw: bytes) -> str:
    """A text, with what is not UTF-8 replaced."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Altered(raw.decode(errors="replace"), NOT_TEXT) from None


def json_value(raw: bytes) -> Any:
    """The JSON value itself."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Altered(raw.decode(errors="replace"), NOT_JSON) from None


def rfc3339(moment: datetime, local: datetime) -> str:
    """``local``, which is ``moment`` in the reader's zone. RFC 3339, section 5.6, has no seconds in an offset: times before
    standard zones are given in UTC.
    """
    offset = local.utcoffset()
    if offset is not None and offset.seconds % 60:
        from_epoch = moment - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
        return (datetime.fromisoformat("1970-01-01T00:00:00+00:00") + from_epoch).isoformat()
    return local.isoformat()


def decode_row(
    row: Sequence[bytes | None], decoders: Sequence[Decoder], leaves: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """One row under its leaf names, with the notes on values that have no exact JSON form."""
    try:
        return {leaf: None if raw is None else read(raw) for leaf, raw, read in zip(leaves, row, decoders, strict=True)}, []
    except Altered:
        return _careful(row, decoders, leaves)


def _careful(row: Sequence[bytes | None], decoders: Sequence[Decoder], leaves: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    notes: list[str] = []
    for leaf, raw, read in zip(leaves, row, decoders, strict=True):
        try:
            values[leaf] = None if raw is None else read(raw)
        except Altered as altered:
            values[leaf] = altered.value
            notes.append(f"{leaf!r} {altered.note}.")
    return values, notes
