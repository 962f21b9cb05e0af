"""Idempotency keys: a request that is sent again gets the first answer again, and is carried out once.

:func:`begin` takes a lock that lasts as long as the request's transaction, and :func:`finish` stores the answer in that same
transaction. So the answer is there exactly when the work is; a process that is killed takes its lock with it, and the next
attempt starts afresh at once, with no record to time out.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.tables import IdempotencyRecord
from patchbay.errors import Conflict, Finding, ValidationFailed

KEPT_FOR = timedelta(hours=24)
_LONGEST = 255
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(current_setting('app.org') || ' ' || :key, 7))")


class IdempotencyKeyReused(Conflict):
    """This Idempotency-Key was used for another request (idempotency_key_reused); use a new key for a new request."""

    code = "idempotency_key_reused"
    named = True


class IdempotencyInProgress(Conflict):
    """The first request with this Idempotency-Key is still running (idempotency_in_progress); ask again in a moment."""

    code = "idempotency_in_progress"
    named = True


class Replay(msgspec.Struct, frozen=True):
    """The stored answer to the first request with the same key."""

    status: int
    body: bytes


async def begin(session: AsyncSession, *, key: str, route: str, request_hash: str) -> Replay | None:
    """Claim ``key`` for this transaction; an answer already stored for the same request is returned instead.

    ``route`` is the method and path, ``request_hash`` a digest of the body. A key is remembered for 24 hours. Raises
    :class:`IdempotencyKeyReused`, :class:`IdempotencyInProgress`, and :class:`ValidationFailed` for a key that is not 1 to 255
    printable ASCII characters.
    """
    if not (0 < len(key) <= _LONGEST and key.isascii() and key.isprintable()):
        message = f"An Idempotency-Key is 1 to {_LONGEST} printable ASCII characters."
        raise ValidationFailed(message, errors=[Finding("Idempotency-Key", "invalid", message)])
    if not await session.scalar(_LOCK, {"key": key}):
        raise IdempotencyInProgress(headers={"Retry-After": "1"})
    fresh = IdempotencyRecord.created_at > func.now() - KEPT_FOR
    found = await session.scalar(select(IdempotencyRecord).where(IdempotencyRecord.key == key, fresh))
    if found is None:
        return None
    if (found.route, found.request_hash) != (route, request_hash):
        raise IdempotencyKeyReused()
    return Replay(found.status, found.body)


async def finish(session: AsyncSession, *, key: str, route: str, request_hash: str, status: int, body: bytes) -> None:
    """Store the answer, in the transaction that did the work and began with :func:`begin`. Forgets keys that are too old."""
    await session.execute(delete(IdempotencyRecord).where(IdempotencyRecord.created_at <= func.now() - KEPT_FOR))
    answer = {"route": route, "request_hash": request_hash, "status": status, "body": body}
    await session.execute(insert(IdempotencyRecord).values(key=key, **answer))
