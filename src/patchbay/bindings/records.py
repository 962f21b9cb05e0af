"""A binding of a read of records: what is compared, sorted and joined."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.bindings.conditions import check_conditions
from patchbay.bindings.footprint import footprint, joins_of, tie_breakers
from patchbay.bindings.identity import Clue, clues_of, identifies_a_person, is_identifying, warn_of_chosen_identity
from patchbay.bindings.model import DEFAULT_LIMIT, Binding
from patchbay.bindings.paths import Reading
from patchbay.bindings.reach import check_reach
from patchbay.bindings.scope import Conditions, Scope
from patchbay.schema_graph.call import Caps, Direction, Order, Output, Plan

MAX_JOINS = 8
_UNSORTABLE = frozenset({"json", "object", "array", "bytes"})


def check_records(scope: Scope, outputs: Sequence[tuple[Output, Reading]]) -> Plan | None:
    """The plan of the binding, or None with what is wrong reported."""
    conditions = check_conditions(scope)
    clues = tuple(clues_of(conditions))
    order = _order(scope)
    if not scope.report.errors:
        check_reach(scope, conditions, order)
    warn_of_chosen_identity(scope.report, clues)
    return None if scope.report.errors else _plan(scope, conditions, clues, outputs, order)


def _order(scope: Scope) -> list[Reading]:
    order: list[Reading] = []
    for index, rule in enumerate(scope.binding.order_by):
        at = f"orderBy.{index}.path"
        reading = scope.path(rule.path, at)
        if reading is None:
            continue
        if reading.field.type in _UNSORTABLE or not reading.field.filterable:
            scope.report.error(at, "order_not_sortable", "Records cannot be sorted by a field of this type.")
        order.append(reading)
    return order


def _plan(
    scope: Scope,
    conditions: Conditions,
    clues: Sequence[Clue],
    outputs: Sequence[tuple[Output, Reading]],
    order: list[Reading],
) -> Plan | None:
    binding, view = scope.binding, scope.view
    identifying = is_identifying(scope.root, clues, ranked=bool(binding.order_by) and binding.limit == 1)
    ties = tie_breakers(scope.root, order) if order or not identifying else []
    readings = [*conditions.readings, *(reading for _, reading in outputs), *order, *ties]
    joins = joins_of(scope.root, readings)
    if len(joins) > MAX_JOINS:
        message = f"At most {MAX_JOINS} related records may be read with one; this binding needs {len(joins)}."
        scope.report.error("projection", "too_many_joins", message)
        return None
    touches, items = footprint(view, scope.root, readings, scope.operation)
    directions: list[Direction] = [*(rule.direction for rule in binding.order_by), *("asc" for _ in ties)]
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
        joins=joins,
        order=tuple(Order(r.column(), d) for r, d in zip([*order, *ties], directions, strict=True)),
        caps=Caps(rows=binding.limit or DEFAULT_LIMIT),
        identifying=identifying,
        verification=binding.level,
        time_zone=scope.target.time_zone,
        demand_one=_demands_one(binding, conditions, clues),
        ranked=bool(binding.order_by) and binding.limit is not None and not identifying,
    )


def _demands_one(binding: Binding, conditions: Conditions, clues: Sequence[Clue]) -> bool:
    """Whether a run with none of its optional values must find nothing: unless a list of no one's records was asked for."""
    if not conditions.filters or any(conditions.always(condition) for condition in conditions.filters):
        return False
    return binding.limit is None or identifies_a_person(clues)
