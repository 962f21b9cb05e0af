"""Logged in: authentication, schema_readable, pooler."""

from __future__ import annotations

import time

from patchbay.connectors.sql.mysql.pooler import detect_pooling
from patchbay.connectors.sql.mysql.wizard.examination import Examination
from patchbay.connectors.sql.wizard.checks import Verdict, milliseconds

OLDEST_SUPPORTED = {"MySQL": (5, 7, 0), "MariaDB": (10, 5, 0)}


async def authentication(examination: Examination) -> Verdict:
    """The server lets the account in; the time this takes is the cold connect of a live call."""
    started = time.perf_counter()
    session = examination.session = await examination.open("read", 7.5)
    examination.cold_ms = milliseconds(time.perf_counter() - started)
    server = session.server
    facts = {"product": server.product, "serverVersion": str(server), "coldConnectMs": examination.cold_ms}
    if server.version < OLDEST_SUPPORTED[server.product]:
        oldest = ".".join(map(str, OLDEST_SUPPORTED[server.product][:2]))
        return Verdict(
            "warning",
            f"The account can log in, but this server is older than {server.product} {oldest}, the oldest that is supported.",
            "Upgrade the server: versions this old get no security fixes.",
            facts,
        )
    return Verdict("passed", f"The account can log in to {server}.", facts=facts)


async def schema_readable(examination: Examination) -> Verdict:
    """There are tables the account may read. What it holds no privilege on, these servers do not even count."""
    held = await examination.holdings()
    database = examination.known.database
    tables = [table for table in await examination.tables() if table.schema.lower() == database.lower()]
    readable = sum(held.may("SELECT", table) for table in tables)
    facts = {"tables": len(tables), "readable": readable}
    if not tables:
        return Verdict(
            "failed",
            "This database has no tables that the account may see.",
            "Check that database names the one with your data, and run the read-only script as an administrator.",
            facts,
        )
    if readable == 0:
        return Verdict(
            "failed", "The account may read none of the tables.", "Run the read-only script as an administrator.", facts
        )
    if readable < len(tables):
        return Verdict(
            "warning",
            f"The account may read {readable} of the {len(tables)} tables and views it sees.",
            "That is fine if it is meant so; else run the read-only script.",
            facts,
        )
    return Verdict("passed", f"All {len(tables)} tables and views that the account sees can be read.", facts=facts)


async def pooler(examination: Examination) -> Verdict:
    """Whether sessions stay whole between two statements."""
    pooling = await detect_pooling(await examination.reading(), await examination.open("read", 4.0))
    facts = {"mode": pooling.mode, "evidence": pooling.evidence}
    if pooling.mode == "transaction":
        return Verdict(
            "warning",
            "A proxy is in between that lends its sessions out: settings of a session do not stay with it.",
            "The time limit and the read-only setting of a session may be missing when a call runs; the account's privileges "
            "hold nevertheless. Connect to the server directly, or turn multiplexing off for this account.",
            facts,
        )
    if pooling.mode == "session":
        return Verdict("passed", "Something is in between (a proxy); sessions stay whole.", facts=facts)
    return Verdict("passed", "The connection goes to the server itself.", facts=facts)
