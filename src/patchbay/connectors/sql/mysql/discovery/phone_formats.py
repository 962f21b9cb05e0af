"""The formats a phone column really holds, sampled from a few rows: these servers keep no values in their statistics."""

from __future__ import annotations

from collections.abc import Iterable

import pymysql

from patchbay.connectors.sql.mysql.quoting import identifier
from patchbay.connectors.sql.mysql.session import Connection
from patchbay.connectors.sql.phone_columns import (
    MOST_SAMPLED,
    SAMPLE_ROWS,
    SAMPLE_TIMEOUT_MS,
    phone_places,
    shapes_of,
    with_formats,
)
from patchbay.schema_graph.model import Field, Graph, Object
from patchbay.schema_graph.scoping import Scoping


def with_phone_formats(connection: Connection, graph: Graph, distinct: Iterable[Field], scoping: Scoping) -> Graph:
    """``graph`` with ``formats`` on the phone columns of its tables. Views are not run: they may be slow."""
    places = [place for place in phone_places(graph, distinct, scoping) if graph.objects[place[0]].kind == "table"]
    formats = {place: _from_rows(connection, graph.objects[place[0]], place[1]) for place in places[:MOST_SAMPLED]}
    return with_formats(graph, formats)


def _from_rows(connection: Connection, obj: Object, field: str) -> tuple[str, ...]:
    column, table = identifier(field), identifier(obj.native_schema or "", obj.native_name or "")
    select = f"SELECT CAST({column} AS CHAR) FROM {table} WHERE {column} IS NOT NULL LIMIT {SAMPLE_ROWS}"
    query = connection.server.bounded(select, SAMPLE_TIMEOUT_MS)
    try:
        return shapes_of(value for (value,) in connection.rows(query))
    except pymysql.Error:
        if not connection.open:
            raise
        return ()  # no sample: a number's format is then not known, which binding reports
