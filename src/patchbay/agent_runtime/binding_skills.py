"""Saving a binding as a skill: check, compile, prove, seal, store. In that order, once; nothing is stored on a failure.

Proving talks to the live system, so it happens between two short transactions and never inside one. What was checked against
(the snapshot, the data scoping, the connection) must be unchanged when the skill is stored; else everything is done again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import DuplicateName, get_agent, touch_draft
from patchbay.agent_runtime.conversation.tools import HAND_OFF
from patchbay.agent_runtime.ground import Ground, prove_binding, read_ground
from patchbay.agent_runtime.reviews import Reviewer, ReviewStale, is_reviewed
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.skills import SkillPatch, get_skill, patch_skill, read_patch, skill_from
from patchbay.agent_runtime.tables import Skill
from patchbay.bindings.model import Binding, parse_binding
from patchbay.bindings.tool_lint import check_tool
from patchbay.bindings.tool_schema import tool_schema
from patchbay.connectors.connections import provider_of
from patchbay.errors import Conflict, Unprocessable
from patchbay.schema_graph.call import SealedCall
from patchbay.schema_graph.canonical import seal
from patchbay.schema_graph.naming import slug as slug_of
from patchbay.store.ids import new_id

_ATTEMPTS = 2
_SLUG_CHARACTERS = 64


class GroundMoved(Conflict):
    """The schema or its data scoping changed while the binding was being proven (ground_moved); save it again."""

    code, title = "ground_moved", "Schema or scoping changed"


class NotBound(Unprocessable):
    """Only a skill made from a binding has a binding to change (not_bound)."""

    code, title = "not_bound", "Not a bound skill"


class _Made(msgspec.Struct, frozen=True):
    """A binding that has been proven and sealed."""

    ground: Ground
    sealed: SealedCall
    effect: str
    warnings: list[dict[str, Any]]


async def save_binding(
    runtime: Runtime,
    org_id: str,
    agent_id: str,
    kind: str,
    body: Any,
    *,
    provenance: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Skill:
    """A new skill from a binding's body. A read is enabled as asked for; a write is stored disabled. With ``provenance`` there is
    one skill of it on the agent, and another request meanwhile may have made it. ``settings`` are kept beside its gates.

    Raises ``ValidationFailed`` (400), ``BindingInvalid`` or ``CallNotProvable`` (422), :class:`DuplicateName` (409), and
    what reading the connection raises (404 ``schema_not_discovered``, 409 ``integration_not_connected``).
    """
    async with runtime.database.tenant(org_id, read_only=True) as session:
        await get_agent(session, agent_id)
        await provider_of(session, kind)
    binding = parse_binding(body)
    async with runtime.database.tenant(org_id, read_only=True) as session:
        await check_name(session, agent_id, binding.tool_name, None)
    for _ in range(_ATTEMPTS):
        made = await _make(runtime, org_id, agent_id, kind, binding)
        async with runtime.database.tenant(org_id) as session:
            await get_agent(session, agent_id, lock=True)
            there = None if provenance is None else await skill_from(session, agent_id, provenance)
            if there is not None:
                return there
            await check_name(session, agent_id, binding.tool_name, None)
            if made.ground.same(await read_ground(session, runtime, agent_id, kind, binding.operation)):
                return await _insert(session, agent_id, kind, binding, made, provenance, settings or {})
    raise GroundMoved


async def change_skill(
    runtime: Runtime, org_id: str, agent_id: str, skill: str, body: Any, *, reviewer: Reviewer | None = None
) -> Skill:
    """``PATCH …/skills/{id}``. With ``binding``, the members sent replace the stored ones and the call is proven anew; a write
    is then disabled until it is reviewed again.
    """
    patch = read_patch(body)
    if patch.binding is None:
        async with runtime.database.tenant(org_id) as session:
            return await patch_skill(session, agent_id, skill, patch, reviewer=reviewer)
    if patch.review is not None:
        raise ReviewStale("A binding that is being changed cannot be reviewed in the same request (review_stale).")
    for _ in range(_ATTEMPTS):
        async with runtime.database.tenant(org_id, read_only=True) as session:
            row = await get_skill(session, agent_id, skill)
            kind, skill_id, slug = row.skill_type, row.id, row.slug
            wanted = _changed(row, patch)
            binding = parse_binding(wanted)
            await check_name(session, agent_id, binding.tool_name, skill_id)
        made = await _make(runtime, org_id, agent_id, kind, binding, slug=slug)
        async with runtime.database.tenant(org_id) as session:
            await get_agent(session, agent_id, lock=True)
            same = made.ground.same(await read_ground(session, runtime, agent_id, kind, binding.operation))
            row = await get_skill(session, agent_id, skill_id, lock=True)
            # What another request set meanwhile, a gate or that it is disabled, must not be undone by this one.
            if same and _changed(row, patch) == wanted:
                return await _replace(session, row, binding, made)
    raise GroundMoved


async def _make(runtime: Runtime, org_id: str, agent_id: str, kind: str, binding: Binding, *, slug: str | None = None) -> _Made:
    """Check, compile, prove and seal; no transaction is open while the live system is asked."""
    async with runtime.database.tenant(org_id, read_only=True) as session:
        ground = await read_ground(session, runtime, agent_id, kind, binding.operation)
    proven = await prove_binding(runtime, binding, ground)
    check_tool(tool_schema(slug or _slug(binding.tool_name), binding.description, proven.call.inputs))
    warnings = proven.warnings
    return _Made(ground, seal(proven.call), proven.call.effect, [msgspec.to_builtins(w) for w in warnings])


async def _insert(
    session: AsyncSession,
    agent_id: str,
    kind: str,
    binding: Binding,
    made: _Made,
    provenance: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
) -> Skill:
    row = Skill(
        id=new_id("skl"),
        agent_id=agent_id,
        slug=await free_slug(session, agent_id, binding.tool_name),
        skill_type=kind,
        settings=dict(settings),
        provenance=None if provenance is None else dict(provenance),
    )
    _write(row, binding, made)
    session.add(row)
    return await store_skill(session, row)


async def _replace(session: AsyncSession, row: Skill, binding: Binding, made: _Made) -> Skill:
    reviewed = row.review
    _write(row, binding, made)
    row.review = reviewed if is_reviewed(row) else None
    return await store_skill(session, row)


def _write(row: Skill, binding: Binding, made: _Made) -> None:
    row.name, row.description = binding.tool_name, binding.description
    row.enabled = binding.enabled and made.effect == "read"
    row.connection_id = made.ground.target.connection_id
    row.binding = {**binding.to_json(), "enabled": row.enabled}
    row.call, row.digest = made.sealed.document, made.sealed.digest
    row.settings = {**(row.settings or {}), **gates_of(binding)}
    row.warnings = made.warnings


async def store_skill(session: AsyncSession, row: Skill) -> Skill:
    """Store a new or changed skill with the draft it is on. Raises :class:`DuplicateName`."""
    try:
        await session.flush()
    except IntegrityError as error:
        raise DuplicateName(f"This agent already has a skill named {row.name!r} (duplicate_name).") from error
    await touch_draft(session, row.agent_id)
    await session.refresh(row)
    return row


def gates_of(binding: Binding) -> dict[str, Any]:
    """The gates a binding asks for, as a skill's settings hold them."""
    gated = binding.requires_verified_identity or binding.verification_level not in (None, "none")
    return {
        "requiresVerifiedIdentity": gated,
        "verificationLevel": binding.verification_level,
        "allowedFields": binding.allowed_fields,
        "requiresConfirmation": binding.requires_confirmation,
        "stakes": binding.stakes,
    }


def _changed(row: Skill, patch: SkillPatch) -> Mapping[str, Any]:
    """The stored binding with the members sent, and with the skill's own members where the patch names those."""
    if row.binding is None or row.call is None:
        raise NotBound
    kept = {k: v for k, v in row.binding.items() if k not in _GATES}
    gates = {k: v for k, v in (row.settings or {}).items() if k in _GATES and v is not None}
    members = patch.model_dump(by_alias=True, exclude={"binding", "review"}, exclude_unset=True)
    sent = {name: value for name, value in members.items() if value is not None or name in _TAKEN_AWAY_BY_NULL}
    if "name" in sent:
        sent["toolName"] = sent.pop("name")
    current_ones = {**kept, **gates, "toolName": row.name, "description": row.description, "enabled": row.enabled}
    return {**current_ones, **(patch.binding or {}), **sent}


_TAKEN_AWAY_BY_NULL = ("allowedFields", "verificationLevel")
_GATES = ("requiresVerifiedIdentity", "verificationLevel", "allowedFields", "requiresConfirmation", "stakes")


async def check_name(session: AsyncSession, agent_id: str, name: str, skill_id: str | None) -> None:
    """Raises :class:`DuplicateName` when another skill of the agent has the name."""
    query = select(Skill.id).where(Skill.agent_id == agent_id, Skill.name == name)
    taken = await session.scalar(query.where(Skill.id != skill_id) if skill_id else query)
    if taken is not None:
        raise DuplicateName(f"This agent already has a skill named {name!r} (duplicate_name).")


async def free_slug(session: AsyncSession, agent_id: str, name: str) -> str:
    """The slug of a name, with a number where it is taken: the first skill keeps the plain one."""
    wanted = _slug(name)
    query = select(Skill.slug).where(
        Skill.agent_id == agent_id, or_(Skill.slug == wanted, Skill.slug.startswith(wanted[:56], autoescape=True))
    )
    taken = {*(await session.scalars(query)).all(), HAND_OFF}
    if wanted not in taken:
        return wanted
    numbered = (f"{wanted[: _SLUG_CHARACTERS - 1 - len(str(n))]}_{n}" for n in range(2, len(taken) + 3))
    return next(s for s in numbered if s not in taken)


def _slug(name: str) -> str:
    """As the APIs of models take the names of tools: some want a letter or ``_`` first."""
    made = slug_of(name)
    return (made if made[:1].isalpha() or made[:1] == "_" else f"_{made}")[:_SLUG_CHARACTERS] if made else "skill"
