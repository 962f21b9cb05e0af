"""Fixed values in a binding: read as values of their column's type once, and kept in a JSON form that reads back the same."""

from __future__ import annotations

import base64
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from patchbay.schema_graph.coercion import Unfit, reader, zone_info
from patchbay.schema_graph.model import Field


def literal(value: Any, field: Field, time_zone: str | None) -> Any:
    """``value`` as one of the field's type, in JSON form.

    A date and time without offset is read in the connection's ``time_zone``; without one it needs its offset. It is kept with
    an offset, so that whoever reads it again needs no zone. Raises :class:`Unfit`.
    """
    if field.type == "datetime" and time_zone is None and _is_local(value):
        raise Unfit("value_invalid", "This date and time needs its offset, such as 2026-03-05T14:30:00-05:00.")
    read = reader(
        field.type,
        field.native_type,
        zoned=field.zoned,
        enum=field.enum,
        max_length=field.max_length,
        column_zone=time_zone,
    )
    found = read(value, time_zone or "UTC")
    if isinstance(found, datetime) and found.tzinfo is None:
        found = found.replace(tzinfo=zone_info(time_zone or "UTC"))
    return _json_form(found)


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
    if isinstance(value, timedelta):
        return f"P{value.days}DT{value.seconds + value.microseconds / 1_000_000:.6f}S"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
