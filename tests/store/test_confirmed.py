"""What the store said is used for a second, and not longer."""

from __future__ import annotations

import asyncio

import pytest

from patchbay.store.clock import TRUSTED_S
from patchbay.store.confirmed import Confirmed

pytestmark = pytest.mark.anyio


class Store:
    """Answers with what it holds now, and counts the questions."""

    def __init__(self) -> None:
        self.value = "first"
        self.asked = 0
        self.at = 0.0
        self.gone = False

    async def ask(self, key: str) -> str:
        self.asked += 1
        value = self.value
        await asyncio.sleep(0)
        if self.gone:
            raise LookupError(key)
        return value


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def confirmed(store: Store) -> Confirmed[str, str]:
    return Confirmed(store.ask, at_most=3, clock=lambda: store.at)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_value_is_asked_for_once_and_used_for_a_second(store: Store, confirmed: Confirmed[str, str]) -> None:
    assert await asyncio.gather(*(confirmed.get("a") for _ in range(10))) == ["first"] * 10
    store.value = "second"
    store.at = TRUSTED_S / 2
    assert await confirmed.get("a") == "first"
    assert store.asked == 1
    store.at = TRUSTED_S + 0.001
    assert await confirmed.get("a") == "second"
    assert store.asked == 2


async def test_a_value_in_use_is_asked_for_before_its_time_is_over(store: Store, confirmed: Confirmed[str, str]) -> None:
    await confirmed.get("a")
    store.value, store.at = "second", TRUSTED_S * 0.75
    assert await confirmed.get("a") == "first"
    await settle()
    assert await confirmed.get("a") == "second"


async def test_a_refusal_is_not_kept_and_ends_what_was_known(store: Store, confirmed: Confirmed[str, str]) -> None:
    await confirmed.get("a")
    store.gone, store.at = True, TRUSTED_S * 0.75
    assert await confirmed.get("a") == "first"
    await settle()
    for _ in range(2):
        with pytest.raises(LookupError):
            await confirmed.get("a")
    store.gone = False
    assert await confirmed.get("a") == "first"


async def test_a_question_counts_from_when_it_was_sent(store: Store) -> None:
    async def slow(key: str) -> str:
        store.asked += 1
        store.at += TRUSTED_S + 0.5
        return key

    confirmed = Confirmed(slow, clock=lambda: store.at)
    await confirmed.get("a")
    await confirmed.get("a")
    assert store.asked == 2


async def test_one_who_waits_may_go(store: Store, confirmed: Confirmed[str, str]) -> None:
    leaving = asyncio.ensure_future(confirmed.get("a"))
    staying = asyncio.ensure_future(confirmed.get("a"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == "first"
    assert store.asked == 1


async def test_it_keeps_a_bounded_number(store: Store, confirmed: Confirmed[str, str]) -> None:
    for key in "abcde":
        await confirmed.get(key)
    assert len(confirmed._kept) == 3
