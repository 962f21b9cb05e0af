"""The formats a phone column really holds: sampled from the planner's statistics, or from a few rows where there are none.

Only shapes leave this module (digits as ``9``), never a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from patchbay.schema_graph.badges import looks_like_phone
from patchbay.schema_graph.blocking import Scoping
from patchbay.schema_graph.model import Field, Graph, Object
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.phones import shape
from patchbay.schema_graph.scoping import View

MOST_SHAPES = 32
MOST_SAMPLED = 24
"""Columns without statistics that are sampled by reading rows."""
SAMPLE_ROWS = 500
_SAMPLE_TIMEOUT_MS = 500

_STATISTICS = """
SELECT s.schemaname::text, s.tablename::text, s.attname::text,
       s.most_common_vals::text::text[] AS common, s.histogram_bounds::text::text[] AS bounds
FROM pg_catalog.pg_stats s
WHERE (s.schemaname, s.tablename, s.attname) IN (
  SELECT wanted.schema, wanted.relation, wanted.field
  FROM ROWS FROM (pg_catalog.unnest(%s::name[]), pg_catalog.unnest(%s::name[]), pg_catalog.unnest(%s::name[]))
    AS wanted(schema, relation, field))
"""

_Place = tuple[str, str]


def with_phone_formats(connection: psycopg.Connection[Any], graph: Graph, distinct: Iterable[Field], scoping: Scoping) -> Graph:
    """``graph`` with ``formats`` on its phone columns: those the role may read and ``scoping`` does not block. ``distinct`` are
    its fields, each once: the same one tends to stand in many objects.
    """
    places = [place for place in _phone_places(graph, distinct) if _may_sample(graph, scoping, place)]
    if not places:
        return graph
    formats = _from_statistics(connection, graph, places)
    rest = [place for place in places if place not in formats]
    for place in rest[:MOST_SAMPLED]:
        formats[place] = _from_rows(connection, graph.objects[place[0]], place[1])
    objects = dict(graph.objects)
    for name in {name for name, _ in places}:
        objects[name] = _with_formats(objects[name], formats)
    return Graph(kind=graph.kind, default_schema=graph.default_schema, objects=objects, operations=RecordOperations(objects))


def _phone_places(graph: Graph, distinct: Iterable[Field]) -> list[_Place]:
    """(object, field) of every readable phone column."""
    phones = {
        id(field)
        for field in distinct
        if field.type == "string" and field.readable and looks_like_phone(field.name, field.type, field.description)
    }
    if not phones:
        return []
    return [(name, field.name) for name, obj in graph.objects.items() for field in obj.fields if id(field) in phones]


def _may_sample(graph: Graph, scoping: Scoping, place: _Place) -> bool:
    seen = View(graph, scoping).object(place[0]) if scoping.blocks_anything else graph.objects[place[0]]
    return seen is not None and seen.field(place[1]) is not None


def _from_statistics(connection: psycopg.Connection[Any], graph: Graph, places: list[_Place]) -> dict[_Place, tuple[str, ...]]:
    named = {(obj.native_schema, obj.native_name, field): (obj.name, field) for obj, field in _objects(graph, places)}
    schemas, relations, fields = zip(*named, strict=True)
    found: dict[_Place, tuple[str, ...]] = {}
    rows = connection.execute(_STATISTICS.encode(), (list(schemas), list(relations), list(fields))).fetchall()
    for schema, relation, field, common, bounds in rows:
        shapes = _shapes([*(common or ()), *(bounds or ())])
        if shapes:
            found[named[schema, relation, field]] = shapes
    return found


def _objects(graph: Graph, places: Iterable[_Place]) -> Iterable[tuple[Object, str]]:
    return ((graph.objects[name], field) for name, field in places)


def _from_rows(connection: psycopg.Connection[Any], obj: Object, field: str) -> tuple[str, ...]:
    """The shapes in the first rows of a table that was never analyzed. Views are not run: they may be slow."""
    if obj.kind not in ("table", "materialized_view"):
        return ()
    column = sql.Identifier(field)
    query = sql.SQL("SELECT {}::text FROM {} WHERE {} IS NOT NULL LIMIT {}").format(
        column, sql.Identifier(obj.native_schema or "", obj.native_name or ""), column, sql.Literal(SAMPLE_ROWS)
    )
    try:
        with connection.transaction():
            connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(_SAMPLE_TIMEOUT_MS)))
            return _shapes(row[0] for row in connection.execute(query).fetchall())
    except psycopg.errors.Error:
        if connection.closed:
            raise
        return ()  # no sample: a number's format is then not known, which binding reports


def _shapes(values: Iterable[str | None]) -> tuple[str, ...]:
    """The shapes of ``values``, the commonest first, at most :data:`MOST_SHAPES`."""
    counts: dict[str, int] = {}
    for value in values:
        if value and any(c.isdigit() for c in value):
            form = shape(value)
            counts[form] = counts.get(form, 0) + 1
    return tuple(sorted(counts, key=lambda form: (-counts[form], form))[:MOST_SHAPES])


def _with_formats(obj: Object, formats: Mapping[_Place, tuple[str, ...]]) -> Object:
    fields = tuple(
        msgspec.structs.replace(field, formats=found) if (found := formats.get((obj.name, field.name))) else field
        for field in obj.fields
    )
    return msgspec.structs.replace(obj, fields=fields)
