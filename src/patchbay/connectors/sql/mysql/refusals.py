"""What the refusals of MySQL and MariaDB mean, by error number, for both drivers (PyMySQL and asyncmy).

Numbers: https://mariadb.com/kb/en/mariadb-error-code-reference/ and
https://dev.mysql.com/doc/mysql-errors/8.4/en/ (from 1000 the server's, from 2000 the client's).
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from patchbay.connectors.sql.refusals import (
    AccessRefused,
    AuthenticationRefused,
    ConnectFailed,
    ConnectionTimedOut,
    ConnectionUnreachable,
    DatabaseMissing,
    ServerNotReady,
    TlsNotOffered,
    TooManyConnections,
)
from patchbay.connectors.sql.tls import tls_refusal

UNKNOWN_VARIABLE = 1193
READ_ONLY = 1792
DENIED = frozenset({1044, 1142, 1143, 1227, 1370})
"""Refused for lack of privilege: on a database, a table, a column, the server, a routine."""


class NotMySql(ConnectFailed):
    """What answers at this host and port does not speak MySQL's protocol."""

    code, title = "not_mysql", "Not MySQL or MariaDB"
    advice = "Check the port: MySQL and MariaDB usually listen on 3306, proxies on 4006 or 6033."


class DatabaseNotOpen(AccessRefused):
    """The account is let in, but not to this database: there is none of this name, or it may not use it."""

    advice = "Check the name (upper and lower case count on most servers), and grant the account SELECT on the database."


# What MySQL calls the thing to change.
_ADVICE: dict[type[ConnectFailed], str] = {
    TlsNotOffered: "Set ssl_cert and ssl_key at the server (or at the proxy before it); unencrypted connections are not made.",
    AuthenticationRefused: "Check user and password, and that the account is for any host ('user'@'%') and may use TLS.",
    AccessRefused: "Let this account in from Patchbay's address ('user'@'%'), unlocked, and grant it SELECT on the database.",
    DatabaseMissing: "Check the spelling (upper and lower case count on most servers).",
    TooManyConnections: "Raise the account's MAX_USER_CONNECTIONS or the server's max_connections.",
}

_BY_NUMBER: dict[int, type[ConnectFailed]] = {
    **dict.fromkeys((1045, 1251, 1275, 1524, 1698, 1820, 1862, 2049, 2054, 2058, 2059, 2061), AuthenticationRefused),
    **dict.fromkeys((*DENIED, 1129, 1130, 3118, 3955, 4151), AccessRefused),
    1044: DatabaseNotOpen,
    1049: DatabaseMissing,
    **dict.fromkeys((1040, 1203, 1226), TooManyConnections),
    **dict.fromkeys((1053, 1079, 1927, 3032, 3168), ServerNotReady),
    **dict.fromkeys((1043, 2007, 2027), NotMySql),
    2026: TlsNotOffered,
}
_UNREACHABLE = (2002, 2003, 2006, 2013)


def connect_refusal(error: BaseException) -> ConnectFailed:
    """The typed refusal for whatever a driver raised while connecting: `(number, text)`, or an error of the network."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return tls_refusal(cause)
        if isinstance(cause, TimeoutError):
            return ConnectionTimedOut()
    number = error_number(error)
    kind = _BY_NUMBER.get(number) if number is not None else None
    if kind is None:
        lost = number in _UNREACHABLE or isinstance(error, OSError | EOFError)
        # A driver that stumbles over what it was sent was not talking to a MySQL server.
        kind = ConnectionUnreachable if lost else ConnectFailed if number else NotMySql
    return kind(hint=_ADVICE.get(kind))


def refused_greeting(number: int) -> ConnectFailed:
    """The typed refusal for an error that came in place of the server's greeting."""
    kind = _BY_NUMBER.get(number, ConnectFailed)
    return kind(hint=_ADVICE.get(kind))


def error_number(error: BaseException) -> int | None:
    """The number of a driver's error, or None when it has none (0 counts as none)."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, int) and not isinstance(first, bool) and first else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, as drivers keep it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__context__, current.__cause__, getattr(current, "original_exception", None)]
