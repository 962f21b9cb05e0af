"""Installing a provider's Connector Pack: its preset skills, put onto an agent in one call.

A preset is an action with its configuration, or a goal: for a database, whose schema is the owner's own, a binding is proposed
in what was discovered and saved disabled, where the schema holds what the goal is about. What fits nothing is said, and
skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from patchbay.agent_runtime.agents import get_agent
from patchbay.agent_runtime.auto_mapping import auto_map
from patchbay.agent_runtime.provisioning.actions import make_skill
from patchbay.agent_runtime.provisioning.readiness import make_ready
from patchbay.agent_runtime.reviews import Reviewer
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.skills import skill_from
from patchbay.agent_runtime.tables import Skill
from patchbay.bindings.automap.proposing import NoValidBinding
from patchbay.connectors.connections import current
from patchbay.packs.drafts import draft_of, find_action, provenance_of
from patchbay.packs.model import Pack, Preset


class Installed(msgspec.Struct, frozen=True):
    """What became of a preset: its skill, made just now or there already, or the ``reason`` why there is none."""

    preset: str
    skill: Skill | None
    created: bool
    reason: str | None = None


async def install_pack(runtime: Runtime, pack: Pack, org_id: str, agent_id: str, *, reviewer: Reviewer) -> list[Installed]:
    """Every preset in the pack's order. Raises AgentNotFound, IntegrationNotConnected, SchemaNotDiscovered for a database."""
    async with runtime.database.tenant(org_id, read_only=True) as session:
        await get_agent(session, agent_id)
        await current(session, pack.kind, connected=True)
    await make_ready(runtime, org_id, pack)
    return [await _install(runtime, pack, org_id, agent_id, preset, reviewer) for preset in pack.presets]


async def _install(runtime: Runtime, pack: Pack, org_id: str, agent_id: str, preset: Preset, reviewer: Reviewer) -> Installed:
    if preset.action is not None:
        draft = draft_of(pack, find_action(pack, preset.action), preset.configuration)
        made = await make_skill(
            runtime,
            pack,
            org_id,
            agent_id,
            draft,
            provenance_of(pack, action=preset.action),
            reviewer=reviewer,
            name=preset.name,
            description=preset.description,
        )
        return Installed(preset.slug, made.skill, made.created)
    provenance = provenance_of(pack, preset=preset.slug)
    async with runtime.database.tenant(org_id, read_only=True) as session:
        there = await skill_from(session, agent_id, provenance)
    if there is not None:
        return Installed(preset.slug, there, created=False)
    return await _propose(runtime, pack, org_id, agent_id, preset, provenance)


async def _propose(
    runtime: Runtime, pack: Pack, org_id: str, agent_id: str, preset: Preset, provenance: Mapping[str, Any]
) -> Installed:
    body = {"goal": preset.goal}
    try:
        proposed = await auto_map(
            runtime, org_id, agent_id, pack.kind, body, name=preset.name, provenance=provenance, about=preset.about
        )
    except NoValidBinding as refusal:
        return Installed(preset.slug, None, created=False, reason=refusal.detail)
    return Installed(preset.slug, proposed.skill, created=True)
