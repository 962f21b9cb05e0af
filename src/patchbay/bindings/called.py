"""A binding of a called operation (REST, GraphQL): what is asked, what of the answer comes back, and how much of it.

The system decides which records there are and in what order, so conditions are its arguments, nothing is sorted, and the limit is
asked for by the argument that says how many, where there is one.

A write is one operation, called once. Where the operation takes an idempotency key, the call gives it one; that a method is
idempotent (PUT, DELETE) guarantees nothing here: to replay it could undo what somebody else has done in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import msgspec

from patchbay.bindings.call_inputs import CallConditions, check_call_inputs
from patchbay.bindings.footprint import footprint, footprint_without_record
from patchbay.bindings.identity import identifies_a_person, is_identifying, warn_of_chosen_identity
from patchbay.bindings.literals import argument_literal
from patchbay.bindings.model import DEFAULT_LIMIT, Binding
from patchbay.bindings.paths import Reading
from patchbay.bindings.scope import Scope
from patchbay.bindings.success import success_of
from patchbay.schema_graph.argument_subjects import searched_by, spelled_in
from patchbay.schema_graph.call import Caps, Given, Output, Plan
from patchbay.schema_graph.coercion import Unfit
from patchbay.schema_graph.idempotency_keys import key_argument
from patchbay.schema_graph.model import Argument, Object
from patchbay.schema_graph.transform import Affix

NESTED_SIZE = 20
"""Records of a list inside a record that are asked for, where the system can be told how many."""
_NAME = re.compile(r"\w+")
_FAILURES = re.compile(r"(Error|Errors|Failure|Failed|Problem|Exception|Fault|Denied|Rejected|Refused|Invalid)$|^(Error|Failure)")
"""What the types of a union are called that stand for a refusal."""


def check_call(scope: Scope, outputs: Sequence[tuple[Output, Reading]]) -> Plan | None:
    """The plan of the binding, or None with what is wrong reported."""
    conditions = check_call_inputs(scope)
    for index, _ in enumerate(scope.binding.order_by):
        message = "The system decides the order of what it returns."
        hint = "Give the argument that sorts, where the operation has one."
        scope.report.error(f"orderBy.{index}.path", "order_not_available", message, hint)
    _check_refusals(scope, outputs)
    if scope.view.kind == "graphql":
        _check_shapes(scope, outputs)
        _warn_of_nested_lists(scope, outputs)
    _warn_of_effect(scope, conditions)
    warn_of_chosen_identity(scope.report, conditions.clues)
    return None if scope.report.errors else _plan(scope, conditions, outputs)


def _plan(scope: Scope, conditions: CallConditions, outputs: Sequence[tuple[Output, Reading]]) -> Plan:
    binding, view = scope.binding, scope.view
    rows = binding.limit or DEFAULT_LIMIT
    write = scope.operation.effect == "write"
    key = _key(scope, conditions)
    given = (*conditions.given, *key, *(() if write else _page_size(scope, conditions, rows)))
    used = {one.arg for one in given}
    operation = msgspec.structs.replace(
        scope.operation, arguments=tuple(a for a in view.arguments(scope.operation) if a.name in used)
    )
    values = [*((one.arg, one.value) for one in given), *((one.arg, one.constant) for one in conditions.inputs)]
    spelled = [name for argument, value in values for name in spelled_in(argument, value)]
    spelled += [
        name for one in conditions.inputs if isinstance(one.transform, Affix) for name in searched_by(one.arg, one.transform)
    ]
    if scope.operation.object is None:
        touches, items = footprint_without_record(view, operation, spelled), ()
    else:
        readings = [reading for _, reading in outputs]
        also = _refusals(scope) if write else ()
        touches, items = footprint(view, scope.root, readings, operation, spelled, also=also)
    return Plan(
        kind=scope.target.kind,
        connection_id=scope.target.connection_id,
        operation=operation.name,
        effect=operation.effect,
        verb=operation.verb,
        object=scope.root.name,
        inputs=conditions.inputs,
        outputs=tuple(output for output, _ in outputs),
        touches=touches,
        slice=items,
        slice_fingerprint=view.slice_fingerprint(operation.name, items),
        caps=Caps(rows=rows),
        identifying=not write and is_identifying(scope.root, conditions.clues, ranked=False),
        verification=binding.level,
        time_zone=scope.target.time_zone,
        demand_one=_demands_one(binding, conditions),
        given=given,
        guarantee=("upstream_key" if key else "none") if write else None,
        succeeds=success_of(scope, outputs),
    )


def _refusals(scope: Scope) -> tuple[str, ...]:
    """The fields of a mutation's payload that say why it was refused."""
    paths = cast("Sequence[Sequence[str]]", scope.operation.invoke.get("refusals", ()))
    return tuple(path[0] for path in paths)


def _check_refusals(scope: Scope, outputs: Sequence[tuple[Output, Reading]]) -> None:
    """What a mutation is refused with must be in view, or a refusal would pass for a success."""
    if scope.operation.effect != "write":
        return
    names = _refusals(scope)
    if any(scope.root.field(name) is None for name in names):
        message = "Data scoping hides what this operation is refused with, so that a refusal could not be told from a success."
        scope.report.error("operation", "refusals_not_in_view", message, "Unblock it, or bind another operation.")
    kinds = sorted(edge.target for edge in scope.root.edges if edge.narrows and _FAILURES.search(edge.target))
    if kinds and scope.binding.succeeds is None:
        message = f"This operation may answer with {', '.join(kinds[:5])}, which could not be told from a success."
        hint = "Say by succeeds what its answer holds when it was done, or bind another operation."
        scope.report.error("operation", "refusals_not_told_apart", message, hint)
    for index, (_, reading) in enumerate(outputs):
        if reading.step(0) in names:
            message = "What an operation is refused with is told as a refusal; of one that was done this is empty."
            scope.report.warn(f"projection.{index}.path", "refusals_projected", message, "Leave it out.")


def _key(scope: Scope, conditions: CallConditions) -> tuple[Given, ...]:
    """The idempotency key, where the operation takes one. A key inside an optional object makes no object of its own."""
    argument = key_argument(scope.operation, scope.view.arguments(scope.operation))
    if argument is None:
        return ()
    outer = argument.demanded_by or argument.name.rpartition(".")[0]
    inside = any(one.arg.startswith(f"{outer}.") for one in conditions.given)
    path = scope.operation.invoke.get("arguments", {}).get(argument.name, {}).get("path", ())
    if len(path) > 1 and not (argument.required or inside):
        return ()
    return (Given(argument.name, key=True),)


def _warn_of_effect(scope: Scope, conditions: CallConditions) -> None:
    report, write = scope.report, scope.operation.effect == "write"
    if not conditions.given and not report.errors:
        code, does = ("writes_the_same", "writes") if write else ("lists_records", "reads")
        report.warn("inputs", code, f"Nothing is asked of the caller: every call {does} the same.")
    if write and scope.operation.invoke.get("method") == "DELETE":
        report.warn(
            "operation", "deletes", "This operation deletes something, by its method.", "Ask the caller to confirm first."
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
