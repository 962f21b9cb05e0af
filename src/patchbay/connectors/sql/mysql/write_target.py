"""What a write would find on the live database: the kind of its table, its engine, what it sets off, its unique keys."""

from __future__ import annotations

from collections import defaultdict

from patchbay.connectors.proof import CallNotProvable
from patchbay.connectors.sql.mysql.session import Connection
from patchbay.connectors.sql.side_effects import UNSEEN_TRIGGERS, WriteTarget

_TABLE = """
SELECT t.TABLE_TYPE, t.ENGINE, e.TRANSACTIONS FROM information_schema.TABLES t
LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE WHERE t.TABLE_SCHEMA = %s AND t.TABLE_NAME = %s
"""
_TRIGGERS = """
SELECT TRIGGER_NAME FROM information_schema.TRIGGERS
WHERE EVENT_OBJECT_SCHEMA = %s AND EVENT_OBJECT_TABLE = %s AND EVENT_MANIPULATION = %s ORDER BY TRIGGER_NAME
"""
_KEYS = """
SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND NON_UNIQUE = 0
"""
_NUMBERED = """
SELECT COLUMN_NAME FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND EXTRA LIKE '%%auto_increment%%'
"""
# What an account holds on a table may be held on its database or on all of them.
_SEES_TRIGGERS = """
SELECT 1 FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'TRIGGER'
UNION SELECT 1 FROM information_schema.SCHEMA_PRIVILEGES
  WHERE PRIVILEGE_TYPE = 'TRIGGER' AND REPLACE(TABLE_SCHEMA, '\\\\', '') = %s
UNION SELECT 1 FROM information_schema.TABLE_PRIVILEGES
  WHERE PRIVILEGE_TYPE = 'TRIGGER' AND TABLE_SCHEMA = %s AND TABLE_NAME = %s
"""

_NAMES_TRIGGERS_SINCE = (10, 11, 0)
"""As seen; what was before was not tried."""


def write_target(connection: Connection, schema: str, table: str, verb: str) -> WriteTarget:
    """The table as it is now. Raises CallNotProvable when there is none, and pymysql.Error."""
    where = (schema, table)
    with connection.cursor() as cursor:

        def rows(query: str, *values: str) -> list[tuple[str | None, ...]]:
            cursor.execute(query, values)
            return list(cursor.fetchall())

        kinds = rows(_TABLE, *where)
        if not kinds:
            raise CallNotProvable("schema_changed")
        kind, engine, transactions = kinds[0]
        triggers = tuple(str(name) for (name,) in rows(_TRIGGERS, *where, verb.upper()))
        if not _names_triggers(connection) and not rows(_SEES_TRIGGERS, schema, *where):
            triggers = (*triggers, UNSEEN_TRIGGERS)
        keys: defaultdict[str | None, set[str | None]] = defaultdict(set)
        for index, column, part in rows(_KEYS, *where):
            keys[index].add(None if part is not None else column)
        numbered = tuple(str(name) for (name,) in rows(_NUMBERED, *where))
    return WriteTarget(
        plain=kind in ("BASE TABLE", "SYSTEM VERSIONED") and engine is not None,
        transactional=transactions == "YES",
        side_effects=triggers,
        keys=tuple(frozenset(str(name) for name in names) for names in keys.values() if None not in names),
        numbered=numbered,
    )


def _names_triggers(connection: Connection) -> bool:
    """Whether the server names the triggers of a table to whoever may use it; else it takes the TRIGGER privilege."""
    return connection.server.product == "MariaDB" and connection.server.version >= _NAMES_TRIGGERS_SINCE
