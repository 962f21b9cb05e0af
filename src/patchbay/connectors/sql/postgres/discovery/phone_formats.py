"""The formats a phone column really holds: sampled from the planner's statistics, or from a few rows where there are none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql

from patchbay.connectors.sql.phone_columns import (
    MOST_SAMPLED,
    SAMPLE_ROWS,
    SAMPLE_TIMEOUT_MS,
    Place,
    phone_places,
    shapes_of,
    with_formats,
)
from patchbay.schema_graph.blocking import Scoping
from patchbay.schema_graph.model import Field, Graph, Object

_STATISTICS = """
SELECT s.schemaname::text, s.tablename::text, s.attname::text,
       s.most_common_vals::text::text[] AS common, s.histogram_bounds::text::text[] AS bounds
FROM pg_catalog.pg_stats s
WHERE (s.schemaname, s.tablename, s.attname) IN (
  SELECT wanted.schema, wanted.relation, wanted.field
  FROM ROWS FROM (pg_catalog.unnest(%s::name[]), pg_catalog.unnest(%s::name[]), pg_catalog.unnest(%s::name[]))
    AS wanted(schema, relation, field))
"""


def with_phone_formats(connection: psycopg.Connection[Any], graph: Graph, distinct: Iterable[Field], scoping: Scoping) -> Graph:
    """``graph`` with ``formats`` on its phone columns: those the role may read and ``scoping`` does not block. ``distinct`` are
    its fields, each once.
    """
    places = phone_places(graph, distinct, scoping)
    if not places:
        return graph
    formats = _from_statistics(connection, graph, places)
    rest = [place for place in places if place not in formats]
    for place in rest[:MOST_SAMPLED]:
        formats[place] = _from_rows(connection, graph.objects[place[0]], place[1])
    return with_formats(graph, formats)


def _from_statistics(connection: psycopg.Connection[Any], graph: Graph, places: list[Place]) -> dict[Place, tuple[str, ...]]:
    named = {(obj.native_schema, obj.native_name, field): (obj.name, field) for obj, field in _objects(graph, places)}
    schemas, relations, fields = zip(*named, strict=True)
    found: dict[Place, tuple[str, ...]] = {}
    rows = connection.execute(_STATISTICS.encode(), (list(schemas), list(relations), list(fields))).fetchall()
    for schema, relation, field, common, bounds in rows:
        shapes = shapes_of([*(common or ()), *(bounds or ())])
        if shapes:
            found[named[schema, relation, field]] = shapes
    return found


def _objects(graph: Graph, places: Iterable[Place]) -> Iterable[tuple[Object, str]]:
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
            connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(SAMPLE_TIMEOUT_MS)))
            return shapes_of(row[0] for row in connection.execute(query).fetchall())
    except psycopg.errors.Error:
        if connection.closed:
            raise
        return ()  # no sample: a number's format is then not known, which binding reports
