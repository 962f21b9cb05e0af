"""Counting in PostgreSQL: atomic across processes, and nothing of another organization's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.accounts.operator_events import Told, list_events
from patchbay.agent_runtime.counting import AttemptKey, PostgresBooks, Tally, settled, taken
from patchbay.store.database import Database
from tests.agent_runtime.conftest import World

IDENTITY = AttemptKey("identity", b"i" * 32, 3, 900)
ORIGIN = AttemptKey("origin", b"o" * 32, 3, 900)
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.anyio
async def test_no_more_attempts_are_made_than_there_are_however_many_come_at_once(world: World) -> None:
    books, agent = PostgresBooks(world.runtime.database), await world.agent()
    async with asyncio.timeout(60):
        made = await asyncio.gather(*(books.take(world.org_id, agent, [IDENTITY, ORIGIN]) for _ in range(12)))
    assert sorted(t.left for t in made if not t.locked) == [0, 1, 2]
    assert sum(t.locked for t in made) == 9
    other = AttemptKey("identity", b"x" * 32, 3, 900)
    assert (await books.take(world.org_id, agent, [other, ORIGIN])).locked
    assert not (await books.take(world.org_id, agent, [other])).locked


@pytest.mark.anyio
async def test_success_clears_an_identity_and_gives_an_origin_one_attempt_back(world: World) -> None:
    books, agent = PostgresBooks(world.runtime.database), await world.agent()
    both = [ORIGIN, IDENTITY]
    await books.take(world.org_id, agent, both)
    await books.take(world.org_id, agent, both)
    await books.settle(world.org_id, agent, both, "succeeded")
    assert (await books.take(world.org_id, agent, [IDENTITY])).left == 2
    assert (await books.take(world.org_id, agent, [ORIGIN])).left == 1


@pytest.mark.anyio
async def test_windows_are_counted_atomically(world: World) -> None:
    books, agent = PostgresBooks(world.runtime.database), await world.agent()
    counts = await asyncio.gather(*(books.count(world.org_id, agent, "pol_1", b"k", 3600) for _ in range(10)))
    assert sorted(counts) == list(range(1, 11))
    assert await books.count(world.org_id, agent, "pol_1", b"other", 3600) == 1


@pytest.mark.anyio
async def test_operators_are_told(world: World, database: Database) -> None:
    books, agent = PostgresBooks(world.runtime.database), await world.agent()
    await books.tell(world.org_id, Told(type="verification.locked", data={"method": "account_pin"}, agent_id=agent))
    async with database.tenant(world.org_id) as session:
        (event,) = await list_events(session, types=["verification.locked"])
    assert event.data == {"method": "account_pin"}


@given(st.lists(st.sampled_from(["fail", "succeed", "undecided", "later"]), max_size=30), st.integers(1, 5))
def test_a_lock_comes_after_exactly_so_many_failures(what: list[str], most: int) -> None:
    key = AttemptKey("origin", b"", most, 900)
    tally, now, failures = Tally(), NOW, 0
    for one in what:
        now += timedelta(seconds=1)
        if one == "later":
            now += timedelta(seconds=900)
            continue
        locked = tally.locked_until is not None and tally.locked_until > now
        result, (after,) = taken([tally], [key], now)
        assert result.locked is locked
        if locked:
            continue
        failures = 0 if tally.locked_until is not None else failures
        tally = after
        if one == "fail":
            failures += 1
        else:
            tally = settled(tally, key, "succeeded" if one == "succeed" else "undecided")
        assert (tally.locked_until is not None) is (failures >= most)
        assert tally.failures == failures
