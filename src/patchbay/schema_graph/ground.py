"""The ground of a call: the part of the schema it uses, as it was when it was proven, small enough to be kept in the call.

A later schema is judged against it (:mod:`patchbay.schema_graph.drift`), whatever has become of the snapshot of that day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from patchbay.schema_graph.call import Ground, GroundArgument, GroundEdge, GroundField, GroundObject, Plan, SliceItem
from patchbay.schema_graph.canonical import canonical_json, sha256_hex
from patchbay.schema_graph.fingerprint import (
    counting_arguments,
    definitions,
    edge_part,
    field_part,
    invoked,
    operation_called,
    types_along,
)
from patchbay.schema_graph.model import Argument, Edge, Field, Graph, Object, Operation
from patchbay.schema_graph.outline import Lineage, outline_of

_DIGITS = 32
"""Of each digest: what is compared is the schema of one system with itself, and nothing rests on it but a notice."""
_EQUAL = frozenset({"eq", "in"})


def ground_of(graph: Graph, plan: Plan) -> Ground | None:
    """The ground of what ``plan`` uses of ``graph``; None where something of it is not there."""
    operation = operation_called(graph, plan.operation)
    if operation is None:
        return None
    lineage = outline_of(graph.objects).lineage
    compared, indexed = _compared(plan), _filtered_by(plan)
    objects: list[GroundObject] = []
    for item in merged(plan.slice):
        obj = graph.objects.get(item.object)
        made = None if obj is None else _object(graph, lineage, obj, item, compared, indexed)
        if made is None:
            return None
        objects.append(made)
    arguments = counting_arguments(operation, plan.slice)
    root = graph.objects.get(plan.object)
    return Ground(
        operation=operation_rest(operation, {a.name for a in arguments}),
        arguments=tuple(argument_of(a) for a in sorted(arguments, key=lambda a: a.name)),
        objects=tuple(objects),
        keys=() if root is None else _keys(plan, root),
    )


def merged(items: Sequence[SliceItem]) -> tuple[SliceItem, ...]:
    """One item an object, in the order of their names."""
    found: dict[str, SliceItem] = {}
    for item in items:
        known = found.get(item.object, SliceItem(item.object))
        found[item.object] = SliceItem(
            item.object,
            tuple(sorted({*known.fields, *item.fields})),
            tuple(sorted({*known.edges, *item.edges})),
            tuple(sorted({*known.inner, *item.inner})),
        )
    return tuple(found[name] for name in sorted(found))


def operation_rest(operation: Operation, arguments: Collection[str]) -> str:
    """The digest over how an operation is invoked with these arguments, and what it returns."""
    part = [operation.object, operation.effect, operation.verb, invoked(operation, arguments)]
    return _digest([*part, operation.many] if operation.verb == "call" else part)


def argument_of(argument: Argument) -> GroundArgument:
    """An argument as a ground holds it."""
    rest = _digest([argument.role, argument.item_type, argument.zoned])
    return GroundArgument(argument.name, argument.type, argument.native_type, argument.required, argument.enum, rest)


def field_of(obj: Object, path: Sequence[str], *, compared: bool = False, indexed: bool = False) -> GroundField | None:
    """A field, or a member of a nested value, as a ground holds it; None where there is none."""
    field = obj.member(path)
    if field is None:
        return None
    return GroundField(
        path=tuple(path),
        type=field.type,
        native_type=field.native_type,
        nullable=field.nullable,
        enum=field.enum,
        compared=compared,
        indexed=indexed,
        rest=_digest([types_along(obj, path)[:-1], _rest_of_field(field)]),
    )


def edge_of(edge: Edge) -> GroundEdge:
    """A relationship as a ground holds it."""
    return GroundEdge(edge.name, _digest(edge_part(edge)))


def object_rest(graph: Graph, lineage: Mapping[str, Lineage], obj: Object) -> str:
    """The digest over what an object is and where it is, and the views under it."""
    return _digest([obj.kind, obj.native_schema, obj.native_name, definitions(graph, lineage, obj.name)])


def object_told(obj: Object, paths: Sequence[Sequence[str]]) -> str:
    """The digest over the texts of an object and of what a call uses of it, and its indexes: what changes no meaning."""
    texts = [field.description if (field := obj.member(path)) is not None else None for path in paths]
    indexes = sorted([[*(name or "" for name in index.fields)], index.method, index.partial] for index in obj.indexes)
    return _digest([obj.description, texts, indexes])


def _object(
    graph: Graph,
    lineage: Mapping[str, Lineage],
    obj: Object,
    item: SliceItem,
    compared: Mapping[str, Collection[tuple[str, ...]]],
    indexed: Mapping[str, Collection[tuple[str, ...]]],
) -> GroundObject | None:
    paths = paths_of(item)
    filtered = {path for path in indexed.get(obj.name, ()) if (field := obj.member(path)) is not None and field.indexed}
    fields = [field_of(obj, p, compared=p in compared.get(obj.name, ()), indexed=p in filtered) for p in paths]
    edges = [obj.edge(name) for name in item.edges]
    if any(field is None for field in fields) or any(edge is None for edge in edges):
        return None
    return GroundObject(
        name=obj.name,
        fields=tuple(field for field in fields if field is not None),
        edges=tuple(edge_of(edge) for edge in edges if edge is not None),
        rest=object_rest(graph, lineage, obj),
        told=object_told(obj, paths),
    )


def paths_of(item: SliceItem) -> tuple[tuple[str, ...], ...]:
    """The paths of the fields and members that an item uses."""
    return (*((name,) for name in item.fields), *item.inner)


def _compared(plan: Plan) -> Mapping[str, Collection[tuple[str, ...]]]:
    """By object, the fields whose values the call looks at or sets, rather than only gives back."""
    found: dict[str, set[tuple[str, ...]]] = {}
    columns = [*(f.column for f in plan.filters), *(o.column for o in plan.order), *(a.column for a in plan.assigned)]
    for column in columns:
        found.setdefault(column.object, set()).add((column.field, *column.inner))
    held: dict[tuple[str, ...], str] = {(): plan.object}
    held.update(((*join.source, join.edge), join.target) for join in plan.joins)
    for join in plan.joins:
        for own, other in join.pairs:
            found.setdefault(held.get(join.source, plan.object), set()).add((own,))
            found.setdefault(join.target, set()).add((other,))
    return found


def _filtered_by(plan: Plan) -> Mapping[str, Collection[tuple[str, ...]]]:
    found: dict[str, set[tuple[str, ...]]] = {}
    for condition in plan.filters:
        found.setdefault(condition.column.object, set()).add((condition.column.field,))
    return found


def _keys(plan: Plan, root: Object) -> tuple[tuple[str, ...], ...]:
    """The unique keys that make the call one of one record: a write's own, else those that the equalities of a read cover."""
    if plan.effect == "write":
        known = {frozenset(key.fields) for key in root.keys}
        return (tuple(sorted(plan.key)),) if frozenset(plan.key) in known else ()
    if not plan.identifying:
        return ()
    equal = {f.column.field for f in plan.filters if f.op in _EQUAL and not f.column.via}
    return tuple(sorted(tuple(sorted(key.fields)) for key in root.keys if equal.issuperset(key.fields)))


def _rest_of_field(field: Field) -> list[object]:
    """What counts of a field beside its type's spelling, its values and whether it may be empty."""
    nested = [field_part(member) for member in field.fields]
    return [field.zoned, field.item_type, nested, sorted(field.computed_from), field.row_of, field.opaque]


def _digest(part: object) -> str:
    return sha256_hex(canonical_json(part))[:_DIGITS]
