"""Agents' drafts, their versions, and what happens when two people or a thief touch them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from patchbay.agent_runtime import agents, channels, skills, versions
from patchbay.agent_runtime.freezing import SkillCallTampered, VersionTampered
from patchbay.errors import ValidationFailed
from patchbay.schema_graph.canonical import sha256_hex
from tests.agent_runtime.conftest import World, appointment_call
from tests.agent_runtime.doubles import frozen_call, output

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("body", "field", "hint"),
    [
        ({}, "name", None),
        ({"name": "  "}, "name", None),
        ({"name": "A", "greting": "hi"}, "greting", "greeting"),
        ({"name": "A", "persona": {"neverDoo": []}}, "persona.neverDoo", "neverDo"),
        ({"name": "A", "persona": {"goals": "sell"}}, "persona.goals", None),
        ({"name": "A", "timeZone": "America/Torronto"}, "timeZone", "America/Toronto"),
        ({"name": "A", "primaryLanguage": "english please"}, "primaryLanguage", None),
        ({"name": "A", "defaultCountry": "XX"}, "defaultCountry", None),
        ({"name": "A", "languages": ["en", "?"]}, "languages.1", None),
        ([], "", None),
    ],
)
async def test_bad_agents_are_refused_by_their_place(world: World, body: Any, field: str, hint: str | None) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        async with world.runtime.database.tenant(world.org_id) as session:
            await agents.create_agent(session, body)
    finding = refusal.value.errors[0]
    assert finding.field == field
    assert hint is None or hint in (finding.hint or "")


async def test_everything_wrong_is_told_at_once(world: World) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        async with world.runtime.database.tenant(world.org_id) as session:
            await agents.create_agent(session, {"timeZone": "Mars", "x": 1, "tone": 3})
    assert {f.field for f in refusal.value.errors} == {"name", "timeZone", "x", "tone"}


async def test_a_patch_merges_objects_and_null_restores_the_default(world: World) -> None:
    agent_id = await world.agent(persona={"role": "Reception", "goals": ["help"]}, timeZone="Europe/Paris", voiceMap={"en": "v1"})
    async with world.runtime.database.tenant(world.org_id) as session:
        patch = {"persona": {"goals": ["sell"]}, "timeZone": None, "voiceMap": {"fr": "v2"}}
        agent = await agents.patch_agent(session, agent_id, patch, if_match=1)
    assert agent.draft["persona"] == {"name": None, "role": "Reception", "goals": ["sell"], "neverDo": []}
    assert (agent.draft["timeZone"], agent.draft["voiceMap"], agent.version) == ("UTC", {"fr": "v2"}, 2)


async def test_a_stale_patch_is_told_the_current_state(world: World) -> None:
    agent_id = await world.agent()
    async with world.runtime.database.tenant(world.org_id) as session:
        await agents.patch_agent(session, agent_id, {"tone": "warm"}, if_match=1)
    with pytest.raises(agents.AgentStale) as refusal:
        async with world.runtime.database.tenant(world.org_id) as session:
            await agents.patch_agent(session, agent_id, {"tone": "cold"}, if_match=1)
    assert refusal.value.extensions["version"] == 2
    assert refusal.value.extensions["agent"]["tone"] == "warm"


async def test_names_are_unique_among_the_living(world: World, make_world: Callable[[str], Awaitable[World]]) -> None:
    agent_id = await world.agent("One")
    with pytest.raises(agents.DuplicateName):
        await world.agent("One")
    other = await make_world("Other")
    await other.agent("One")
    async with world.runtime.database.tenant(world.org_id) as session:
        await agents.delete_agent(session, agent_id)
    await world.agent("One")
    async with other.runtime.database.tenant(other.org_id) as session:
        with pytest.raises(agents.AgentNotFound):
            await agents.get_agent(session, agent_id)


async def test_agents_are_listed_newest_first_by_status_and_name(world: World) -> None:
    ids = [await world.agent(name) for name in ("Alpha", "Beta 100%", "Gamma")]
    await world.publish(ids[1])
    async with world.runtime.database.tenant(world.org_id) as session:
        assert [a.id for a in await agents.list_agents(session)] == ids[::-1]
        assert [a.id for a in await agents.list_agents(session, after=ids[2], limit=1)] == [ids[1]]
        assert [a.id for a in await agents.list_agents(session, status="published")] == [ids[1]]
        assert [a.id for a in await agents.list_agents(session, q="0%")] == [ids[1]]
        assert [a.id for a in await agents.list_agents(session, q="_")] == []


async def test_publishing_freezes_and_the_diff_reads_well(world: World) -> None:
    agent_id = await world.live_agent()
    await world.skill(agent_id, "Not enabled", enabled=False)
    async with world.runtime.database.tenant(world.org_id) as session:
        (version,) = await versions.list_versions(session, agent_id)
        assert await versions.diff(session, agent_id, version.id) == []
        await agents.patch_agent(session, agent_id, {"greeting": "Hi", "persona": {"goals": ["help"]}})
        await skills.delete_skill(session, agent_id, "look_up_an_appointment")
        changes = await versions.diff(session, agent_id, version.id)
    assert [(c["field"], c["kind"]) for c in changes] == [
        ("greeting", "added"),
        ("persona.goals", "added"),
        ("skills.Look up an appointment", "removed"),
    ]
    assert version.sha256 == sha256_hex(version.document)


async def test_publishes_at_once_are_numbered_one_after_the_other(world: World) -> None:
    agent_id = await world.agent()
    await asyncio.gather(*(world.publish(agent_id, note=str(n)) for n in range(5)))
    async with world.runtime.database.tenant(world.org_id) as session:
        assert [v.number for v in await versions.list_versions(session, agent_id)] == [5, 4, 3, 2, 1]


async def test_rolling_back_repoints_and_foreign_versions_are_unknown(world: World) -> None:
    agent_id, other = await world.agent("One"), await world.agent("Two")
    first = await world.publish(agent_id)
    await world.publish(agent_id)
    foreign = await world.publish(other)
    async with world.runtime.database.tenant(world.org_id) as session:
        await versions.rollback(session, agent_id, first)
        assert (await agents.get_agent(session, agent_id)).published_version_id == first
        with pytest.raises(versions.VersionNotFound):
            await versions.rollback(session, agent_id, foreign)


async def test_a_tampered_version_or_call_is_refused(world: World) -> None:
    agent_id = await world.live_agent()
    version_id = await world.publish(agent_id)
    async with world.runtime.database.owner() as session:
        await session.execute(text("UPDATE agent_versions SET document = convert_to(replace(convert_from(document, 'UTF8'),"
                                   " 'SELECT 1', 'SELECT 2'), 'UTF8') WHERE id = :id"), {"id": version_id})  # fmt: skip
    with pytest.raises(VersionTampered):
        await channels.prepare_simulation(world.runtime, world.org_id, agent_id, {"message": "hi", "draftMode": False})
    async with world.runtime.database.owner() as session:
        await session.execute(
            text("UPDATE agent_versions SET sha256 = encode(sha256(document), 'hex') WHERE id = :id"), {"id": version_id}
        )
    with pytest.raises(SkillCallTampered):
        await channels.prepare_simulation(world.runtime, world.org_id, agent_id, {"message": "hi", "draftMode": False})
    async with world.runtime.database.owner() as session:
        await session.execute(text("UPDATE skills SET digest = repeat('0', 64)"))
    with pytest.raises(SkillCallTampered):
        await channels.prepare_simulation(world.runtime, world.org_id, agent_id, {"message": "hi"})
    with pytest.raises(SkillCallTampered):
        await world.publish(agent_id)


async def test_names_stay_unique_and_a_skill_can_be_deleted(world: World) -> None:
    agent_id = await world.agent()
    await world.skill(agent_id, "Write", frozen_call([], [output("x")], effect="write"), enabled=False)
    await world.skill(agent_id, "Read", appointment_call())
    with pytest.raises(agents.DuplicateName):
        async with world.runtime.database.tenant(world.org_id) as session:
            await skills.patch_skill(session, agent_id, "write", skills.read_patch({"name": "Read"}))
    with pytest.raises(ValidationFailed):
        skills.read_patch({"enable": True})
    async with world.runtime.database.tenant(world.org_id) as session:
        before = (await agents.get_agent(session, agent_id)).version
        await skills.delete_skill(session, agent_id, "read")
        await session.refresh(agent := await agents.get_agent(session, agent_id))
        assert agent.version == before + 1
        assert [s.slug for s in await skills.list_skills(session, agent_id)] == ["write"]
