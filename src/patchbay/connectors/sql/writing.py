"""One write on a database: a transaction of its own, committed once exactly one record was changed.

The commit goes out when the changed records have been counted, never with the statement: until then a session that breaks has
changed nothing, whatever the server did, and the refusal can say so. A write is not sent twice. Only when the session breaks
while it commits is the outcome unknown; where a unique key allows it, a read on a fresh session then looks whether the record is
as it was written.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from patchbay.connectors.refusals import (
    CallNotSupported,
    CallRefused,
    OutcomeUnknown,
    RecordNotFound,
    SeveralRecords,
    SourceTimeout,
    SourceUnavailable,
    WriteRefused,
)
from patchbay.connectors.sql.failures import BackendLost, DeadlinePassed, StatementFailed
from patchbay.connectors.sql.source import Backend, PooledSource
from patchbay.connectors.system import Role, SourceClosed

COMMIT_S = 1.0
"""What a commit may take beyond the call's own time: it is better waited for than not known."""
CONFIRM_S = 1.5
"""What finding out about an unknown outcome may take beyond the call's own time."""
_AGAIN_S = 0.1
CONFIRMED = "The connection was lost while this was being written; the record was looked up again and is as it was written."


class WriteAnswer(Protocol):
    """What a write returned: how many records it changed, and what came back of them."""

    affected: int
    cut: bool
    rows: list[tuple[bytes | None, ...]]


B = TypeVar("B", bound=Backend)
A = TypeVar("A", bound=WriteAnswer)


class Written(NamedTuple, Generic[A]):
    """``confirmed``: the answer is not the write's own, but of the read that found its record."""

    answer: A
    confirmed: bool = False


class _NotKnown(Exception):
    """The session broke while it committed."""


class WritingSource(PooledSource[B, A]):
    """A database under one role, which either reads or writes."""

    role: Role

    @abstractmethod
    def _begin(self, backend: B, asked: Any, deadline: float) -> Awaitable[A]:
        """Open a transaction and run the write in it. After StatementFailed it is rolled back."""

    @abstractmethod
    def _commit(self, backend: B, deadline: float) -> Awaitable[None]:
        """Commit. StatementFailed: it was rolled back."""

    @abstractmethod
    def _roll_back(self, backend: B, deadline: float) -> Awaitable[None]:
        """Undo; raises nothing."""

    @abstractmethod
    def _write_refusal(self, code: str) -> CallRefused:
        """What a server's refusal of a write means to the caller."""

    def check_role(self, role: Role) -> None:
        """Raises CallNotSupported when it is of the other role: reads never run on a session that may write, nor the reverse."""
        if self.role != role:
            raise CallNotSupported

    async def write(
        self, asked: Any, *, inspect: Callable[[A], None], confirm: Callable[[], Any] | None, deadline: float
    ) -> Written[A]:
        """Run the write ``asked`` by ``deadline`` (the loop's time).

        ``inspect`` may refuse the answer before anything lasts; ``confirm`` gives the read that finds the record as it was
        written. Raises a :class:`~patchbay.connectors.refusals.CallRefused`; after any but OutcomeUnknown nothing was changed.
        """
        self.check_role("write")
        wait = self.breaker.admit(self._loop.time())
        if wait > 0:
            raise SourceUnavailable(retry_after_s=wait)
        try:
            answer = await self._attempt(asked, inspect, deadline)
        except _NotKnown:
            self.breaker.failed(self._loop.time())
            return Written(await self._find_out(confirm, deadline), confirmed=True)
        except BaseException as error:
            self._count(error)
            raise
        self.breaker.succeeded()
        learning = self._learn(answer, deadline)
        if learning is not None:
            # It is committed: nothing that goes wrong from here on may look as if it could be run again.
            with contextlib.suppress(CallRefused, SourceClosed, BackendLost, StatementFailed):
                await learning
        return Written(answer)

    async def finds(self, values: Any, deadline: float) -> bool:
        """Whether the record is as the write that ``values`` are of was to write it; its ``confirm`` gives the read."""
        self.check_role("write")
        try:
            await self._find_out(values.confirm, deadline)
        except OutcomeUnknown:
            return False
        return True

    async def rehearse(self, asked: Any, *, deadline: float) -> A:
        """Run the write ``asked``, and undo it. Raises what :meth:`write` raises before it commits."""
        self.check_role("write")
        backend = await self._take(deadline)
        try:
            answer = await self._begin(backend, asked, deadline)
        except StatementFailed as failed:
            raise self._write_refusal(failed.code) from None
        except BackendLost:
            raise SourceUnavailable from None
        except DeadlinePassed:
            raise SourceTimeout from None
        finally:
            if backend.usable:
                await self._roll_back(backend, self._loop.time() + COMMIT_S)
            self.pool.give_back(backend, cancel=not backend.usable)
        _check_count(answer)
        return answer

    async def _attempt(self, asked: Any, inspect: Callable[[A], None], deadline: float) -> A:
        try:
            return await self._transaction(asked, inspect, deadline)
        except StatementFailed as failed:
            if failed.code not in self.needs_new_session:
                raise self._write_refusal(failed.code) from None
        # The session no longer knew the statement: the server refused it before anything ran.
        try:
            return await self._transaction(asked, inspect, deadline)
        except StatementFailed as failed:
            raise self._write_refusal(failed.code) from None

    async def _transaction(self, asked: Any, inspect: Callable[[A], None], deadline: float) -> A:
        backend = self.pool.take_idle() or await self._take(deadline)
        committing = False
        try:
            answer = await self._begin(backend, asked, deadline)
            _check_count(answer)
            inspect(answer)
            committing = True
            await self._commit(backend, deadline + COMMIT_S)
        except StatementFailed as failed:
            if failed.code in self.needs_new_session:
                backend.give_up()
            self.pool.give_back(backend)
            raise
        except (BackendLost, DeadlinePassed) as broken:
            backend.give_up()
            self.pool.give_back(backend, cancel=True)
            if committing:
                raise _NotKnown from None
            raise (SourceTimeout if isinstance(broken, DeadlinePassed) else SourceUnavailable) from None
        except CallRefused:
            if backend.usable:
                await self._roll_back(backend, self._loop.time() + COMMIT_S)
            self.pool.give_back(backend, cancel=not backend.usable)
            raise
        except BaseException:
            backend.give_up()
            self.pool.give_back(backend, cancel=True)
            raise
        self.pool.give_back(backend)
        return answer

    async def _find_out(self, confirm: Callable[[], Any] | None, deadline: float) -> A:
        """The record as it was written, from a fresh session; OutcomeUnknown when it is not seen so in time."""
        ends = max(deadline, self._loop.time()) + CONFIRM_S
        while confirm is not None:
            # What ended that session has likely ended the idle ones too.
            self.pool.end_idle(self._loop.time(), older_than_s=0.0)
            try:
                answer = await self._once(confirm(), ends)
            except (SourceClosed, SourceUnavailable, BackendLost):
                if self._loop.time() + _AGAIN_S >= ends:
                    break
                await asyncio.sleep(_AGAIN_S)
                continue
            except (CallRefused, StatementFailed):
                break
            if len(answer.rows) == 1:
                return answer
            break
        raise OutcomeUnknown


def _check_count(answer: WriteAnswer) -> None:
    if answer.cut:
        raise WriteRefused("What comes back of the record is longer than a call may return; nothing was changed.")
    if answer.affected == 0:
        raise RecordNotFound
    if answer.affected != 1:
        raise SeveralRecords
