"""Enabling a write takes somebody who vouches for exactly what it is; whatever changes it takes the review back."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.agent_runtime import skills
from patchbay.agent_runtime.reviews import Reviewer, ReviewNeeded, ReviewStale, review_digest
from patchbay.agent_runtime.tables import Skill
from tests.agent_runtime.conftest import World, appointment_call
from tests.agent_runtime.doubles import frozen_call, output

pytestmark = pytest.mark.anyio

WHO = Reviewer(type="api_key", id="key_1", label="Ann")


async def patched(world: World, agent_id: str, body: dict[str, Any], slug: str = "write") -> Skill:
    async with world.runtime.database.tenant(world.org_id) as session:
        return await skills.patch_skill(session, agent_id, slug, skills.read_patch(body), reviewer=WHO)


async def a_write(world: World) -> tuple[str, str]:
    """An agent with a write, disabled, and the digest to review."""
    agent_id = await world.agent()
    await world.skill(agent_id, "Write", frozen_call([], [output("x")], effect="write"), enabled=False)
    async with world.runtime.database.tenant(world.org_id) as session:
        digest = review_digest(await skills.get_skill(session, agent_id, "write"))
    assert digest is not None
    return agent_id, digest


async def test_a_write_is_enabled_by_a_review_of_what_it_is(world: World) -> None:
    agent_id, digest = await a_write(world)
    with pytest.raises(ReviewNeeded) as needed:
        await patched(world, agent_id, {"enabled": True})
    assert needed.value.extensions["reviewDigest"] == digest
    with pytest.raises(ReviewStale):
        await patched(world, agent_id, {"enabled": True, "review": {"digest": "0" * 64}})
    row = await patched(world, agent_id, {"enabled": True, "review": {"digest": digest, "note": "Looked at it."}})
    assert row.enabled
    assert row.review is not None
    assert {k: row.review[k] for k in ("digest", "note", "by")} == {
        "digest": digest,
        "note": "Looked at it.",
        "by": {"type": "api_key", "id": "key_1", "label": "Ann"},
    }
    assert not (await patched(world, agent_id, {"enabled": False})).enabled
    assert (await patched(world, agent_id, {"enabled": True})).enabled, "what was reviewed is still what it is"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Another"},
        {"description": "Does something else."},
        {"requiresConfirmation": False},
        {"stakes": "low"},
        {"requiresVerifiedIdentity": True},
    ],
)
async def test_an_edit_after_the_review_disables_the_write(world: World, change: dict[str, Any]) -> None:
    agent_id, digest = await a_write(world)
    await patched(world, agent_id, {"enabled": True, "review": {"digest": digest}})
    changed = await patched(world, agent_id, change)
    assert not changed.enabled
    assert review_digest(changed) != digest
    with pytest.raises(ReviewNeeded):
        await patched(world, agent_id, {"enabled": True})
    with pytest.raises(ReviewStale):
        await patched(world, agent_id, {"enabled": True, "review": {"digest": digest}})


async def test_a_change_and_its_review_come_in_one_request_only_with_the_new_digest(world: World) -> None:
    agent_id, digest = await a_write(world)
    with pytest.raises(ReviewStale):
        await patched(world, agent_id, {"enabled": True, "stakes": "low", "review": {"digest": digest}})
    async with world.runtime.database.tenant(world.org_id) as session:
        row = await skills.get_skill(session, agent_id, "write")
        assert not row.enabled
        assert "stakes" not in row.settings, "nothing of a refused request is kept"


async def test_a_read_needs_no_review(world: World) -> None:
    agent_id = await world.agent()
    await world.skill(agent_id, "Read", appointment_call(), enabled=False)
    assert (await patched(world, agent_id, {"enabled": True}, slug="read")).enabled
