"""Fingerprints: one of a whole graph, and one of the slice of it that a call uses.

Both are over content alone, whatever the order of discovery. Estimates and sampled formats change with the data, not with
the schema, and are in neither.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from patchbay.schema_graph.call import SliceItem
from patchbay.schema_graph.canonical import canonical_json, sha256_hex
from patchbay.schema_graph.model import Argument, Edge, Field, Graph, Object, Operation
from patchbay.schema_graph.naming import split_name
from patchbay.schema_graph.operations import RecordOperations, record_operation, split_operation
from patchbay.schema_graph.outline import Lineage, outline_of

_VERSION = "1"
_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def graph_fingerprint(graph: Graph) -> str:
    """The SHA-256 over everything in the graph but estimates and formats, 64 hexadecimal digits."""
    whole = hashlib.sha256(_encode([_VERSION, graph.kind, graph.default_schema]))
    for name in sorted(graph.objects):
        whole.update(object_digest(graph.objects[name]))
    if not isinstance(graph.operations, RecordOperations):
        for name in sorted(graph.operations):
            whole.update(hashlib.sha256(_encode(graph.operations[name])).digest())
    return whole.hexdigest()


def object_digest(obj: Object) -> bytes:
    """The SHA-256 over one object, whatever the order its members came in."""
    shape = msgspec.structs.replace(
        obj,
        fields=tuple(sorted((_settled(f) for f in obj.fields), key=lambda f: f.name)),
        edges=tuple(sorted(obj.edges, key=_encode)),
        keys=tuple(sorted(obj.keys, key=_encode)),
        indexes=tuple(sorted(obj.indexes, key=_encode)),
        reads=tuple(sorted(obj.reads, key=_encode)),
        partitions=tuple(sorted(obj.partitions)),
        estimate=None,
    )
    return hashlib.sha256(_encode(shape)).digest()


def _settled(field: Field) -> Field:
    return msgspec.structs.replace(field, formats=()) if field.formats else field


def slice_fingerprint(graph: Graph, operation: str, items: Sequence[SliceItem]) -> str | None:
    """The fingerprint of what a call uses: its operation and, of each item, the object, the named fields, members and edges.

    Of a called operation it covers the arguments that the call gives or would have to. Covers types, native types, enums,
    zones, element types, edge ends, what kind of object it is, its native names, and the definitions of the views below it; not
    descriptions, estimates, indexes, privileges or formats. None: something is gone.
    """
    used = _operation(graph, operation, items)
    if used is None:
        return None
    merged: dict[str, tuple[set[str], set[str], set[tuple[str, ...]]]] = {}
    for item in items:
        fields, edges, inner = merged.setdefault(item.object, (set(), set(), set()))
        fields.update(item.fields)
        edges.update(item.edges)
        inner.update(item.inner)
    lineage = outline_of(graph.objects).lineage
    parts: list[Any] = [_VERSION, graph.kind, used]
    for name in sorted(merged):
        obj = graph.objects.get(name)
        part = None if obj is None else _object_part(obj, *merged[name])
        if part is None:
            return None
        parts.append([part, definitions(graph, lineage, name)])
    return sha256_hex(canonical_json(parts))


def _operation(graph: Graph, name: str, items: Sequence[SliceItem]) -> list[Any] | None:
    """What a call depends on of its operation."""
    found = operation_called(graph, name)
    if found is None:
        return None
    counting = counting_arguments(found, items)
    arguments = sorted([a.name, a.role, a.type, a.native_type, a.required, list(a.enum)] for a in counting)
    part = [found.name, found.object, found.effect, found.verb, arguments, invoked(found, {a.name for a in counting})]
    return [*part, found.many, found.unusable is None] if found.verb == "call" else part


def operation_called(graph: Graph, name: str) -> Operation | None:
    """The operation of that name. That of a record is there as long as its object is: privileges are not schema."""
    if not isinstance(graph.operations, RecordOperations):
        return graph.operations.get(name)
    parsed = split_operation(name)
    obj = graph.objects.get(parsed[0]) if parsed else None
    return record_operation(obj, parsed[1]) if parsed and obj is not None else None


def counting_arguments(operation: Operation, items: Sequence[SliceItem]) -> list[Argument]:
    """The arguments that a call which uses ``items`` gives, or would have to."""
    given = {name for item in items for name in item.arguments or ()}
    every = all(item.arguments is None for item in items)
    return [a for a in operation.arguments if every or a.name in given or a.required or _is_demanded(a, given)]


def _is_demanded(argument: Argument, given: Collection[str]) -> bool:
    parent = argument.demanded_by
    return parent is not None and any(name.startswith(parent + ".") for name in given)


def invoked(operation: Operation, arguments: Collection[str]) -> Any:
    """How the operation is invoked, without the places of arguments that do not count."""
    invoke = dict(operation.invoke)
    places = invoke.get("arguments")
    if isinstance(places, Mapping):
        invoke["arguments"] = {name: place for name, place in cast("Mapping[str, Any]", places).items() if name in arguments}
    variables = invoke.get("variables")
    if isinstance(variables, Mapping):
        heads = {split_name(name)[0] for name in arguments}
        invoke["variables"] = {name: kind for name, kind in cast("Mapping[str, Any]", variables).items() if name in heads}
    return msgspec.to_builtins(invoke)


def _object_part(obj: Object, fields: Iterable[str], edges: Iterable[str], inner: Iterable[tuple[str, ...]]) -> list[Any] | None:
    by_name = {f.name: f for f in obj.fields}
    by_edge = {e.name: e for e in obj.edges}
    used_fields, used_edges = sorted(fields), sorted(edges)
    if not (by_name.keys() >= set(used_fields) and by_edge.keys() >= set(used_edges)):
        return None
    members = [(path, obj.member(path)) for path in sorted(inner)]
    if any(member is None for _, member in members):
        return None
    nested = [[list(path), types_along(obj, path)] for path, _ in members]
    return [
        obj.name,
        obj.kind,
        obj.native_schema,
        obj.native_name,
        [field_part(by_name[name]) for name in used_fields],
        [edge_part(by_edge[name]) for name in used_edges],
        *([nested] if nested else []),
    ]


def types_along(obj: Object, path: Sequence[str]) -> list[Any]:
    """The types of the values on the way to a nested member, and all of the member itself."""
    way = [obj.member(path[:length]) for length in range(1, len(path))]
    last = obj.member(path)
    return [*([f.type, f.item_type] for f in way if f is not None), None if last is None else field_part(last)]


def field_part(field: Field) -> list[Any]:
    """What counts of a field."""
    computed = [sorted(field.computed_from), field.row_of, field.opaque]
    nested = [field_part(f) for f in field.fields]
    return [field.name, field.type, field.native_type, list(field.enum), field.zoned, field.item_type, nested, computed]


def edge_part(edge: Edge) -> list[Any]:
    """What counts of a relationship: where it leads, and by which fields."""
    pairs = [[list(pair) for pair in pairs] for pairs in (edge.pairs, edge.via_pairs)]
    embedded = [list(edge.wrapper), edge.size_argument, edge.narrows] if edge.embedded else []
    return [edge.name, edge.target, edge.to_one, edge.via, *pairs, *embedded]


def definitions(graph: Graph, lineage: Mapping[str, Lineage], name: str) -> list[Any]:
    """(object, definition) of this object and of all views under it: what a change of any of them would show in."""
    found: dict[str, str | None] = {}
    todo = [name]
    while todo:
        at = todo.pop()
        if at in found or at not in graph.objects:
            continue
        line = lineage.get(at)
        reads = line.reads if line else ()
        found[at] = graph.objects[at].definition_hash if reads or at == name or (line and line.opaque) else None
        todo.extend(dependency.object for dependency in reads)
    return [[at, found[at]] for at in sorted(found)]
