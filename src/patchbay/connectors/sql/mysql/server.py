"""Which server answers, and what every session on it is set to.

The settings are one SET statement, the same for every driver. They are made once per session: per statement they would more
than double the time of a short read.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Role = Literal["read", "write"]
Product = Literal["MySQL", "MariaDB"]

LOCK_WAIT_S = 1
IDLE_IN_TRANSACTION_S = 10
NETWORK_S = 10
LIST_BYTES = 60_000
SQL_MODE = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_BACKSLASH_ESCAPES"
"""A text is what stands between its quotes, names are back-quoted only, and what does not fit a column is refused. Zero dates
are left alone: a mode that forbids them makes reads fail that compare with one."""

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


class Server(msgspec.Struct, frozen=True):
    """A product and its version, such as ``("MariaDB", (10, 11, 6))``."""

    product: Product
    version: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}"

    def bounded(self, select: str, limit_ms: int) -> str:
        """``select`` (from its first word on) with a time limit of its own."""
        if self.product == "MariaDB":
            return f"SET STATEMENT max_statement_time = {limit_ms / 1000} FOR {select}"
        return f"SELECT /*+ MAX_EXECUTION_TIME({limit_ms}) */ {select.removeprefix('SELECT ')}"


def read_server(greeting: str) -> Server:
    """The server that calls itself ``greeting`` in its handshake.

    MariaDB puts `5.5.5-` before its own version for the sake of old clients, and always says its name.
    """
    maria = "mariadb" in greeting.lower()
    text = greeting.removeprefix("5.5.5-") if maria else greeting
    found = _VERSION.search(text)
    major, minor, patch = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    return Server("MariaDB" if maria else "MySQL", (major, minor, patch))


def session_settings(role: Role, statement_timeout_ms: int, server: Server) -> dict[str, str]:
    """The variables of a session and their values as SQL. Nothing of the server's own configuration decides what is read."""
    read_only = "1" if role == "read" else "0"
    common = {
        "autocommit": "1",
        "sql_mode": f"'{SQL_MODE}'",
        "character_set_client": "'utf8mb4'",
        "character_set_results": "'utf8mb4'",
        # This sets the connection's character set too; comparisons with columns follow the column.
        "collation_connection": "'utf8mb4_general_ci'",
        "time_zone": "'+00:00'",
        "lock_wait_timeout": str(LOCK_WAIT_S),
        "innodb_lock_wait_timeout": str(LOCK_WAIT_S),
        "net_read_timeout": str(NETWORK_S),
        "net_write_timeout": str(NETWORK_S),
        # Off, `id IS NULL` could mean the row inserted last, and SHOW CREATE leave names unquoted.
        "sql_auto_is_null": "0",
        "sql_quote_show_create": "1",
        # The bytes of a list's text, each of its values twice as long as it is: what is longer is told as such, and the
        # rest of its record fits into the bytes a call may read.
        "group_concat_max_len": str(LIST_BYTES),
    }
    if server.product == "MariaDB":
        own = {read_only_variable(server): read_only, "max_statement_time": f"{statement_timeout_ms / 1000:.3f}"}
        if server.version >= (10, 3, 0):
            own["idle_transaction_timeout"] = str(IDLE_IN_TRANSACTION_S)
        return {**own, **common}
    # MySQL limits the time of SELECT only.
    own = {read_only_variable(server): read_only, "max_execution_time": str(statement_timeout_ms)}
    return {**own, **common}


def read_only_variable(server: Server) -> str:
    """What the variable that holds a session to reading is called: both products renamed it."""
    renamed = (11, 1, 0) if server.product == "MariaDB" else (5, 7, 20)
    return "transaction_read_only" if server.version >= renamed else "tx_read_only"


def session_statement(role: Role, statement_timeout_ms: int, server: Server) -> str:
    """`session_settings` as one SET statement."""
    settings = session_settings(role, statement_timeout_ms, server)
    return "SET " + ", ".join(f"@@session.{name} = {value}" for name, value in settings.items())


def possible_servers(greeting: str) -> tuple[Server, Server]:
    """The server that is announced, and what it might be instead.

    A proxy announces a version of its own. Whoever opens a session runs `session_statement` for the first; when that is
    refused for a variable that does not exist (`refusals.UNKNOWN_VARIABLE`), for the second.
    """
    announced = read_server(greeting)
    other = Server("MariaDB", (10, 5, 0)) if announced.product == "MySQL" else Server("MySQL", (8, 0, 0))
    return announced, other
