"""What the writes of both kinds of database have in common before they are sent and after they are done."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from patchbay.connectors.refusals import ValueNotAccepted
from patchbay.connectors.sql.writing import CONFIRMED
from patchbay.schema_graph.arguments import MissingArguments
from patchbay.schema_graph.call import CallInput, CallResult, FrozenCall, SqlCall, SqlSlot

NOT_READ_BACK = "It was written, but could not be read back."
_PRECISION = re.compile(r"\(\s*\d+\s*(?:,\s*(-?\d+)\s*)?\)")


def demand_one(call: FrozenCall, body: SqlCall) -> Callable[[Mapping[str, Any]], None]:
    """The check that there is something to write: raises MissingArguments where none of ``one_of`` was given."""
    wanted: list[CallInput] = [one for one in call.inputs if one.param in body.one_of]

    def check(values: Mapping[str, Any]) -> None:
        if wanted and all(values[one.param] is None for one in wanted):
            raise MissingArguments(wanted)

    return check


def exact(slots: Sequence[SqlSlot]) -> Callable[[Sequence[Any]], None]:
    """The check that no value is rounded: databases store a decimal with fewer places without a word. Raises ValueNotAccepted."""
    scales = [(at, scale) for at, slot in enumerate(slots) if (scale := _scale(slot)) is not None]

    def check(filled: Sequence[Any]) -> None:
        for at, scale in scales:
            value = filled[at]
            if isinstance(value, Decimal) and value != round(value, scale):
                raise ValueNotAccepted(f"This value may have at most {max(scale, 0)} decimal places.")

    return check


def _scale(slot: SqlSlot) -> int | None:
    if slot.type != "decimal":
        return None
    found = _PRECISION.search(slot.native_type)
    if found is None:
        return 0 if slot.native_type.startswith("decimal") else None
    return int(found[1] or 0)


def done(result: CallResult, *, confirmed: bool, expected: bool) -> CallResult:
    """The result of a write that took effect. ``expected``: its record was to come back."""
    notes = list(result.notes)
    if confirmed:
        notes.append(CONFIRMED)
    if expected and not result.rows:
        notes.append(NOT_READ_BACK)
    return msgspec.structs.replace(result, outcome="done", notes=tuple(notes))
