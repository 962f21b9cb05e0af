"""Logged in: authentication, schema_readable, pooler."""

from __future__ import annotations

import time

from patchbay.connectors.sql.postgres.pooler import detect_pooling
from patchbay.connectors.sql.postgres.session import Row, Session
from patchbay.connectors.sql.postgres.wizard.examination import Examination
from patchbay.connectors.sql.wizard.checks import Verdict, milliseconds

OLDEST_SUPPORTED = 120000

_VISIBLE = """
SELECT count(*), count(*) FILTER (WHERE readable), count(DISTINCT nspname) FILTER (WHERE readable),
  count(*) FILTER (WHERE NOT usable)
FROM (
  SELECT n.nspname, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usable,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE')
      AND (pg_catalog.has_table_privilege(c.oid, 'SELECT') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT')) AS readable
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND pg_catalog.left(n.nspname::text, 3) <> 'pg_' AND n.nspname <> 'information_schema'
) relation
"""


async def one_row(session: Session, statement: str) -> Row:
    """The first row of a statement that has one."""
    row = await (await session.execute(statement.encode())).fetchone()
    if row is None:
        raise LookupError("a row was expected")
    return row


async def authentication(examination: Examination) -> Verdict:
    """The server lets the role in; the time this takes is the cold connect of a live call."""
    started = time.perf_counter()
    session = examination.session = await examination.open("read", 7.5)
    examination.cold_ms = milliseconds(time.perf_counter() - started)
    version = session.info.server_version
    facts = {"serverVersion": f"{version // 10000}.{version % 10000}", "coldConnectMs": examination.cold_ms}
    if version < OLDEST_SUPPORTED:
        return Verdict(
            "warning",
            "The role can log in, but this server is older than PostgreSQL 12, the oldest that is tested.",
            "Upgrade the server: versions this old get no security fixes.",
            facts,
        )
    return Verdict("passed", f"The role can log in to PostgreSQL {facts['serverVersion']}.", facts=facts)


async def schema_readable(examination: Examination) -> Verdict:
    """There are tables the role may read."""
    total, readable, schemas, closed = await one_row(await examination.reading(), _VISIBLE)
    facts = {"tables": total, "readable": readable, "schemas": schemas, "inClosedSchemas": closed}
    if total == 0:
        return Verdict(
            "failed",
            "This database has no tables.",
            "Check that database names the one with your data.",
            facts,
        )
    if readable == 0:
        return Verdict(
            "failed",
            "The role may read none of the tables.",
            "Run the read-only script, connected to this database as an administrator.",
            facts,
        )
    if readable < total:
        return Verdict(
            "passed",
            f"{readable} of {total} tables and views can be read.",
            "Run the read-only script again if the others should be readable too.",
            facts,
        )
    return Verdict("passed", f"All {total} tables and views can be read.", facts=facts)


async def pooler(examination: Examination) -> Verdict:
    """Whether sessions stay whole between two statements."""
    pooling = await detect_pooling(await examination.reading(), await examination.open("read", 4.0))
    facts = {"mode": pooling.mode, "evidence": pooling.evidence}
    if pooling.mode == "transaction":
        return Verdict(
            "warning",
            "A transaction pooler is in between: settings of a session do not stay with it.",
            "Calls will each run in a read-only transaction of their own, sent in one round trip; that costs a little "
            "work on the server for each call and gives up prepared statements. Connect to the server directly, or to "
            "a session pool, to avoid it.",
            facts,
        )
    if pooling.mode == "session":
        return Verdict("passed", "Something is in between (a session pooler or a proxy); sessions stay whole.", facts=facts)
    return Verdict("passed", "The connection goes to the server itself.", facts=facts)
