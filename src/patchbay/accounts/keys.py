"""Secret keys: made once, shown once, kept as a keyed hash, and checked in one round trip."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
from sqlalchemy import func, select, text, update

from patchbay.accounts.principal import Principal
from patchbay.accounts.scopes import check_scopes
from patchbay.accounts.tables import ApiKey
from patchbay.errors import Finding, NotAuthenticated, NotFound, RateLimited, ValidationFailed
from patchbay.store.database import Database
from patchbay.store.ids import new_id
from patchbay.store.vault import Vault

PREFIX = "flowyte_sk_"
WINDOW_S = 60

_ALPHABET = string.ascii_letters + string.digits
_SECRET_LENGTH = 43  # of 62 characters: 256 bits
_PRESENTED = re.compile(rf"{PREFIX}([0-9a-z]{{26}})_([A-Za-z0-9]{{{_SECRET_LENGTH}}})")
_ADMIT = text("SELECT org_id, name, scopes, verdict, remaining, reset_s, retry_s FROM admit_key(:id, :hash, :most, :window)")


class Admission(msgspec.Struct, frozen=True):
    """A request that was let in: by whom, and where its organization stands in the rate window of ``limit`` requests.

    ``remaining`` requests are left now; the window ends in ``reset_s`` seconds.
    """

    principal: Principal
    limit: int
    remaining: int
    reset_s: int


async def create_key(
    database: Database, vault: Vault, *, org_id: str, name: str, scopes: Iterable[str], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key and return it with the secret, which nothing can show again.

    Raises :class:`ValidationFailed` for an unknown scope, an empty name or an end that is past.
    """
    granted = check_scopes(scopes)
    if not name.strip() or len(name) > 200:
        raise _invalid("name", "A key's name is 1 to 200 characters.")
    if expires_at is not None and (expires_at.tzinfo is None or expires_at <= datetime.now(UTC)):
        raise _invalid("expiresAt", "A key's end must be a time with a zone, and in the future.")
    key_id = new_id("key")
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
    presented = f"{PREFIX}{key_id.removeprefix('key_')}_{secret}"
    key = ApiKey(
        id=key_id,
        name=name.strip(),
        secret_hash=vault.keyed_hash(presented.encode()),
        scopes=sorted(granted),
        expires_at=expires_at,
    )
    async with database.tenant(org_id) as session:
        session.add(key)
        await session.flush()
    return key, presented


async def list_keys(database: Database, *, org_id: str) -> Sequence[ApiKey]:
    """The organization's keys, oldest first, revoked and expired ones too."""
    async with database.tenant(org_id, read_only=True) as session:
        return (await session.scalars(select(ApiKey).order_by(ApiKey.id))).all()


async def revoke_key(database: Database, *, org_id: str, key_id: str) -> ApiKey:
    """End a key now; the next request with it is refused. Revoking twice is fine. Raises :class:`NotFound`."""
    async with database.tenant(org_id) as session:
        ended = func.coalesce(ApiKey.revoked_at, func.now())
        revoked = await session.scalar(update(ApiKey).where(ApiKey.id == key_id).values(revoked_at=ended).returning(ApiKey))
        if revoked is None:
            raise NotFound("There is no such key in this organization.")
        return revoked


async def admit(database: Database, vault: Vault, presented: str, *, limit: int) -> Admission:
    """Verify a presented key and count the request, in one round trip.

    Raises :class:`NotAuthenticated`, or :class:`RateLimited` with the headers ``Retry-After`` and ``RateLimit-*`` when the
    organization made its ``limit`` requests within the last minute.
    """
    key_id = key_id_of(presented)
    values = {"id": key_id, "hash": vault.keyed_hash(presented.encode()), "most": limit, "window": WINDOW_S}
    async with database.engine.connect() as connection:
        # one statement that is its own transaction, so no BEGIN, SET or COMMIT travels with it
        row = (await connection.execute(_ADMIT, values)).one_or_none()
    if row is None:
        raise NotAuthenticated("This secret key is not known.")
    return judge(msgspec.convert(row, Verdict, from_attributes=True), key_id, limit)


def key_id_of(presented: str) -> str:
    """The id in a presented key. Raises :class:`NotAuthenticated` for what does not look like a key."""
    shape = _PRESENTED.fullmatch(presented)
    if shape is None:
        raise NotAuthenticated("This is not a secret key: one starts with flowyte_sk_ and is used exactly as it was shown.")
    return f"key_{shape[1]}"


class Verdict(msgspec.Struct):
    """What the store's functions say of a presented key that it knows."""

    org_id: str
    name: str
    scopes: list[str]
    verdict: Literal["admitted", "limited", "expired", "revoked"]
    remaining: int | None
    reset_s: int | None
    retry_s: int | None


def judge(found: Verdict, key_id: str, limit: int) -> Admission:
    """The admission in a verdict. Raises :class:`RateLimited` or :class:`NotAuthenticated`."""
    remaining, reset_s = found.remaining or 0, found.reset_s or 0
    if found.verdict == "limited":
        headers = {"Retry-After": str(found.retry_s), **rate_headers(limit, 0, reset_s)}
        raise RateLimited(
            f"This organization may make {limit} requests a minute; try again in {found.retry_s} s.", headers=headers
        )
    if found.verdict != "admitted":
        raise NotAuthenticated(f"This secret key is {found.verdict}.")
    return Admission(Principal(found.org_id, key_id, found.name, frozenset(found.scopes)), limit, remaining, reset_s)


def rate_headers(limit: int, remaining: int, reset_s: int) -> dict[str, str]:
    """The ``RateLimit-*`` headers of an answer, as in draft-ietf-httpapi-ratelimit-headers-03."""
    return {"RateLimit-Limit": str(limit), "RateLimit-Remaining": str(remaining), "RateLimit-Reset": str(reset_s)}


def _invalid(field: str, message: str) -> ValidationFailed:
    return ValidationFailed(message, errors=[Finding(field, "invalid", message)])
