"""Lists through a relationship to many records of a table: the numbers of a customer's orders, in one call.

The leaves of one list are in step: the same records in the same order, by the one-column primary key of what the relationship
leads to, and the same cap. So they can be read side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from patchbay.bindings.footprint import joins_of
from patchbay.bindings.paths import Reading
from patchbay.bindings.reach import SCAN_BOUND
from patchbay.bindings.scope import Scope
from patchbay.schema_graph.call import Caps, Direction, ListRead
from patchbay.schema_graph.index_advice import create_index
from patchbay.schema_graph.model import Edge, Field, Object

MAX_LISTS = 4
MAX_LIST_LEAVES = 16
_NOT_LISTED = frozenset({"array", "object", "bytes"})
_NOT_TEXT = ("bit", "point", "polygon", "geom", "line", "multi")
"""Native types of MySQL whose values are no text."""


class Lists(msgspec.Struct, frozen=True):
    """The lists of a binding, and the readings of the keys they are sorted by."""

    reads: tuple[ListRead, ...] = ()
    keys: tuple[Reading, ...] = ()


def check_lists(
    scope: Scope, readings: Sequence[tuple[str, Reading]], directions: Mapping[tuple[str, ...], tuple[str, Reading, Direction]]
) -> Lists:
    """The lists that ``readings`` (with their places) go through. ``directions``, by the path to a list: what sorts it."""
    over: dict[tuple[str, ...], list[tuple[str, Reading]]] = {}
    for at, reading in readings:
        if reading.list_at is not None and _may_be_listed(scope, reading, at):
            over.setdefault(reading.via[: reading.list_at + 1], []).append((at, reading))
    for path, (at, _, _) in directions.items():
        if path not in over:
            scope.report.error(at, "order_not_available", "Nothing comes back of the list that this would sort.")
    if len(over) > MAX_LISTS or sum(map(len, over.values())) > MAX_LIST_LEAVES:
        message = f"At most {MAX_LISTS} lists of at most {MAX_LIST_LEAVES} leaves together may be read with one record."
        scope.report.error("projection", "too_many_lists", message, "Bind a read of that object instead.")
    reads: list[ListRead] = []
    keys: list[Reading] = []
    for path, found in sorted(over.items()):
        at, first = found[0]
        key = _key(scope, first, at)
        if key is None:
            continue
        _check_index(scope, first, at)
        message = f"At most {Caps().elements} of the list are read."
        scope.report.warn(at, "nested_list_capped", message, "Bind a read of that object where all of them are needed.")
        reads.append(_read(scope, path, [reading for _, reading in found], key, directions.get(path)))
        keys.append(key)
    return Lists(tuple(reads), tuple(keys))


def _may_be_listed(scope: Scope, reading: Reading, at: str) -> bool:
    field = reading.field
    wordless = scope.view.kind == "mysql" and field.native_type.lower().startswith(_NOT_TEXT)
    if field.type in _NOT_LISTED or wordless or field.row_of is not None:
        scope.report.error(at, "path_not_listable", "Values of this type cannot be read as a list.")
        return False
    return True


def _edge(reading: Reading) -> Edge:
    assert reading.list_at is not None
    return reading.edges[reading.list_at]


def _key(scope: Scope, reading: Reading, at: str) -> Reading | None:
    """The reading of the one-column primary key of the records in the list."""
    assert reading.list_at is not None
    obj = scope.view.object(_edge(reading).target)
    field = None if obj is None else _one_key(obj)
    if obj is None or field is None:
        message = "What this leads to has no primary key of one column in view, so that its records have no order."
        scope.report.error(at, "list_not_ordered", message, "Bind a read of that object instead.")
        return None
    return Reading(reading.edges[: reading.list_at + 1], obj, field)


def _one_key(obj: Object) -> Field | None:
    names = next((key.fields for key in obj.keys if key.primary), ())
    field = obj.field(names[0]) if len(names) == 1 else None
    return field if field is not None and field.readable and obj.readable else None


def _check_index(scope: Scope, reading: Reading, at: str) -> None:
    """The many records are found by the foreign key that leads back; it needs an index like any filter."""
    edge = _edge(reading)
    obj = scope.view.object(edge.target)
    back = tuple(other for _, other in edge.pairs)
    if obj is None or any((field := obj.field(name)) is not None and field.indexed for name in back):
        return
    hint = create_index(scope.view.kind, obj, back)
    if obj.estimate is not None and obj.estimate > SCAN_BOUND:
        message = f"No index serves this list; each record would read about {obj.estimate:,} (at most {SCAN_BOUND:,})."
        scope.report.error(at, "filter_not_indexed", message, hint)
    else:
        scope.report.warn(at, "unindexed_filter", "No index serves this list.", hint)


def _read(
    scope: Scope,
    path: tuple[str, ...],
    readings: Sequence[Reading],
    key: Reading,
    sorted_by: tuple[str, Reading, Direction] | None,
) -> ListRead:
    edge = key.edges[-1]
    direction: Direction = "asc"
    if sorted_by is not None:
        at, reading, direction = sorted_by
        if (reading.via, reading.field.name) != (key.via, key.field.name):
            message = f"A list is sorted by its records' key, {key.field.name!r}, either way."
            scope.report.error(at, "order_not_available", message, "Bind a read of that object to sort it otherwise.")
    beyond = joins_of(scope.root, readings)
    joins = tuple(join for join in beyond if len(join.source) >= len(path))
    return ListRead(path[:-1], edge.name, edge.target, edge.pairs, key.field.name, direction, joins)
