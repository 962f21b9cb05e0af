"""What is asked of ``information_schema``, in SQL that MariaDB from 10.3 and MySQL from 5.7 on understand.

Six queries at most, whatever the number of tables. The server needs a sixth of the time that taking its rows apart costs the
client, so what is alike for many rows comes as one text of members with NUL between them (no identifier may hold one), which
is taken apart once for all rows that are equal in it. Every query is filtered by a constant schema, or these servers open all
tables of all databases.
"""

from __future__ import annotations

from patchbay.connectors.sql.mysql.server import Server

_NUL = "CHAR(0 USING utf8mb4)"

DATABASE = "SELECT DATABASE(), @@lower_case_table_names"

TABLES = """
SELECT TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
"""

VIEWS = "SELECT TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()"

FOREIGN_KEYS = """
SELECT CONSTRAINT_NAME, TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_SCHEMA = TABLE_SCHEMA
"""

CHECKS = "SELECT TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()"
"""Of MariaDB, whose JSON is a text with a check."""


def columns(server: Server) -> str:
    """The columns the account has any privilege on, with those privileges: the server works out what all its grants come to.

    Only MySQL from 8 on has to be told to keep their order.
    """
    # MariaDB spells the absence of a default NULL, and quotes a text of that spelling.
    default = "COALESCE(COLUMN_DEFAULT, 'NULL') <> 'NULL'" if server.product == "MariaDB" else "COLUMN_DEFAULT IS NOT NULL"
    order = "" if server.product == "MariaDB" else " ORDER BY TABLE_NAME, ORDINAL_POSITION"
    return (
        f"SELECT TABLE_NAME, CONCAT_WS({_NUL}, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, {default}, EXTRA, PRIVILEGES, "
        f"COLUMN_COMMENT), GENERATION_EXPRESSION FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE(){order}"
    )


def indexes(server: Server) -> str:
    """The columns of all indexes. An expression has no column name; what the optimizer must not use is told apart."""
    hidden, expression = "0", ""
    if server.product == "MariaDB" and server.version >= (10, 6):
        hidden = "IGNORED = 'YES'"
    elif server.product == "MySQL" and server.version >= (8, 0):
        hidden = "IS_VISIBLE = 'NO'"
    if server.product == "MySQL" and server.version >= (8, 0, 13):
        expression = ", EXPRESSION"
    return (
        f"SELECT TABLE_NAME, CONCAT_WS({_NUL}, INDEX_NAME, NON_UNIQUE, {hidden}, INDEX_TYPE), SEQ_IN_INDEX, COLUMN_NAME, "
        f"SUB_PART{expression} FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()"
    )
