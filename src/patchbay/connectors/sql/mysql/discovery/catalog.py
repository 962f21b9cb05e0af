"""Reading ``information_schema`` as the connected account sees it: what it has no privilege on is not there."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from patchbay.connectors.sql.mysql.discovery import queries as ask
from patchbay.connectors.sql.mysql.discovery.rows import Catalog, ColumnRow, IndexColumn, Rows, Table, index_column_of
from patchbay.connectors.sql.mysql.session import Connection

_JSON_CHECK = re.compile(r"json_valid\(`((?:[^`]|``)+)`\)", re.IGNORECASE)
_SHOWN = frozenset({"BASE TABLE", "SYSTEM VERSIONED", "VIEW"})
_CHECKS_NAME_THEIR_TABLE_SINCE = (10, 3, 10)


def read_catalog(connection: Connection) -> Catalog:
    """Read the connection's database. Raises pymysql.Error."""
    server = connection.server
    ((database, folding),) = connection.rows(ask.DATABASE)
    tables = [Table(*row) for row in connection.rows(ask.TABLES) if row[1] in _SHOWN]
    columns = _columns(connection.rows(ask.columns(server)))
    indexes = _indexes(connection.rows(ask.indexes(server)))
    keys = connection.rows(ask.FOREIGN_KEYS)
    has_views = any(table.kind == "VIEW" for table in tables)
    says_checks = server.product == "MariaDB" and server.version >= _CHECKS_NAME_THEIR_TABLE_SINCE
    has_checks = says_checks and _has_long_text(columns.values())
    return Catalog(
        database=database,
        names_fold=int(folding) != 0,
        tables=tables,
        columns=columns,
        indexes=indexes,
        foreign_keys=keys,
        views=_views(connection.rows(ask.VIEWS)) if has_views else {},
        json_columns=_json_columns(connection.rows(ask.CHECKS)) if has_checks else frozenset(),
    )


def _columns(rows: Rows) -> dict[str, list[ColumnRow]]:
    found: dict[str, list[ColumnRow]] = defaultdict(list)
    for table, packed, expression in rows:
        found[table].append((packed, expression))
    return found


def _indexes(rows: Rows) -> dict[str, list[IndexColumn]]:
    """The columns of the indexes of each table: by name of the index, in its order."""
    placed: dict[str, list[tuple[str, int, str | None, int | None]]] = defaultdict(list)
    for table, packed, place, name, prefix, *expression in rows:
        placed[table].append((packed, place, None if any(expression) else name, prefix))
    found: dict[str, list[IndexColumn]] = {}
    for table, parts in placed.items():
        parts.sort(key=lambda part: part[:2])
        found[table] = [index_column_of(packed, name, prefix) for packed, _, name, prefix in parts]
    return found


def _views(rows: Rows) -> dict[str, str]:
    """The texts of the views; that of one the account may not look into is empty."""
    return {name: text for name, text in rows if text}


def _has_long_text(columns: Iterable[list[ColumnRow]]) -> bool:
    return any("\0longtext\0" in packed for packed in {packed for rows in columns for packed, _ in rows})


def _json_columns(checks: Rows) -> frozenset[tuple[str, str]]:
    """The columns that hold JSON because a check of their own says so, and nothing else."""
    found = ((table, _JSON_CHECK.fullmatch(clause.strip())) for table, clause in checks)
    return frozenset((table, check[1].replace("``", "`")) for table, check in found if check)
