"""Discovery of a MySQL or MariaDB schema: a few set-based queries, made into the graph. Runs in the worker process."""

from __future__ import annotations

from patchbay.connectors.collector import collector_paused
from patchbay.connectors.sql.mysql.discovery.assembly import build_graph
from patchbay.connectors.sql.mysql.discovery.catalog import read_catalog
from patchbay.connectors.sql.mysql.discovery.phone_formats import with_phone_formats
from patchbay.connectors.sql.mysql.session import Connection
from patchbay.schema_graph.blocking import Scoping
from patchbay.schema_graph.model import Graph

__all__ = ["discover_graph"]


def discover_graph(connection: Connection, scoping: Scoping | None = None) -> Graph:
    """The graph of the connection's database, as its account sees it. No value of a column that ``scoping`` blocks is read.

    Raises pymysql.Error.
    """
    with collector_paused():
        graph, distinct = build_graph(read_catalog(connection))
        return with_phone_formats(connection, graph, distinct, scoping or Scoping())
