"""Prove a compiled request against what the document says, before anything may send it.

The template is read on its own: it must be the operation's method, path and server; every value must go where the document puts
an argument that is in view, or be one the document fixes; everything the operation requires must be there. Every leaf is walked
to from the record, over edges and members in view, and must end on a value that holds nothing more. What cannot be proven counts
as blocked. Nothing is sent: a REST API has no way to try a request without making it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from patchbay.connectors.http.request import SAFE_METHODS, RequestTemplate
from patchbay.connectors.proof import CallNotProvable, Proven, freeze
from patchbay.connectors.refusals import CallNotSupported
from patchbay.schema_graph.call import Candidate, Column, HttpCall, Plan, RequestSlot
from patchbay.schema_graph.idempotency_keys import key_argument
from patchbay.schema_graph.model import Argument, Field, Object, Operation
from patchbay.schema_graph.requests import edge_path
from patchbay.schema_graph.scoping import View

_Place = tuple[str, str, tuple[str, ...]]
_Visited = tuple[str, str]


def prove_rest(candidate: Candidate, view: View) -> Proven:
    """The candidate as a frozen call. Raises :class:`~patchbay.connectors.proof.CallNotProvable`."""
    plan, body = candidate.plan, candidate.body
    if not isinstance(body, HttpCall):
        raise CallNotProvable("not_accepted")
    operation = view.operation(plan.operation)
    if operation is None or operation.unusable or (operation.name, operation.object or "") != (plan.operation, plan.object):
        raise CallNotProvable("schema_changed")
    _check_request(body, plan, operation)
    _check_slots(body, plan, operation, view.arguments(operation))
    try:
        RequestTemplate(body)
    except CallNotSupported:
        raise CallNotProvable("not_accepted") from None
    _check_outputs(body, plan, operation, view)
    return Proven(freeze(candidate))


def _check_request(body: HttpCall, plan: Plan, operation: Operation) -> None:
    """Method, path and answer are the operation's. That a method which may change something only reads is a person's word, and
    then the operation's effect.
    """
    invoke = operation.invoke
    if plan.effect != operation.effect or (operation.effect == "write" and body.method in SAFE_METHODS):
        raise CallNotProvable("schema_changed")
    page = cast("Mapping[str, Any]", invoke.get("page") or {})
    same = (
        body.method == invoke.get("method")
        and body.path == invoke.get("path")
        and body.server == invoke.get("server")
        and body.content_type in (None, invoke.get("contentType"))
        and body.record == tuple(invoke.get("record", ()))
        and body.many == operation.many
        and body.more in ((), tuple(page.get("more", ())))
    )
    if not same:
        raise CallNotProvable("schema_changed")


def _check_slots(body: HttpCall, plan: Plan, operation: Operation, every: Sequence[Argument]) -> None:
    arguments = {argument.name: argument for argument in every}
    key = key_argument(operation, every)
    invoke = operation.invoke
    places = cast("Mapping[str, Mapping[str, Any]]", invoke.get("arguments", {}))
    by_place = {_place(place): name for name, place in places.items()}
    constants = cast("Mapping[str, Mapping[str, Any]]", invoke.get("constants", {}))
    given = {(one.arg, one.param, one.parts) for one in plan.given}
    filled: set[str] = set()
    for slot in body.slots:
        name = by_place.get((slot.place, slot.name, slot.path))
        if name is None:
            fixed = constants.get(slot.place, {}).get(slot.name, ...)
            if slot.param is not None or slot.now or slot.path or slot.value != fixed:
                raise CallNotProvable("provenance_unproven")
            continue
        argument = arguments.get(name)
        if argument is None or name in filled:
            raise CallNotProvable("provenance_unproven")
        if (
            not _fits(slot, argument, places[name])
            or (name, slot.param, slot.parts) not in given
            or slot.key != (argument is key)
        ):
            raise CallNotProvable("parameter_mismatch")
        filled.add(name)
    if any(argument.required and name not in filled for name, argument in arguments.items()):
        raise CallNotProvable("parameter_mismatch")


def _place(place: Mapping[str, Any]) -> _Place:
    return place.get("place", "query"), place.get("name", ""), tuple(place.get("path", ()))


def _fits(slot: RequestSlot, argument: Argument, place: Mapping[str, Any]) -> bool:
    return (
        (slot.type, slot.native_type, slot.item_type) == (argument.type, argument.native_type, argument.item_type)
        and slot.style == place.get("style")
        and slot.explode == place.get("explode")
    )


def _check_outputs(body: HttpCall, plan: Plan, operation: Operation, view: View) -> None:
    """Each leaf is where its column says, in view, and among what the plan touches; which is what scoping is held against."""
    if len(body.leaves) != len(plan.outputs) or body.succeeds != plan.succeeds:
        raise CallNotProvable("provenance_unproven")
    touched: dict[str, set[str] | None] = {}
    for touch in plan.touches:
        before = touched.get(touch.object, set[str]())
        touched[touch.object] = None if touch.fields is None or before is None else before | set(touch.fields)
    for leaf, output in zip(body.leaves, plan.outputs, strict=True):
        path, visited = _walked(output.column, operation, view)
        if leaf != (() if operation.invoke.get("scalar") else path):
            raise CallNotProvable("provenance_unproven")
        for name, field in visited:
            fields = touched.get(name, set[str]())
            if fields is not None and field not in fields:
                raise CallNotProvable("provenance_unproven")


def _walked(column: Column, operation: Operation, view: View) -> tuple[tuple[str | int, ...], list[_Visited]]:
    """The property names from the record to a leaf, with the elements picked of lists, and every field on that way."""
    picks = dict(column.picks)
    names: list[str | int] = []
    visited: list[_Visited] = []
    at = _object(view, operation.object or "")
    listed = False
    for place, name in enumerate(column.via):
        edge = at.edge(name)
        if edge is None or not edge.embedded or (place in picks and edge.to_one):
            raise CallNotProvable("provenance_unproven")
        if not edge.narrows:
            (held, _), *_ = edge.pairs
            if at.field(held) is None:
                raise CallNotProvable("provenance_unproven")
            visited.append((at.name, held))
            names += edge_path(edge, picks.get(place))
        listed = listed or (not edge.to_one and place not in picks)
        at = _object(view, edge.target)
    field = at.field(column.field)
    if at.name != column.object or field is None:
        raise CallNotProvable("provenance_unproven")
    visited.append((at.name, field.name))
    members = list(_members(field, column.inner))
    leaf, kind = members[-1], members[-1].type
    for place, member in enumerate(members, len(column.via)):
        names += [member.name] if place not in picks else [member.name, picks[place]]
        if place in picks and member.type != "array":
            raise CallNotProvable("provenance_unproven")
        listed = listed or (member is not leaf and member.type == "array" and place not in picks)
    if len(column.via) + len(column.inner) in picks:
        kind = leaf.item_type or "json"
    if "object" in (leaf.type, leaf.item_type) or leaf.fields or (kind, listed) != (column.type, column.many):
        raise CallNotProvable("provenance_unproven")
    return tuple(names), visited


def _object(view: View, name: str) -> Object:
    found = view.object(name)
    if found is None or found.name != name:
        raise CallNotProvable("provenance_unproven")
    return found


def _members(field: Field, inner: Sequence[str]) -> Iterator[Field]:
    """The field, and the members below it that ``inner`` names; each must come back."""
    for name in (None, *inner):
        found = field if name is None else next((member for member in field.fields if member.name == name), None)
        if found is None or not found.readable:
            raise CallNotProvable("provenance_unproven")
        yield found
        field = found
