"""Saving a skill made by hand, of whatever type: read, freeze, store. Nothing is stored on a failure.

A type may look at the outside while it reads, so that happens between two short transactions and never inside one. What a change
started from must be the same when it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import get_agent
from patchbay.agent_runtime.binding_skills import GroundMoved, check_name, free_slug, store_skill
from patchbay.agent_runtime.bodies import read_body
from patchbay.agent_runtime.hand_made.bodies import GATES, HandMadePatch, HandMadeSkill, merged
from patchbay.agent_runtime.hand_made.known import HAND_MADE
from patchbay.agent_runtime.hand_made.skill_type import AnyType, Asked, Made
from patchbay.agent_runtime.reviews import is_reviewed
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.skill_types import entry_of, type_names
from patchbay.agent_runtime.skills import delete_skill, get_skill
from patchbay.agent_runtime.tables import Agent, Skill
from patchbay.bindings.tool_lint import check_tool
from patchbay.bindings.tool_schema import tool_schema
from patchbay.errors import Finding, Unprocessable, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.canonical import seal
from patchbay.store.ids import new_id

_NOT_TAKEN = "A skill of this type has parameters of its own."


class NotHandMade(Unprocessable):
    """Only a skill that was made by hand has these members to change (not_hand_made); a bound skill is changed by binding."""

    code, title = "not_hand_made", "Not made by hand"


class Created(msgspec.Struct, frozen=True):
    """A new skill, and the secret its requests are signed with, where its type has one: told this once."""

    skill: Skill
    signing_secret: str | None


async def create_skill(runtime: Runtime, org_id: str, agent_id: str, body: Any) -> Created:
    """A new skill on the draft. One that writes is disabled until it is reviewed.

    Raises ValidationFailed, DuplicateName, and what reading the type's own part raises.
    """
    async with runtime.database.tenant(org_id, read_only=True) as session:
        agent = await get_agent(session, agent_id)
    sort = _type_named(cast("Mapping[str, Any]", body).get("skillType") if isinstance(body, Mapping) else None)
    wanted = read_body(HandMadeSkill, body)
    if sort is None:
        raise _unknown(wanted.skill_type)
    _check_taken(sort, wanted)
    asked = Asked(
        org_id=org_id,
        agent_id=agent_id,
        config=merged(wanted.execution_config, None),
        schema=wanted.parameters_schema,
        required=wanted.required_params,
        **_about(agent),
    )
    read = await sort.read(runtime, asked, None)
    async with runtime.database.tenant(org_id) as session:
        await get_agent(session, agent_id, lock=True)
        await check_name(session, agent_id, wanted.name, None)
        row = Skill(
            id=new_id("skl"),
            agent_id=agent_id,
            name=wanted.name,
            description=wanted.description,
            slug=await free_slug(session, agent_id, wanted.name),
            skill_type=sort.entry.type,
            settings=wanted.model_dump(by_alias=True, include=GATES),
            binding=None,
        )
        made = await sort.freeze(session, runtime.vault, row, read)
        _write(row, made)
        row.enabled = wanted.enabled and made.call.effect == "read"
        session.add(row)
        return Created(await store_skill(session, row), made.signing_secret)


async def change_hand_made(runtime: Runtime, org_id: str, agent_id: str, skill: str, body: Any) -> Skill:
    """``PATCH …/skills/{id}`` of a skill made by hand: the call is frozen anew. What writes is then disabled until it is reviewed
    again.
    """
    patch = read_body(HandMadePatch, body)
    async with runtime.database.tenant(org_id, read_only=True) as session:
        agent = await get_agent(session, agent_id)
        row = await get_skill(session, agent_id, skill)
        sort = HAND_MADE.get(row.skill_type)
        if sort is None or row.binding is not None:
            raise NotHandMade
        before = _before(row)
        kept = await sort.stored(session, runtime.vault, row)
    _check_taken(sort, patch)
    if patch.review is not None or patch.binding is not None:
        alone = Finding("review" if patch.review else "binding", "not_together", "This is sent in a request of its own.")
        raise ValidationFailed("The skill is not valid (validation_error).", errors=[alone])
    config = merged((row.settings or {})["executionConfig"], patch.execution_config)
    schema = _changed_schema(row, patch) if sort.takes_parameters else None
    about = _about(agent)
    asked = Asked(org_id=org_id, agent_id=agent_id, config=config, schema=schema, required=patch.required_params, **about)
    read = await sort.read(runtime, asked, kept)
    async with runtime.database.tenant(org_id) as session:
        await get_agent(session, agent_id, lock=True)
        row = await get_skill(session, agent_id, row.id, lock=True)
        if _before(row) != before:
            raise GroundMoved("The skill was changed by another request meanwhile (ground_moved); send the change again.")
        await check_name(session, agent_id, patch.name or row.name, row.id)
        row.name, row.description = patch.name or row.name, row.description if patch.description is None else patch.description
        gates = patch.model_dump(by_alias=True, include=GATES, exclude_unset=True)
        row.settings = {**(row.settings or {}), **gates}
        made = await sort.freeze(session, runtime.vault, row, read)
        _write(row, made)
        row.enabled = row.enabled if patch.enabled is None else patch.enabled
        if made.call.effect == "write" and not is_reviewed(row):
            row.enabled, row.review = False, None
        await store_skill(session, row)
        await sort.let_go(session, agent_id, row.id, used=row.connection_id)
        return row


async def remove_skill(session: AsyncSession, agent_id: str, skill: str) -> None:
    """Take a skill of any type off the draft, with what it held on to and no version needs."""
    row = await get_skill(session, agent_id, skill)
    await delete_skill(session, agent_id, skill)
    sort = HAND_MADE.get(row.skill_type) if row.binding is None else None
    if sort is not None:
        await sort.let_go(session, agent_id, row.id)


def _type_named(skill_type: Any) -> AnyType | None:
    """The type, or None for what the body's own check is to find wrong."""
    if not isinstance(skill_type, str):
        return None
    if skill_type not in HAND_MADE:
        raise _unknown(skill_type)
    return HAND_MADE[skill_type]


def _unknown(skill_type: str) -> ValidationFailed:
    if entry_of(skill_type) is None:
        hint = did_you_mean(skill_type[:64], type_names()) or "GET /skill-types lists all."
        message = "There is no such skill type that is made by hand."
    else:
        hint = "Connect the system and use bindings: POST /agents/{agentId}/integrations/{kind}/bindings."
        message = f"A skill of type {skill_type} is made from a binding."
    finding = Finding("skillType", "skill_type_invalid", message, hint)
    return ValidationFailed("The skill type is not valid.", errors=[finding])


def _check_taken(sort: AnyType, body: HandMadeSkill | HandMadePatch) -> None:
    sent = {"parametersSchema": body.parameters_schema, "requiredParams": body.required_params}
    found = [Finding(name, "not_taken", _NOT_TAKEN) for name, value in sent.items() if value is not None]
    if found and not sort.takes_parameters:
        raise ValidationFailed("The skill is not valid (validation_error).", errors=found)


def _about(agent: Agent) -> dict[str, Any]:
    return {"time_zone": agent.draft.get("timeZone", "UTC"), "country": agent.draft.get("defaultCountry")}


def _write(row: Skill, made: Made) -> None:
    """Write the call and what is stored and shown of it."""
    settings = {
        **(row.settings or {}),
        "executionConfig": dict(made.config),
        "parametersSchema": None if made.schema is None else dict(made.schema),
        "requiredParams": None if made.required is None else list(made.required),
    }
    row.settings = settings
    level = (settings.get("verificationLevel") or "basic") if settings.get("requiresVerifiedIdentity") else "none"
    call = msgspec.structs.replace(made.call, verification=level)
    sealed = seal(call)
    row.call, row.digest, row.connection_id = sealed.document, sealed.digest, made.connection_id
    check_tool(tool_schema(row.slug, row.description, call.inputs))
    row.warnings = [msgspec.to_builtins(warning) for warning in made.warnings]


def _changed_schema(row: Skill, patch: HandMadePatch) -> Mapping[str, Any]:
    """The stored parameters with what was sent. A schema that is sent replaces the one that is stored, names and all."""
    if patch.parameters_schema is not None:
        return patch.parameters_schema
    schema: dict[str, Any] = {**(row.settings or {})["parametersSchema"]}
    return schema if patch.required_params is None else {**schema, "required": []}


def _before(row: Skill) -> tuple[Any, ...]:
    """What a change starts from."""
    settings = row.settings or {}
    return row.connection_id, settings.get("executionConfig"), settings.get("parametersSchema")
