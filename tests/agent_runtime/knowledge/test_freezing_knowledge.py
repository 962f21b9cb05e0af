"""What a version is published with, what a live conversation answers from, and what the reports say of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import pytest
from sqlalchemy import delete, select

from patchbay.agent_runtime.knowledge.known import current_sources, sources_of
from patchbay.agent_runtime.knowledge.tables import KnowledgeIndex, KnowledgeSource
from patchbay.agent_runtime.prepublish.reading import prepublish_report
from patchbay.agent_runtime.versions import compile_draft, diff, get_version, left_out, load_version
from tests.agent_runtime.conftest import World
from tests.agent_runtime.knowledge.shelf import MENU, add_source, read_into

pytestmark = pytest.mark.anyio

NEW_MENU = (("Menu > Pizzas > Supreme", "Now with anchovies. Medium $18, large $23."),)


async def _retrieved(world: World, version_id: str, question: str) -> list[str]:
    database = world.runtime.database
    async with database.tenant(world.org_id, read_only=True) as session:
        agent = await load_version(session, version_id)
    found = await world.runtime.library.retrieve(database, world.org_id, agent.answers_from, question)
    return [one.text for one in found.passages]


async def test_a_version_stays_with_what_it_was_published_with_unless_the_source_is_followed(world: World) -> None:
    agent_id, database = await world.agent(), world.runtime.database
    pinned = await add_source(database, world.org_id, agent_id, "Menu")
    followed = await add_source(database, world.org_id, agent_id, "Web", [("Parking", "Park on Oak Lane.")], refresh_hours=24)
    version_id = await world.publish(agent_id)

    async with database.tenant(world.org_id, read_only=True) as session:
        document = msgspec.json.decode((await get_version(session, agent_id, version_id)).document)
        frozen = (await session.scalars(select(KnowledgeIndex.id).where(KnowledgeIndex.frozen_at.is_not(None)))).all()
    by_source = {one["sourceId"]: one for one in document["knowledge"]}
    assert (by_source[pinned]["follows"], by_source[followed]["follows"]) == (False, True)
    assert by_source[pinned].keys() == {"sourceId", "label", "kind", "indexId", "sha256", "follows"}
    assert set(frozen) == {one["indexId"] for one in document["knowledge"]}

    await read_into(database, world.org_id, pinned, NEW_MENU)
    await read_into(database, world.org_id, followed, [("Parking", "Park on Elm Street.")])
    assert (await _retrieved(world, version_id, "what is on the supreme"))[0].startswith("Pepperoni")
    assert await _retrieved(world, version_id, "where can I park") == ["Park on Elm Street."]

    async with database.tenant(world.org_id, read_only=True) as session:
        changes = await diff(session, agent_id, version_id)
        draft = await compile_draft(session, agent_id)
    assert [change["field"] for change in changes] == ["knowledge.Menu.content"]
    now = await world.runtime.library.retrieve(database, world.org_id, draft.answers_from, "what is on the supreme")
    assert now.passages[0].text.startswith("Now with anchovies")
    again = await world.publish(agent_id)
    assert (await _retrieved(world, again, "what is on the supreme"))[0].startswith("Now with anchovies")


async def test_a_deleted_source_answers_nowhere_at_once(world: World) -> None:
    agent_id, database = await world.agent(), world.runtime.database
    source_id = await add_source(database, world.org_id, agent_id)
    version_id = await world.publish(agent_id)
    assert await _retrieved(world, version_id, "what is on the supreme")
    async with database.tenant(world.org_id) as session:
        await session.execute(delete(KnowledgeSource).where(KnowledgeSource.id == source_id))
    assert await _retrieved(world, version_id, "what is on the supreme") == []
    async with database.tenant(world.org_id, read_only=True) as session:
        changes = await diff(session, agent_id, version_id)
    assert [(c["field"], c["kind"]) for c in changes] == [("knowledge.Menu", "removed")]


async def test_sources_that_were_not_read_hold_up_nothing_and_are_told(world: World) -> None:
    agent_id, database = await world.agent(), world.runtime.database
    await add_source(database, world.org_id, agent_id, "Menu")
    await add_source(database, world.org_id, agent_id, "Help center", None)
    await add_source(database, world.org_id, agent_id, "Old site", None, status="error")
    async with database.tenant(world.org_id, read_only=True) as session:
        report = await prepublish_report(session, agent_id, texts=False)
        warned = await left_out(session, agent_id)
    await world.publish(agent_id)
    assert [one["code"] for one in warned] == ["knowledge_pending", "knowledge_unreadable"]
    assert [one["code"] for one in report["warnings"]] == ["knowledge_pending", "knowledge_unreadable"]
    assert report["knowledge"]["sources"] == 3
    assert [one["label"] for one in report["knowledge"]["indexed"]] == ["Menu"]
    assert [(one["label"], one["status"]) for one in report["knowledge"]["unread"]] == [
        ("Help center", "pending"), ("Old site", "error")
    ]  # fmt: skip
    assert report["knowledge"]["text"] == (
        "Anyone is told what 1 source of knowledge holds (Menu). Not read, and so not published: Help center and Old site."
    )


async def test_sources_that_share_a_label_are_told_apart_in_a_diff(world: World) -> None:
    agent_id, database = await world.agent(), world.runtime.database
    one = await add_source(database, world.org_id, agent_id)
    version_id = await world.publish(agent_id)
    other = await add_source(database, world.org_id, agent_id)
    async with database.tenant(world.org_id, read_only=True) as session:
        changes = await diff(session, agent_id, version_id)
    assert {change["field"] for change in changes} == {"knowledge.Menu", f"knowledge.Menu ({one})", f"knowledge.Menu ({other})"}


async def test_another_organization_finds_nothing_of_it(world: World, make_world: Callable[[str], Awaitable[World]]) -> None:
    agent_id, database = await world.agent(), world.runtime.database
    await add_source(database, world.org_id, agent_id)
    async with database.tenant(world.org_id, read_only=True) as session:
        known = (await sources_of(session, agent_id)).known
    pins = {one.source_id: one.index_id for one in known}
    assert await current_sources(database, world.org_id, pins)
    stranger = await make_world("Globex")
    assert await current_sources(database, stranger.org_id, pins) == []
    found = await stranger.runtime.library.retrieve(database, stranger.org_id, pins, MENU[1][0])
    assert found.passages == ()
