"""Keys admitted by lease: what holds for every request holds here too, within a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text

from patchbay.accounts.keys import admit, create_key, list_keys, revoke_key
from patchbay.accounts.leases import KeyLeases
from patchbay.accounts.organizations import ensure_organization
from patchbay.errors import NotAuthenticated, RateLimited
from patchbay.store.clock import TRUSTED_S, now
from patchbay.store.database import Database
from patchbay.store.vault import Vault

pytestmark = pytest.mark.anyio


class Clock:
    """The real clock, which a test may put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return now() + self.ahead


Process = Callable[..., KeyLeases]


@pytest.fixture
async def process(database: Database, vault: Vault) -> AsyncIterator[Process]:
    """Makes the leases of one more process."""
    opened: list[KeyLeases] = []

    def make(limit: int = 1_000, clock: Callable[[], float] = now) -> KeyLeases:
        opened.append(KeyLeases(database, vault, limit=limit, clock=clock))
        return opened[-1]

    yield make
    for leases in opened:
        await leases.close()


@pytest.fixture
def new_key(database: Database, vault: Vault, org_id: str) -> Callable[..., Awaitable[tuple[str, str]]]:
    """Makes a key of Acme; its id and the secret."""

    async def make(*scopes: str) -> tuple[str, str]:
        key, presented = await create_key(database, vault, org_id=org_id, name="CI", scopes=scopes or ["*"])
        return key.id, presented

    return make


async def counted(database: Database, org_id: str) -> int:
    async with database.owner(org_id) as session:
        return int(await session.scalar(text("SELECT coalesce(sum(count), 0) FROM rate_windows")) or 0)


async def test_a_lease_admits_as_a_question_does(process: Process, new_key, org_id: str) -> None:
    key_id, presented = await new_key("chat:write", "agents:read")
    admission = await process(limit=10).admit(presented)
    assert (admission.principal.org_id, admission.principal.key_id, admission.principal.label) == (org_id, key_id, "CI")
    assert admission.principal.scopes == {"chat:write", "agents:read"}
    assert (admission.limit, admission.remaining) == (10, 9)
    assert 0 < admission.reset_s <= 60


@pytest.mark.parametrize("presented", ["", "nonsense", "flowyte_sk_" + "0" * 26 + "_" + "a" * 43])
async def test_what_is_not_a_key_is_refused_and_not_kept(process: Process, presented: str) -> None:
    leases = process()
    for _ in range(2):
        with pytest.raises(NotAuthenticated):
            await leases.admit(presented)
    assert not leases._leases


async def test_many_requests_are_few_questions(process: Process, database: Database, new_key, org_id: str) -> None:
    _, presented = await new_key()
    leases = process(limit=100_000)
    asked = 0
    ask = leases._ask

    async def counting(*arguments: object) -> None:
        nonlocal asked
        asked += 1
        await ask(*arguments)  # pyright: ignore

    leases._ask = counting
    for _ in range(500):
        await leases.admit(presented)
    assert asked <= 20
    await leases.close()
    assert await counted(database, org_id) == 500


async def test_what_was_not_used_is_given_back(process: Process, database: Database, new_key, org_id: str) -> None:
    _, presented = await new_key()
    leases = process(limit=10_000)
    for _ in range(40):
        await leases.admit(presented)
    assert await counted(database, org_id) > 40
    await asyncio.sleep(TRUSTED_S + 0.3)
    assert await counted(database, org_id) == 40
    await leases.admit(presented)
    await leases.close()
    assert await counted(database, org_id) == 41


async def test_a_revoked_key_is_refused_within_a_second(process: Process, database: Database, new_key, org_id: str) -> None:
    key_id, presented = await new_key()
    clock = Clock()
    leases = process(clock=clock)
    for _ in range(20):
        await leases.admit(presented)
    await revoke_key(database, org_id=org_id, key_id=key_id)
    clock.ahead = TRUSTED_S + 0.001
    with pytest.raises(NotAuthenticated, match="revoked"):
        await leases.admit(presented)


async def test_a_scope_that_was_taken_away_is_gone_within_a_second(process: Process, database: Database, new_key, org_id) -> None:
    _, presented = await new_key("chat:write")
    clock = Clock()
    leases = process(clock=clock)
    assert (await leases.admit(presented)).principal.may("chat:write")
    async with database.owner(org_id) as session:
        await session.execute(text("UPDATE api_keys SET scopes = '[\"agents:read\"]'"))
    clock.ahead = TRUSTED_S + 0.001
    assert not (await leases.admit(presented)).principal.may("chat:write")


async def test_nothing_is_admitted_on_an_old_lease_while_the_store_is_away(process: Process, new_key, monkeypatch) -> None:
    _, presented = await new_key()
    clock = Clock()
    leases = process(clock=clock)
    for _ in range(20):
        await leases.admit(presented)

    async def away(*_: object) -> None:
        raise OSError("the store is away")

    monkeypatch.setattr(leases, "_ask", away)
    clock.ahead = TRUSTED_S + 0.001
    with pytest.raises(OSError, match="away"):
        await leases.admit(presented)


async def test_the_limit_holds_over_processes(process: Process, database: Database, vault: Vault, new_key) -> None:
    """Leases of several processes and single questions draw on one limit; another organization has its own."""
    presented = [(await new_key())[1] for _ in range(2)]
    other = await ensure_organization(database, "Other")
    _, theirs = await create_key(database, vault, org_id=other.id, name="theirs", scopes=["*"])
    limit = 200
    processes = [process(limit=limit) for _ in range(3)]

    async def one(number: int) -> None:
        if number % 10 == 0:
            await admit(database, vault, presented[0], limit=limit)
        else:
            await processes[number % 3].admit(presented[number % 2])

    results = await asyncio.gather(*(one(n) for n in range(400)), return_exceptions=True)
    refused = [r for r in results if isinstance(r, RateLimited)]
    admitted = [r for r in results if not isinstance(r, BaseException)]
    assert len(refused) + len(admitted) == 400
    # the run may cross into the next window, in which the requests before it still count in part
    assert limit * 0.7 <= len(admitted) <= limit + limit // 20
    headers = refused[-1].headers
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == (str(limit), "0")
    assert 1 <= int(headers["Retry-After"]) <= 120
    assert (await processes[0].admit(theirs)).remaining == limit - 1


async def test_a_single_client_gets_all_of_its_limit(process: Process, new_key) -> None:
    _, presented = await new_key()
    leases = process(limit=100)
    results = [await asyncio.gather(leases.admit(presented), return_exceptions=True) for _ in range(120)]
    refused = [result for (result,) in results if isinstance(result, RateLimited)]
    assert 100 <= 120 - len(refused) <= 105


async def test_last_use_is_written(process: Process, database: Database, new_key, org_id: str) -> None:
    _, presented = await new_key()
    await process().admit(presented)
    assert (await list_keys(database, org_id=org_id))[0].last_used_at is not None
