"""What the write account may insert and update, asked in a session of its own."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing

import pymysql

from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.mysql.session import open_session_blocking
from patchbay.connectors.sql.refusals import ConnectFailed
from patchbay.connectors.sql.writable import Granted
from patchbay.egress.guard import CheckedAddress

_GRANTED = """
SELECT c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME, c.PRIVILEGES FROM information_schema.COLUMNS c
WHERE c.TABLE_SCHEMA = DATABASE()
"""


def granted_writes(credentials: SqlCredentials, address: CheckedAddress) -> Granted:
    """The write account's privileges; none when it cannot log in, which takes nothing from reads."""
    found: defaultdict[tuple[str | None, str], dict[str, tuple[bool, bool]]] = defaultdict(dict)
    try:
        with closing(open_session_blocking(credentials, address, role="write")) as connection:
            for schema, table, column, privileges in connection.rows(_GRANTED):
                held = str(privileges).split(",")
                found[schema, table][column] = ("insert" in held, "update" in held)
    except (ConnectFailed, pymysql.Error):
        return {}
    return found
