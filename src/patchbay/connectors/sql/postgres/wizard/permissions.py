"""What the roles may do: read_only_proof, excess_privileges, write_role.

**The read-only proof runs nothing of the owner's and changes nothing, even where it succeeds.** In order:

1. Two statements in one message are sent by the extended protocol and must be refused (they are two constants).
2. The server's own privilege functions say, for all tables and views at once, what may be changed. What they say yes to
   is never tried.
3. For some tables they say no to, `EXPLAIN` of an INSERT, an UPDATE and a DELETE must be refused for lack of privilege.
   `EXPLAIN` plans and does not execute; the refusal comes after planning, and planning may evaluate immutable functions
   with constant arguments. So only tables are taken where nothing of the owner's could come up in planning: ordinary
   tables that are no partition or parent, without row-level security, rules, expression or partial indexes, and extended
   statistics. The statements name every column explicitly and take the values from the table itself, so no default,
   domain or cast is evaluated; `WHERE false` ends planning before check constraints are looked at; generated columns are
   left out (their expressions are prepared only after the privilege check). Triggers fire on execution only. Views,
   with their rules and INSTEAD OF triggers, foreign tables and partitioned tables are judged by privilege alone.
4. A temporary table must be refused by the read-only session: this is asked inside a transaction that is rolled back, and
   only when the server says that the transaction is read-only, in which case it refuses before any event trigger.
5. Switching the session's default off is tried for one transaction, rolled back. It is expected to succeed: the setting
   is a net, not a wall, so the verdict rests on the privileges.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import AsyncGenerator
from typing import Any

import psycopg

from patchbay.connectors.sql.postgres.privileges import find_excess, write_access
from patchbay.connectors.sql.postgres.quoting import identifier
from patchbay.connectors.sql.postgres.session import Session
from patchbay.connectors.sql.postgres.wizard.examination import Examination
from patchbay.connectors.sql.postgres.wizard.login import one_row
from patchbay.connectors.sql.wizard.checks import Verdict
from patchbay.connectors.sql.wizard.permissions import (
    EXPLAIN_BUDGET_S,
    MOST_TABLES,
    NO_WRITE_ROLE,
    judge_excess,
    judge_proof,
    judge_write_role,
)

_SAFE_TO_EXPLAIN = f"""
SELECT n.nspname, c.relname, pg_catalog.array_agg(a.attname::text ORDER BY a.attnum),
  (pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attidentity <> 'a'))[1]
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relkind = 'r' AND NOT c.relispartition AND NOT c.relhassubclass AND NOT c.relrowsecurity AND NOT c.relhasrules
  AND pg_catalog.left(n.nspname::text, 3) <> 'pg_' AND n.nspname <> 'information_schema'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
  AND NOT (
    pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
    OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE'))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i
    WHERE i.indrelid = c.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid = c.oid)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid)
GROUP BY n.nspname, c.relname, c.reltuples
ORDER BY c.reltuples DESC, 1, 2 LIMIT {MOST_TABLES}
"""


async def read_only_proof(examination: Examination) -> Verdict:
    """The read role cannot change anything, by privilege; the session and the protocol add nets."""
    session = await examination.reading()
    one_statement = await _refuses_two_statements(session)
    access = await write_access(session)
    explained, refused = await _explain_writes(session)
    facts: dict[str, Any] = {
        "writable": {kind: getattr(access, kind) for kind in ("insert", "update", "delete", "truncate")},
        "writableNames": list(access.on),
        "tablesExplained": explained,
        "explainRefused": refused,
        "oneStatementPerMessage": one_statement,
        **await _session_facts(session),
    }
    return judge_proof(
        access,
        facts,
        dropped="A pooler probably drops the setting: ALTER ROLE … SET default_transaction_read_only = on sets it at the role.",
    )


async def excess_privileges(examination: Examination) -> Verdict:
    """Nothing is granted that reading does not need."""
    return judge_excess(await find_excess(await examination.reading(), "read"), "Reading needs none of it.")


async def write_role(examination: Examination) -> Verdict:
    """The write role can log in, may insert or update somewhere, and may do no more than that."""
    write = examination.known.write
    if write is None:
        return NO_WRITE_ROLE
    session = await examination.open("write", 4.0)
    access = await write_access(session)
    return judge_write_role(access, await find_excess(session, "write"))


async def _refuses_two_statements(session: Session) -> bool:
    try:
        await session.execute(b"SELECT %s::pg_catalog.int4; SELECT 2", [1])
    except psycopg.errors.SyntaxError:
        return True
    return False


async def _explain_writes(session: Session) -> tuple[int, int]:
    """How many changes were planned, and how many of these the server refused for lack of privilege."""
    tables = await (await session.execute(_SAFE_TO_EXPLAIN.encode())).fetchall()
    ends = time.monotonic() + EXPLAIN_BUDGET_S
    asked = refused = 0
    for schema, table, columns, settable in tables:
        for statement in changes(identifier(schema, table), columns, settable):
            if time.monotonic() > ends:
                return asked, refused
            try:
                await session.execute(f"EXPLAIN {statement}".encode())
            except psycopg.errors.InsufficientPrivilege:
                asked, refused = asked + 1, refused + 1
            except psycopg.Error:
                # Locked, dropped meanwhile, or a kind of table this cannot be asked of: it counts neither way.
                if session.closed:
                    raise
            else:
                asked += 1
    return asked, refused


def changes(name: str, columns: list[str], settable: str | None) -> list[str]:
    """An INSERT, an UPDATE and a DELETE on the table ``name`` that would change no row, for EXPLAIN only.

    ``columns`` are those that are not generated; ``settable`` is one an UPDATE may assign to (an identity column that is
    always generated is none), or None.
    """
    listed = ", ".join(identifier(column) for column in columns)
    statements = [
        f"INSERT INTO {name} ({listed}) OVERRIDING SYSTEM VALUE SELECT {listed} FROM ONLY {name} WHERE false",
        f"DELETE FROM ONLY {name} WHERE false",
    ]
    if settable is not None:
        statements.append(f"UPDATE ONLY {name} SET {identifier(settable)} = {identifier(settable)} WHERE false")
    return statements


async def _session_facts(session: Session) -> dict[str, bool]:
    async with _rolled_back(session):
        (read_only,) = await one_row(session, "SELECT pg_catalog.current_setting('transaction_read_only') = 'on'")
        temporary_refused = read_only and await _refuses_temporary_table(session)
    async with _rolled_back(session):
        (switched,) = await one_row(session, "SELECT pg_catalog.set_config('default_transaction_read_only', 'off', true)")
    return {
        "sessionReadOnly": read_only,
        "temporaryTableRefused": temporary_refused,
        "defaultCanBeSwitchedOff": switched == "off",
    }


async def _refuses_temporary_table(session: Session) -> bool:
    try:
        await session.execute(f"CREATE TEMPORARY TABLE {identifier(f'patchbay_{secrets.token_hex(8)}')} ()".encode())
    except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege):
        return True
    return False


@contextlib.asynccontextmanager
async def _rolled_back(session: Session) -> AsyncGenerator[None]:
    """A transaction that never commits."""
    async with session.transaction(force_rollback=True):
        yield
