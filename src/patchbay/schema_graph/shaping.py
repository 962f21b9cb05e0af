"""Results as the agent is to have them: the one place where the transforms of outputs are done.

Pure, and after everything a system's own reading of its answer does. A value that is not of the form declared for its leaf is
null with a note; a list is transformed value by value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any, cast

import msgspec

from patchbay.schema_graph.call import CallResult, Output
from patchbay.schema_graph.said_times import Unfit
from patchbay.schema_graph.transform import JoinName
from patchbay.schema_graph.transforming import Teller, join_name, to_agent

NOT_OF_ITS_FORM = "{leaf!r} is not of the form declared for it in some records and is given as null there."

Shape = Callable[[CallResult, tzinfo], CallResult]
"""From a result as the system's ``Ready`` made it, and the agent's zone, to the result as the agent gets it."""


def shape_of(outputs: Sequence[Output]) -> Shape | None:
    """How results of a call with these outputs are shaped; None when there is nothing to do."""
    transformed = [one for one in outputs if one.transform is not None]
    hidden = frozenset(one.leaf for one in outputs if one.hidden)
    if not transformed and not hidden:
        return None
    tellers: dict[tzinfo, list[tuple[Output, Teller]]] = {}

    def shape(result: CallResult, zone: tzinfo) -> CallResult:
        found = tellers.get(zone)
        if found is None:
            found = tellers[zone] = [(one, to_agent(one.transform, zone)) for one in transformed if one.transform is not None]
        notes: list[str] = []
        rows = [_row(row, found, hidden, notes) for row in result.rows]
        return msgspec.structs.replace(result, rows=rows, notes=tuple(dict.fromkeys((*result.notes, *notes))))

    return shape


def _row(row: dict[str, Any], tellers: list[tuple[Output, Teller]], hidden: frozenset[str], notes: list[str]) -> dict[str, Any]:
    shaped = dict(row)
    for output, tell in tellers:
        value = row.get(output.leaf)
        if isinstance(output.transform, JoinName):
            shaped[output.leaf] = _joined(value, row.get(output.transform.family), output.leaf, notes)
        elif value is not None:
            shaped[output.leaf] = _told(value, tell, output.leaf, notes)
    for leaf in hidden:
        shaped.pop(leaf, None)
    return shaped


def _told(value: Any, tell: Teller, leaf: str, notes: list[str]) -> Any:
    if isinstance(value, list):
        return [None if one is None else _told(one, tell, leaf, notes) for one in cast("list[Any]", value)]
    try:
        return tell(value)
    except Unfit:
        notes.append(NOT_OF_ITS_FORM.format(leaf=leaf))
        return None


def _joined(given: Any, family: Any, leaf: str, notes: list[str]) -> Any:
    """A full name; of two lists that are in step, a list of them."""
    if not isinstance(given, list) or not isinstance(family, list):
        return join_name(given, family)
    firsts, lasts = cast("list[Any]", given), cast("list[Any]", family)
    if len(firsts) != len(lasts):
        notes.append(NOT_OF_ITS_FORM.format(leaf=leaf))
        return None
    return [join_name(one, other) for one, other in zip(firsts, lasts, strict=True)]
