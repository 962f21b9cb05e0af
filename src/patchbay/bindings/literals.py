"""Fixed values in a binding: read as values of their type once, and kept in a JSON form that reads back the same."""

from __future__ import annotations

import base64
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from patchbay.bindings.call_arguments import plain_native
from patchbay.schema_graph.canonical import NotCanonical, canonical_json
from patchbay.schema_graph.coercion import Reader, Unfit, reader, zone_info
from patchbay.schema_graph.model import Argument, Field

MAX_JSON = 16_384
"""Bytes of one free-form constant."""
_EXACT = 2**53 - 1


def literal(value: Any, field: Field, time_zone: str | None) -> Any:
    """``value`` as one of the field's type, in JSON form.

    A date and time without offset is read in the connection's ``time_zone``; without one it needs its offset. It is kept with
    an offset, so that whoever reads it again needs no zone. Raises :class:`Unfit`.
    """
    read = reader(
        field.type,
        field.native_type,
        zoned=field.zoned,
        enum=field.enum,
        max_length=field.max_length,
        column_zone=time_zone,
    )
    return _read(value, read, field.type, time_zone)


def argument_literal(value: Any, argument: Argument, time_zone: str | None) -> Any:
    """``value`` as one of the argument's type, in JSON form; of a free-form argument, as it is written.

    Dates and times as in :func:`literal`. Raises :class:`Unfit`.
    """
    kind = argument.item_type if argument.type == "array" else argument.type
    if kind in ("json", "object", "array", None):
        return _free(value)
    read = reader(kind, plain_native(argument), zoned=kind == "datetime", enum=argument.enum, max_length=argument.max_length)
    if argument.type != "array":
        return _read(value, read, kind, time_zone)
    values = cast("list[Any]", value) if isinstance(value, list) else [value]
    if not values:
        raise Unfit("value_invalid", "This must be a list of at least one value.")
    return [_read(one, read, kind, time_zone) for one in values]


def _read(value: Any, read: Reader, kind: str, time_zone: str | None) -> Any:
    if kind == "datetime" and time_zone is None and _is_local(value):
        raise Unfit("value_invalid", "This date and time needs its offset, such as 2026-03-05T14:30:00-05:00.")
    found = read(value, time_zone or "UTC")
    if isinstance(found, datetime) and found.tzinfo is None:
        found = found.replace(tzinfo=zone_info(time_zone or "UTC"))
    return _json_form(found)


def _free(value: Any) -> Any:
    try:
        size = len(canonical_json(value))
    except NotCanonical as error:
        raise Unfit("value_invalid", f"This cannot be kept as it is: {error}.") from error
    if size > MAX_JSON:
        raise Unfit("value_invalid", f"This is too long: at most {MAX_JSON:,} bytes.")
    return value


def _is_local(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is None if isinstance(value, str) else True
    except ValueError:
        return False


def _json_form(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, int) and abs(value) > _EXACT:
        return str(value)
    if isinstance(value, timedelta):
        return f"P{value.days}DT{value.seconds + value.microseconds / 1_000_000:.6f}S"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
