"""What a check is and how one is run: within its time, and never with an exception for an answer."""

from __future__ import annotations

import asyncio
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec
import structlog

from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.egress.guard import CheckedAddress, EgressGuard
from patchbay.errors import PatchbayError

log = structlog.get_logger(__name__)

Status = Literal["passed", "warning", "failed", "skipped"]
Role = Literal["read", "write"]
_GRACE_S = 0.2

RAN_OUT = ("A statement of this check ran into its time limit.", "Try again when the database is less busy.")
LOCKED = ("A table was locked by somebody else for too long.", "Try again in a moment.")
NOT_ALLOWED = ("The role lacks a privilege this check needs.", "Run the read-only script to set the role up.")
BROKE_OFF = (
    "The database broke off while this was checked.",
    "Try again; look into the server's log when it stays so.",
)
"""What errors of any driver come down to: message and hint."""


class Check(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One check's result, as it goes over the wire. ``facts`` depend on the check; ``duration_ms`` is wall time."""

    id: str
    status: Status
    message: str
    hint: str | None
    facts: dict[str, Any]
    duration_ms: float


class Verdict(msgspec.Struct, frozen=True):
    """What a check found."""

    status: Status
    message: str
    hint: str | None = None
    facts: dict[str, Any] = {}


class Closable(Protocol):
    """A session of any driver."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be asked any more."""
        ...

    async def close(self) -> None:
        """End it."""
        ...


S = TypeVar("S", bound=Closable)


@dataclass
class Examination(ABC, Generic[S]):
    """What the checks learn about one connection, each building on the ones before. Nothing of it is kept.

    What differs from database to database is abstract: how a session is opened and cut, how TLS is come to, and what the
    driver's errors mean.
    """

    raw: Mapping[str, Any]
    kind: str
    guard: EgressGuard
    credentials: SqlCredentials | None = None
    target: CheckedAddress | None = None
    session: S | None = None
    cold_ms: float = 0.0
    warm_ms: list[float] = field(default_factory=list[float])
    opened: list[S] = field(default_factory=list[S])

    @abstractmethod
    def encrypted(self, target: CheckedAddress, context: ssl.SSLContext) -> AbstractAsyncContextManager[asyncio.StreamWriter]:
        """See `tls.Encrypted`."""

    @abstractmethod
    async def connect(self, role: Role, timeout_s: float) -> S:
        """A session of ``role`` on the checked address. Raises a `ConnectFailed`."""

    @abstractmethod
    def cut_off(self, session: S) -> None:
        """End a session's conversation at once, without waiting for the other side."""

    @abstractmethod
    def explain(self, error: Exception) -> Verdict | None:
        """What an error of the driver means for the check it came up in; None when it is not the driver's."""

    @property
    def known(self) -> SqlCredentials:
        """The credentials, once they are read."""
        assert self.credentials is not None
        return self.credentials

    @property
    def checked(self) -> CheckedAddress:
        """The address, once it is checked."""
        assert self.target is not None
        return self.target

    async def reading(self) -> S:
        """The read role's open session; a new one when an earlier check lost it."""
        if self.session is None or self.session.closed:
            self.session = await self.open("read", 4.0)
        return self.session

    async def open(self, role: Role, timeout_s: float) -> S:
        """A further session on the checked address, closed with the examination."""
        session = await self.connect(role, timeout_s)
        self.opened.append(session)
        return session

    def cut(self) -> None:
        """End the conversations of every session at once, without waiting for the other side.

        Cancelling a driver's statement instead would have it ask the server to stop, and wait for the answer: on a dead
        connection that takes longer than the deadline it was cancelled for.
        """
        for session in self.opened:
            if not session.closed:
                self.cut_off(session)

    async def close(self) -> None:
        """Close every session."""
        for session in self.opened:
            await session.close()


@dataclass(frozen=True)
class Step:
    """One check: its id, the checks it cannot run without, and its time limit in seconds.

    One that only thinks (``offline``) runs even when the time is up.
    """

    id: str
    run: Callable[[Any], Awaitable[Verdict]]
    needs: tuple[str, ...] = ()
    timeout_s: float = 5.0
    offline: bool = False


async def examine(step: Step, examination: Examination[Any], left_s: float) -> Check:
    """Run one check within its own and the remaining time; whatever goes wrong becomes its verdict."""
    started = time.perf_counter()
    limit_s = step.timeout_s if step.offline else min(step.timeout_s, left_s)
    try:
        verdict = await _within(limit_s, step, examination)
    except TimeoutError:
        verdict = Verdict(
            "failed",
            "This check did not finish in time.",
            "Check the network between Patchbay and the database; a live call would wait as long.",
        )
    except PatchbayError as refusal:
        verdict = Verdict("failed", refusal.detail, refusal.hint, {"code": refusal.code})
    except Exception as error:
        verdict = examination.explain(error) or _unexpected(step, error)
    return Check(
        id=step.id,
        status=verdict.status,
        message=verdict.message,
        hint=verdict.hint,
        facts=verdict.facts,
        duration_ms=milliseconds(time.perf_counter() - started),
    )


def _unexpected(step: Step, error: Exception) -> Verdict:
    """The answer must come whatever happens; the kind of error is for the log, its text might hold a secret."""
    log.error("connection check failed unexpectedly", check=step.id, error=type(error).__name__)
    return Verdict("failed", "This check could not be carried out.", "Try again; if it stays so, report it.")


async def _within(limit_s: float, step: Step, examination: Examination[Any]) -> Verdict:
    task = asyncio.ensure_future(step.run(examination))
    try:
        done, _ = await asyncio.wait({task}, timeout=limit_s)
        if done:
            return task.result()
        examination.cut()
        # Cut off, a statement fails by itself; only what is still connecting has to be cancelled.
        await asyncio.wait({task}, timeout=_GRACE_S)
        raise TimeoutError
    finally:
        if not task.done():
            examination.cut()
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # seen: nobody is told of it again


def skipped(step: Step, because: str) -> Check:
    """The result of a check that could not run."""
    return Check(id=step.id, status="skipped", message=because, hint=None, facts={}, duration_ms=0.0)


def milliseconds(seconds: float) -> float:
    """Seconds as milliseconds with two decimals."""
    return round(seconds * 1000, 2)
