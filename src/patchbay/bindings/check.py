"""A binding against a view: everything that is wrong with it at once, or the plan of what it means.

Hints name nothing outside the view. The rules, with their codes, are told in one 422 (:class:`BindingInvalid`); what may be
bound but should be known comes back as warnings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from patchbay.bindings.called import check_call
from patchbay.bindings.model import Binding, Projection
from patchbay.bindings.operation import find_operation
from patchbay.bindings.paths import Reading, near
from patchbay.bindings.records import check_records
from patchbay.bindings.report import BindingInvalid, Report
from patchbay.bindings.scope import Scope, Target
from patchbay.bindings.success import output_of_success
from patchbay.bindings.transform_rules import JoinRule
from patchbay.bindings.transforms import Subject, check_transform
from patchbay.bindings.writes import check_write
from patchbay.errors import Finding
from patchbay.schema_graph.call import Output, Plan
from patchbay.schema_graph.model import Object, Operation, Verb
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.transform import JoinName

__all__ = ["BindingInvalid", "Checked", "Target", "check"]

MAX_LIMIT = 50
LEAF = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


class Checked(msgspec.Struct, frozen=True):
    """What a sound binding means, and what to know about it."""

    plan: Plan
    warnings: tuple[Finding, ...] = ()


def check(binding: Binding, view: View, target: Target) -> Checked:
    """The plan of ``binding`` on ``view``. Raises :class:`BindingInvalid` with every finding."""
    report = Report()
    operation = find_operation(binding.operation, view, report)
    root = _record_of(operation, view) if operation is not None else None
    if operation is None or root is None:
        _check_leaves(binding, report)
        _check_limit(binding, report)
        report.settle()
        raise BindingInvalid
    scope = Scope(binding, view, target, operation, root, report)
    outputs = _outputs(scope)
    _check_limit(binding, report)
    _check_gate(binding, report)
    plan = _CHECKS[operation.verb](scope, outputs)
    warnings = report.settle()
    if plan is None:
        raise BindingInvalid
    return Checked(plan, warnings)


_CHECKS: Mapping[Verb, Callable[[Scope, Sequence[tuple[Output, Reading]]], Plan | None]] = {
    "call": check_call,
    "read": check_records,
    "insert": check_write,
    "update": check_write,
}


def _record_of(operation: Operation, view: View) -> Object | None:
    """The record that an operation returns; one without fields for a write that returns none."""
    if operation.object is None:
        return Object(name="", slug="", kind="type") if operation.effect == "write" else None
    return view.object(operation.object)


def _outputs(scope: Scope) -> list[tuple[Output, Reading]]:
    _check_leaves(scope.binding, scope.report)
    if not scope.binding.projection and scope.operation.effect == "read":
        scope.report.error("projection", "projection_empty", "A read has to say which fields come back.")
    outputs: list[tuple[Output, Reading]] = []
    for index, rule in enumerate(scope.binding.projection):
        at = f"projection.{index}.path"
        reading = scope.path(rule.path, at)
        if reading is None:
            continue
        _check_leaf(scope, reading, at)
        outputs += _transformed(scope, rule, reading, f"projection.{index}", hidden=f"{index}.family")
    return [*outputs, *output_of_success(scope)]


def _check_leaf(scope: Scope, reading: Reading, at: str) -> None:
    scope.needs_time_zone(reading, at)
    if "payment_card" in reading.leaf.badges:
        message = "This looks like payment card data; the agent could read it out."
        scope.report.warn(at, "payment_card_projected", message, "Leave it out, or block the column.")


def _transformed(scope: Scope, rule: Projection, reading: Reading, at: str, *, hidden: str) -> list[tuple[Output, Reading]]:
    """The output of a projection, and behind it the ``hidden`` one that its transform takes the other part of a name from."""
    plain = Output(rule.leaf, reading.column(), rule.description, optional=rule.optional)
    if rule.transform is None:
        return [(plain, reading)]
    transform = check_transform(scope, rule.transform, _subject(reading), f"{at}.transform")
    if transform is None:
        return []
    if not isinstance(rule.transform, JoinRule):
        return [(msgspec.structs.replace(plain, transform=transform), reading)]
    other = scope.path(rule.transform.family_path, f"{at}.transform.familyPath")
    if other is None:
        return []
    if other.leaf.type != "string" or (reading.many and other.via != reading.via) or other.many != reading.many:
        message = "The two parts of a name are texts of one record."
        scope.report.error(f"{at}.transform.familyPath", "transform_not_for_type", message)
        return []
    _check_leaf(scope, other, f"{at}.transform.familyPath")
    joined = msgspec.structs.replace(plain, transform=JoinName(hidden))
    return [(joined, reading), (Output(hidden, other.column(), hidden=True, optional=rule.optional), other)]


def _subject(reading: Reading) -> Subject:
    column, leaf = reading.column(), reading.leaf
    kind = (column.item_type or "json") if column.type == "array" else column.type
    return Subject(kind, leaf.enum)


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
    if binding.projection and all(rule.optional for rule in binding.projection):
        message = "At least one output has to be required, else nothing may be left to return."
        report.error("projection", "required_leaf_missing", message)
    for index, leaf in enumerate(binding.allowed_fields or ()):
        leaves = [rule.leaf for rule in binding.projection]
        if leaf not in leaves:
            report.error(f"allowedFields.{index}", "unknown_leaf", "No output has this name.", near(leaf, leaves))


def _check_limit(binding: Binding, report: Report) -> None:
    if binding.limit is not None and not 1 <= binding.limit <= MAX_LIMIT:
        report.error("limit", "limit_out_of_range", f"The limit is from 1 to {MAX_LIMIT}.")


def _check_gate(binding: Binding, report: Report) -> None:
    if binding.requires_verified_identity and binding.verification_level == "none":
        message = "A skill that requires a verified identity needs the level basic or step_up."
        report.error("verificationLevel", "verification_level_invalid", message)
