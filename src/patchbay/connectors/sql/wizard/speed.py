"""How long a live call would take: what read_probe measures, and latency."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from patchbay.connectors.sql.wizard.checks import Examination, Verdict, milliseconds

READS = 30
FEWEST_READS = 5
WARM_UP = 3
BUDGET_S = 4.0
SPEAK_NOW_MS = 300.0
NEEDS_FILLER_MS = 1500.0


async def timed_reads(examination: Examination[Any], read: Callable[[], Awaitable[object]], *, of_table: bool) -> Verdict:
    """Short reads on the open connection, one after the other, within a budget of time."""
    samples = await _timed(read)
    examination.warm_ms = samples
    p50, p95 = statistics.median(samples), percentile(samples, 0.95)
    facts = {
        "coldConnectMs": examination.cold_ms,
        "p50Ms": p50,
        "p95Ms": p95,
        "samples": len(samples),
        "read": "table" if of_table else "constant",
    }
    return Verdict(
        "passed", f"A read takes {p50:.1f} ms (p95 {p95:.1f} ms), a new connection {examination.cold_ms:.0f} ms.", facts=facts
    )


async def latency(examination: Examination[Any]) -> Verdict:
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


async def _timed(read: Callable[[], Awaitable[object]]) -> list[float]:
    """Milliseconds of each read after the warm-up; at least `FEWEST_READS`, and no more than fit the budget."""
    samples: list[float] = []
    ends = time.perf_counter() + BUDGET_S
    for turn in range(WARM_UP + READS):
        started = time.perf_counter()
        await read()
        now = time.perf_counter()
        # A slow database is judged by what there is time for, its warm-up included.
        if turn >= WARM_UP or now > ends:
            samples.append(milliseconds(now - started))
        if now > ends and len(samples) >= FEWEST_READS:
            break
        if now > ends + BUDGET_S / 4:
            break
    return samples
