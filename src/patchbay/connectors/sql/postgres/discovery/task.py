"""The worker process's part of a discovery. Imports only what it needs: each discovery pays for these imports."""

from __future__ import annotations

from typing import Any

import psycopg

from patchbay.connectors.discovered import Discovered, packed
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.postgres.discovery import collector_paused, discover_graph
from patchbay.connectors.sql.postgres.discovery.writes import granted_writes
from patchbay.connectors.sql.postgres.refusals import connect_refusal
from patchbay.connectors.sql.postgres.session import open_session_blocking
from patchbay.connectors.sql.writable import with_writes
from patchbay.connectors.worker import HeavyWorkTimedOut
from patchbay.egress.guard import CheckedAddress
from patchbay.schema_graph.scoping import Scoping

STATEMENT_MS = 60_000


def discover_packed(credentials: SqlCredentials, address: CheckedAddress, scoping: dict[str, Any]) -> Discovered:
    """The worker's part: connect to the address the guard checked, read, build, pack. Raises typed refusals only."""
    rules = Scoping.from_json(scoping)
    connection = open_session_blocking(credentials, address, statement_timeout_ms=STATEMENT_MS)
    with collector_paused():
        try:
            graph = discover_graph(connection, rules)
        except psycopg.errors.QueryCanceled:
            raise HeavyWorkTimedOut from None
        except psycopg.OperationalError as error:
            raise connect_refusal(error) from None
        finally:
            connection.close()
        if credentials.write is not None:
            graph = with_writes(graph, granted_writes(credentials, address))
        return packed(graph, rules)
