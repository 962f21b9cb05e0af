"""The prepared indexes of a process: shared, bounded, and never somebody else's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from patchbay.agent_runtime.knowledge.known import Current
from patchbay.agent_runtime.knowledge.searching import Library, Retrieved, read_index

pytestmark = pytest.mark.anyio

BODY = "We deliver within four miles of the shop. " * 20


class Store:
    """A store with indexes of one passage each. ``asked`` are those that were read."""

    def __init__(self, *, failing: bool = False) -> None:
        self.asked: list[tuple[str, str]] = []
        self.failing = failing

    async def once(self, org_id: str, statement: Any, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        self.asked.append((org_id, values["id"]))
        await asyncio.sleep(0.01)
        if self.failing:
            raise OperationalError("", None, Exception())
        return [] if values["id"] == "none" else [("en", 0, "Delivery", BODY)]


async def search(library: Library, store: Store, index_id: str, org_id: str = "org_a") -> Retrieved:
    source = Current("src", "Menu", index_id)
    return await library.search(store, org_id, [source], "do you deliver", limit=3)  # pyright: ignore[reportArgumentType]


async def test_an_index_is_read_once_however_many_want_it() -> None:
    library, store = Library(), Store()
    found = await asyncio.gather(*(search(library, store, "kbi_1") for _ in range(20)))
    assert store.asked == [("org_a", "kbi_1")]
    assert all(one.covered for one in found)


async def test_an_organization_is_given_no_index_that_another_one_prepared() -> None:
    library, store = Library(), Store()
    await search(library, store, "kbi_1")
    await search(library, store, "kbi_1", org_id="org_b")
    assert store.asked == [("org_a", "kbi_1"), ("org_b", "kbi_1")]


async def test_those_used_last_are_kept_within_the_bound() -> None:
    size = read_index([("en", 0, "Delivery", BODY)]).size
    library, store = Library(most_bytes=int(2.5 * size)), Store()
    for index_id in ("kbi_1", "kbi_2", "kbi_1", "kbi_3", "kbi_1", "kbi_2"):
        await search(library, store, index_id)
    assert [index_id for _, index_id in store.asked] == ["kbi_1", "kbi_2", "kbi_3", "kbi_2"]


async def test_one_that_is_larger_than_the_bound_is_searched_all_the_same() -> None:
    assert (await search(Library(most_bytes=1), Store(), "kbi_1")).covered


async def test_what_could_not_be_read_is_asked_for_again() -> None:
    library, store = Library(), Store(failing=True)
    with pytest.raises(OperationalError):
        await search(library, store, "kbi_1")
    store.failing = False
    assert (await search(library, store, "kbi_1")).covered


async def test_an_index_that_is_gone_has_nothing() -> None:
    library, store = Library(), Store()
    assert (await search(library, store, "none")).passages == ()


async def test_whoever_gives_up_takes_the_work_from_nobody() -> None:
    library, store = Library(), Store()
    first = asyncio.create_task(search(library, store, "kbi_1"))
    second = asyncio.create_task(search(library, store, "kbi_1"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).covered
    assert len(store.asked) == 1
