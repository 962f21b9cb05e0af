"""Sources are read once by one process, again when that is due, and what is in use stays in use while that goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import text

from patchbay.accounts.uploads import store_upload
from patchbay.agent_runtime.agents import delete_agent, get_agent
from patchbay.agent_runtime.knowledge import sources, taking
from patchbay.agent_runtime.knowledge.failures import Failure
from patchbay.agent_runtime.knowledge.ingestion import OF_ONE, Ingestion
from patchbay.agent_runtime.knowledge.reading import Reader
from patchbay.agent_runtime.knowledge.sources import FoundSource
from patchbay.egress.guard import EgressGuard
from tests.agent_runtime.conftest import World
from tests.servers.upstreams import hostile
from tests.servers.upstreams.hostile import Turn
from tests.servers.upstreams.site import Site, serving

pytestmark = pytest.mark.anyio
Made = Callable[[str], Awaitable[World]]
GUARD = EgressGuard([ip_network("127.0.0.1/32")])


class Desk:
    """An agent with sources, and the processes that read them."""

    def __init__(self, world: World, agent: str) -> None:
        self.world, self.agent = world, agent
        self.database = world.runtime.database
        self.processes: list[Ingestion] = []

    def process(self, *, every_s: float = 0.05) -> Ingestion:
        made = Ingestion(self.database, GUARD, every_s=every_s)
        made.start()
        self.processes.append(made)
        return made

    async def stop(self) -> None:
        while self.processes:
            await self.processes.pop().stop()

    async def add(self, **body: Any) -> str:
        async with self.database.tenant(self.world.org_id) as session:
            found = await sources.add_source(session, self.agent, {"label": "A source", **body})
        return found.row.id

    async def get(self, source: str) -> FoundSource:
        async with self.database.tenant(self.world.org_id) as session:
            return await sources.get_source(session, self.agent, source)

    async def until(self, source: str, holds: Callable[[FoundSource], bool]) -> FoundSource:
        async with asyncio.timeout(20):
            while not holds(found := await self.get(source)):
                await asyncio.sleep(0.02)
        return found

    async def read(self, source: str) -> FoundSource:
        return await self.until(source, lambda found: found.row.status != "pending")

    async def refresh(self, source: str) -> FoundSource:
        """Ask for another reading, and wait for the end of it."""
        before = (await self.get(source)).row.last_checked_at
        async with self.database.tenant(self.world.org_id) as session:
            await sources.refresh_source(session, self.agent, source)
        await self.sql("UPDATE knowledge_sources SET due_at = now()")
        return await self.until(source, lambda found: found.row.leased_by is None and found.row.last_checked_at != before)

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.owner() as session:
            found = await session.execute(text(statement), values)
            return list(found.scalars()) if found.returns_rows else []

    async def version(self) -> int:
        async with self.database.tenant(self.world.org_id) as session:
            return (await get_agent(session, self.agent)).version


@pytest.fixture
async def desk(world: World) -> AsyncGenerator[Desk]:
    made = Desk(world, await world.agent(primaryLanguage="es-MX"))
    yield made
    await made.stop()


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    async with serving(Site({"/menu": "<html lang=en-GB><h1>Menu</h1><p>Large $18</p>"})) as up:
        yield up


async def test_each_kind_is_read(desk: Desk, site: Site) -> None:
    async with desk.database.tenant(desk.world.org_id) as session:
        file = await store_upload(session, name="a.csv", content_type="text/csv", content=b"Size,Price\nLarge,$18\n")
    made = [
        await desk.add(kind="text", text="Large $18"),
        await desk.add(kind="faq", faqs=[{"question": "Large?", "answer": "$18"}]),
        await desk.add(kind="file", file_id=file.id),
        await desk.add(kind="url", url=site.url("/menu")),
        await desk.add(kind="text", text="# Long\n\n" + "Words of a long text, for the worker. " * 2_000),
    ]
    desk.process()
    found = [await desk.read(source) for source in made]
    assert [(one.row.status, one.row.failure) for one in found] == [("indexed", None)] * 5
    assert [one.text for one in found[:4]] == ["Large $18", "# Large?\n\n$18", "Size Large: Price $18", "# Menu\n\nLarge $18"]
    assert found[4].passages > 50
    languages = "SELECT i.language FROM knowledge_indexes i JOIN knowledge_sources s ON s.index_id = i.id ORDER BY s.id"
    assert await desk.sql(languages) == ["es", "es", "es", "en", "es"]


async def test_two_processes_never_read_a_source_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    at_it: dict[str, int] = {}
    most: list[int] = []
    read = Reader.read

    async def watched(self: Reader, taken: Any) -> Any:
        at_it[taken.id] = at_it.get(taken.id, 0) + 1
        most.append(at_it[taken.id])
        await asyncio.sleep(0.02)
        try:
            return await read(self, taken)
        finally:
            at_it[taken.id] -= 1

    monkeypatch.setattr(Reader, "read", watched)
    made = [await desk.add(kind="text", text=f"Text {number}") for number in range(12)]
    for _ in range(4):
        desk.process(every_s=0.01)
    for source in made:
        await desk.read(source)
    assert most == [1] * 12
    assert await desk.sql("SELECT count(*) FROM knowledge_indexes") == [12]


async def test_a_source_whose_reader_is_silent_is_taken_over_and_the_silent_one_stores_nothing(desk: Desk) -> None:
    source = await desk.add(kind="text", text="Large $18")
    silent = await taking.take(desk.database, desk.world.org_id, source)
    assert silent is not None
    assert await taking.take(desk.database, desk.world.org_id, source) is None
    desk.process()
    await asyncio.sleep(0.3)
    assert (await desk.get(source)).row.status == "pending"
    await desk.sql("UPDATE knowledge_sources SET leased_until = now() - interval '1 second'")
    found = await desk.read(source)
    assert (found.row.status, found.row.attempts, found.row.leased_by) == ("indexed", 0, None)
    assert not await taking.keep(desk.database, silent)
    other = sources_read("Large $99")
    assert not await taking.end_read(desk.database, silent, other, etag=None, modified=None)
    assert not await taking.end_failed(desk.database, silent, Failure("x", "x", again=True))
    assert (await desk.get(source)).text == "Large $18"


def sources_read(content: str) -> Any:
    from patchbay.agent_runtime.knowledge.content.task import read_text

    return read_text(content)


async def test_a_long_reading_keeps_its_lease(desk: Desk, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "LEASE", timedelta(seconds=0.6))

    async def slow(turn: Turn) -> None:
        await asyncio.sleep(2)
        await turn.answer(b"<p>Large $18", kind="text/html")

    site.pages["/menu"] = slow
    source = await desk.add(kind="url", url=site.url("/menu"))
    desk.process()
    desk.process()
    assert (await desk.read(source)).row.status == "indexed"
    assert site.asked == ["/menu"]


async def test_a_process_that_stops_gives_back_what_it_was_reading(desk: Desk, site: Site) -> None:
    site.pages["/menu"] = hostile.silence
    source = await desk.add(kind="url", url=site.url("/menu"))
    desk.process()
    await desk.until(source, lambda found: found.row.leased_by is not None)
    await desk.stop()
    row = (await desk.get(source)).row
    assert (row.leased_by, row.leased_until, row.attempts, row.status) == (None, None, 0, "pending")
    site.pages["/menu"] = "<p>Large $18"
    desk.process()
    assert (await desk.read(source)).row.status == "indexed"


async def test_a_source_that_kills_its_readers_ends_in_an_error(desk: Desk) -> None:
    source = await desk.add(kind="text", text="Large $18")
    for _ in range(taking.MOST_ATTEMPTS):
        assert await taking.take(desk.database, desk.world.org_id, source) is not None
        await desk.sql("UPDATE knowledge_sources SET leased_until = now() - interval '1 second'")
    desk.process()
    row = (await desk.read(source)).row
    assert (row.status, row.due_at) == ("error", None)
    assert row.failure is not None
    assert row.failure["code"] == "reading_interrupted"


async def test_the_same_content_makes_no_new_index(desk: Desk, site: Site) -> None:
    desk.process()
    source = await desk.add(kind="url", url=site.url("/menu"))
    first, version = await desk.read(source), await desk.version()
    again = await desk.refresh(source)
    site.conditional = False
    third = await desk.refresh(source)
    assert first.row.index_id == again.row.index_id == third.row.index_id
    assert first.row.last_changed_at == third.row.last_changed_at
    assert first.row.last_checked_at < again.row.last_checked_at < third.row.last_checked_at  # type: ignore[operator]
    assert site.asked == ["/menu", "/menu!", "/menu"]
    assert await desk.version() == version


async def test_new_content_takes_the_place_of_the_old_and_what_was_published_stays(desk: Desk, site: Site) -> None:
    desk.process()
    source = await desk.add(kind="url", url=site.url("/menu"))
    first, version = await desk.read(source), await desk.version()
    site.pages["/menu"] = "<p>Large $19"
    second = await desk.refresh(source)
    assert second.text == "Large $19"
    assert second.row.last_changed_at == second.row.last_checked_at
    assert await desk.version() == version + 1
    assert await desk.sql("SELECT id FROM knowledge_indexes") == [second.row.index_id] != [first.row.index_id]
    await desk.sql("UPDATE knowledge_indexes SET frozen_at = now()")
    site.pages["/menu"] = "<p>Large $20"
    third = await desk.refresh(source)
    assert set(await desk.sql("SELECT id FROM knowledge_indexes")) == {second.row.index_id, third.row.index_id}
    assert await desk.sql("SELECT body FROM knowledge_passages ORDER BY body") == ["Large $19", "Large $20"]


async def test_a_refresh_that_fails_keeps_what_was_read_and_says_so(desk: Desk, site: Site) -> None:
    desk.process()
    source = await desk.add(kind="url", url=site.url("/menu"))
    first = await desk.read(source)
    site.pages.clear()
    after = await desk.refresh(source)
    assert (after.row.status, after.row.index_id, after.passages) == ("indexed", first.row.index_id, 1)
    assert after.row.failure is not None
    assert after.row.failure["code"] == "page_not_found"
    site.pages["/menu"] = "<html lang=en><h1>Menu</h1><p>Large $18</p>"
    assert (await desk.refresh(source)).row.failure is None


async def test_what_may_pass_is_tried_again_a_few_times(desk: Desk, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "FIRST_WAIT_S", 0.05)
    site.pages["/menu"] = hostile.server_error
    desk.process()
    source = await desk.add(kind="url", url=site.url("/menu"))
    waiting = await desk.until(source, lambda found: found.row.failure is not None)
    row = (await desk.read(source)).row
    assert (waiting.row.status, row.status, row.attempts, row.due_at) == ("pending", "error", 0, None)
    assert site.asked == ["/menu"] * taking.MOST_ATTEMPTS
    site.pages["/menu"] = "<p>Large $18"
    row = (await desk.refresh(source)).row
    assert (row.status, row.failure) == ("indexed", None)


async def test_a_server_that_asks_for_time_gets_it(desk: Desk, site: Site) -> None:
    site.pages["/menu"] = hostile.too_many
    desk.process()
    source = await desk.add(kind="url", url=site.url("/menu"))
    row = (await desk.until(source, lambda found: found.row.failure is not None)).row
    assert row.due_at is not None
    assert row.last_checked_at is not None
    assert row.due_at - row.last_checked_at == timedelta(seconds=30)
    assert row.failure is not None
    assert (row.status, row.failure["code"]) == ("pending", "page_busy")


async def test_a_page_is_read_again_by_itself_when_it_is_due(desk: Desk, site: Site) -> None:
    desk.process()
    source = await desk.add(kind="url", url=site.url("/menu"))
    first = await desk.read(source)
    assert first.row.due_at is None
    async with desk.database.tenant(desk.world.org_id) as session:
        on = await sources.set_auto_refresh(session, desk.agent, source, {"autoRefresh": True, "cadenceHours": 24})
    assert on.row.due_at == first.row.last_checked_at + timedelta(hours=24)  # type: ignore[operator]
    site.pages["/menu"] = "<p>Large $19"
    await asyncio.sleep(0.3)
    assert site.asked == ["/menu"]
    await desk.sql("UPDATE knowledge_sources SET due_at = now() - interval '1 second'")
    found = await desk.until(source, lambda found: found.text == "Large $19")
    assert found.row.due_at == found.row.last_checked_at + timedelta(hours=24)  # type: ignore[operator]
    site.pages.clear()
    await desk.sql("UPDATE knowledge_sources SET due_at = now() - interval '1 second'")
    failed = await desk.until(source, lambda found: found.row.failure is not None)
    assert failed.row.due_at == failed.row.last_checked_at + timedelta(hours=24)  # type: ignore[operator]


async def test_a_refresh_asked_for_while_one_is_under_way_is_another_one(desk: Desk, site: Site) -> None:
    reached = asyncio.Event()

    async def slow(turn: Turn) -> None:
        site.pages["/menu"] = "<p>Large $19"
        reached.set()
        await asyncio.sleep(0.3)
        await turn.answer(b"<p>Large $18", kind="text/html")

    site.pages["/menu"] = slow
    desk.process()
    source = await desk.add(kind="url", url=site.url("/menu"))
    await asyncio.wait_for(reached.wait(), 10)
    async with desk.database.tenant(desk.world.org_id) as session:
        await sources.refresh_source(session, desk.agent, source)
    assert (await desk.until(source, lambda found: found.text == "Large $19")).row.due_at is None
    assert site.asked == ["/menu", "/menu"]


async def test_what_is_deleted_meanwhile_is_not_stored(desk: Desk, site: Site) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(turn: Turn) -> None:
        reached.set()
        await go_on.wait()
        await turn.answer(b"<p>Large $18", kind="text/html")

    site.pages["/menu"] = slow
    process = desk.process()
    await desk.add(kind="url", url=site.url("/menu"))
    await asyncio.wait_for(reached.wait(), 10)
    async with desk.database.tenant(desk.world.org_id) as session:
        await delete_agent(session, desk.agent)
    go_on.set()
    async with asyncio.timeout(10):
        while process._reading:
            await asyncio.sleep(0.02)
    assert await desk.sql("SELECT id FROM knowledge_sources UNION ALL SELECT id FROM knowledge_indexes") == []


async def test_a_file_is_kept_as_long_as_something_uses_it(desk: Desk) -> None:
    async with desk.database.tenant(desk.world.org_id) as session:
        file = await store_upload(session, name="a.txt", content_type="text/plain", content=b"Large $18")
    other = Desk(desk.world, await desk.world.agent("Another"))
    one, two = await desk.add(kind="file", fileId=file.id), await other.add(kind="file", fileId=file.id)
    attached = "SELECT attached_at IS NOT NULL FROM uploads"
    async with desk.database.tenant(desk.world.org_id) as session:
        await sources.delete_source(session, desk.agent, one)
    assert await desk.sql(attached) == [True]
    async with desk.database.tenant(desk.world.org_id) as session:
        await delete_agent(session, other.agent)
    assert await desk.sql(attached) == [False]
    assert two not in await desk.sql("SELECT id FROM knowledge_sources")


async def test_organizations_take_turns_and_slow_sites_of_one_hold_up_no_other(desk: Desk, site: Site, make_world: Made) -> None:
    site.pages = {f"/{number}": hostile.silence for number in range(8)}
    for path in site.pages:
        await desk.add(kind="url", url=site.url(path))
    globex = await make_world("Globex")
    other = Desk(globex, await globex.agent())
    quick = await other.add(kind="text", text="Large $18")
    assert globex.org_id in await desk.sql("SELECT org_id FROM due_knowledge(2)")  # though eight of another's came first
    desk.process()
    async with asyncio.timeout(10):
        while len(site.asked) < OF_ONE:
            await asyncio.sleep(0.02)
    assert (await other.read(quick)).row.status == "indexed"
    assert len(site.asked) == OF_ONE


async def test_a_damaged_file_says_so(desk: Desk) -> None:
    async with desk.database.tenant(desk.world.org_id) as session:
        file = await store_upload(session, name="a.pdf", content_type="application/pdf", content=b"%PDF-1.7 and no more")
    source = await desk.add(kind="file", fileId=file.id)
    desk.process()
    found = await desk.read(source)
    assert (found.row.status, found.passages, found.text) == ("error", 0, None)
    assert found.row.failure is not None
    assert found.row.failure["code"] == "file_damaged"
