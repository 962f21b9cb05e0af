"""A binding against a view: everything that is wrong with it at once, or the plan of what it means.

Hints name nothing outside the view. The rules, with their codes, are told in one 422 (:class:`BindingInvalid`); what may be
bound but should be known comes back as warnings.
"""

from __future__ import annotations

import re

import msgspec

from patchbay.bindings.conditions import check_conditions
from patchbay.bindings.footprint import footprint, joins_of, tie_breakers
from patchbay.bindings.identity import identifies_a_person, is_identifying, warn_of_chosen_identity
from patchbay.bindings.model import DEFAULT_LIMIT, Binding
from patchbay.bindings.paths import Reading, near
from patchbay.bindings.reach import check_reach
from patchbay.bindings.report import BindingInvalid, Report
from patchbay.bindings.scope import Conditions, Scope, Target
from patchbay.errors import Finding
from patchbay.nearest import nearest
from patchbay.schema_graph.call import Caps, Direction, Order, Output, Plan, VerificationLevel
from patchbay.schema_graph.model import Operation
from patchbay.schema_graph.naming import split_name
from patchbay.schema_graph.operations import split_operation
from patchbay.schema_graph.scoping import View

__all__ = ["BindingInvalid", "Checked", "Target", "check"]

MAX_LIMIT = 50
MAX_JOINS = 8
LEAF = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_UNSORTABLE = frozenset({"json", "object", "array", "bytes"})


class Checked(msgspec.Struct, frozen=True):
    """What a sound binding means, and what to know about it."""

    plan: Plan
    warnings: tuple[Finding, ...] = ()


def check(binding: Binding, view: View, target: Target) -> Checked:
    """The plan of ``binding`` on ``view``. Raises :class:`BindingInvalid` with every finding."""
    report = Report()
    operation = _operation(binding, view, report)
    root = view.object(operation.object) if operation is not None and operation.object is not None else None
    if operation is None or root is None:
        _check_leaves(binding, report)
        _check_limit(binding, report)
        report.settle()
        raise BindingInvalid
    scope = Scope(binding, view, target, operation, root, report)
    conditions = check_conditions(scope)
    outputs = _outputs(scope)
    order = _order(scope)
    _check_limit(binding, report)
    _check_gate(binding, report)
    if not report.errors:
        check_reach(scope, conditions, order)
    warn_of_chosen_identity(scope, conditions)
    plan = None if report.errors else _plan(scope, conditions, outputs, order)
    warnings = report.settle()
    if plan is None:
        raise BindingInvalid
    return Checked(plan, warnings)


def _operation(binding: Binding, view: View, report: Report) -> Operation | None:
    found = view.operation(binding.operation)
    parsed = split_operation(binding.operation)
    wanted = parsed[0] if parsed is not None else binding.operation
    reading = view.operation(f"{wanted if found is None else found.object}.read") if found or parsed else None
    if found is not None and found.effect == "read":
        return found
    if found is not None or reading is not None:  # a write, whether or not the connected role could make it
        message = "Only reads can be bound; writes are not available yet."
        report.error("operation", "write_bindings_not_available", message, f"Use {reading.name!r}." if reading else None)
        return None
    _report_unknown_operation(binding.operation, wanted, view, report)
    return None


def _report_unknown_operation(name: str, wanted: str, view: View, report: Report) -> None:
    """Say which reads have this very name, or else which are near it."""
    bare = split_name(wanted)[-1]
    same = [one for one in view.object_names() if split_name(one)[-1] == bare]
    known = [operation.name for one in same if (operation := view.operation(f"{one}.read")) is not None]
    if name != wanted and len(known) > 1:
        listed = ", ".join(repr(one) for one in known[:5])
        report.error("operation", "ambiguous_operation", "Several operations have this name.", f"Say which: {listed}.")
        return
    close = known or [f"{one}.read" for one in nearest(wanted, view.object_names()) if view.operation(f"{one}.read") is not None]
    hint = f"Did you mean {' or '.join(repr(one) for one in close[:3])}?" if close else None
    report.error(
        "operation",
        "unknown_operation",
        "There is no such operation.",
        hint or "An operation is an object's name and its verb, such as customers.read.",
    )


def _outputs(scope: Scope) -> list[tuple[Output, Reading]]:
    _check_leaves(scope.binding, scope.report)
    outputs: list[tuple[Output, Reading]] = []
    for index, rule in enumerate(scope.binding.projection):
        at = f"projection.{index}.path"
        reading = scope.path(rule.path, at)
        if reading is None:
            continue
        scope.needs_time_zone(reading, at)
        if "payment_card" in reading.field.badges:
            message = "This looks like payment card data; the agent could read it out."
            scope.report.warn(at, "payment_card_projected", message, "Leave it out, or block the column.")
        outputs.append((Output(rule.leaf, reading.column(), rule.description), reading))
    return outputs


def _check_leaves(binding: Binding, report: Report) -> None:
    seen: set[str] = set()
    for index, rule in enumerate(binding.projection):
        at = f"projection.{index}.leaf"
        if not LEAF.fullmatch(rule.leaf):
            message = "An output name is 1 to 63 letters, digits and '_', and does not start with a digit."
            report.error(at, "leaf_invalid", message)
        elif rule.leaf.casefold() in seen:
            report.error(at, "leaf_duplicate", "Another output has this name already.")
        seen.add(rule.leaf.casefold())
    for index, leaf in enumerate(binding.allowed_fields or ()):
        leaves = [rule.leaf for rule in binding.projection]
        if leaf not in leaves:
            report.error(f"allowedFields.{index}", "unknown_leaf", "No output has this name.", near(leaf, leaves))


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


def _check_limit(binding: Binding, report: Report) -> None:
    if binding.limit is not None and not 1 <= binding.limit <= MAX_LIMIT:
        report.error("limit", "limit_out_of_range", f"The limit is from 1 to {MAX_LIMIT}.")


def _check_gate(binding: Binding, report: Report) -> None:
    if binding.requires_verified_identity and binding.verification_level == "none":
        message = "A skill that requires a verified identity needs the level basic or step_up."
        report.error("verificationLevel", "verification_level_invalid", message)


def _verification(binding: Binding) -> VerificationLevel:
    return binding.verification_level or ("basic" if binding.requires_verified_identity else "none")


def _plan(scope: Scope, conditions: Conditions, outputs: list[tuple[Output, Reading]], order: list[Reading]) -> Plan | None:
    binding, view = scope.binding, scope.view
    identifying = is_identifying(scope, conditions)
    ties = tie_breakers(scope.root, order) if order or not identifying else []
    readings = [*conditions.readings, *(reading for _, reading in outputs), *order, *ties]
    joins = joins_of(scope.root, readings)
    if len(joins) > MAX_JOINS:
        message = f"At most {MAX_JOINS} related records may be read with one; this binding needs {len(joins)}."
        scope.report.error("projection", "too_many_joins", message)
        return None
    touches, items = footprint(view, scope.root, readings)
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
        verification=_verification(binding),
        time_zone=scope.target.time_zone,
        demand_one=_demands_one(binding, conditions),
        ranked=bool(binding.order_by) and binding.limit is not None and not identifying,
    )


def _demands_one(binding: Binding, conditions: Conditions) -> bool:
    """Whether a run with none of its optional values must find nothing: unless a list of no one's records was asked for."""
    if not conditions.filters or any(conditions.always(condition) for condition in conditions.filters):
        return False
    return binding.limit is None or identifies_a_person(conditions)
