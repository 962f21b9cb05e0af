"""Requests counted ahead, for the routes where a round trip to the store would be most of the time.

:func:`~patchbay.accounts.keys.admit` asks the store about every request. A process that answers thousands a second takes a lease
instead: the store verifies the key, counts some requests of the organization's window in advance, and the process hands them out
within a second. So a key that was revoked, and a scope that was taken away, are noticed within a second; over all processes there
are never more requests than the limit, because every one that is handed out has been counted; and what was not handed out is
given back. A killed process keeps what it had leased from being used until the window has passed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from patchbay.accounts.keys import WINDOW_S, Admission, Verdict, judge, key_id_of
from patchbay.accounts.principal import Principal
from patchbay.errors import NotAuthenticated
from patchbay.store.clock import TRUSTED_S, now
from patchbay.store.database import Database
from patchbay.store.vault import Vault

MOST = 1_000
"""How many requests a lease may have. The store grants no more than a quarter of what is left of the limit."""

_KEPT = 4_096
_LEASE = text(
    "SELECT org_id, name, scopes, verdict, remaining, reset_s, retry_s, granted, opened"
    " FROM lease_requests(:id, :hash, :most, :window, :wanted, :unused, :unused_of)"
)


class _Granted(Verdict):
    granted: int
    opened: datetime


class _Lease:
    """What a key may still do in this process. ``left`` requests of the window that began at ``opened`` are counted already."""

    __slots__ = ("asked_at", "asking", "granted", "left", "limit", "opened", "principal", "remaining", "reset_at", "returning")

    def __init__(self) -> None:
        self.principal: Principal | None = None
        self.asked_at = float("-inf")
        self.reset_at = 0.0
        self.opened: datetime | None = None
        self.granted = self.left = self.remaining = self.limit = 0
        self.asking: asyncio.Task[None] | None = None
        self.returning: asyncio.TimerHandle | None = None

    @property
    def wanted(self) -> int:
        """How many requests to ask for: what was used in the last second and a few more; twice as many after running out."""
        used = self.granted - self.left
        return max(1, min(MOST, 2 * used if self.left == 0 else used + used // 4))


class KeyLeases:
    """The leases of one process. ``limit`` is how many requests an organization may make in a minute, over all processes."""

    def __init__(self, database: Database, vault: Vault, *, limit: int, clock: Callable[[], float] = now) -> None:
        self._database = database
        self._vault = vault
        self._limit = limit
        self._clock = clock
        self._leases: OrderedDict[bytes, _Lease] = OrderedDict()
        self._background: set[asyncio.Task[None]] = set()

    async def admit(self, presented: str) -> Admission:
        """Verify a presented key and count the request, as :func:`~patchbay.accounts.keys.admit` does and with its refusals."""
        hashed = self._vault.keyed_hash(presented.encode())
        lease = self._leases.get(hashed)
        if lease is None:
            key_id_of(presented)  # what is no key at all is not kept in mind
            lease = self._leases[hashed] = _Lease()
            if len(self._leases) > _KEPT:
                self._leases.popitem(last=False)
        while True:
            at = self._clock()
            if lease.left > 0 and at - lease.asked_at <= TRUSTED_S and lease.principal is not None:
                lease.left -= 1
                reset_s = max(1, int(lease.reset_at - at))
                return Admission(lease.principal, lease.limit, lease.remaining + lease.left, reset_s)
            await self._renew(hashed, lease, presented)

    async def close(self) -> None:
        """Give back what was not used. What the store does not take is lost until the window has passed."""
        for hashed, lease in self._leases.items():
            if lease.returning is not None:
                lease.returning.cancel()
            self._give_back(hashed, lease)
        await asyncio.gather(*self._background, return_exceptions=True)

    async def _renew(self, hashed: bytes, lease: _Lease, presented: str) -> None:
        """One question for all who wait. A refusal is everybody's who waits: none of them could be let in."""
        if lease.asking is None:
            lease.asking = asyncio.get_running_loop().create_task(self._ask(hashed, lease, key_id_of(presented)))
            lease.asking.add_done_callback(_heard)
        await asyncio.shield(lease.asking)

    async def _ask(self, hashed: bytes, lease: _Lease, key_id: str) -> None:
        asked_at, wanted = self._clock(), lease.wanted
        unused, lease.left = lease.left, 0
        values = {"id": key_id, "hash": hashed, "most": self._limit, "window": WINDOW_S, "wanted": wanted}
        values |= {"unused": unused, "unused_of": lease.opened}
        try:
            async with self._database.engine.connect() as connection:
                row = (await connection.execute(_LEASE, values)).one_or_none()
            if row is None:
                raise NotAuthenticated("This secret key is not known.")
            found = msgspec.convert(row, _Granted, from_attributes=True)
            admission = judge(found, key_id, self._limit)
        except BaseException:
            self._leases.pop(hashed, None)  # nothing is kept of a key that was refused
            raise
        finally:
            lease.asking = None
        lease.principal, lease.limit, lease.remaining = admission.principal, admission.limit, admission.remaining
        lease.granted = lease.left = found.granted
        lease.opened, lease.asked_at, lease.reset_at = found.opened, asked_at, asked_at + admission.reset_s
        if lease.returning is not None:
            lease.returning.cancel()
        lease.returning = asyncio.get_running_loop().call_later(TRUSTED_S, self._give_back, hashed, lease)

    def _give_back(self, hashed: bytes, lease: _Lease) -> None:
        """The key is quiet: what is left goes back to the organization, and is nobody's here."""
        unused, lease.left, lease.returning = lease.left, 0, None
        if unused and lease.principal is not None and lease.asking is None:
            work = self._return(lease.principal.key_id, hashed, unused, lease.opened)
            task = asyncio.get_running_loop().create_task(work)
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def _return(self, key_id: str, hashed: bytes, unused: int, opened: datetime | None) -> None:
        values = {"id": key_id, "hash": hashed, "most": self._limit, "window": WINDOW_S, "wanted": 0}
        try:
            async with self._database.engine.connect() as connection:
                await connection.execute(_LEASE, {**values, "unused": unused, "unused_of": opened})
        except (SQLAlchemyError, OSError):
            return  # they count as made, until the window has passed


def _heard(asked: asyncio.Task[None]) -> None:
    """Look at what a question ended with, for those who asked may all be gone."""
    if not asked.cancelled():
        asked.exception()
