"""The clock that trust in what the store said is measured by."""

from __future__ import annotations

import time

TRUSTED_S = 1.0
"""For how many seconds a process goes by what the store said. It counts from when the question was *sent*."""

_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def now() -> float:
    """Seconds on a clock that neither jumps nor stops while the machine sleeps: a process that was paused trusts nothing."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)
