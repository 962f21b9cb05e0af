"""A circuit breaker: after several failures in a row nobody waits for a dead source any more.

Closed, everything passes. After :data:`FAILURES` failures in a row it opens for a while that doubles up to
:data:`LONGEST_S`; when that has passed, one call is let through as a probe while the others are still refused. Its success
closes the breaker, its failure opens it again. Times are in seconds on the caller's monotonic clock.
"""

from __future__ import annotations

FAILURES = 3
SHORTEST_S = 1.0
LONGEST_S = 30.0


class Breaker:
    """The breaker of one source. ``admit`` before the call, then exactly one of ``succeeded``, ``failed``, ``abandoned``."""

    __slots__ = ("_failures", "_open_for", "_open_until", "_probing")

    def __init__(self) -> None:
        self._failures = 0
        self._open_for = 0.0
        self._open_until = 0.0
        self._probing = False

    def admit(self, now: float) -> float:
        """0 when the call may go, else the seconds until it is worth trying again."""
        if self._failures < FAILURES:
            return 0.0
        if now < self._open_until:
            return self._open_until - now
        if self._probing:
            return SHORTEST_S
        self._probing = True
        return 0.0

    def succeeded(self) -> None:
        """The source answered, with rows or with a refusal of its own: it is alive."""
        if self._failures:
            self._failures = 0
            self._open_for = 0.0
            self._probing = False

    def failed(self, now: float) -> None:
        """The source could not be reached, broke off, or did not answer in time."""
        self._failures += 1
        self._probing = False
        # Of many calls that one outage ended, those after the third say nothing new: only a failed probe makes it longer.
        if self._failures >= FAILURES and now >= self._open_until:
            self._open_for = min(max(SHORTEST_S, self._open_for * 2), LONGEST_S)
            self._open_until = now + self._open_for

    def abandoned(self) -> None:
        """The caller went away before the source could answer: this says nothing about the source."""
        self._probing = False
