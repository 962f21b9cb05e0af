"""What the store said within the last second, for what every call of a busy process would otherwise ask again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from patchbay.store.clock import TRUSTED_S, now

K = TypeVar("K")
V = TypeVar("V")


class _Kept(Generic[V]):
    __slots__ = ("asked_at", "value")

    def __init__(self, value: V, asked_at: float) -> None:
        self.value = value
        self.asked_at = asked_at


class Confirmed(Generic[K, V]):
    """Values by key, each trusted for :data:`~patchbay.store.clock.TRUSTED_S`.

    ``ask`` gives the value as the store has it now, or raises; what it raised is not kept. Callers that want the same key at once
    share one question. In the second half of its time a value that is used is asked for again behind the user's back, so that a
    busy process waits for the first question only; when that fails, the value is given up.
    """

    def __init__(self, ask: Callable[[K], Awaitable[V]], *, at_most: int = 4_096, clock: Callable[[], float] = now) -> None:
        self._ask = ask
        self._at_most = at_most
        self._clock = clock
        self._kept: OrderedDict[K, _Kept[V]] = OrderedDict()
        self._asking: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        """The value of ``key``. Raises what asking raises."""
        kept = self._kept.get(key)
        if kept is not None:
            age = self._clock() - kept.asked_at
            if age <= TRUSTED_S:
                if age > TRUSTED_S / 2 and key not in self._asking:
                    self._begin(key)
                return kept.value
        # Shielded: one of several who wait may be cancelled.
        return await asyncio.shield(self._asking.get(key) or self._begin(key))

    def put(self, key: K, value: V) -> None:
        """Keep a value that was just written to the store, or is on its way there."""
        self._kept[key] = _Kept(value, self._clock())
        self._kept.move_to_end(key)
        if len(self._kept) > self._at_most:
            self._kept.popitem(last=False)

    def forget(self, key: K) -> None:
        """Ask the next time, whatever was said before."""
        self._kept.pop(key, None)

    async def close(self) -> None:
        """Wait for the questions that are under way."""
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    def _begin(self, key: K) -> asyncio.Task[V]:
        task = asyncio.get_running_loop().create_task(self._fetch(key))
        self._asking[key] = task
        task.add_done_callback(lambda done: self._asked(key, done))
        return task

    async def _fetch(self, key: K) -> V:
        asked_at = self._clock()
        value = await self._ask(key)
        self.put(key, value)
        self._kept[key].asked_at = asked_at
        return value

    def _asked(self, key: K, done: asyncio.Task[V]) -> None:
        if self._asking.get(key) is done:
            del self._asking[key]
        if done.cancelled() or done.exception() is not None:
            self.forget(key)
