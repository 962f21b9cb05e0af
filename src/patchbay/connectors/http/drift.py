"""When a system's answers are not what its document says: counted, and told once for each place."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Container

import structlog

_log = structlog.get_logger(__name__)
_PLACES_KEPT = 10_000

Place = tuple[str, str, str]
"""Connection id, operation, leaf."""


class Drift:
    """Counts mismatches by place. ``listen`` is told of the first at each: the document and the system have grown apart."""

    def __init__(self, listen: Callable[[Place], None] | None = None) -> None:
        self.listen = listen
        self._counts: OrderedDict[Place, int] = OrderedDict()
        self._pending: Counter[Place] = Counter()

    def seen(self, connection_id: str, operation: str, leaf: str) -> None:
        """One value was not of its type. Logs names only, never a value."""
        place = (connection_id, operation, leaf)
        count = self._counts.get(place, 0) + 1
        self._counts[place] = count
        if place in self._pending or len(self._pending) < _PLACES_KEPT:
            self._pending[place] += 1
        if count > 1:
            return
        _log.warning("drift", connection=connection_id, operation=operation, leaf=leaf)
        if self.listen is not None:
            self.listen(place)
        if len(self._counts) > _PLACES_KEPT:
            self._counts.popitem(last=False)

    def take(self, connections: Container[str]) -> Counter[Place]:
        """What was seen on these connections and not taken yet: whoever takes it sees that it is kept."""
        taken = Counter({place: n for place, n in self._pending.items() if place[0] in connections})
        for place in taken:
            del self._pending[place]
        return taken

    def counts(self, connection_id: str) -> Counter[tuple[str, str]]:
        """How often, by operation and leaf, since the process started."""
        return Counter({(o, leaf): n for (c, o, leaf), n in self._counts.items() if c == connection_id})


DRIFT = Drift()
"""The process's own."""
