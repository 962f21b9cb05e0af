"""What the compilers of called operations share: the slots of a request, and the way from a record to each leaf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchbay.bindings.call_arguments import place_of
from patchbay.schema_graph.call import Column, Given, Place, Plan, RequestSlot
from patchbay.schema_graph.model import Argument, Edge, Object, Operation
from patchbay.schema_graph.naming import split_name
from patchbay.schema_graph.requests import LIST, edge_path
from patchbay.schema_graph.scoping import View


def operation_of(plan: Plan, view: View) -> Operation:
    """The plan's operation. Raises KeyError when it is not in view."""
    found = view.operation(plan.operation)
    if found is None:
        raise KeyError(plan.operation)
    return found


def slots_of(plan: Plan, view: View, operation: Operation, default: Place) -> tuple[RequestSlot, ...]:
    """The slots of what the plan gives, in its order. ``default`` is the place of arguments that say none."""
    arguments = {argument.name: argument for argument in view.arguments(operation)}
    return tuple(_slot(given, arguments[given.arg], place_of(operation, given.arg), default) for given in plan.given)


def _slot(given: Given, argument: Argument, place: Mapping[str, Any], default: Place) -> RequestSlot:
    path = tuple(place.get("path", ()))
    return RequestSlot(
        place=place.get("place", default),
        name=place.get("name") or (path or split_name(argument.name))[0],
        type=argument.type,
        native_type=argument.native_type,
        path=path,
        item_type=argument.item_type,
        param=given.param,
        value=given.value,
        now=given.now,
        key=given.key,
        style=place.get("style"),
        explode=place.get("explode"),
        demanded_by=_parent(argument, path),
        parts=given.parts,
    )


def _parent(argument: Argument, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """Where in the path the parent is that must have this argument."""
    if argument.demanded_by is None or argument.required:
        return None
    below = len(split_name(argument.name)) - len(split_name(argument.demanded_by))
    end = len(path)
    while end and below:
        end -= 1
        below -= path[end] != LIST
    return path[:end]


def steps(plan: Plan, view: View, column: Column) -> Iterator[tuple[Object, Edge]]:
    """The edges from the record to the object that holds a column, each with the object it starts at. Raises KeyError."""
    at = plan.object
    for name in column.via:
        obj = view.object(at)
        edge = obj.edge(name) if obj is not None else None
        if obj is None or edge is None:
            raise KeyError(at)
        yield obj, edge
        at = edge.target


def leaf_path(plan: Plan, view: View, column: Column) -> tuple[str | int, ...]:
    """The property names from a record to a leaf, wrappers of lists among them, and the elements picked. Raises KeyError."""
    picks = dict(column.picks)
    names: list[str | int] = []
    for place, (_, edge) in enumerate(steps(plan, view, column)):
        if not edge.narrows:
            names += edge_path(edge, picks.get(place))
    for place, name in enumerate((column.field, *column.inner), len(column.via)):
        names += [name] if place not in picks else [name, picks[place]]
    return tuple(names)
