"""Long work in a thread beside live calls."""

from __future__ import annotations

import time
from collections.abc import Callable

WORK_S, REST_S = 0.001, 0.0002


def pacer() -> Callable[[], None]:
    """Called between small pieces of work in a thread, it rests a little after each millisecond: the interpreter runs one thread
    at a time and would otherwise let live calls wait five milliseconds each time they need it.
    """
    rested = time.perf_counter()

    def breathe() -> None:
        nonlocal rested
        if time.perf_counter() - rested >= WORK_S:
            time.sleep(REST_S)
            rested = time.perf_counter()

    return breathe
