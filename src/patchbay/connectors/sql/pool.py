"""A bounded pool of sessions to one source under one role. Sessions are opened when needed and waited for in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import Generic, Protocol, TypeVar

from patchbay.connectors.sql.alarm import Alarm
from patchbay.connectors.system import SourceClosed

SIZE = 4
IDLE_S = 300.0


class PoolBusy(Exception):
    """No session came free before the deadline."""


class Pooled(Protocol):
    """An open session in the hands of one caller at a time."""

    idle_since: float

    @property
    def usable(self) -> bool:
        """Whether it can be asked anything more."""
        ...

    async def close(self, *, cancel: bool = False) -> None:
        """End it; with ``cancel`` first ask the server to stop what it runs (bounded, best effort)."""
        ...


B = TypeVar("B", bound=Pooled)


class Pool(Generic[B]):
    """Hands out sessions. ``open_backend`` opens one; it may take as long as the deadline it is awaited under allows."""

    def __init__(self, open_backend: Callable[[], Awaitable[B]], *, size: int = SIZE) -> None:
        self._open = open_backend
        self._size = size
        self._free = size
        self._idle: list[B] = []
        self._waiters: dict[asyncio.Future[B | None], float] = {}  # in order, with their deadlines
        self._alarm = Alarm(self._look)
        self._endings: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self.closed = False

    @property
    def ended(self) -> bool:
        """Whether it is retired and every session that was given back has ended."""
        return self.closed and not self._endings

    def take_idle(self) -> B | None:
        """A session that is open and free, or None: the fast path."""
        while self._idle:
            backend = self._idle.pop()
            if backend.usable:
                return backend
            self._free += 1
            self._end(backend, cancel=False)
        return None

    async def take(self, deadline: float) -> B:
        """A session: an idle one, a new one, or the next to come free. Opening errors are the opener's own.

        Raises :class:`PoolBusy` when none came free in time, TimeoutError when opening took too long.
        """
        if self.closed:
            raise SourceClosed
        backend = self.take_idle()
        if backend is None and self._free <= 0:
            backend = await self._wait(deadline)
        elif backend is None:
            self._free -= 1
        return backend if backend is not None else await self._open_one(deadline)

    def give_back(self, backend: B, *, cancel: bool = False) -> None:
        """Return a session; one that is not usable any more is ended, after asking the server to stop if ``cancel``."""
        if backend.usable and not self.closed:
            waiter = self._next_waiter()
            if waiter is not None:
                waiter.set_result(backend)
                return
            backend.idle_since = self._loop.time()
            self._idle.append(backend)
            return
        self._end(backend, cancel=cancel)
        self._pass_on()

    def end_idle(self, now: float, *, older_than_s: float = IDLE_S) -> None:
        """End sessions nobody used for a while."""
        kept: list[B] = []
        for backend in self._idle:
            if backend.usable and now - backend.idle_since < older_than_s:
                kept.append(backend)
            else:
                self._free += 1
                self._end(backend, cancel=False)
        self._idle = kept

    def retire(self) -> None:
        """Hand out nothing more and end what is idle; sessions in use end when they come back."""
        self.closed = True
        for backend in self._idle:
            self._end(backend, cancel=False)
        self._free += len(self._idle)
        self._idle = []
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(SourceClosed())
        self._waiters.clear()
        self._alarm.cancel()

    async def close(self, *, patience_s: float = 5.0) -> None:
        """Retire, and wait until the sessions in use have come back and all have ended, at most ``patience_s`` seconds."""
        self.retire()
        deadline = self._loop.time() + patience_s
        while (self._endings or self._free < self._size) and (left := deadline - self._loop.time()) > 0:
            if self._endings:
                await asyncio.wait(self._endings, timeout=left)
            else:
                await asyncio.sleep(min(left, 0.02))

    async def _wait(self, deadline: float) -> B | None:
        waiter: asyncio.Future[B | None] = self._loop.create_future()
        self._waiters[waiter] = deadline
        self._alarm.by(deadline)
        try:
            return await waiter
        except PoolBusy:
            raise
        except BaseException:
            self._leave(waiter)
            raise

    def _look(self, at: float) -> float:
        """Send away who waited in vain."""
        for waiter in [waiter for waiter, deadline in self._waiters.items() if deadline <= at]:
            del self._waiters[waiter]
            if not waiter.done():
                waiter.set_exception(PoolBusy())
        return min(self._waiters.values(), default=inf)

    def _next_waiter(self) -> asyncio.Future[B | None] | None:
        """The next in line, who is in it no more."""
        while self._waiters:
            waiter = next(iter(self._waiters))
            del self._waiters[waiter]
            if not waiter.done():
                return waiter
        return None

    def _leave(self, waiter: asyncio.Future[B | None]) -> None:
        if not waiter.done() or waiter.cancelled():
            waiter.cancel()
            self._waiters.pop(waiter, None)
            return
        if waiter.exception() is None:
            got = waiter.result()
            if got is not None:
                self.give_back(got)
            else:
                self._pass_on()

    async def _open_one(self, deadline: float) -> B:
        try:
            async with asyncio.timeout_at(deadline):
                backend = await self._open()
        except BaseException:
            self._pass_on()
            raise
        if self.closed:
            self._free += 1
            self._end(backend, cancel=False)
            raise SourceClosed
        return backend

    def _pass_on(self) -> None:
        """A place came free without a session in it: let the next in line open one."""
        waiter = self._next_waiter()
        if waiter is not None:
            waiter.set_result(None)
        else:
            self._free += 1

    def _end(self, backend: B, *, cancel: bool) -> None:
        task = self._loop.create_task(backend.close(cancel=cancel))
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
