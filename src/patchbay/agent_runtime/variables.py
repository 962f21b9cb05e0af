"""The variables of an agent: the values that flow through its conversations, found in its draft, and what people noted on them.

A note is documentation. Nothing here is part of what is published, and nothing that runs reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, cast

import msgspec
from pydantic import Field
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import get_agent
from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.freezing import unseal_call
from patchbay.agent_runtime.skills_shown import withheld_calls
from patchbay.agent_runtime.tables import Agent, Skill
from patchbay.errors import Conflict, NotFound
from patchbay.schema_graph.call import CallInput, FrozenCall, OwnCall

RESERVED = frozenset({"caller_info", "caller_number", "caller_name", "verified"})
"""Variables that every conversation has by itself: they can be used, and not declared."""
MOST_NOTES = 500
"""How many variables of one agent may have a note."""

Flow = Literal["collected", "produced", "session", "verified", "referenced"]
"""How a place has to do with a variable: the caller is asked for it, a skill gives it, the channel or a verification knows it, or
a text names it in braces.
"""

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_PLACEHOLDER = re.compile(r"\{\{?\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}")


class VariableNotAnnotated(NotFound):
    """This variable has no note to change: make one with POST."""


class TooManyVariables(Conflict):
    """An agent's variables can have so many notes and no more (too_many_variables); delete some that are no longer used."""

    code, title = "too_many_variables", "Too many variables"


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise PydanticCustomError("name_invalid", "must be letters, digits and _, and start with a letter or _")
    if value in RESERVED:
        hint = {"hint": "Every conversation has it by itself. Others: any name but " + ", ".join(sorted(RESERVED)) + "."}
        raise PydanticCustomError("name_reserved", "is reserved and cannot be declared", hint)
    return value


Note = Annotated[str, Field(max_length=2_000)]
TypeHint = Annotated[str, Field(min_length=1, max_length=100)]


class VariableNote(Body):
    """A note on a variable. Declaring a name that nothing uses yet is a note too."""

    name: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_name)]
    note: Note | None = None
    type_hint: TypeHint | None = None


class VariableNotePatch(Body):
    """What to change of a note; null takes a member away."""

    note: Note | None = None
    type_hint: TypeHint | None = None


class Use(msgspec.Struct, frozen=True, rename="camel"):
    """One place a variable comes from or goes to. ``place`` is a skill's name, or the member of the draft that names it."""

    flow: Flow
    place: str
    skill_id: str | None = None


class Variable(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One variable. ``derived``: the draft has it; ``annotated``: somebody noted something on it. ``type`` is its own."""

    name: str
    type: str | None
    derived: bool
    annotated: bool
    reserved: bool
    note: str | None
    type_hint: str | None
    uses: tuple[Use, ...]


async def list_variables(session: AsyncSession, agent_id: str) -> list[Variable]:
    """Every variable of the draft and every note, by name."""
    return await _variables(session, await get_agent(session, agent_id))


async def annotate(session: AsyncSession, agent_id: str, body: Any) -> tuple[Variable, bool]:
    """Note something on a variable, or declare it; and whether its name is new: neither derived nor noted before.

    Members that are sent replace those noted. Raises :class:`ValidationFailed` and :class:`TooManyVariables`.
    """
    agent = await get_agent(session, agent_id, lock=True)
    wanted = read_body(VariableNote, body)
    known = {one.name for one in await _variables(session, agent)}
    if wanted.name not in agent.variables and len(agent.variables) >= MOST_NOTES:
        raise TooManyVariables
    await _write(session, agent, wanted.name, wanted.model_dump(by_alias=True, exclude={"name"}, exclude_unset=True))
    return await _one(session, agent, wanted.name), wanted.name not in known


async def change_note(session: AsyncSession, agent_id: str, name: str, body: Any) -> Variable:
    """Change what was noted. Raises :class:`VariableNotAnnotated` and :class:`ValidationFailed`."""
    agent = await get_agent(session, agent_id, lock=True)
    patch = read_body(VariableNotePatch, body)
    if name not in agent.variables:
        raise VariableNotAnnotated
    await _write(session, agent, name, patch.model_dump(by_alias=True, exclude_unset=True))
    return await _one(session, agent, name)


async def forget_note(session: AsyncSession, agent_id: str, name: str) -> None:
    """Take a note away; where there is none, nothing happens."""
    agent = await get_agent(session, agent_id, lock=True)
    if name in agent.variables:
        await _store(session, agent, {k: v for k, v in agent.variables.items() if k != name})


async def _write(session: AsyncSession, agent: Agent, name: str, sent: Mapping[str, Any]) -> None:
    noted = {**agent.variables.get(name, {}), **sent}
    await _store(session, agent, {**agent.variables, name: {k: v for k, v in noted.items() if v is not None}})


async def _store(session: AsyncSession, agent: Agent, notes: Mapping[str, Any]) -> None:
    """The draft's own version and the time of its last change stay as they are: a note is no change of it."""
    values = {"variables": dict(notes), "updated_at": Agent.updated_at}
    await session.execute(update(Agent).where(Agent.id == agent.id).values(values).execution_options(synchronize_session=False))
    await session.refresh(agent)


async def _one(session: AsyncSession, agent: Agent, name: str) -> Variable:
    return next(one for one in await _variables(session, agent) if one.name == name)


async def _variables(session: AsyncSession, agent: Agent) -> list[Variable]:
    query = select(Skill).where(Skill.agent_id == agent.id, Skill.enabled, Skill.call.is_not(None)).order_by(Skill.id)
    skills = (await session.scalars(query)).all()
    sealed = {row.id: (row.call, row.digest or "") for row in skills if row.call is not None}
    withheld = await withheld_calls(session, sealed)  # what data scoping blocks is not named here either
    types: dict[str, str | None] = {}
    uses: dict[str, list[Use]] = {}
    for name, type_, use in _found(agent, [row for row in skills if row.id not in withheld]):
        types[name] = types.get(name) or type_
        if use not in uses.setdefault(name, []):
            uses[name].append(use)
    return [
        Variable(
            name=name,
            type=types.get(name),
            derived=name in uses,
            annotated=name in agent.variables,
            reserved=name in RESERVED,
            note=agent.variables.get(name, {}).get("note"),
            type_hint=agent.variables.get(name, {}).get("typeHint"),
            uses=tuple(uses.get(name, ())),
        )
        for name in sorted({*uses, *agent.variables})
    ]


def _found(agent: Agent, skills: Iterable[Skill]) -> Iterator[tuple[str, str | None, Use]]:
    """Each variable of the draft with its type, where that is known, and the place."""
    for member in ("greeting", "persona", "handoff"):
        yield from _named_in(agent.draft.get(member), Use("referenced", member))
    for config in agent.caller_verification:
        yield from ((str(field), None, Use("collected", "callerVerification")) for field in config.get("requiredFields") or ())
    for row in skills:
        call = unseal_call(row.call or b"", row.digest or "", row.name)
        yield from _of_call(row, call)
        yield from _named_in(row.description, Use("referenced", row.name, row.id))
        if isinstance(call.body, OwnCall):
            yield from _named_in(call.body.settings, Use("referenced", row.name, row.id))


def _of_call(row: Skill, call: FrozenCall) -> Iterator[tuple[str, str | None, Use]]:
    for one in call.inputs:
        named = _given_by(one)
        if named is not None:
            name, flow = named
            yield name, one.said_type, Use(flow, row.name, row.id)
    for output in call.outputs:
        if not output.hidden:
            yield output.leaf, output.said_type, Use("produced", row.name, row.id)


def _given_by(one: CallInput) -> tuple[str, Flow] | None:
    match one.source:
        case "model":
            return one.param, "collected"
        case "session":
            return one.key or one.param, "session"
        case "verified":
            return one.key or one.param, "verified"
        case "constant" | "derived":
            return None


def _named_in(value: Any, use: Use) -> Iterator[tuple[str, str | None, Use]]:
    """The names in braces in every text of a value."""
    if isinstance(value, str):
        yield from ((name, None, use) for name in _PLACEHOLDER.findall(value))
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, Any]", value).values():
            yield from _named_in(item, use)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            yield from _named_in(item, use)
