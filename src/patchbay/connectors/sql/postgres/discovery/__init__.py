"""Discovery of a PostgreSQL schema: a few set-based catalogue queries, made into the graph. Runs in the worker process."""

from __future__ import annotations

from typing import Any

import psycopg

from patchbay.connectors.collector import collector_paused
from patchbay.connectors.sql.postgres.discovery.assembly import build_graph
from patchbay.connectors.sql.postgres.discovery.catalog import read_catalog
from patchbay.connectors.sql.postgres.discovery.phone_formats import with_phone_formats
from patchbay.connectors.sql.postgres.discovery.preparation import Preparation
from patchbay.schema_graph.blocking import Scoping
from patchbay.schema_graph.model import Graph

__all__ = ["collector_paused", "discover_graph"]


def discover_graph(connection: psycopg.Connection[Any], scoping: Scoping | None = None) -> Graph:
    """The graph of the connected database, as its role sees it. No value of a column that ``scoping`` blocks is read.

    The connection must be in autocommit mode. Raises psycopg.Error.
    """
    with collector_paused():
        prepared = Preparation()
        catalog = read_catalog(connection, meanwhile=prepared)
        graph, distinct = build_graph(catalog, prepared)
        return with_phone_formats(connection, graph, distinct, scoping or Scoping())
