"""The phone columns of a graph and the shapes of the numbers in them.

Only shapes leave this module (digits as ``9``), never a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from patchbay.schema_graph.badges import looks_like_phone
from patchbay.schema_graph.model import Field, Graph, Object
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.phones import shape
from patchbay.schema_graph.scoping import Scoping, View

MOST_SHAPES = 32
MOST_SAMPLED = 24
"""Columns that are sampled by reading rows."""
SAMPLE_ROWS = 500
SAMPLE_TIMEOUT_MS = 500

Place: TypeAlias = tuple[str, str]
"""An object and its field, by name."""


def phone_places(graph: Graph, distinct: Iterable[Field], scoping: Scoping) -> list[Place]:
    """Every phone column that the role may read and ``scoping`` does not block. ``distinct`` are the graph's fields, each once:
    the same one tends to stand in many objects.
    """
    phones = {
        id(field)
        for field in distinct
        if field.type == "string" and field.readable and looks_like_phone(field.name, field.type, field.description)
    }
    if not phones:
        return []
    places = [(name, field.name) for name, obj in graph.objects.items() for field in obj.fields if id(field) in phones]
    if not scoping.blocks_anything:
        return places
    view = View(graph, scoping)
    seen = {name: view.object(name) for name in {name for name, _ in places}}
    return [(name, field) for name, field in places if (obj := seen[name]) is not None and obj.field(field) is not None]


def shapes_of(values: Iterable[str | None]) -> tuple[str, ...]:
    """The shapes of ``values``, the commonest first, at most :data:`MOST_SHAPES`."""
    counts: dict[str, int] = {}
    for value in values:
        if value and any(c.isdigit() for c in value):
            form = shape(value)
            counts[form] = counts.get(form, 0) + 1
    return tuple(sorted(counts, key=lambda form: (-counts[form], form))[:MOST_SHAPES])


def with_formats(graph: Graph, formats: Mapping[Place, tuple[str, ...]]) -> Graph:
    """``graph`` with these shapes on its fields."""
    if not any(formats.values()):
        return graph
    objects = dict(graph.objects)
    for name in {name for name, _ in formats}:
        objects[name] = _with_formats(objects[name], formats)
    return Graph(kind=graph.kind, default_schema=graph.default_schema, objects=objects, operations=RecordOperations(objects))


def _with_formats(obj: Object, formats: Mapping[Place, tuple[str, ...]]) -> Object:
    fields = tuple(
        msgspec.structs.replace(field, formats=found) if (found := formats.get((obj.name, field.name))) else field
        for field in obj.fields
    )
    return msgspec.structs.replace(obj, fields=fields)
