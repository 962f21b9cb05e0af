"""Books that count in memory, by the same rules as the real ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from patchbay.accounts.operator_events import Told
from patchbay.agent_runtime.counting import AttemptKey, Settlement, Taken, Tally, settled, taken


class MemoryBooks:
    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, bytes]] = Counter()
        self.tallies: dict[tuple[str, str, bytes], Tally] = {}
        self.told: list[Told] = []
        self.takes = 0

    async def count(self, org_id: str, agent_id: str, policy_id: str, key: bytes, window_seconds: int) -> int:
        self.counts[agent_id, policy_id, key] += 1
        return self.counts[agent_id, policy_id, key]

    async def take(self, org_id: str, agent_id: str, keys: Sequence[AttemptKey]) -> Taken:
        places = [(agent_id, key.scope, key.key_hash) for key in keys]
        result, after = taken([self.tallies.get(p, Tally()) for p in places], keys, datetime.now(UTC))
        self.tallies.update(zip(places, after, strict=True))
        self.takes += not result.locked
        return result

    async def settle(self, org_id: str, agent_id: str, keys: Sequence[AttemptKey], how: Settlement) -> None:
        for key in keys:
            place = (agent_id, key.scope, key.key_hash)
            self.tallies[place] = settled(self.tallies.get(place, Tally()), key, how)

    async def tell(self, org_id: str, told: Told) -> None:
        self.told.append(told)
