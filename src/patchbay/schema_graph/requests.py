"""From the values of a run to what the slots of a request take, before any of it is written to the wire.

:func:`prepare_request` gives one value for each slot, in its JSON form; :func:`nested` puts those of a body, or of GraphQL
variables, where they belong in it. Serializing (paths, queries, headers, bodies) is the connector's.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any, cast
from uuid import UUID

import msgspec

from patchbay.schema_graph.arguments import MissingArguments
from patchbay.schema_graph.call import CallInput, FrozenCall, GraphqlCall, HttpCall, RequestSlot
from patchbay.schema_graph.model import Edge, FieldType
from patchbay.schema_graph.moments import moment_at

LIST = "[]"
"""In a slot's path: the one element of a list."""
Fill = Callable[..., list[Any]]
"""``(values, now, key=None)``: see :func:`prepare_request`."""


class Contradiction(ValueError):
    """Two values want one place in a body."""


class _Demand(msgspec.Struct, frozen=True):
    """Slot ``at`` must have a value when any of ``beside`` has one; its input is to be asked for."""

    at: int
    beside: tuple[int, ...]
    input: CallInput


def prepare_request(call: FrozenCall) -> Fill:
    """The function that fills the slots of a called operation; the result may be kept with the call.

    It takes a run's values (of :func:`~patchbay.schema_graph.arguments.prepare_inputs`), the time of the call (aware) and, of a
    write, its idempotency key, and gives one wire value for each slot, in order; None leaves the slot out. It raises
    :class:`MissingArguments` when nothing was given to a call that demands one of its inputs, or a parent without a member that
    it must have. Raises TypeError for a call of another form.
    """
    body = call.body
    if not isinstance(body, (HttpCall, GraphqlCall)):
        raise TypeError("this call is not a request")
    slots = body.slots
    asked = tuple(one for one in call.inputs if not one.required)
    demands = tuple(_demands(slots, {one.param: one for one in call.inputs}))
    fixed = [None if slot.param is not None or slot.now else wire_value(slot, slot.value) for slot in slots]
    wires = [_wire(slot) for slot in slots]
    plain = [(_source(slot), slot.now, slot.key, wire, value) for slot, wire, value in zip(slots, wires, fixed, strict=True)]
    demand_one = body.demand_one

    def fill(values: Mapping[str, Any], now: datetime, key: str | None = None) -> list[Any]:
        if demand_one and all(values[one.param] is None for one in asked):
            raise MissingArguments(asked)
        filled: list[Any] = []
        for source, is_now, is_key, wire, value in plain:
            given = source(values) if source is not None else moment_at(is_now, now) if is_now else key if is_key else None
            filled.append(value if given is None else wire(given))
        for demand in demands:
            if filled[demand.at] is None and any(filled[one] is not None for one in demand.beside):
                raise MissingArguments([demand.input])
        return filled

    return fill


def _source(slot: RequestSlot) -> Callable[[Mapping[str, Any]], Any] | None:
    """What takes a slot's value from those of a run; None for a slot that no input fills."""
    if slot.param is None or not slot.parts:
        return None if slot.param is None else itemgetter(slot.param)
    params = (slot.param, *slot.parts)

    def joined(values: Mapping[str, Any]) -> str | None:
        return " ".join(text for param in params if (text := values[param]) is not None) or None

    return joined


def _demands(slots: Sequence[RequestSlot], inputs: Mapping[str, CallInput]) -> Iterable[_Demand]:
    for at, slot in enumerate(slots):
        given = inputs.get(slot.param or "")
        if slot.demanded_by is None or given is None or given.required:
            continue
        parent = slot.demanded_by
        beside = [
            other
            for other, one in enumerate(slots)
            if other != at and one.place == slot.place and len(one.path) > len(parent) and one.path[: len(parent)] == parent
        ]
        yield _Demand(at, tuple(beside), given)


def wire_value(slot: RequestSlot, value: Any) -> Any:
    """A validated value, or a literal in JSON form, as JSON has it for this slot; None stays None.

    Times are RFC 3339 (a datetime whose native type is a number: seconds since 1970), durations ISO 8601, UUIDs text, bytes
    base64 (in a multipart body: bytes). Decimals are text unless the native type is a number; numbers whose native type is text
    are text; labels of an enum of numbers or booleans are what they stand for.
    """
    return None if value is None else _wire(slot)(value)


def _wire(slot: RequestSlot) -> Callable[[Any], Any]:
    if slot.type == "array":
        kind = slot.item_type or "string"
        return lambda value: [_one(kind, slot, item) for item in _listed(value)]
    return lambda value: _one(slot.type, slot, value)


def _listed(value: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, (list, tuple)) else (value,)


def _one(kind: FieldType, slot: RequestSlot, value: Any) -> Any:
    native = slot.native_type.lower()
    if isinstance(value, (datetime, date, time)):
        return _moment(kind, native, value)
    if isinstance(value, (bool, int, float, Decimal)):
        return _number(kind, native, value)
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, bytes):
        return value if slot.place == "multipart" else base64.b64encode(value).decode()
    if isinstance(value, str):
        return _labelled(kind, native, value)
    return str(value) if isinstance(value, UUID) else value


def _moment(kind: FieldType, native: str, value: date | time) -> Any:
    if isinstance(value, datetime) and kind == "date":
        value = value.date()
    elif isinstance(value, datetime) and kind == "time":
        value = value.timetz()
    elif isinstance(value, datetime):
        if native.startswith(("integer", "number")):
            return int((value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp())
        return _rfc3339(value.replace(tzinfo=None) if is_local(native) else value)
    return value.isoformat()


def is_local(native_type: str) -> bool:
    """Whether a native type is that of a wall clock's time (``LocalDateTime``), which takes no offset."""
    return native_type.lstrip("[ ").lower().startswith(("local", "naive"))


def _rfc3339(moment: datetime) -> str:
    """RFC 3339, section 5.6, with its offset where it has one."""
    text = moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _number(kind: FieldType, native: str, value: float | Decimal) -> Any:
    if isinstance(value, bool):
        return value
    if native.startswith("string"):
        return str(value)
    if isinstance(value, Decimal):
        return value if native.startswith(("number", "integer", "float", "int")) else format(value, "f")
    return value


def _labelled(kind: FieldType, native: str, text: str) -> Any:
    """A text as it is, unless it is a literal or a label of a type that JSON has a form of its own for."""
    if native.startswith("string"):
        return text
    if kind == "datetime" and native.startswith(("integer", "number")):
        return _moment(kind, native, datetime.fromisoformat(text))
    if kind == "integer" or (kind == "enum" and native.startswith("integer")):
        return int(text)
    if kind == "number" or (kind == "enum" and native.startswith("number")):
        return float(text)
    if kind == "decimal":
        return _number(kind, native, Decimal(text))
    if kind == "boolean" or (kind == "enum" and native.startswith("boolean")):
        return text == "true"
    return text


def _duration(value: timedelta) -> str:
    """ISO 8601."""
    seconds = f"{abs(value.total_seconds()):f}".rstrip("0").rstrip(".")
    return f"{'-' if value < timedelta() else ''}PT{seconds or '0'}S"


def edge_path(edge: Edge, pick: int | None) -> list[str | int]:
    """The property names that lead over an embedded edge in an answer. An element that is picked of its list is told right behind
    the list's own name, which in ``edges.node`` is the first.
    """
    names: list[str | int] = [edge.pairs[0][0], *edge.wrapper]
    if pick is not None:
        names.insert(len(names) - (1 if edge.wrapper[-1:] == ("node",) else 0), pick)
    return names


def nested(members: Iterable[tuple[Sequence[str], Any]]) -> dict[str, Any]:
    """The object that values make at their paths; None is left out. ``[]`` in a path is the one element of a list.

    ``[(("where", "total", "gte"), 5), (("where", "tags", "[]", "name"), "x")]`` gives
    ``{"where": {"total": {"gte": 5}, "tags": [{"name": "x"}]}}``. An object at the place of others takes them in. Values are
    copied where they are added to. Raises :class:`Contradiction` when two cannot both be in it.
    """
    made: dict[str, Any] = {}
    for path, value in sorted(((tuple(path), value) for path, value in members), key=lambda member: len(member[0])):
        if value is not None and path:
            _put(made, path, copy.deepcopy(cast("object", value)))
    return made


def _put(made: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    name, rest = path[0], path[1:]
    if not rest:
        if name in made:
            raise Contradiction
        made[name] = value
    elif rest == (LIST,):
        cast("list[Any]", _inside(made, name, list)).append(value)
    elif rest[0] == LIST:
        held = cast("list[Any]", _inside(made, name, list))
        if not held:
            held.append({})
        if not isinstance(held[0], dict):
            raise Contradiction
        _put(cast("dict[str, Any]", held[0]), rest[1:], value)
    else:
        _put(cast("dict[str, Any]", _inside(made, name, dict)), rest, value)


def _inside(made: dict[str, Any], name: str, kind: type) -> object:
    held: object = made.setdefault(name, kind())
    if not isinstance(held, kind):
        raise Contradiction
    return held
