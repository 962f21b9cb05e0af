"""A confirmation belongs to one call with exact arguments, and only the caller's very next utterance can give it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from patchbay.agent_runtime.conversation.journal import Held
from patchbay.agent_runtime.conversation.utterances import affirms
from patchbay.agent_runtime.frozen import FrozenSkill
from patchbay.agent_runtime.planner.speaking import spoken_moment
from patchbay.agent_runtime.planner.words import humanized, listed
from patchbay.schema_graph.canonical import NotCanonical, canonical_json

MOST_TOLD = 2_000
"""How many characters a question may have: what is too long to be told whole cannot be confirmed."""


class Pending(msgspec.Struct, kw_only=True):
    """A call that waits for the caller's yes. ``digest`` is over the skill's sealed call and the canonical arguments; ``turn`` is
    the turn in which the caller was asked.
    """

    slug: str
    digest: str
    arguments: dict[str, Any]
    turn: int


def call_digest(skill: FrozenSkill, arguments: Mapping[str, Any]) -> str:
    """What names a call with exact arguments: SHA-256, in hex, over the skill, its sealed call and the canonical arguments."""
    try:
        content = canonical_json([skill.id, skill.digest, dict(arguments)])
    except NotCanonical:
        content = msgspec.json.encode([skill.id, skill.digest, arguments], order="sorted")
    return hashlib.sha256(content).hexdigest()


def ask(held: Held, skill: FrozenSkill, arguments: Mapping[str, Any], *, turn: int) -> Pending:
    """Let the caller's next utterance decide about this call; one that waited before is forgotten."""
    pending = Pending(slug=skill.slug, digest=call_digest(skill, arguments), arguments=dict(arguments), turn=turn)
    held.state["pending"] = msgspec.to_builtins(pending)
    return pending


def waiting(held: Held) -> Pending | None:
    """The call that waits for a yes."""
    stored = held.state.get("pending")
    try:
        return msgspec.convert(stored, Pending) if stored is not None else None
    except msgspec.ValidationError:
        return None


def decide(held: Held, said: str, *, turn: int) -> Pending | None:
    """The call that ``said`` confirms. Whatever was said, nothing waits any more: a confirmation is asked for anew."""
    pending = waiting(held)
    held.state.pop("pending", None)
    if pending is None or pending.turn != turn - 1 or not affirms(said):
        return None
    return pending


def wording(skill: FrozenSkill, arguments: Mapping[str, Any], time_zone: str) -> str | None:
    """What will be done, with every argument in full, as a question; None when that is too long for anybody to hear out.

    Dates and times are told as people say them, on the clock of ``time_zone`` (IANA).
    """
    name = humanized(skill.name) if "_" in skill.name else skill.name.rstrip(".")
    types, zone = {one.param: one.said_type for one in skill.call.inputs}, ZoneInfo(time_zone)
    told = [
        f"{humanized(param)}: {spoken_moment(types.get(param), value, zone) or _said(value)}"
        for param, value in arguments.items()
        if value is not None
    ]
    with_these = f" with {listed(told)}" if told else ""
    question = f"Let me make sure I have this right. I'm about to {_lowered(name)}{with_these}. Shall I go ahead?"
    return question if len(question) <= MOST_TOLD else None


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return " ".join(text.split())
