"""What the write role may insert and update, asked in a session of its own."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing

import psycopg

from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.postgres.session import open_session_blocking
from patchbay.connectors.sql.refusals import ConnectFailed
from patchbay.connectors.sql.writable import Granted
from patchbay.egress.guard import CheckedAddress

# Tables on which a write does something else or more than it says are left out.
_GRANTED = """
SELECT n.nspname, c.relname, a.attname,
       pg_catalog.has_column_privilege(c.oid, a.attnum, 'INSERT'), pg_catalog.has_column_privilege(c.oid, a.attnum, 'UPDATE')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1')
"""


def granted_writes(credentials: SqlCredentials, address: CheckedAddress) -> Granted:
    """The write role's privileges; none when it cannot log in, which takes nothing from reads."""
    found: defaultdict[tuple[str | None, str], dict[str, tuple[bool, bool]]] = defaultdict(dict)
    try:
        with closing(open_session_blocking(credentials, address, role="write")) as connection:
            connection.execute("SET default_transaction_read_only = on")
            for schema, table, column, insert, update in connection.execute(_GRANTED):
                found[schema, table][column] = (insert, update)
    except (ConnectFailed, psycopg.Error):
        return {}
    return found
