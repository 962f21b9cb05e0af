"""The tools of an MCP session: the version's skills as they are frozen, and the two that the session itself needs."""

from __future__ import annotations

from typing import Any

import msgspec

from patchbay.agent_runtime.frozen import FrozenAgent, FrozenSkill
from patchbay.schema_graph.call import FrozenCall, SqlCall

VERIFY, CONFIRM = "verify_caller", "confirm_call"

_VERIFY_SAYS = (
    "Passes on the caller's own answer to the question that was asked when a tool answered verification_required. Ask the "
    "caller that question, and send their words as they said them. Without an answer it tells what is being asked. Never guess "
    "an answer: attempts are counted, and lock."
)
_CONFIRM_SAYS = (
    "Carries out a change that a tool answered confirmation_required to, exactly as it was described there. Call it only after "
    "the caller was told that description and has agreed to it. The confirmation works once, within five minutes."
)
_VERIFY_TAKES: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string", "description": "What the caller said.", "maxLength": 500}},
    "required": [],
    "additionalProperties": False,
}
_CONFIRM_TAKES: dict[str, Any] = {
    "type": "object",
    "properties": {"confirmation": {"type": "string", "description": "The confirmation of that answer.", "maxLength": 100}},
    "required": ["confirmation"],
    "additionalProperties": False,
}


class OfferedTool(msgspec.Struct, frozen=True, kw_only=True):
    """One tool as a client is told of it. ``idempotent``: the same arguments again change nothing more."""

    name: str
    title: str
    description: str
    takes: dict[str, Any]
    gives: dict[str, Any]
    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


class OwnTools(msgspec.Struct, frozen=True):
    """What the session's own tools are called; None for one that this version needs not."""

    verify: str | None
    confirm: str | None


def own_tools(agent: FrozenAgent) -> OwnTools:
    """The session's own tools, under names that no skill has."""
    return OwnTools(
        verify=_free(VERIFY, agent) if agent.checks else None,
        confirm=_free(CONFIRM, agent) if any(agent.gates.of(s.id).confirm is not None for s in agent.offered) else None,
    )


def offered_tools(agent: FrozenAgent) -> tuple[OfferedTool, ...]:
    """Every tool of a session with this version, in a stable order."""
    own = own_tools(agent)
    tools = [_of_skill(skill) for skill in agent.offered]
    if own.verify is not None:
        tools.append(_own(own.verify, "Verify the caller", _VERIFY_SAYS, _VERIFY_TAKES, destructive=False))
    if own.confirm is not None:
        tools.append(_own(own.confirm, "Confirm a change", _CONFIRM_SAYS, _CONFIRM_TAKES, destructive=True))
    return tuple(tools)


def _of_skill(skill: FrozenSkill) -> OfferedTool:
    call = skill.call
    reads = call.effect == "read" and call.guarantee is None  # a webhook that says neither may change something
    return OfferedTool(
        name=skill.slug,
        title=skill.name,
        description=skill.tool["function"]["description"],
        takes=skill.tool["function"]["parameters"],
        gives=_gives(call),
        read_only=reads,
        destructive=not reads and not _only_adds(call),
        idempotent=reads or _sets(call),
        open_world=not isinstance(call.body, SqlCall),
    )


def _only_adds(call: FrozenCall) -> bool:
    return isinstance(call.body, SqlCall) and call.operation.endswith(".insert")


def _sets(call: FrozenCall) -> bool:
    """Whether the same call again leaves things as they are: a record of a database, set to the same values."""
    return isinstance(call.body, SqlCall) and call.operation.endswith(".update")


def _own(name: str, title: str, description: str, takes: dict[str, Any], *, destructive: bool) -> OfferedTool:
    return OfferedTool(
        name=name,
        title=title,
        description=description,
        takes=takes,
        gives=_answer({"type": "object"}),
        read_only=False,
        destructive=destructive,
        idempotent=False,
        open_world=False,
    )


def _gives(call: FrozenCall) -> dict[str, Any]:
    """The schema of an answer. A leaf that may not be told is missing, and one without a value is null."""
    leaves = {o.leaf: {"description": o.description or f"{o.said_type} or null"} for o in call.outputs if not o.hidden}
    return _answer({"type": "object", "properties": leaves, "additionalProperties": call.open_ended})


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}}
    maybe = {"type": ["string", "null"]}
    return {
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["succeeded", "refused", "failed"]},
            "code": {**maybe, "description": "Why it did not succeed, as a stable word."},
            "message": {**maybe, "description": "The same as a sentence that can be said to the caller."},
            "rows": {"type": "array", "items": row},
            "rowCount": {"type": "integer"},
            "truncated": {"type": "boolean", "description": "There was more than is shown."},
            "ambiguous": {"type": "boolean", "description": "Several records match where one was meant; none is shown."},
            "notes": texts,
            "missing": {**texts, "description": "Arguments to ask the caller for."},
            "invalid": {**texts, "description": "Arguments to ask for again."},
            "confirmation": {**maybe, "description": "What confirms this change, once the caller has agreed to it."},
            "conversationId": {"type": "string", "description": "Where it is recorded."},
        },
        "required": ["status", "rows", "rowCount", "truncated", "ambiguous", "conversationId"],
    }


def _free(name: str, agent: FrozenAgent) -> str:
    while name in agent.by_slug:
        name += "_"
    return name
