"""Timing calls: one after the other, and of many callers at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

CALLERS = 16
Call = Callable[[int], Awaitable[Any]]


async def timed(call: Call, calls: int, start: int) -> list[float]:
    """Microseconds of each of ``calls`` calls, one after the other."""
    taken: list[float] = []
    for n in range(start, start + calls):
        began = time.perf_counter()
        await call(n)
        taken.append((time.perf_counter() - began) * 1e6)
    return taken


async def throughput(call: Call, calls: int) -> float:
    """Calls a second of :data:`CALLERS` callers."""
    began = time.perf_counter()

    async def caller(which: int) -> None:
        for n in range(calls // CALLERS):
            await call(which * 1_000 + n)

    await asyncio.gather(*(caller(which) for which in range(CALLERS)))
    return calls // CALLERS * CALLERS / (time.perf_counter() - began)
