"""Run statements on a database: breaker, pool, one retry where it is safe, and refusals instead of server errors."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from patchbay.connectors.breaker import Breaker
from patchbay.connectors.refusals import (
    CallRefused,
    CredentialsRefused,
    SourceBusy,
    SourceTimeout,
    SourceUnavailable,
)
from patchbay.connectors.sql.failures import BackendLost, DeadlinePassed, StatementFailed
from patchbay.connectors.sql.pool import Pool, PoolBusy, Pooled
from patchbay.connectors.sql.refusals import AuthenticationRefused, ConnectFailed, DatabaseMissing, TooManyConnections
from patchbay.egress.guard import EgressRefused

STATEMENT_TIMEOUT_MS = 4_000
"""The session's own limit: the last resort when a cancellation does not arrive. No call may take longer."""
SLACK_BYTES = 65_536
"""What an answer may exceed its byte cap by on the wire before reading stops: names, framing and TLS cost something."""


class Backend(Pooled, Protocol):
    """A session that the source can give up."""

    def give_up(self) -> None:
        """Not to be used again."""
        ...


class Answer(Protocol):
    """What a statement returned."""

    cut: bool


B = TypeVar("B", bound=Backend)
A = TypeVar("A", bound=Answer)


class PooledSource(ABC, Generic[B, A]):
    """One database under one role: its pool and its breaker. What is asked of a session is the subclass's own (``asked``)."""

    needs_new_session: ClassVar[frozenset[str]] = frozenset()
    """Codes of refusals before anything ran, which another session would not give."""

    def __init__(self, *, size: int) -> None:
        self._loop = asyncio.get_running_loop()
        self.pool: Pool[B] = Pool(self._open_backend, size=size)
        self.breaker = Breaker()

    @property
    def ended(self) -> bool:
        """Whether it is retired and every session that was given back has ended."""
        return self.pool.ended

    def retire(self) -> None:
        """End the idle sessions now and those in use when they come back."""
        self.pool.retire()

    def end_idle(self, now: float) -> None:
        """End sessions nobody used for a while."""
        self.pool.end_idle(now)

    async def close(self) -> None:
        """Retire, and wait a few seconds for the sessions in use."""
        await self.pool.close()

    @abstractmethod
    async def _open_backend(self) -> B:
        """A new session."""

    @abstractmethod
    def _run(self, backend: B, asked: Any, deadline: float) -> Awaitable[A]:
        """The answer to what is asked, from a session that is free."""

    @abstractmethod
    def _refusal(self, code: str) -> CallRefused:
        """What a server's refusal means to the caller."""

    def _learn(self, answer: A, deadline: float) -> Awaitable[None] | None:
        """What else has to be found out to read ``answer``; mostly nothing."""
        return None

    async def _ask(self, asked: Any, deadline: float) -> A:
        """The answer by ``deadline`` (the loop's time).

        A session that broke before the first row is replaced and the read is tried once more. Raises a
        :class:`~patchbay.connectors.refusals.CallRefused`.
        """
        wait = self.breaker.admit(self._loop.time())
        if wait > 0:
            raise SourceUnavailable(retry_after_s=wait)
        try:
            answer = await self._attempts(asked, deadline)
            learning = self._learn(answer, deadline)
            if learning is not None:
                await learning
        except BaseException as error:
            self._count(error)
            raise
        self.breaker.succeeded()
        return answer

    def _count(self, error: BaseException) -> None:
        """Tell the breaker how a run ended that has no answer."""
        if isinstance(error, (SourceUnavailable, SourceTimeout)):
            self.breaker.failed(self._loop.time())
        elif isinstance(error, CallRefused) and not isinstance(error, SourceBusy):
            self.breaker.succeeded()
        else:
            self.breaker.abandoned()

    async def _attempts(self, asked: Any, deadline: float) -> A:
        try:
            return await self._once(asked, deadline)
        except BackendLost as lost:
            if lost.rows_seen:
                raise SourceUnavailable from None
            # What ended this session has likely ended the idle ones too.
            self.pool.end_idle(self._loop.time(), older_than_s=0.0)
        except StatementFailed as failed:
            if failed.code not in self.needs_new_session:
                raise self._refusal(failed.code) from None
        try:
            return await self._once(asked, deadline)
        except BackendLost:
            raise SourceUnavailable from None
        except StatementFailed as failed:
            raise self._refusal(failed.code) from None

    async def _once(self, asked: Any, deadline: float) -> A:
        backend = self.pool.take_idle() or await self._take(deadline)
        try:
            answer = await self._run(backend, asked, deadline)
        except StatementFailed as failed:
            if failed.code in self.needs_new_session:
                backend.give_up()
            self.pool.give_back(backend)
            raise
        except BackendLost:
            self.pool.give_back(backend)
            raise
        except DeadlinePassed:
            self.pool.give_back(backend, cancel=True)
            raise SourceTimeout from None
        except BaseException:
            backend.give_up()
            self.pool.give_back(backend, cancel=True)
            raise
        self.pool.give_back(backend, cancel=answer.cut)
        return answer

    async def _take(self, deadline: float) -> B:
        try:
            return await self.pool.take(deadline)
        except (PoolBusy, TooManyConnections):
            raise SourceBusy from None
        except TimeoutError:
            raise SourceTimeout from None
        except (AuthenticationRefused, DatabaseMissing):
            raise CredentialsRefused from None
        except (ConnectFailed, EgressRefused, BackendLost, StatementFailed, OSError):
            raise SourceUnavailable from None
