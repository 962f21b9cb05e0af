"""What the accounts may do: read_only_proof, excess_privileges, write_role.

**The read-only proof runs nothing of the owner's and changes nothing, even where it succeeds.** In order:

1. Two statements in one message must be refused (they are two constants).
2. SHOW GRANTS, read strictly, says for all tables and views what may be changed. What it says yes to is never tried.
3. For some tables it says no to, `EXPLAIN` of an INSERT, an UPDATE and a DELETE must be refused for lack of privilege. Both
   servers look at the privileges before they open a table, and `EXPLAIN` executes nothing. Only ordinary tables are taken, the
   statements take their values from the table itself under `WHERE FALSE`, and triggers fire on execution only. They are asked
   in a read-write transaction that is rolled back, so that it is the privilege that refuses and not the session's setting.
4. A temporary table must be refused. This is asked in the read-only session and only where one of two says no beforehand: the
   grants, or MariaDB, whose read-only sessions refuse all DDL (MySQL's let temporary tables through).
5. Switching the session's default off is tried for one empty transaction, rolled back. It is expected to succeed: the setting
   is a net, not a wall (ANALYZE TABLE gets through it even while it is on), so the verdict rests on the privileges.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

import pymysql

from patchbay.connectors.sql.mysql.privileges import Holdings, Table, find_excess, holdings, visible_tables, write_access
from patchbay.connectors.sql.mysql.quoting import identifier
from patchbay.connectors.sql.mysql.refusals import DENIED, READ_ONLY, error_number
from patchbay.connectors.sql.mysql.server import read_only_variable
from patchbay.connectors.sql.mysql.session import Session
from patchbay.connectors.sql.mysql.wizard.examination import Examination
from patchbay.connectors.sql.wizard.checks import Verdict
from patchbay.connectors.sql.wizard.permissions import (
    EXPLAIN_BUDGET_S,
    MOST_TABLES,
    NO_WRITE_ROLE,
    judge_excess,
    judge_proof,
    judge_write_role,
)

_CHANGES = ("INSERT", "UPDATE", "DELETE", "DROP")
_DROPPED = "A proxy probably drops the setting: connect to the server itself, or turn its multiplexing off for this account."


async def read_only_proof(examination: Examination) -> Verdict:
    """The read account cannot change anything, by privilege; the session and the protocol add nets."""
    session = await examination.reading()
    one_statement = await _refuses_two_statements(session)
    held = await examination.holdings()
    tables = await examination.tables()
    access = write_access(held, tables)
    explained, refused = await _explain_writes(session, held, [table for table in tables if table.kind == "BASE TABLE"])
    facts: dict[str, Any] = {
        "writable": {kind: getattr(access, kind) for kind in ("insert", "update", "delete", "truncate")},
        "writableNames": list(access.on),
        "tablesExplained": explained,
        "explainRefused": refused,
        "oneStatementPerMessage": one_statement,
        **await _session_facts(session, held),
    }
    if held.unread:
        return Verdict(
            "failed",
            "What this account may do could not be read in full, so nothing is proven.",
            "Log in with the account that the read-only script makes: its grants are plain.",
            facts,
        )
    return judge_proof(access, facts, dropped=_DROPPED)


async def excess_privileges(examination: Examination) -> Verdict:
    """Nothing is granted that reading does not need."""
    return judge_excess(find_excess(await examination.holdings(), "read"), "Reading needs none of it.")


async def write_role(examination: Examination) -> Verdict:
    """The write account can log in, may insert or update somewhere, and may do no more than that."""
    if examination.known.write is None:
        return NO_WRITE_ROLE
    session = await examination.open("write", 4.0)
    held = await holdings(session)
    return judge_write_role(write_access(held, await visible_tables(session)), find_excess(held, "write"))


async def _refuses_two_statements(session: Session) -> bool:
    try:
        await session.rows("SELECT 1; SELECT 2")
    except pymysql.ProgrammingError:
        return True
    return False


async def _explain_writes(session: Session, held: Holdings, tables: list[Table]) -> tuple[int, int]:
    """How many changes were planned, and how many of these the server refused for lack of privilege."""
    safe = [
        table for table in tables if held.may("SELECT", table) and not any(held.may(privilege, table) for privilege in _CHANGES)
    ][:MOST_TABLES]
    asked = refused = 0
    ends = time.monotonic() + EXPLAIN_BUDGET_S
    # A replica refuses the transaction, and the statements for being a replica, which proves nothing about the privileges.
    await _number_of(session, "START TRANSACTION READ WRITE")
    try:
        for table in safe:
            for statement in await _changes(session, table):
                if time.monotonic() > ends:
                    return asked, refused
                answer = await _number_of(session, f"EXPLAIN {statement}")
                # Locked, dropped meanwhile, or a kind of table this cannot be asked of: it counts neither way.
                if answer is None or answer in DENIED:
                    asked, refused = asked + 1, refused + (answer is not None)
    finally:
        await session.rows("ROLLBACK")
    return asked, refused


async def _changes(session: Session, table: Table) -> list[str]:
    """An INSERT, an UPDATE and a DELETE that would change no row, for EXPLAIN only, by the first column that is not generated."""
    names = await session.rows(
        "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE COALESCE(GENERATION_EXPRESSION, '') = '' "
        f"AND TABLE_SCHEMA = {_text(table.schema)} AND TABLE_NAME = {_text(table.name)} ORDER BY ORDINAL_POSITION LIMIT 1"
    )
    if not names:
        return []
    name, column = identifier(table.schema, table.name), identifier(names[0][0])
    return changes(name, column)


def changes(name: str, column: str) -> list[str]:
    """The three statements for a table and one of its columns, both quoted."""
    return [
        f"INSERT INTO {name} ({column}) SELECT {column} FROM {name} WHERE FALSE",
        f"UPDATE {name} SET {column} = {column} WHERE FALSE",
        f"DELETE FROM {name} WHERE FALSE",
    ]


async def _session_facts(session: Session, held: Holdings) -> dict[str, bool | None]:
    ((setting,),) = await session.rows(f"SELECT @@session.{read_only_variable(session.server)}")
    read_only = bool(setting)
    switched = await _number_of(session, "START TRANSACTION READ WRITE") is None
    await session.rows("ROLLBACK")
    return {
        "sessionReadOnly": read_only,
        "temporaryTableRefused": await _refuses_temporary_table(session, held) if read_only else None,
        "defaultCanBeSwitchedOff": switched,
    }


async def _refuses_temporary_table(session: Session, held: Holdings) -> bool | None:
    if held.may_anywhere("CREATE TEMPORARY TABLES") and session.server.product != "MariaDB":
        return None
    name = identifier(f"patchbay_{secrets.token_hex(8)}")
    answer = await _number_of(session, f"CREATE TEMPORARY TABLE {name} (id INT)")
    return answer == READ_ONLY or answer in DENIED


async def _number_of(session: Session, statement: str) -> int | None:
    """The number of the error a statement ends in, or None when it succeeds. Raises what ends the session itself."""
    try:
        await session.rows(statement)
    except pymysql.Error as error:
        number = error_number(error)
        if session.closed or number is None:
            raise
        return number
    return None


def _text(value: str) -> str:
    """A text as a constant, in sessions where a backslash is only that."""
    return "'" + value.replace("'", "''") + "'"
