"""How long a live call would take: read_probe."""

from __future__ import annotations

from patchbay.connectors.sql.mysql.quoting import identifier
from patchbay.connectors.sql.mysql.wizard.examination import Examination
from patchbay.connectors.sql.wizard.checks import Verdict
from patchbay.connectors.sql.wizard.speed import timed_reads


async def read_probe(examination: Examination) -> Verdict:
    """Short reads of one table, or of a constant where there is none. A view could run what its owner wrote."""
    session = await examination.reading()
    held = await examination.holdings()
    database = examination.known.database.lower()
    tables = [table for table in await examination.tables() if table.kind == "BASE TABLE" and table.schema.lower() == database]
    table = next((table for table in tables if held.may("SELECT", table)), None)
    statement = "SELECT 1 LIMIT 1" if table is None else f"SELECT 1 FROM {identifier(table.schema, table.name)} LIMIT 1"
    return await timed_reads(examination, lambda: session.rows(statement), of_table=table is not None)
