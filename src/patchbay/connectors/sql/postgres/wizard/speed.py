"""How long a live call would take: read_probe, latency."""

from __future__ import annotations

import math
import statistics
import time

from patchbay.connectors.sql.postgres.quoting import identifier
from patchbay.connectors.sql.postgres.session import Session
from patchbay.connectors.sql.postgres.wizard.checks import Examination, Verdict, milliseconds

READS = 30
FEWEST_READS = 5
WARM_UP = 3
BUDGET_S = 4.0
SPEAK_NOW_MS = 300.0
NEEDS_FILLER_MS = 1500.0

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
    """Short reads on the open connection, one after the other, within a budget of time."""
    session = await examination.reading()
    table = await (await session.execute(_TABLE.encode())).fetchone()
    statement = "SELECT 1 LIMIT %s" if table is None else f"SELECT 1 FROM {_escaped(identifier(*table))} LIMIT %s"
    samples = await _timed(session, statement.encode())
    examination.warm_ms = samples
    p50, p95 = statistics.median(samples), percentile(samples, 0.95)
    facts = {
        "coldConnectMs": examination.cold_ms,
        "p50Ms": p50,
        "p95Ms": p95,
        "samples": len(samples),
        "read": "constant" if table is None else "table",
    }
    return Verdict(
        "passed", f"A read takes {p50:.1f} ms (p95 {p95:.1f} ms), a new connection {examination.cold_ms:.0f} ms.", facts=facts
    )


async def latency(examination: Examination) -> Verdict:
    """Whether an agent can answer from this database without the caller noticing the wait."""
    p95 = percentile(examination.warm_ms, 0.95)
    facts = {
        "verdict": latency_verdict(p95),
        "p95Ms": p95,
        "p50Ms": statistics.median(examination.warm_ms),
        "coldConnectMs": examination.cold_ms,
        "speakNowMs": SPEAK_NOW_MS,
        "needsFillerMs": NEEDS_FILLER_MS,
    }
    if p95 <= SPEAK_NOW_MS:
        return Verdict("passed", "Fast enough for a live call: the agent can answer at once.", facts=facts)
    nearer = "Bring Patchbay and the database nearer to each other: most of this is the way between them."
    if p95 <= NEEDS_FILLER_MS:
        return Verdict("warning", "Usable on a live call with a filler (“one moment, I am looking that up”).", nearer, facts)
    return Verdict("warning", "Too slow for a live call; use it in chat only.", nearer, facts)


def latency_verdict(p95_ms: float) -> str:
    """The word for a warm p95 in milliseconds: `speak_now`, `needs_filler` or `not_for_voice`."""
    if p95_ms <= SPEAK_NOW_MS:
        return "speak_now"
    return "needs_filler" if p95_ms <= NEEDS_FILLER_MS else "not_for_voice"


def percentile(samples: list[float], share: float) -> float:
    """The nearest-rank percentile of at least one sample."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


async def _timed(session: Session, statement: bytes) -> list[float]:
    """Milliseconds of each read after the warm-up; at least `FEWEST_READS`, and no more than fit the budget."""
    samples: list[float] = []
    ends = time.perf_counter() + BUDGET_S
    for turn in range(WARM_UP + READS):
        started = time.perf_counter()
        await (await session.execute(statement, [1])).fetchall()
        now = time.perf_counter()
        # A slow database is judged by what there is time for, its warm-up included.
        if turn >= WARM_UP or now > ends:
            samples.append(milliseconds(now - started))
        if now > ends and len(samples) >= FEWEST_READS:
            break
        if now > ends + BUDGET_S / 4:
            break
    return samples


def _escaped(name: str) -> str:
    """A quoted name inside a statement with driver placeholders."""
    return name.replace("%", "%%")
