"""What is counted across conversations and processes, in PostgreSQL: turns and calls of rate limits, attempts at verification.

The port is :class:`Books`; :class:`PostgresBooks` is the real one. Callers and identities are counted under keyed hashes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import msgspec
from sqlalchemy import text

from patchbay.accounts.operator_events import Told, tell_alone
from patchbay.store.database import Database

FORGOTTEN_AFTER = timedelta(days=1)
"""Failures are forgotten after so long without another one."""

Settlement = Literal["succeeded", "undecided"]


class AttemptKey(msgspec.Struct, frozen=True):
    """One thing attempts are counted under. ``scope`` is ``identity`` or ``origin``, with ``sms_`` before it for texts sent."""

    scope: str
    key_hash: bytes
    most: int
    lock_seconds: int


class Tally(msgspec.Struct, frozen=True):
    """The failures under one key, as they are stored."""

    failures: int = 0
    last_at: datetime | None = None
    locked_until: datetime | None = None


class Taken(msgspec.Struct, frozen=True):
    """An attempt that was asked for: ``locked`` means it may not be made. ``left`` is how many more there are if it fails.

    ``locks``: failing, it locks something until success or time opens it.
    """

    locked: bool
    left: int
    locks: bool = False


class Books(Protocol):
    """Counts atomically, across processes."""

    async def count(self, org_id: str, agent_id: str, policy_id: str, key: bytes, window_seconds: int) -> int:
        """Count one more in the current window and give the number there are now."""
        ...

    async def take(self, org_id: str, agent_id: str, keys: Sequence[AttemptKey]) -> Taken:
        """Count an attempt as failed under every key before it is made; none is counted when one of them is locked."""
        ...

    async def settle(self, org_id: str, agent_id: str, keys: Sequence[AttemptKey], how: Settlement) -> None:
        """A counted attempt did not fail: it ``succeeded``, or nothing was compared (``undecided``)."""
        ...

    async def tell(self, org_id: str, told: Told) -> None:
        """Tell the operator."""
        ...


def taken(tallies: Sequence[Tally], keys: Sequence[AttemptKey], now: datetime) -> tuple[Taken, Sequence[Tally]]:
    """What becomes of an attempt under keys with these tallies, and the tallies after it."""
    if any(t.locked_until is not None and t.locked_until > now for t in tallies):
        return Taken(locked=True, left=0), tallies
    after = [_one_more(tally, key, now) for tally, key in zip(tallies, keys, strict=True)]
    left = min(key.most - tally.failures for tally, key in zip(after, keys, strict=True))
    return Taken(locked=False, left=max(left, 0), locks=any(t.locked_until is not None for t in after)), after


def settled(tally: Tally, key: AttemptKey, how: Settlement) -> Tally:
    """The tally after an attempt that did not fail. Success clears an identity; an origin only gets the one attempt back, so that
    somebody who can prove one identity cannot go on trying others.
    """
    if how == "succeeded" and key.scope == "identity":
        return Tally(0, tally.last_at, None)
    failures = max(tally.failures - 1, 0)
    return Tally(failures, tally.last_at, tally.locked_until if failures >= key.most else None)


def _one_more(tally: Tally, key: AttemptKey, now: datetime) -> Tally:
    over = tally.locked_until is not None or (tally.last_at is not None and now - tally.last_at > FORGOTTEN_AFTER)
    failures = (0 if over else tally.failures) + 1
    locked = now + timedelta(seconds=key.lock_seconds) if failures >= key.most else None
    return Tally(failures, now, locked)


_COUNT = text(
    "INSERT INTO policy_counters AS c (agent_id, policy_id, key_hash, window_start, count) VALUES (:agent, :policy, :key,"
    " to_timestamp(floor(extract(epoch FROM clock_timestamp()) / :window) * :window), 1)"
    " ON CONFLICT (agent_id, policy_id, key_hash, window_start) DO UPDATE SET count = c.count + 1 RETURNING c.count"
)
_SWEEP = text(
    "DELETE FROM policy_counters WHERE agent_id = :agent AND policy_id = :policy"
    " AND window_start < clock_timestamp() - make_interval(secs => 2 * CAST(:window AS double precision)) RETURNING count"
)
_OPEN = text("INSERT INTO verification_attempts (agent_id, scope, key_hash) VALUES (:agent, :scope, :key) ON CONFLICT DO NOTHING")
_READ = text(
    "SELECT failures, last_at, locked_until, clock_timestamp() AS now FROM verification_attempts"
    " WHERE agent_id = :agent AND scope = :scope AND key_hash = :key FOR UPDATE"
)
_WRITE = text(
    "UPDATE verification_attempts SET failures = :failures, last_at = :last_at, locked_until = :locked_until,"
    " first_at = CASE WHEN :failures <= 1 THEN :last_at ELSE first_at END"
    " WHERE agent_id = :agent AND scope = :scope AND key_hash = :key"
)


class PostgresBooks:
    """The books in the platform's own store. The store's clock alone decides."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, org_id: str, agent_id: str, policy_id: str, key: bytes, window_seconds: int) -> int:
        """One statement; the first of a window also sweeps windows that are over."""
        values: Mapping[str, Any] = {"agent": agent_id, "policy": policy_id, "window": window_seconds}
        rows = await self._database.once(org_id, _COUNT, {**values, "key": key})
        number = int(rows[0][0])
        if number == 1:
            await self._database.once(org_id, _SWEEP, values)
        return number

    async def take(self, org_id: str, agent_id: str, keys: Sequence[AttemptKey]) -> Taken:
        """Under row locks, always taken in the order of the scopes, so that attempts at the same moment count one by one."""
        ordered = sorted(keys, key=lambda key: (key.scope, key.key_hash))
        async with self._database.tenant(org_id) as session:
            tallies: list[Tally] = []
            now: datetime | None = None
            for key in ordered:
                place = {"agent": agent_id, "scope": key.scope, "key": key.key_hash}
                await session.execute(_OPEN, place)
                row = (await session.execute(_READ, place)).one()
                tallies.append(Tally(row.failures, row.last_at, row.locked_until))
                now = row.now
            assert now is not None
            result, after = taken(tallies, ordered, now)
            if not result.locked:
                for key, tally in zip(ordered, after, strict=True):
                    await session.execute(_WRITE, _stored(agent_id, key, tally))
        return result

    async def settle(self, org_id: str, agent_id: str, keys: Sequence[AttemptKey], how: Settlement) -> None:
        """In the same order and under the same locks."""
        async with self._database.tenant(org_id) as session:
            for key in sorted(keys, key=lambda key: (key.scope, key.key_hash)):
                place = {"agent": agent_id, "scope": key.scope, "key": key.key_hash}
                row = (await session.execute(_READ, place)).one_or_none()
                if row is not None:
                    tally = settled(Tally(row.failures, row.last_at, row.locked_until), key, how)
                    await session.execute(_WRITE, _stored(agent_id, key, tally))

    async def tell(self, org_id: str, told: Told) -> None:
        """In a transaction of its own."""
        await tell_alone(self._database, org_id, told)


def _stored(agent_id: str, key: AttemptKey, tally: Tally) -> Mapping[str, Any]:
    values = {"failures": tally.failures, "last_at": tally.last_at, "locked_until": tally.locked_until}
    return {"agent": agent_id, "scope": key.scope, "key": key.key_hash, **values}
