"""A binding against a view: everything that is wrong with it at once, or the plan of what it means.

Hints name nothing outside the view. The rules, with their codes, are told in one 422 (:class:`BindingInvalid`); what may be
bound but should be known comes back as warnings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from patchbay.bindings.called import check_call
from patchbay.bindings.model import Binding
from patchbay.bindings.operation import find_operation
from patchbay.bindings.paths import Reading, near
from patchbay.bindings.records import check_records
from patchbay.bindings.report import BindingInvalid, Report
from patchbay.bindings.scope import Scope, Target
from patchbay.bindings.writes import check_write
from patchbay.errors import Finding
from patchbay.schema_graph.call import Output, Plan
from patchbay.schema_graph.model import Verb
from patchbay.schema_graph.scoping import View

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
    root = view.object(operation.object) if operation is not None and operation.object is not None else None
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
        scope.needs_time_zone(reading, at)
        if "payment_card" in reading.leaf.badges:
            message = "This looks like payment card data; the agent could read it out."
            scope.report.warn(at, "payment_card_projected", message, "Leave it out, or block the column.")
        outputs.append((Output(rule.leaf, reading.column(), rule.description, rule.optional), reading))
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
    if all(rule.optional for rule in binding.projection):
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
