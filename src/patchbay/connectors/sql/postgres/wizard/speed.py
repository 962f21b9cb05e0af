"""How long a live call would take: read_probe."""

from __future__ import annotations

from patchbay.connectors.sql.postgres.quoting import identifier
from patchbay.connectors.sql.postgres.wizard.examination import Examination
from patchbay.connectors.sql.wizard.checks import Verdict
from patchbay.connectors.sql.wizard.speed import timed_reads

# An ordinary table without row-level security (its policies might call functions): a small one that is known to have
# rows, else any.
_TABLE = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND NOT c.relrowsecurity
  AND pg_catalog.left(n.nspname::text, 3) <> 'pg_' AND n.nspname <> 'information_schema'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
ORDER BY c.relpages = 0, c.relpages, n.nspname, c.relname LIMIT 1
"""


async def read_probe(examination: Examination) -> Verdict:
    """Short reads of one table, or of a constant where there is none."""
    session = await examination.reading()
    table = await (await session.execute(_TABLE.encode())).fetchone()
    statement = "SELECT 1 LIMIT %s" if table is None else f"SELECT 1 FROM {_escaped(identifier(*table))} LIMIT %s"

    async def read() -> None:
        await (await session.execute(statement.encode(), [1])).fetchall()

    return await timed_reads(examination, read, of_table=table is not None)


def _escaped(name: str) -> str:
    """A quoted name inside a statement with driver placeholders."""
    return name.replace("%", "%%")
