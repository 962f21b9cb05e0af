"""What a call uses of the graph: its joins, what it touches down to the tables under views, and its slice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from patchbay.bindings.paths import Reading
from patchbay.schema_graph.call import Join, SliceItem, Touch
from patchbay.schema_graph.model import Edge, Object, Operation
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.touched import touched_names


def joins_of(root: Object, readings: Iterable[Reading]) -> tuple[Join, ...]:
    """The to-one steps that reach every field, each once, nearest first."""
    steps: dict[tuple[str, ...], Edge] = {}
    for reading in readings:
        for depth, edge in enumerate(reading.edges):
            steps.setdefault(reading.via[: depth + 1], edge)
    ordered = sorted(steps, key=lambda path: (len(path), path))
    return tuple(Join(path[:-1], path[-1], steps[path].target, steps[path].pairs) for path in ordered)


def tie_breakers(root: Object, order: Sequence[Reading]) -> list[Reading]:
    """The fields that settle the order of records which are otherwise equal: the primary key, as far as it is in view."""
    sorted_by = {reading.field.name for reading in order if not reading.edges}
    names = [name for key in root.keys if key.primary for name in key.fields]
    if any(set(key.fields) <= sorted_by for key in root.keys):
        return []
    fields = [field for name in names if name not in sorted_by and (field := root.field(name)) is not None and field.readable]
    return [Reading((), root, field) for field in fields]


def footprint(
    view: View,
    root: Object,
    readings: Iterable[Reading],
    operation: Operation,
    spelled: Iterable[str] = (),
    *,
    also: Iterable[str] = (),
) -> tuple[tuple[Touch, ...], tuple[SliceItem, ...]]:
    """Touches closed over views and partitions, and the slice, both in the order of object names.

    A called operation may be given all of its ``arguments``: leave out the others before. ``spelled`` are those that values
    spell out by their own keys; ``also`` are fields of the record that the call asks for beside its outputs.
    """
    fields: dict[str, set[str]] = {root.name: set(also)}
    edges: dict[str, set[str]] = {}
    inner: dict[str, set[tuple[str, ...]]] = {}
    for reading in readings:
        holder = root.name
        for depth, edge in enumerate(reading.edges):
            if edge.narrows and view.kind == "rest":
                fields.setdefault(holder, set()).add(reading.step(depth + 1))
            fields.setdefault(holder, set()).update(own for own, _ in edge.pairs)
            fields.setdefault(edge.target, set()).update(other for _, other in edge.pairs if other)
            edges.setdefault(holder, set()).add(edge.name)
            holder = edge.target
        if reading.inner:
            fields.setdefault(reading.object.name, set())
            inner.setdefault(reading.object.name, set()).add(reading.members)
        else:
            fields.setdefault(reading.object.name, set()).add(reading.field.name)
    given = tuple(sorted(argument.name for argument in operation.arguments)) if operation.verb == "call" else None
    items = tuple(
        SliceItem(
            name,
            tuple(sorted(used)),
            tuple(sorted(edges.get(name, ()))),
            tuple(sorted(inner.get(name, ()))),
            given if name == root.name else None,
        )
        for name, used in sorted(fields.items())
    )
    read = (touch for item in items for touch in view.touches(item.object, touched_names(item)))
    return _merged([*read, *view.call_touches(operation, (*(given or ()), *spelled))]), items


def footprint_without_record(view: View, operation: Operation, spelled: Iterable[str] = ()) -> tuple[Touch, ...]:
    """The touches of a call that returns nothing. It has no slice: all of the operation's arguments count."""
    return _merged(view.call_touches(operation, (*(argument.name for argument in operation.arguments), *spelled)))


def _merged(touches: Iterable[Touch]) -> tuple[Touch, ...]:
    """One touch an object; any field (None) swallows named ones."""
    found: dict[str, Touch] = {}
    for touch in touches:
        known = found.get(touch.object)
        if known is None:
            found[touch.object] = touch
            continue
        named = None if known.fields is None or touch.fields is None else tuple(sorted({*known.fields, *touch.fields}))
        found[touch.object] = Touch(touch.object, named, opaque=known.opaque or touch.opaque)
    return tuple(found[name] for name in sorted(found))
