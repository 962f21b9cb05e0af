"""Running what a model asks for: only frozen calls of this version, only with checked arguments, never with a stack trace.

A model's request is turned into a :class:`ToolOutcome` whatever it says. What the model may not say, it never sees: the rows
of an ambiguous result stay here, and so does any field that the skill or a policy does not allow at the caller's level.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import msgspec
import structlog

from patchbay.agent_runtime.conversation.model import ToolCallRequest, ToolOutcome, ToolSpec
from patchbay.agent_runtime.conversation.writes import UNKNOWN, UNKNOWN_SAID
from patchbay.agent_runtime.frozen import FrozenAgent, FrozenSkill
from patchbay.agent_runtime.guardrails.gates import Limited
from patchbay.agent_runtime.services import Runner
from patchbay.agent_runtime.verification.questions import NO_WAY
from patchbay.errors import PatchbayError
from patchbay.schema_graph.arguments import validate_arguments
from patchbay.schema_graph.call import KNOWLEDGE, TRANSFER, CallContext, CallResult

HAND_OFF = "hand_off_to_a_person"
"""The one tool every agent has beside its skills. Skills may not take its slug."""
HANDED_OFF = "handed_off"
"""The code of an outcome that brought in a person."""

UNLIMITED = Limited(None, frozenset(), ())
"""Nothing is held back: whoever asks for it narrows the result before it is told."""

_SHOWN_CHARACTERS = 500
_log = structlog.get_logger(__name__)

_HAND_OFF_SPEC = ToolSpec(
    slug=HAND_OFF,
    name="Hand off to a person",
    description="Ask for a person to take over. Use it only when the caller asks for a person.",
    schema={
        "type": "function",
        "function": {
            "name": HAND_OFF,
            "description": "Ask for a person to take over. Use it only when the caller asks for a person.",
            "parameters": {
                "type": "object",
                "properties": {"reason": {"type": "string", "description": "Why, in a few words."}},
                "required": ["reason"],
                "additionalProperties": False,
            },
        },
    },
)


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A request looked at before anything runs: ``outcome`` is set when it must not."""

    request: ToolCallRequest
    name: str
    skill: FrozenSkill | None = None
    arguments: dict[str, Any] = {}
    outcome: ToolOutcome | None = None

    @property
    def hand_off(self) -> bool:
        """Whether this asks for a person."""
        return self.outcome is None and self.skill is None

    def refused(self, code: str, message: str) -> Prepared:
        """The same request, not to be run."""
        return msgspec.structs.replace(self, outcome=ToolOutcome(status="refused", code=code, message=message))

    def shown(self, *, arguments: bool) -> dict[str, Any]:
        """What an event may say about the request; the arguments' values only where ``arguments``: the gates let the call by."""
        shown: dict[str, Any] = {"callId": self.request.call_id, "toolName": self.name}
        if self.skill is not None:
            shown |= {"skillId": self.skill.id, "toolName": self.skill.name, "slug": self.skill.slug}
            shown["arguments"] = _shown_arguments(self.skill, self.arguments) if arguments else {}
        return shown


def tool_specs(agent: FrozenAgent, level: int) -> tuple[ToolSpec, ...]:
    """The tools of this version for a caller of this level, in a stable order. Verifiers are no tools."""
    specs = [
        ToolSpec(
            slug=skill.slug,
            name=skill.name,
            description=skill.description,
            schema=skill.tool,
            inputs=skill.call.inputs,
            outputs=agent.gates.of(skill.id).outputs(skill.call.outputs, level),
            skill_id=skill.id,
            transfers=skill.call.kind == TRANSFER,
            searches=skill.call.kind == KNOWLEDGE,
        )
        for skill in agent.offered
    ]
    return (*specs, _HAND_OFF_SPEC) if agent.profile.handoff.enabled else tuple(specs)


def prepare(agent: FrozenAgent, request: ToolCallRequest) -> Prepared:
    """Look at a request: is there such a tool in this version, and are its arguments an object?"""
    name = _clean(request.name)
    if request.name == HAND_OFF and agent.profile.handoff.enabled:
        return Prepared(request=request, name="Hand off to a person", arguments=_arguments(request.arguments) or {})
    skill = agent.by_slug.get(request.name)
    if skill is None:
        return Prepared(request=request, name=name).refused("unknown_tool", "I don't have a way to do that.")
    arguments = _arguments(request.arguments)
    if arguments is None:
        message = "The arguments were not a JSON object; send one that follows the tool's schema."
        return Prepared(
            request=request,
            name=name,
            skill=skill,
            outcome=ToolOutcome(status="failed", code="arguments_malformed", message=message),
        )
    return Prepared(request=request, name=name, skill=skill, arguments=arguments)


def refusal_of_arguments(prepared: Prepared, context: CallContext) -> ToolOutcome | None:
    """Why the call could not run with these arguments, or None: nobody is asked to confirm what cannot be done."""
    assert prepared.skill is not None
    try:
        validate_arguments(prepared.skill.call.inputs, context)
    except PatchbayError as refusal:
        return _from_refusal(refusal, prepared.skill)
    return None


async def run(
    runner: Runner, org_id: str, prepared: Prepared, context: CallContext, limited: Limited
) -> tuple[ToolOutcome, float]:
    """Run a prepared call and give what the model may know of it, and how long it took in milliseconds.

    A write that broke off for any reason but a refusal may have happened: its outcome is unknown.
    """
    assert prepared.skill is not None
    write = prepared.skill.call.effect == "write"
    started = time.perf_counter()
    try:
        result = await runner.run(org_id, prepared.skill.call, context)
    except PatchbayError as refusal:
        outcome = _unknown(refusal.detail) if refusal.code == UNKNOWN else _from_refusal(refusal, prepared.skill)
    except TimeoutError:
        outcome = ToolOutcome(status="failed", code="deadline", message="The system I need took too long to answer.")
        outcome = _unknown("deadline") if write else outcome
    except Exception:
        _log.exception("skill failed", skill_id=prepared.skill.id, conversation_id=context.conversation_id)
        outcome = ToolOutcome(status="failed", code="internal", message="Something went wrong while I looked that up.")
        outcome = _unknown("internal") if write else outcome
    else:
        outcome = _from_result(result, limited)
    return outcome, (time.perf_counter() - started) * 1000


def _unknown(detail: str) -> ToolOutcome:
    return ToolOutcome(status="failed", code=UNKNOWN, message=UNKNOWN_SAID, reason={"detail": detail})


def outcome_data(outcome: ToolOutcome, leaves: Sequence[str]) -> dict[str, Any]:
    """The part of a ``tool_call`` event that tells what came of it."""
    if outcome.status != "succeeded":
        return {"code": outcome.code, "message": outcome.message, **outcome.reason}
    result: dict[str, Any] = {"rowCount": outcome.row_count, "truncated": outcome.truncated, "ambiguous": outcome.ambiguous}
    if not outcome.ambiguous:
        result["rows"] = outcome.rows
    if outcome.notes:
        result["notes"] = list(outcome.notes)
    if outcome.done:
        result["outcome"] = "done"
    return {"leaves": list(leaves), "result": result}


def outcome_from_event(data: Mapping[str, Any]) -> ToolOutcome:
    """The outcome that a stored ``tool_call`` event tells of."""
    state = cast(Literal["succeeded", "refused", "failed"], data["state"])
    result: Mapping[str, Any] = data.get("result") or {}
    return ToolOutcome(
        status=state,
        code=data.get("code"),
        message=data.get("message"),
        rows=list(result.get("rows", [])),
        row_count=int(result.get("rowCount", 0)),
        truncated=bool(result.get("truncated", False)),
        ambiguous=bool(result.get("ambiguous", False)),
        notes=tuple(result.get("notes", [])),
        done=result.get("outcome") == "done",
    )


def _from_result(result: CallResult, limited: Limited) -> ToolOutcome:
    rows = result.rows if limited.all else [limited.row(row) for row in result.rows]
    return ToolOutcome(
        status="succeeded",
        rows=[] if result.ambiguous else rows,
        row_count=result.row_count,
        truncated=result.truncated,
        ambiguous=result.ambiguous,
        notes=tuple(result.notes),
        done=result.outcome == "done",
    )


def _from_refusal(refusal: PatchbayError, skill: FrozenSkill) -> ToolOutcome:
    parameters = {i.param for i in skill.call.inputs if i.source == "model"}
    named = [(f.code, f.field.rsplit(".", 1)[-1]) for f in refusal.errors]
    missing = tuple(dict.fromkeys(p for code, p in named if p in parameters and _is_missing(code)))
    invalid = tuple(dict.fromkeys(p for code, p in named if p in parameters and not _is_missing(code)))
    message = " ".join(f.message for f in refusal.errors) if missing or invalid else _sayable(refusal)
    reason = {k: refusal.extensions[k] for k in ("layer", "nextStep") if k in refusal.extensions}
    reason["detail"] = refusal.detail
    return ToolOutcome(status="refused", code=refusal.code, message=message, missing=missing, invalid=invalid, reason=reason)


def _sayable(refusal: PatchbayError) -> str:
    """What may be said to a caller about a refusal: a look at the works is for the receipt."""
    codes = {f.code for f in refusal.errors}
    if "session_fact_missing" in codes:
        return "I can't see who is calling, so I can't look that up here."
    if "verified_fact_missing" in codes:
        return NO_WAY
    return str(refusal.extensions.get("say") or "I can't look that up right now.")


def _is_missing(code: str) -> bool:
    return "missing" in code or code == "required"


def _arguments(text: str) -> dict[str, Any] | None:
    if not text.strip():
        return {}
    try:
        decoded: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return cast(dict[str, Any], decoded) if isinstance(decoded, dict) else None


def _shown_arguments(skill: FrozenSkill, arguments: Mapping[str, Any]) -> dict[str, Any]:
    declared = {i.param for i in skill.call.inputs if i.source == "model"}
    return {name: _short(value) for name, value in arguments.items() if name in declared}


def _short(value: Any) -> Any:
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _clean(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "?", name[:64]) or "?"


def said_when_over(outcomes: Sequence[ToolOutcome]) -> str:
    """What to say when a turn ends before the model came to an answer."""
    last = next((o.message for o in reversed(outcomes) if o.status != "succeeded" and o.message), None)
    apology = "I'm sorry, I couldn't finish that."
    return f"{apology} {last}" if last else f"{apology} Could you say what you need once more?"
