"""A binding of a read of records: what is compared, sorted and joined."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.bindings.conditions import check_conditions
from patchbay.bindings.footprint import footprint, joins_of, tie_breakers
from patchbay.bindings.identity import Clue, clues_of, identifies_a_person, is_identifying, warn_of_chosen_identity
from patchbay.bindings.lists import Lists, check_lists
from patchbay.bindings.model import DEFAULT_LIMIT, Binding
from patchbay.bindings.paths import Reading
from patchbay.bindings.reach import check_reach
from patchbay.bindings.scope import Conditions, Scope
from patchbay.schema_graph.call import Caps, Direction, Join, Order, Output, Plan

MAX_JOINS = 8
_Order = list[tuple[Reading, Direction]]
_UNSORTABLE = frozenset({"json", "object", "array", "bytes"})


def check_records(scope: Scope, outputs: Sequence[tuple[Output, Reading]]) -> Plan | None:
    """The plan of the binding, or None with what is wrong reported."""
    conditions = check_conditions(scope)
    clues = tuple(clues_of(conditions))
    order, in_lists = _order(scope)
    lists = check_lists(scope, places_of(scope, outputs), in_lists)
    if not scope.report.errors:
        check_reach(scope, conditions, [reading for reading, _ in order])
    warn_of_chosen_identity(scope.report, clues)
    return None if scope.report.errors else _plan(scope, conditions, clues, outputs, order, lists)


def places_of(scope: Scope, outputs: Sequence[tuple[Output, Reading]]) -> list[tuple[str, Reading]]:
    """The readings of the outputs, each with where its leaf was written."""
    leaves = {rule.leaf: f"projection.{index}.path" for index, rule in enumerate(scope.binding.projection)}
    return [(leaves.get(output.leaf, "projection"), reading) for output, reading in outputs]


def _order(scope: Scope) -> tuple[_Order, dict[tuple[str, ...], tuple[str, Reading, Direction]]]:
    """What sorts the records, and what sorts the lists in them, by the path to each."""
    order: _Order = []
    in_lists: dict[tuple[str, ...], tuple[str, Reading, Direction]] = {}
    for index, rule in enumerate(scope.binding.order_by):
        at = f"orderBy.{index}.path"
        reading = scope.path(rule.path, at)
        if reading is None:
            continue
        if reading.field.type in _UNSORTABLE or not reading.field.filterable:
            scope.report.error(at, "order_not_sortable", "Records cannot be sorted by a field of this type.")
        if reading.list_at is None:
            order.append((reading, rule.direction))
            continue
        path = reading.via[: reading.list_at + 1]
        if path in in_lists:
            scope.report.error(at, "order_duplicate", "This list is sorted already.")
        in_lists[path] = (at, reading, rule.direction)
    return order, in_lists


def _plan(
    scope: Scope,
    conditions: Conditions,
    clues: Sequence[Clue],
    outputs: Sequence[tuple[Output, Reading]],
    order: _Order,
    lists: Lists,
) -> Plan | None:
    binding, view = scope.binding, scope.view
    identifying = is_identifying(scope.root, clues, ranked=bool(order) and binding.limit == 1)
    sorted_by = [reading for reading, _ in order]
    ties = tie_breakers(scope.root, sorted_by) if order or not identifying else []
    readings = [*conditions.readings, *(reading for _, reading in outputs), *sorted_by, *ties, *lists.keys]
    joins = joins_of(scope.root, readings)
    if len(joins) > MAX_JOINS:
        message = f"At most {MAX_JOINS} related records may be read with one; this binding needs {len(joins)}."
        scope.report.error("projection", "too_many_joins", message)
        return None
    touches, items = footprint(view, scope.root, readings, scope.operation)
    directions: list[Direction] = [*(direction for _, direction in order), *("asc" for _ in ties)]
    return Plan(
        kind=scope.target.kind,
        connection_id=scope.target.connection_id,
        operation=scope.operation.name,
        effect="read",
        verb=scope.operation.verb,
        object=scope.root.name,
        inputs=conditions.inputs,
        outputs=tuple(output for output, _ in outputs),
        touches=touches,
        slice=items,
        slice_fingerprint=view.slice_fingerprint(scope.operation.name, items),
        filters=conditions.filters,
        joins=tuple(join for join in joins if not _in_a_list(join, lists)),
        lists=lists.reads,
        order=tuple(Order(r.column(), d) for r, d in zip([*sorted_by, *ties], directions, strict=True)),
        caps=Caps(rows=binding.limit or DEFAULT_LIMIT),
        identifying=identifying,
        verification=binding.level,
        time_zone=scope.target.time_zone,
        demand_one=_demands_one(binding, conditions, clues),
        ranked=bool(order) and binding.limit is not None and not identifying,
    )


def _in_a_list(join: Join, lists: Lists) -> bool:
    """Whether a step is that of a list, or lies beyond one."""
    path = (*join.source, join.edge)
    return any(path[: len(one.path)] == one.path for one in lists.reads)


def _demands_one(binding: Binding, conditions: Conditions, clues: Sequence[Clue]) -> bool:
    """Whether a run with none of its optional values must find nothing: unless a list of no one's records was asked for."""
    if not conditions.filters or any(conditions.always(condition) for condition in conditions.filters):
        return False
    return binding.limit is None or identifies_a_person(clues)
