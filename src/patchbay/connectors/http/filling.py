"""The values of a run in step with a call's slots, in the forms JSON and text have for them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from patchbay.schema_graph.call import RequestSlot

Fill = Callable[[Mapping[str, Any], datetime], list[Any]]


def fill_slots(slots: Sequence[RequestSlot]) -> Fill:
    """The function that takes a run's values and its time (aware) and gives one wire value for each slot, None for none."""
    fixed = [None if slot.param is not None or slot.now else wire_form(slot.value, slot) for slot in slots]

    def fill(values: Mapping[str, Any], now: datetime) -> list[Any]:
        return [
            wire_form(values[slot.param], slot) if slot.param is not None else wire_form(now, slot) if slot.now else literal
            for slot, literal in zip(slots, fixed, strict=True)
        ]

    return fill


def wire_form(value: Any, slot: RequestSlot) -> Any:
    """A value as the document says it is sent: numbers that are written as text stay text."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (tuple, list)):
        return [wire_form(one, slot) for one in cast("Sequence[Any]", value)]
    if isinstance(value, (int, float, Decimal)):
        return str(value) if slot.native_type.startswith("string") else value
    if isinstance(value, datetime):
        return _moment(value, slot)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, bytes):
        return value if slot.place == "multipart" else base64.b64encode(value).decode()
    return str(value) if isinstance(value, UUID) else value


def _moment(value: datetime, slot: RequestSlot) -> Any:
    if slot.type == "date":
        return value.date().isoformat()
    if slot.type == "time":
        return value.timetz().isoformat()
    if slot.native_type.startswith(("integer", "number")):
        return int(value.timestamp())
    return value.isoformat()


def _duration(value: timedelta) -> str:
    """ISO 8601."""
    seconds = value.total_seconds()
    written = f"{abs(seconds):f}".rstrip("0").rstrip(".")
    return f"{'-' if seconds < 0 else ''}PT{written}S"
