"""Skills of an agent's draft: list, get, change and delete. Bound skills are made in :mod:`.binding_skills`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import DuplicateName, get_agent, touch_draft
from patchbay.agent_runtime.bodies import Body, Name, read_body
from patchbay.agent_runtime.freezing import unseal_call
from patchbay.agent_runtime.reviews import Reviewer, check_enabled, disable_unreviewed, note_review
from patchbay.agent_runtime.skill_types import SKILL_TYPES
from patchbay.agent_runtime.tables import Skill
from patchbay.errors import Finding, NotFound, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.canonical import seal

__all__ = ["SKILL_TYPES", "SkillNotFound", "SkillPatch", "delete_skill", "get_skill", "list_skills", "patch_skill"]


Stakes = Literal["low", "medium", "high"]
"""How much is at stake when a skill runs: it decides whether the caller is asked first."""


class SkillNotFound(NotFound):
    """This agent has no such skill."""


class Review(Body):
    """What a person vouches for who enables a write: the skill's ``reviewDigest`` as they saw it."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    note: Annotated[str, Field(max_length=2000)] | None = None


class SkillPatch(Body):
    """What ``PATCH …/skills/{id}`` may change. ``binding`` members sent replace those stored, and the call is proven again.

    ``review`` goes with ``enabled`` true and is what enables a write.
    """

    name: Name | None = None
    description: Annotated[str, Field(max_length=2000)] | None = None
    enabled: bool | None = None
    requires_verified_identity: bool | None = None
    verification_level: Literal["basic", "step_up"] | None = None
    allowed_fields: list[str] | None = None
    requires_confirmation: bool | None = None
    stakes: Stakes | None = None
    review: Review | None = None
    binding: dict[str, Any] | None = None


async def list_skills(session: AsyncSession, agent_id: str, *, limit: int = 25, after: str | None = None) -> Sequence[Skill]:
    """Up to ``limit`` skills in the order they were made, those after the id ``after``."""
    await get_agent(session, agent_id)
    query = select(Skill).where(Skill.agent_id == agent_id).order_by(Skill.id).limit(limit)
    if after:
        query = query.where(Skill.id > after)
    return (await session.scalars(query)).all()


async def get_skill(session: AsyncSession, agent_id: str, skill: str, *, lock: bool = False) -> Skill:
    """One skill, by id or slug. Raises :class:`SkillNotFound`, also when the agent is gone."""
    await get_agent(session, agent_id)
    query = select(Skill).where(Skill.agent_id == agent_id, (Skill.id == skill) | (Skill.slug == skill))
    row = await session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise SkillNotFound
    return row


async def skill_from(session: AsyncSession, agent_id: str, provenance: Mapping[str, Any]) -> Skill | None:
    """The agent's skill that was made from this action or preset of a provider, of whatever version of its pack."""
    query = select(Skill).where(Skill.agent_id == agent_id)
    for name, value in provenance.items():
        if name != "version":
            query = query.where(Skill.provenance[name].astext == value)
    return await session.scalar(query.order_by(Skill.id).limit(1))


async def patch_skill(
    session: AsyncSession, agent_id: str, skill: str, patch: SkillPatch, *, reviewer: Reviewer | None = None
) -> Skill:
    """Change everything but the binding. Raises :class:`DuplicateName`, :class:`ValidationFailed`, and of a write that is to be
    enabled :class:`ReviewNeeded` or :class:`ReviewStale`.
    """
    row = await get_skill(session, agent_id, skill, lock=True)
    sent = patch.model_fields_set
    if "name" in sent and patch.name:
        row.name = patch.name
    if "description" in sent:
        row.description = patch.description or ""
    if row.binding is not None and sent & {"name", "description"}:
        row.binding = {**row.binding, "toolName": row.name, "description": row.description}
    _gate(row, _gates(row, patch))
    row.settings = {**(row.settings or {}), **_asking(patch)}
    disable_unreviewed(row)
    if patch.review is not None:
        note_review(row, patch.review.model_dump(), reviewer)
    if "enabled" in sent and patch.enabled is not None:
        if patch.enabled:
            check_enabled(row)
        row.enabled = patch.enabled
        row.binding = {**row.binding, "enabled": patch.enabled} if row.binding is not None else None
    try:
        await session.flush()
    except IntegrityError as error:
        raise DuplicateName(f"This agent already has a skill named {patch.name!r} (duplicate_name).") from error
    await touch_draft(session, agent_id)
    await session.refresh(row)
    return row


async def delete_skill(session: AsyncSession, agent_id: str, skill: str) -> None:
    """Remove a skill from the draft; published versions keep theirs."""
    row = await get_skill(session, agent_id, skill, lock=True)
    await session.execute(delete(Skill).where(Skill.id == row.id))
    await touch_draft(session, agent_id)


def read_patch(body: Any) -> SkillPatch:
    """The body of a skill's PATCH. Raises :class:`ValidationFailed`."""
    return read_body(SkillPatch, body)


def _asking(patch: SkillPatch) -> Mapping[str, Any]:
    """What was sent of when the caller is asked first."""
    sent = patch.model_dump(by_alias=True, include={"requires_confirmation", "stakes"}, exclude_unset=True)
    return {k: v for k, v in sent.items() if v is not None}


def _gate(row: Skill, gates: Mapping[str, Any]) -> None:
    """Set the gates, also in the call: the level it requires is part of what is sealed, and nothing else of it changes."""
    if not gates:
        return
    row.settings = {**(row.settings or {}), **gates}
    if row.binding is not None:
        row.binding = {**{k: v for k, v in row.binding.items() if k not in gates}, **{k: v for k, v in gates.items() if v}}
    if row.call is not None:
        required = row.settings.get("requiresVerifiedIdentity")
        level = (row.settings.get("verificationLevel") or "basic") if required else "none"
        call = unseal_call(row.call, row.digest or "", row.name)
        sealed = seal(msgspec.structs.replace(call, verification=level))
        row.call, row.digest = sealed.document, sealed.digest


def _gates(row: Skill, patch: SkillPatch) -> Mapping[str, Any]:
    sent = patch.model_fields_set
    gates: dict[str, Any] = {}
    if "requires_verified_identity" in sent:
        gates["requiresVerifiedIdentity"] = bool(patch.requires_verified_identity)
    if "verification_level" in sent:
        gates["verificationLevel"] = patch.verification_level
    if "allowed_fields" in sent:
        gates["allowedFields"] = _known_leaves(row, patch.allowed_fields)
    return gates


def _known_leaves(row: Skill, fields: list[str] | None) -> list[str] | None:
    if fields is None or row.call is None:
        return fields
    leaves = [o.leaf for o in unseal_call(row.call, row.digest or "", row.name).outputs if not o.hidden]
    if not leaves and row.binding is None:
        return list(dict.fromkeys(fields))  # a webhook returns what it returns
    unknown = [
        Finding(
            field=f"allowedFields.{i}",
            code="unknown_field",
            message=f"{name!r} is not a field this skill returns",
            hint=did_you_mean(name, leaves),
        )
        for i, name in enumerate(fields)
        if name not in leaves
    ]
    if unknown:
        raise ValidationFailed("allowedFields names fields this skill does not return", errors=unknown)
    return list(dict.fromkeys(fields))
