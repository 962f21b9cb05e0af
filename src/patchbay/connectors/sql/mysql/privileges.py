"""What the logged-in account may do beyond its purpose, read from SHOW GRANTS and judged here; nothing is attempted.

Roles count even when they are not active, since SET ROLE makes them so, and what is granted to everybody (MariaDB's PUBLIC)
counts too. Each finding carries the statements that mend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import pymysql

from patchbay.connectors.sql.mysql.grants import ALL, GRANT_OPTION, Grant, Membership, Unread, matches, read_grant
from patchbay.connectors.sql.mysql.quoting import identifier
from patchbay.connectors.sql.mysql.scripts import SYSTEM_SCHEMAS
from patchbay.connectors.sql.mysql.server import Role
from patchbay.connectors.sql.mysql.session import Session
from patchbay.connectors.sql.privileges import MOST_NAMED, Excess, Severity, WriteAccess, gravest_first

MOST_ROLES = 50
OUR_SCHEMAS = "TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')"

_READING = frozenset({"USAGE", "SELECT", "SHOW VIEW"})
_PURPOSES: dict[Role, frozenset[str]] = {"read": _READING, "write": _READING | {"INSERT", "UPDATE"}}
# Those that can be held on a database or table; any other is one over the server.
_OF_DATA = frozenset(
    {
        "ALTER",
        "ALTER ROUTINE",
        "CREATE",
        "CREATE ROUTINE",
        "CREATE TEMPORARY TABLES",
        "CREATE VIEW",
        "DELETE",
        "DELETE HISTORY",
        "DELETE VERSIONING ROWS",
        "DROP",
        "EVENT",
        "EXECUTE",
        "INDEX",
        "INSERT",
        "LOCK TABLES",
        "REFERENCES",
        "SELECT",
        "SHOW VIEW",
        "SHOW CREATE ROUTINE",
        "TRIGGER",
        "UPDATE",
    }
)
# Over the server, but only to look at it.
_LOOKING = frozenset(
    {
        "BINLOG MONITOR",
        "PROCESS",
        "REPLICA MONITOR",
        "REPLICATION CLIENT",
        "SHOW CREATE ROUTINE",
        "SHOW_ROUTINE",
        "SLAVE MONITOR",
    }
)
_MEANINGS = {
    ALL: "It holds every privilege there.",
    GRANT_OPTION: "It may hand its privileges on to others.",
    "ALTER": "It may change tables and drop their columns with all they hold.",
    "DROP": "It may drop tables, and empty them.",
    "SUPER": "It may change the server's settings and end other sessions; read-only servers do not bind it.",
    "FILE": "It may read and write files on the server's machine.",
    "PROCESS": "It sees the statements of everybody's sessions.",
    "CREATE USER": "It may create and change accounts.",
    "EXECUTE": "It may call routines, which run with the privileges of whoever defined them and may change data.",
    "CREATE TEMPORARY TABLES": "It may create temporary tables, which only its own session sees.",
    "PROXY": "It may act as another account.",
}


class Table(NamedTuple):
    """A table or view that the account sees."""

    schema: str
    name: str
    kind: str


class Holdings(msgspec.Struct, frozen=True):
    """Everything an account holds. ``unread``: how many lines were not understood, or roles that could not be looked into."""

    account: str
    grants: tuple[Grant, ...]
    unread: int

    def may(self, privilege: str, table: Table) -> bool:
        """Whether it may do this to a table, if only to some of its columns."""
        server = [grant for grant in self.grants if grant.level == "server" and not grant.revoked]
        taken = [grant for grant in self.grants if grant.revoked]
        nearer = [grant for grant in self.grants if grant.level in ("database", "table") and not grant.revoked]
        if any(grant.covers(privilege, table.schema, table.name) for grant in nearer):
            return True
        return any(grant.covers(privilege, table.schema, table.name) for grant in server) and not any(
            grant.covers(privilege, table.schema, table.name) for grant in taken
        )

    def may_anywhere(self, privilege: str) -> bool:
        """Whether any grant, on whatever, has this privilege."""
        return any(not grant.revoked and (privilege in grant.privileges or ALL in grant.privileges) for grant in self.grants)


async def holdings(session: Session) -> Holdings:
    """What the session's account holds, by itself, through roles and through PUBLIC. Leaves the session's role as it was."""
    ((account,),) = await session.rows("SELECT CURRENT_USER()")
    user, _, host = str(account).rpartition("@")
    quoted = "@".join("'" + part.replace("'", "''") + "'" for part in (user, host))
    own = await _lines(session, "SHOW GRANTS")
    read = [read_grant(line) for line in own]
    roles = list(dict.fromkeys(role for found in read if isinstance(found, Membership) for role in found.roles))
    unread = sum(isinstance(found, Unread) for found in read) + max(0, len(roles) - MOST_ROLES)
    grants = [found for found in read if isinstance(found, Grant)]
    for role in roles[:MOST_ROLES]:
        try:
            lines = await _with_role(session, role)
        except pymysql.Error:
            if session.closed:
                raise
            unread += 1
            continue
        for line in lines:
            found = None if line in own else read_grant(line, through=role)
            unread += isinstance(found, Unread)
            if isinstance(found, Grant):
                grants.append(found)
    return Holdings(quoted, tuple(grants), unread)


async def _with_role(session: Session, role: str) -> list[str]:
    """What the account holds with one of its roles, those included that the role belongs to itself.

    MySQL tells it; MariaDB tells it of the role that is active, which is set for the moment.
    """
    if session.server.product == "MySQL":
        return await _lines(session, f"SHOW GRANTS FOR CURRENT_USER() USING {role}")
    ((before,),) = await session.rows("SELECT CURRENT_ROLE()")
    await session.rows(f"SET ROLE {role}")
    try:
        return await _lines(session, "SHOW GRANTS")
    finally:
        await session.rows(f"SET ROLE {'NONE' if before is None else identifier(str(before))}")


async def _lines(session: Session, statement: str) -> list[str]:
    return [str(line) for (line,) in await session.rows(statement)]


async def visible_tables(session: Session) -> list[Table]:
    """The tables and views of people's own databases that the account sees."""
    rows = await session.rows(
        f"SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE {OUR_SCHEMAS} ORDER BY 1, 2"
    )
    return [Table(*row) for row in rows]


def write_access(held: Holdings, tables: Sequence[Table]) -> WriteAccess:
    """What the account may change. Emptying a table at once takes DROP on these servers."""
    by_kind = {
        kind: [table for table in tables if held.may(privilege, table)]
        for kind, privilege in (("insert", "INSERT"), ("update", "UPDATE"), ("delete", "DELETE"), ("truncate", "DROP"))
    }
    named = sorted({f"{table.schema}.{table.name}" for found in by_kind.values() for table in found})
    return WriteAccess(**{kind: len(found) for kind, found in by_kind.items()}, on=tuple(named[:MOST_NAMED]))


def find_excess(held: Holdings, purpose: Role) -> list[Excess]:
    """Everything the account may do beyond ``purpose``, the gravest first."""
    found: dict[tuple[str, Severity, str], list[Grant]] = {}
    for grant in held.grants:
        if grant.revoked:
            continue
        for privilege in sorted(grant.privileges):
            judged = _judge(privilege, grant, purpose)
            if judged is not None:
                found.setdefault((privilege, *judged), []).append(grant)
    excess = [
        Excess(
            privilege=privilege,
            severity=severity,
            message=message,
            count=len(grants),
            on=tuple(dict.fromkeys(grant.target for grant in grants if grant.target))[:MOST_NAMED],
            mend=tuple(dict.fromkeys(_mend(privilege, grant, held.account) for grant in grants)),
        )
        for (privilege, severity, message), grants in found.items()
    ]
    if held.unread:
        excess.append(
            Excess(
                privilege="UNKNOWN",
                severity="severe",
                message="It holds grants or roles whose meaning could not be read.",
                count=held.unread,
                on=(),
                mend=(),
            )
        )
    return gravest_first(excess)


def _judge(privilege: str, grant: Grant, purpose: Role) -> tuple[Severity, str] | None:
    """How grave it is to hold ``privilege`` by this grant, and what it means; None when the purpose needs it."""
    meaning = _MEANINGS.get(privilege, f"It holds {privilege} on databases or tables.")
    if grant.level == "server":
        return _judge_over_server(privilege, meaning)
    if privilege in ("USAGE", "SHOW VIEW"):
        return None
    if privilege in (ALL, "ALTER", GRANT_OPTION, "PROXY"):
        return "severe", meaning
    if (own := _own_schema(grant)) is not None:
        if privilege == "SELECT":
            # The other schemas only show how the server is doing, each account what it may see.
            return ("warning", "It may read the server's own tables, where the accounts are.") if own == "mysql" else None
        return "severe", f"It holds {privilege} on the server's own tables."
    if privilege in _PURPOSES[purpose]:
        return None
    return ("info" if privilege == "CREATE TEMPORARY TABLES" else "warning"), meaning


def _own_schema(grant: Grant) -> str | None:
    """Which of the server's own schemas a grant reaches, the one with the accounts first."""
    if grant.level == "database":
        return next((schema for schema in sorted(SYSTEM_SCHEMAS, key="mysql".__ne__) if matches(grant.database, schema)), None)
    return grant.database.lower() if grant.database.lower() in SYSTEM_SCHEMAS else None


def _judge_over_server(privilege: str, meaning: str) -> tuple[Severity, str] | None:
    if privilege in ("USAGE", "SHOW VIEW", "SHOW DATABASES"):
        return None
    if privilege == ALL:
        return "severe", "It holds every privilege on the whole server: nothing binds it."
    if privilege == "SELECT":
        return "warning", "It may read every database on the server, the table of accounts included."
    if privilege in _LOOKING:
        return "warning", meaning
    if privilege == "CREATE TEMPORARY TABLES":
        return "info", meaning
    if privilege in _OF_DATA:
        return "severe", f"It holds {privilege} on every database, the server's own included."
    return "severe", meaning if privilege in _MEANINGS else f"It holds {privilege} over the whole server."


def _mend(privilege: str, grant: Grant, account: str) -> str:
    """The statement that ends a privilege: taken back itself, or the role that brings it."""
    if grant.through is not None:
        return f"REVOKE {grant.through} FROM {account};"
    return f"REVOKE {privilege} ON {grant.target} FROM {grant.grantee};"
