"""What the write role of a connection may do, in the graph that the read role discovered."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from patchbay.schema_graph.model import Field, Graph, Object
from patchbay.schema_graph.operations import RecordOperations

Granted = Mapping[tuple[str | None, str], Mapping[str, tuple[bool, bool]]]
"""By schema and table, of each column: whether the write role may insert it, and whether it may update it."""

_NOTHING: Mapping[str, tuple[bool, bool]] = {}


def with_writes(graph: Graph, granted: Granted) -> Graph:
    """The graph with the write role's privileges to write in place of the read role's: writes go through no other."""
    changed = {
        name: _granted(obj, granted.get((obj.native_schema, obj.native_name or name), _NOTHING))
        for name, obj in graph.objects.items()
        if obj.insertable or obj.updatable or (obj.native_schema, obj.native_name or name) in granted
    }
    if not changed:
        return graph
    objects = {**graph.objects, **changed}
    return msgspec.structs.replace(graph, objects=objects, operations=RecordOperations(objects))


def _granted(obj: Object, columns: Mapping[str, tuple[bool, bool]]) -> Object:
    if obj.kind != "table":
        columns = _NOTHING
    fields = tuple(_field(field, *columns.get(field.name, (False, False))) for field in obj.fields)
    return msgspec.structs.replace(
        obj,
        fields=fields,
        insertable=any(field.insertable for field in fields),
        updatable=any(field.updatable for field in fields),
    )


def _field(field: Field, insertable: bool, updatable: bool) -> Field:
    if field.generated or field.identity == "always":
        insertable = updatable = False
    if (field.insertable, field.updatable) == (insertable, updatable):
        return field
    return msgspec.structs.replace(field, insertable=insertable, updatable=updatable)
