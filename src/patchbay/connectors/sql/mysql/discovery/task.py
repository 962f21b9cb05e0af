"""The worker process's part of a discovery. Imports only what it needs: each discovery pays for these imports."""

from __future__ import annotations

from typing import Any

import pymysql

from patchbay.connectors.collector import collector_paused
from patchbay.connectors.discovered import Discovered, packed
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.mysql.discovery import discover_graph
from patchbay.connectors.sql.mysql.discovery.writes import granted_writes
from patchbay.connectors.sql.mysql.refusals import connect_refusal, error_number
from patchbay.connectors.sql.mysql.session import open_session_blocking
from patchbay.connectors.sql.writable import with_writes
from patchbay.connectors.worker import HeavyWorkTimedOut
from patchbay.egress.guard import CheckedAddress
from patchbay.schema_graph.scoping import Scoping

STATEMENT_MS = 60_000
_RAN_OUT_OF_TIME = frozenset({1969, 3024})  # of MariaDB, of MySQL


def discover_packed(credentials: SqlCredentials, address: CheckedAddress, scoping: dict[str, Any]) -> Discovered:
    """The worker's part: connect to the address the guard checked, read, build, pack. Raises typed refusals only."""
    rules = Scoping.from_json(scoping)
    connection = open_session_blocking(credentials, address, statement_timeout_ms=STATEMENT_MS)
    with collector_paused():
        try:
            graph = discover_graph(connection, rules)
        except (pymysql.OperationalError, pymysql.InterfaceError, OSError) as error:
            raise (HeavyWorkTimedOut() if error_number(error) in _RAN_OUT_OF_TIME else connect_refusal(error)) from None
        finally:
            connection.close()
        if credentials.write is not None:
            graph = with_writes(graph, granted_writes(credentials, address))
        return packed(graph, rules)
