"""Discovering a database on the tests' MariaDB, as the platform does it."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.mysql.discovery import discover_graph
from patchbay.connectors.sql.mysql.session import open_session_blocking
from patchbay.egress.guard import CheckedAddress
from patchbay.schema_graph.model import Edge, Field, Graph
from patchbay.schema_graph.scoping import Scoping


def discover(credentials: dict[str, Any], scoping: Scoping | None = None) -> Graph:
    """The graph of a database as the account of ``credentials`` sees it."""
    address = CheckedAddress(credentials["host"], credentials["port"], credentials["host"])
    parsed = parse_sql_credentials("mysql", credentials)
    with closing(open_session_blocking(parsed, address)) as connection:
        return discover_graph(connection, scoping)


def field(graph: Graph, owner: str, name: str) -> Field:
    found = graph.objects[owner].field(name)
    assert found is not None, [f.name for f in graph.objects[owner].fields]
    return found


def edge(graph: Graph, owner: str, name: str) -> Edge:
    found = graph.objects[owner].edge(name)
    assert found is not None, [e.name for e in graph.objects[owner].edges]
    return found
