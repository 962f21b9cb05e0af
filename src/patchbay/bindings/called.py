"""A binding of a called operation (REST, GraphQL): what is asked, what of the answer comes back, and how much of it.

The system decides which records there are and in what order, so conditions are its arguments, nothing is sorted, and the limit is
asked for by the argument that says how many, where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from patchbay.bindings.call_inputs import CallConditions, check_call_inputs
from patchbay.bindings.footprint import footprint
from patchbay.bindings.identity import identifies_a_person, is_identifying, warn_of_chosen_identity
from patchbay.bindings.literals import argument_literal
from patchbay.bindings.model import DEFAULT_LIMIT, Binding
from patchbay.bindings.paths import Reading
from patchbay.bindings.scope import Scope
from patchbay.schema_graph.argument_subjects import spelled_in
from patchbay.schema_graph.call import Caps, Given, Output, Plan
from patchbay.schema_graph.coercion import Unfit
from patchbay.schema_graph.model import Argument, Object

NESTED_SIZE = 20
"""Records of a list inside a record that are asked for, where the system can be told how many."""
_NAME = re.compile(r"\w+")


def check_call(scope: Scope, outputs: Sequence[tuple[Output, Reading]]) -> Plan | None:
    """The plan of the binding, or None with what is wrong reported."""
    conditions = check_call_inputs(scope)
    for index, _ in enumerate(scope.binding.order_by):
        message = "The system decides the order of what it returns."
        hint = "Give the argument that sorts, where the operation has one."
        scope.report.error(f"orderBy.{index}.path", "order_not_available", message, hint)
    if scope.view.kind == "graphql":
        _check_shapes(scope, outputs)
        _warn_of_nested_lists(scope, outputs)
    if not conditions.given and not scope.report.errors:
        scope.report.warn("inputs", "lists_records", "Nothing is asked of the caller: every call reads the same.")
    warn_of_chosen_identity(scope.report, conditions.clues)
    return None if scope.report.errors else _plan(scope, conditions, outputs)


def _plan(scope: Scope, conditions: CallConditions, outputs: Sequence[tuple[Output, Reading]]) -> Plan:
    binding, view = scope.binding, scope.view
    rows = binding.limit or DEFAULT_LIMIT
    given = (*conditions.given, *_page_size(scope, conditions, rows))
    used = {one.arg for one in given}
    operation = msgspec.structs.replace(
        scope.operation, arguments=tuple(a for a in view.arguments(scope.operation) if a.name in used)
    )
    values = [*((one.arg, one.value) for one in given), *((one.arg, one.constant) for one in conditions.inputs)]
    spelled = [name for argument, value in values for name in spelled_in(argument, value)]
    touches, items = footprint(view, scope.root, [reading for _, reading in outputs], operation, spelled)
    return Plan(
        kind=scope.target.kind,
        connection_id=scope.target.connection_id,
        operation=operation.name,
        effect="read",
        verb=operation.verb,
        object=scope.root.name,
        inputs=conditions.inputs,
        outputs=tuple(output for output, _ in outputs),
        touches=touches,
        slice=items,
        slice_fingerprint=view.slice_fingerprint(operation.name, items),
        caps=Caps(rows=rows),
        identifying=is_identifying(scope.root, conditions.clues, ranked=False),
        verification=binding.level,
        time_zone=scope.target.time_zone,
        demand_one=_demands_one(binding, conditions),
        given=given,
    )


def _demands_one(binding: Binding, conditions: CallConditions) -> bool:
    """Whether a run with none of its optional values must not ask at all: unless a list of no one's records was asked for."""
    if not conditions.given or any(conditions.always(one) for one in conditions.given):
        return False
    return binding.limit is None or identifies_a_person(conditions.clues)


def _page_size(scope: Scope, conditions: CallConditions, rows: int) -> tuple[Given, ...]:
    """One record more than is wanted, to know that there were more, unless the person who binds says how many."""
    invoke = scope.operation.invoke
    page: dict[str, Any] = {**invoke.get("page", {})}
    name = page.get("size") or invoke.get("size")
    most = page.get("sizeMost") or invoke.get("sizeMost")
    argument = next((a for a in scope.view.arguments(scope.operation) if a.name == name), None)
    if argument is None or not scope.operation.many or any(one.arg == name for one in conditions.given):
        return ()
    wanted = min(rows + 1, most) if isinstance(most, int) and most > 0 else rows + 1
    size = _size(wanted, argument)
    return () if size is None else (Given(argument.name, value=size),)


def _size(wanted: int, argument: Argument) -> Any:
    try:
        return argument_literal(wanted, argument, None)
    except Unfit:  # not a number: one of a few sizes, for instance
        return None


def _check_shapes(scope: Scope, outputs: Sequence[tuple[Output, Reading]]) -> None:
    """Report leaves that one document cannot select side by side: of two types of a union the members of the same name, which
    would come back as one (GraphQL specification, section 5.3.2).
    """
    shapes: dict[tuple[str, ...], str] = {}
    leaves: dict[tuple[str, ...], tuple[str, ...]] = {}
    for index, (_, reading) in enumerate(outputs):
        found = list(_shapes(scope, reading))
        alone = all(shapes.setdefault(names, shape) == shape for names, shape in found)
        if not alone or leaves.setdefault(found[-1][0], reading.via) != reading.via:
            message = f"Another output reads {reading.field.name!r} of another kind of record; in an answer they are one."
            scope.report.error(f"projection.{index}.path", "leaves_conflict", message, "Bind them as two skills.")


def _shapes(scope: Scope, reading: Reading) -> Iterator[tuple[tuple[str, ...], str]]:
    """The names in the answer on the way to a leaf, each with its type: of an object, only whether it is a list or nullable."""
    names: tuple[str, ...] = ()
    holder: Object | None = scope.root
    for edge in reading.edges:
        field = holder.field(edge.pairs[0][0]) if holder is not None and edge.pairs else None
        if field is not None:
            names = (*names, field.name)
            yield names, _NAME.sub("", field.native_type)
            names = (*names, *edge.wrapper)
        holder = scope.view.object(edge.target)
    yield (*names, reading.field.name), reading.field.native_type


def _warn_of_nested_lists(scope: Scope, outputs: Sequence[tuple[Output, Reading]]) -> None:
    for index, (_, reading) in enumerate(outputs):
        if any(edge.size_argument for edge in reading.edges):
            message = f"At most {NESTED_SIZE} of each list inside a record are read."
            scope.report.warn(f"projection.{index}.path", "nested_list_capped", message)
