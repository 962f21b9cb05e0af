from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from patchbay.accounts.keys import admit, create_key, list_keys, revoke_key
from patchbay.accounts.organizations import ensure_organization
from patchbay.errors import NotAuthenticated, NotFound, RateLimited, ValidationFailed
from patchbay.store.database import Database
from patchbay.store.vault import Vault

pytestmark = pytest.mark.anyio


async def test_a_key_is_shown_once_and_admits(database: Database, vault: Vault, org_id: str) -> None:
    key, presented = await create_key(database, vault, org_id=org_id, name="CI", scopes=["agents:read", "audit:read"])
    assert re.fullmatch(r"flowyte_sk_[0-9a-z]{26}_[A-Za-z0-9]{43}", presented)

    admission = await admit(database, vault, presented, limit=10)

    assert admission.principal.org_id == org_id
    assert admission.principal.key_id == key.id
    assert admission.principal.label == "CI"
    assert admission.principal.scopes == {"agents:read", "audit:read"}
    assert (admission.limit, admission.remaining) == (10, 9)
    assert 0 < admission.reset_s <= 60


async def test_the_secret_is_not_in_the_database(database: Database, vault: Vault, org_id: str) -> None:
    _, presented = await create_key(database, vault, org_id=org_id, name="CI", scopes=["*"])
    async with database.owner(org_id) as session:
        stored = str((await session.execute(text("SELECT * FROM api_keys"))).all())
    assert presented not in stored
    assert presented.rsplit("_", 1)[1] not in stored


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: "",
        lambda key: key[:-1],
        lambda key: key + "x",
        lambda key: key.replace("flowyte_sk_", "flowyte_pk_"),
        lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"),
        lambda key: key.upper(),
        lambda key: f" {key}",
        lambda key: key + "\n",
        lambda key: "flowyte_sk_" + "0" * 26 + "_" + "a" * 43,
    ],
)
async def test_anything_but_the_key_is_refused(database: Database, vault: Vault, org_id: str, spoil) -> None:
    _, presented = await create_key(database, vault, org_id=org_id, name="CI", scopes=["*"])
    with pytest.raises(NotAuthenticated) as refused:
        await admit(database, vault, spoil(presented), limit=10)
    assert presented not in str(refused.value)


async def test_a_key_is_bound_to_the_pepper(database: Database, vault: Vault, org_id: str) -> None:
    _, presented = await create_key(database, vault, org_id=org_id, name="CI", scopes=["*"])
    with pytest.raises(NotAuthenticated):
        await admit(database, Vault([("k1", bytes(32))]), presented, limit=10)


async def test_a_revoked_key_is_refused_at_once(database: Database, vault: Vault, org_id: str) -> None:
    key, presented = await create_key(database, vault, org_id=org_id, name="CI", scopes=["*"])
    await admit(database, vault, presented, limit=10)
    first = await revoke_key(database, org_id=org_id, key_id=key.id)
    again = await revoke_key(database, org_id=org_id, key_id=key.id)
    assert first.revoked_at is not None
    assert again.revoked_at == first.revoked_at
    with pytest.raises(NotAuthenticated, match="revoked"):
        await admit(database, vault, presented, limit=10)


async def test_an_expired_key_is_refused(database: Database, vault: Vault, org_id: str) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    _, presented = await create_key(database, vault, org_id=org_id, name="CI", scopes=["*"], expires_at=soon)
    await admit(database, vault, presented, limit=10)
    async with database.owner(org_id) as session:
        await session.execute(text("UPDATE api_keys SET expires_at = now() - interval '1 second'"))
    with pytest.raises(NotAuthenticated, match="expired"):
        await admit(database, vault, presented, limit=10)


async def test_another_organizations_key_cannot_be_revoked_or_listed(database: Database, vault: Vault, org_id: str) -> None:
    other = await ensure_organization(database, "Other")
    key, presented = await create_key(database, vault, org_id=other.id, name="CI", scopes=["*"])
    assert await list_keys(database, org_id=org_id) == []
    with pytest.raises(NotFound):
        await revoke_key(database, org_id=org_id, key_id=key.id)
    await admit(database, vault, presented, limit=10)


async def test_bad_requests_for_a_key(database: Database, vault: Vault, org_id: str) -> None:
    async def refused(**given: object) -> ValidationFailed:
        with pytest.raises(ValidationFailed) as info:
            await create_key(database, vault, **{"org_id": org_id, "name": "CI", "scopes": ["*"], **given})  # type: ignore[arg-type]
        return info.value

    assert "Did you mean 'agents:read'" in (await refused(scopes=["agent:read"])).detail
    assert (await refused(scopes=[])).errors[0].field == "scopes"
    assert (await refused(name=" ")).errors[0].field == "name"
    assert (await refused(expires_at=datetime.now(UTC) - timedelta(days=1))).errors[0].field == "expiresAt"
    assert (await refused(expires_at=datetime(2999, 1, 1))).errors[0].field == "expiresAt"
    assert await list_keys(database, org_id=org_id) == []


async def test_last_use_is_written_at_most_once_a_minute(database: Database, vault: Vault, org_id: str) -> None:
    _, presented = await create_key(database, vault, org_id=org_id, name="CI", scopes=["*"])
    assert (await list_keys(database, org_id=org_id))[0].last_used_at is None
    await admit(database, vault, presented, limit=10)
    first = (await list_keys(database, org_id=org_id))[0].last_used_at
    await admit(database, vault, presented, limit=10)
    assert (await list_keys(database, org_id=org_id))[0].last_used_at == first is not None
    async with database.owner(org_id) as session:
        await session.execute(text("UPDATE api_keys SET last_used_at = last_used_at - interval '2 minutes'"))
    await admit(database, vault, presented, limit=10)
    assert (await list_keys(database, org_id=org_id))[0].last_used_at > first


async def test_the_rate_limit_holds_over_processes_and_keys(database: Database, vault: Vault, org_id: str) -> None:
    """Two Database objects are two processes as far as the store can tell."""
    presented = [(await create_key(database, vault, org_id=org_id, name=n, scopes=["*"]))[1] for n in ("one", "two")]
    other = await ensure_organization(database, "Other")
    _, theirs = await create_key(database, vault, org_id=other.id, name="theirs", scopes=["*"])
    second = Database.at(database.dsn)
    try:
        results = await asyncio.gather(
            *(admit((database, second)[n % 2], vault, presented[n // 2 % 2], limit=12) for n in range(40)), return_exceptions=True
        )
    finally:
        await second.close()
    admitted = [r for r in results if not isinstance(r, BaseException)]
    refused = [r for r in results if isinstance(r, RateLimited)]
    assert len(admitted) + len(refused) == 40
    # the run may cross into the next window, in which the requests before it still count in part
    assert 12 <= len(admitted) <= 13
    assert min(a.remaining for a in admitted) == 0
    headers = refused[0].headers
    assert 1 <= int(headers["Retry-After"]) <= 120
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("12", "0")
    assert 0 < int(headers["RateLimit-Reset"]) <= 60
    assert (await admit(database, vault, theirs, limit=12)).remaining == 11


@pytest.mark.parametrize(("before", "now", "limit"), [(0, 10, 10), (10, 0, 10), (10, 4, 10), (7, 7, 8), (1200, 0, 1), (3, 1, 1)])
async def test_waiting_as_told_is_enough_and_a_second_less_is_not(
    database: Database, vault: Vault, org_id: str, before: int, now: int, limit: int
) -> None:
    """Retry-After is exact: replayed on the stored windows, moved back in time by that much."""
    _, presented = await create_key(database, vault, org_id=org_id, name="CI", scopes=["*"])
    # the window has just opened, so nothing of the one before has slid out yet
    await _steady(database)
    async with database.owner(org_id) as session:
        await session.execute(
            text("""INSERT INTO rate_windows (window_start, count)
                    SELECT to_timestamp(floor(extract(epoch FROM clock_timestamp()) / 60) * 60 - 60 * ago), count
                      FROM (VALUES (0, :now), (1, :before)) AS w (ago, count) WHERE count > 0"""),
            {"now": now, "before": before},
        )

    async def exhaust() -> None:
        for _ in range(limit + 1):
            await admit(database, vault, presented, limit=limit)

    with pytest.raises(RateLimited) as refused:
        await exhaust()
    wait = int(refused.value.headers["Retry-After"])
    assert wait >= 1
    async with database.owner(org_id) as session:
        estimate = text("""
            WITH t AS (SELECT extract(epoch FROM clock_timestamp()) + :wait AS at),
                 s AS (SELECT floor(at / 60) * 60 AS opened, at FROM t)
            SELECT coalesce(sum(CASE WHEN extract(epoch FROM window_start) = opened THEN count
                                     WHEN extract(epoch FROM window_start) = opened - 60 THEN count * (1 - (at - opened) / 60)
                                     ELSE 0 END), 0) + 1
              FROM s LEFT JOIN rate_windows ON true""")
        assert float(await session.scalar(estimate, {"wait": wait}) or 0) <= limit + 1e-6
        if wait > 2:
            assert float(await session.scalar(estimate, {"wait": wait - 2}) or 0) > limit


async def _steady(database: Database) -> None:
    """Wait until the minute is not about to turn, so that a test's few statements see one window."""
    async with database.owner() as session:
        left = await session.scalar(text("SELECT 60 - extract(epoch FROM clock_timestamp()) % 60"))
    if left < 4:
        await asyncio.sleep(float(left) + 0.05)


async def test_old_windows_are_dropped(database: Database, vault: Vault, org_id: str) -> None:
    _, presented = await create_key(database, vault, org_id=org_id, name="CI", scopes=["*"])
    async with database.owner(org_id) as session:
        await session.execute(text("INSERT INTO rate_windows (window_start, count) VALUES (now() - interval '1 hour', 5)"))
    await admit(database, vault, presented, limit=10)
    async with database.owner(org_id) as session:
        assert await session.scalar(text("SELECT count(*) FROM rate_windows")) == 1
