"""One timer for many deadlines: most are met, and setting a timer for each costs more than all else a short wait does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf


class Alarm:
    """Calls ``look`` when a deadline may have come. Times are the loop's.

    ``look`` takes the time that has come, deals with every deadline up to it, and returns the next one (inf: there is none).
    A deadline that is met is left to it: the alarm goes off once for nothing and is set to what is still waited for.
    """

    __slots__ = ("_at", "_look", "_loop", "_timer")

    def __init__(self, look: Callable[[float], float]) -> None:
        self._look = look
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._at = inf

    def by(self, deadline: float) -> None:
        """Go off at ``deadline``, or before."""
        if deadline < self._at:
            self.cancel()
            self._at = deadline
            self._timer = self._loop.call_at(deadline, self._ring)

    def cancel(self) -> None:
        """Do not go off."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._at = inf

    def _ring(self) -> None:
        at, self._timer, self._at = self._at, None, inf
        self.by(self._look(at))
