"""The systems that goals are asked of: the shared data, our own small schemas, and public documents that are kept elsewhere.

A schema is named by its path: ``own/hotel.sql`` lies beside the goals; ``graphql/…`` and ``openapi/…`` in the shared data, else
in the directory ``PATCHBAY_GOAL_SCHEMAS`` (``automap_goals/README.md`` says what belongs there); ``sql/…`` is a database of the
shared data, or ``schema.sql`` in that directory.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import psycopg

from benchmarks.search_quality import SHARED, graph_of
from patchbay.connectors.graphql import task as graphql
from patchbay.connectors.rest import task as rest
from patchbay.connectors.sql.postgres.discovery import discover_graph
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.search import SearchIndex, build_index
from tests.servers.postgres import PostgresServer

OWN = Path(__file__).resolve().parent / "automap_goals" / "schemas"
ELSEWHERE = os.environ.get("PATCHBAY_GOAL_SCHEMAS")
ONLY_READS = re.compile(r"(?:Search|Query|(?:Batch)?(?:Retrieve|Get)|Find|Calculate)", re.IGNORECASE)
"""Names of operations that a person would mark as reads although they are POSTed."""


def path_of(schema: str) -> Path | None:
    """Where a schema lies, or None where it is not here."""
    roots = [SHARED, *([Path(ELSEWHERE)] if ELSEWHERE else [])]
    paths = [OWN / schema.removeprefix("own/")] if schema.startswith("own/") else [root / schema for root in roots]
    return next((path for path in paths if path.exists()), None)


def kind_of(schema: str) -> str:
    """``sql``, ``openapi`` or ``graphql``."""
    return schema.rpartition(".")[2] if schema.startswith("own/") else schema.partition("/")[0]


def system_of(schema: str, server: PostgresServer) -> tuple[View, SearchIndex]:
    """The view and index of one schema, with the searches of a REST system marked as reads."""
    view = View(_graph(schema, server))
    return view, build_index(view)


def _graph(schema: str, server: PostgresServer) -> Graph:
    path = path_of(schema)
    if path is None:
        raise FileNotFoundError(schema)
    kind = kind_of(schema)
    if kind == "graphql":
        return graphql.graph_of(path.read_bytes())
    if kind == "openapi":
        documents = {path.name: path.read_bytes()}
        graph = rest.read_graph(documents, rest.DocumentSettings()).graph
        reads = tuple(o.name for o in graph.operations.values() if o.effect == "write" and ONLY_READS.match(o.name))
        return rest.read_graph(documents, rest.DocumentSettings(reads=reads)).graph if reads else graph
    if path.is_relative_to(SHARED):
        return graph_of(schema, server)
    script = path if path.is_file() else path / "schema.sql"
    made = server.create_database(sql=script.read_text())
    with psycopg.connect(server.superuser_dsn(made["database"]), autocommit=True) as connection:
        return discover_graph(connection)
