"""Provisioning: a provider's actions as skills on an agent's draft.

Every action becomes one skill, once: it is known by where it is from, and a second request finds it. An action that still needs
configuration is stored disabled, without a call, until its settings are complete. An action that writes is enabled with the
review of whoever provisions it: they chose it by name, and the pack was reviewed as a whole (decision 0025).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from pydantic import Field
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import get_agent, touch_draft
from patchbay.agent_runtime.binding_skills import GroundMoved, free_slug, store_skill
from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.provisioning.freezing import FrozenDraft, freeze_draft
from patchbay.agent_runtime.provisioning.readiness import make_ready
from patchbay.agent_runtime.reviews import (
    Reviewer,
    check_enabled,
    disable_unreviewed,
    is_reviewed,
    note_review,
    review_digest,
)
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.skills import get_skill, skill_from
from patchbay.agent_runtime.tables import Skill
from patchbay.bindings.tool_lint import check_tool
from patchbay.bindings.tool_schema import tool_schema
from patchbay.connectors.connections import current
from patchbay.errors import Conflict, Finding, Unprocessable, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.packs.drafts import Draft, draft_of, find_action, provenance_of
from patchbay.packs.model import Action, Pack
from patchbay.schema_graph.canonical import seal
from patchbay.store.ids import new_id

_ATTEMPTS = 2
_CONFIGURED = "configuredOnce"
"""Of a skill's settings: its configuration has been complete before. Completing it again enables nothing by itself."""
_MOST_NAMES = 50


class NotProvisioned(Unprocessable):
    """Only a skill made from a provider's action has this configuration (not_provisioned)."""

    code, title = "not_provisioned", "Not a provisioned skill"


class ActionGone(Conflict):
    """The provider's pack no longer has the action this skill was made from (action_gone); it runs on as it is."""

    code, title = "action_gone", "Action gone"


class ProvisionBody(Body):
    """``actions`` are slugs; without them every key action. ``configuration`` is by slug what an operator decides."""

    actions: (
        Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=100, description="Slugs of actions.")] | None
    ) = None
    configuration: dict[str, dict[str, Any]] = Field(default_factory=dict[str, dict[str, Any]])


class ConfigurationBody(Body):
    """What ``PATCH …/skills/{id}`` takes together with the configuration of a provisioned skill."""

    execution_config: dict[str, Any]
    enabled: bool | None = None


class Provisioned(msgspec.Struct, frozen=True):
    """A skill, and whether it was made just now."""

    skill: Skill
    created: bool


async def provision(
    runtime: Runtime, pack: Pack, org_id: str, agent_id: str, body: Any, *, reviewer: Reviewer
) -> list[Provisioned]:
    """One skill for each action, in the order asked for. Raises ValidationFailed, AgentNotFound, IntegrationNotConnected, and
    what saving a binding raises; the skills made before such a failure stay, and the next request goes on from there.
    """
    async with runtime.database.tenant(org_id, read_only=True) as session:
        await get_agent(session, agent_id)
        await current(session, pack.kind, connected=True)
    wanted = read_body(ProvisionBody, body)
    actions = _chosen(pack, wanted)
    await make_ready(runtime, org_id, pack)
    drafts = [draft_of(pack, one, wanted.configuration.get(one.slug, {}), field=f"configuration.{one.slug}") for one in actions]
    return [
        await make_skill(runtime, pack, org_id, agent_id, draft, provenance_of(pack, action=draft.action.slug), reviewer=reviewer)
        for draft in drafts
    ]


def _chosen(pack: Pack, wanted: ProvisionBody) -> list[Action]:
    known = [one.slug for one in pack.actions]
    keys = [one.slug for one in pack.actions if one.key]
    chosen = keys if wanted.actions is None else list(dict.fromkeys(wanted.actions))
    findings = [
        Finding(f"actions.{i}", "action_unknown", f"There is no action {slug!r}.", did_you_mean(slug, known))
        for i, slug in enumerate(chosen)
        if slug not in known
    ]
    findings += [
        Finding(f"configuration.{slug[:64]}", "action_unknown", "This action is not among those asked for.")
        for slug in wanted.configuration
        if slug not in chosen
    ]
    if findings:
        raise ValidationFailed("The request names actions that there are not.", errors=findings)
    return [find_action(pack, slug) for slug in chosen]


async def make_skill(
    runtime: Runtime,
    pack: Pack,
    org_id: str,
    agent_id: str,
    draft: Draft,
    provenance: Mapping[str, Any],
    *,
    reviewer: Reviewer,
    name: str | None = None,
    description: str | None = None,
) -> Provisioned:
    """The skill of ``provenance``: the one there is, else a new one from the draft."""
    for _ in range(_ATTEMPTS):
        async with runtime.database.tenant(org_id, read_only=True) as session:
            there = await skill_from(session, agent_id, provenance)
            if there is not None:
                return Provisioned(there, created=False)
        frozen = None if draft.missing else await freeze_draft(runtime, org_id, agent_id, pack.kind, draft)
        async with runtime.database.tenant(org_id) as session:
            await get_agent(session, agent_id, lock=True)
            there = await skill_from(session, agent_id, provenance)
            if there is not None:
                return Provisioned(there, created=False)
            if frozen is not None and not await frozen.still_holds(session, runtime, agent_id, pack.kind):
                continue
            wanted = await _free_name(session, agent_id, name or draft.action.name, pack)
            row = Skill(
                id=new_id("skl"),
                agent_id=agent_id,
                name=wanted,
                description=description or draft.action.description,
                slug=await free_slug(session, agent_id, wanted),
                skill_type=pack.kind,
                settings={},
                provenance=dict(provenance),
                enabled=False,
            )
            await _write(session, row, draft, frozen, pack, reviewer)
            session.add(row)
            return Provisioned(await store_skill(session, row), created=True)
    raise GroundMoved


async def change_configuration(
    runtime: Runtime,
    packs: Mapping[str, Pack],
    org_id: str,
    agent_id: str,
    skill: str,
    changes: Mapping[str, Any],
    *,
    reviewer: Reviewer,
    enabled: bool | None = None,
) -> Skill:
    """``PATCH …/skills/{id} {executionConfig}`` of a provisioned skill. Settings of a provisioned skill that are sent replace
    those stored, None takes one away; the call is frozen anew. A skill whose settings are complete for the first time is
    enabled, unless ``enabled`` says otherwise; a write whose settings change later is disabled until it is reviewed again.

    Raises :class:`NotProvisioned`, :class:`ActionGone`, ValidationFailed, and what saving a binding raises.
    """
    for _ in range(_ATTEMPTS):
        async with runtime.database.tenant(org_id, read_only=True) as session:
            row = await get_skill(session, agent_id, skill)
            pack, action = _origin(row, packs)
            stored = (row.settings or {}).get("executionConfig", {})
        merged = {**stored, **changes}
        draft = draft_of(pack, action, {name: value for name, value in merged.items() if value is not None})
        frozen = None
        if not draft.missing:
            await make_ready(runtime, org_id, pack)
            frozen = await freeze_draft(runtime, org_id, agent_id, pack.kind, draft)
        async with runtime.database.tenant(org_id) as session:
            await get_agent(session, agent_id, lock=True)
            row = await get_skill(session, agent_id, row.id, lock=True)
            same = (row.settings or {}).get("executionConfig", {}) == stored
            if not same or (frozen is not None and not await frozen.still_holds(session, runtime, agent_id, pack.kind)):
                continue
            first = row.call is None and not (row.settings or {}).get(_CONFIGURED)
            was, reviewed = row.enabled, row.review
            row.provenance = {**(row.provenance or {}), "version": pack.identity.version}
            await _write(session, row, draft, frozen, pack, reviewer)
            if not first:  # what writes was reviewed as it was; a change takes that back
                row.review = reviewed  # looked at by the line below, which compares digests
                row.review = reviewed if is_reviewed(row) else None
            if row.call is not None:
                if enabled:
                    check_enabled(row)
                set_enabled(row, enabled=(first or was) if enabled is None else enabled)
                disable_unreviewed(row)
            return await store_skill(session, row)
    raise GroundMoved


def read_configuration(body: Any) -> tuple[dict[str, Any], bool | None]:
    """The settings that a body changes, and whether it enables the skill. Raises ValidationFailed for members beside those."""
    read = read_body(ConfigurationBody, body)
    return read.execution_config, read.enabled


async def remove_provisioned(session: AsyncSession, agent_id: str, kind: str) -> list[str]:
    """Take the skills that were made from the provider's actions and presets off the draft; their ids."""
    await get_agent(session, agent_id, lock=True)
    made = Skill.provenance["kind"].astext == kind
    gone = (await session.scalars(delete(Skill).where(Skill.agent_id == agent_id, made).returning(Skill.id))).all()
    if gone:
        await touch_draft(session, agent_id)
    return sorted(gone)


def set_enabled(row: Skill, *, enabled: bool) -> None:
    """Enable or disable a skill, in its binding too."""
    row.enabled = enabled
    row.binding = {**row.binding, "enabled": enabled} if row.binding is not None else None


def _origin(row: Skill, packs: Mapping[str, Pack]) -> tuple[Pack, Action]:
    made_of = row.provenance or {}
    if "action" not in made_of:
        raise NotProvisioned
    pack = packs.get(made_of["kind"])
    action = pack.action(made_of["action"]) if pack is not None else None
    if pack is None or action is None:
        raise ActionGone
    return pack, action


async def _write(
    session: AsyncSession, row: Skill, draft: Draft, frozen: FrozenDraft | None, pack: Pack, reviewer: Reviewer
) -> None:
    """What is stored of a draft: its configuration, and its call once that is complete."""
    action = draft.action
    gates = {
        "requiresVerifiedIdentity": action.verification != "none",
        "verificationLevel": None if action.verification == "none" else action.verification,
        "allowedFields": list(action.allowed_fields) if action.allowed_fields is not None else None,
        "requiresConfirmation": action.requires_confirmation,
        "stakes": action.stakes,
    }
    kept = {name: value for name, value in (row.settings or {}).items() if name in gates and value is not None}
    row.settings = {**(row.settings or {}), **gates, **kept, "executionConfig": dict(draft.configuration)}
    row.warnings = [_missing(name) for name in draft.missing]
    row.enabled, row.review = False, None
    if frozen is None:
        row.call = row.digest = row.binding = None
        return
    check_tool(tool_schema(row.slug, row.description, frozen.call.inputs))
    level = (row.settings["verificationLevel"] or "basic") if row.settings["requiresVerifiedIdentity"] else "none"
    sealed = seal(msgspec.structs.replace(frozen.call, verification=level))
    row.settings = {**row.settings, _CONFIGURED: True}
    row.call, row.digest, row.connection_id = sealed.document, sealed.digest, frozen.call.connection_id
    row.warnings = frozen.warnings
    if frozen.binding is not None:
        named = msgspec.structs.replace(frozen.binding, tool_name=row.name, description=row.description)
        row.binding = {**named.to_json()}
    set_enabled(row, enabled=True)
    if frozen.call.effect == "write":
        note = f"{pack.identity.name}: {action.slug}, pack of {pack.identity.version}"
        note_review(row, {"digest": review_digest(row), "note": note}, reviewer)


def _missing(name: str) -> dict[str, Any]:
    finding = Finding(
        f"executionConfig.{name}", "configuration_missing", f"{name} has still to be given.", "PATCH the skill with it."
    )
    return msgspec.to_builtins(finding)


async def _free_name(session: AsyncSession, agent_id: str, name: str, pack: Pack) -> str:
    """The name, with the provider's where another skill has it, and a number where that is taken too."""
    taken = set((await session.scalars(select(Skill.name).where(Skill.agent_id == agent_id))).all())
    candidates: Sequence[str] = (
        name,
        f"{name} ({pack.identity.name})",
        *(f"{name} ({pack.identity.name} {n})" for n in range(2, _MOST_NAMES)),
    )
    return next((one for one in candidates if one not in taken), f"{name} {new_id('skl')[-8:]}")
