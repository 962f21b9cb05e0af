"""From checked argument values to the text PostgreSQL reads for a placeholder.

Every placeholder gets its type from the statement, so text is enough, and text cannot change the statement: it travels
beside it (the extended protocol's Bind message).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from patchbay.schema_graph.call import SqlSlot


class Moment:
    """The time of one call (aware), and the zone that stands in where a slot names none: the agent's."""

    __slots__ = ("agent_zone", "now")

    def __init__(self, now: datetime, agent_zone: tzinfo) -> None:
        self.now = now
        self.agent_zone = agent_zone

    def zone_of(self, slot: SqlSlot) -> tzinfo:
        """The zone that times without one are stored in."""
        return ZoneInfo(slot.time_zone) if slot.time_zone else self.agent_zone


Encoder = Callable[[Mapping[str, Any], Moment], bytes | None]


def encoders(slots: Sequence[SqlSlot]) -> tuple[Encoder, ...]:
    """One function a placeholder, in order, from the validated values (by parameter) and the time of the call."""
    return tuple(_encoder(slot) for slot in slots)


def _encoder(slot: SqlSlot) -> Encoder:
    if slot.now:
        return _now(slot)
    if slot.param is None:
        fixed = slot.value
        return lambda _values, moment: _slot_value(fixed, slot, moment)
    param = slot.param
    if slot.many or slot.type in ("datetime", "time", "json"):
        return lambda values, moment: _slot_value(values.get(param), slot, moment)

    def plain(values: Mapping[str, Any], moment: Moment) -> bytes | None:
        value = values.get(param)
        if type(value) is str:
            return value.encode()
        return _slot_value(value, slot, moment)

    return plain


def _now(slot: SqlSlot) -> Encoder:
    def encode(_values: Mapping[str, Any], moment: Moment) -> bytes:
        if slot.type == "datetime" and slot.zoned:
            return moment.now.isoformat().encode()
        local = moment.now.astimezone(moment.zone_of(slot))
        if slot.type == "date":
            return local.date().isoformat().encode()
        if slot.type == "time":
            return local.timetz().isoformat().encode() if slot.zoned else local.time().isoformat().encode()
        return local.replace(tzinfo=None).isoformat().encode()

    return encode


def _slot_value(value: Any, slot: SqlSlot, moment: Moment) -> bytes | None:
    if value is None:
        return None
    if slot.many:
        items = cast("Sequence[Any]", value if isinstance(value, (list, tuple)) else (value,))
        written = ("NULL" if item is None else _quoted(_scalar(item, slot, moment)) for item in items)
        return ("{" + ",".join(written) + "}").encode()
    return _scalar(value, slot, moment).encode()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _scalar(value: Any, slot: SqlSlot, moment: Moment) -> str:
    if slot.type == "json":
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, datetime):
        return _datetime(value, slot, moment)
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(value)
    return str(value)


def _datetime(value: datetime, slot: SqlSlot, moment: Moment) -> str:
    if slot.type == "date":
        local = value if value.tzinfo is None else value.astimezone(moment.zone_of(slot))
        return local.date().isoformat()
    if slot.zoned:
        return (value if value.tzinfo else value.replace(tzinfo=moment.agent_zone)).isoformat()
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(moment.zone_of(slot)).replace(tzinfo=None).isoformat()


def _array(values: Sequence[Any]) -> str:
    return "{" + ",".join("NULL" if v is None else _item(v) for v in values) + "}"


def _item(value: Any) -> str:
    return _array(cast("Sequence[Any]", value)) if isinstance(value, (list, tuple)) else _quoted(_plain(value))


def _plain(value: Any) -> str:
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(value)
    return str(value)


def _duration(value: timedelta) -> str:
    return f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"


_WRITERS: tuple[tuple[tuple[type, ...], Callable[[Any], str]], ...] = (
    ((bool,), lambda v: "true" if v else "false"),
    ((str,), str),
    ((int, Decimal, UUID), str),
    ((float,), repr),
    ((date, time), lambda v: v.isoformat()),
    ((timedelta,), _duration),
    ((bytes, bytearray, memoryview), lambda v: "\\x" + bytes(v).hex()),
    ((dict,), lambda v: json.dumps(v, ensure_ascii=False)),
    ((list, tuple), _array),
)
