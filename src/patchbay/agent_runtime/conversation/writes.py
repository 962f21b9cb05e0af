"""Writes happen once: each has a key that stays the same until it is done, and what is under way is stored before it begins.

A process that is killed while it writes leaves the mark behind, and the next turn tells that nobody knows whether it happened.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from patchbay.accounts.operator_events import Told
from patchbay.agent_runtime.conversation.journal import Held
from patchbay.agent_runtime.frozen import FrozenSkill
from patchbay.agent_runtime.tables import Conversation

UNKNOWN = "outcome_unknown"
UNKNOWN_SAID = "I can't tell whether that went through. Please don't count on it; someone will check and follow up."


def idempotency_key(held: Held, digest: str) -> str:
    """The key of the next run of the call that ``digest`` names: the same until a run of it is done, whoever asks how often."""
    done: dict[str, int] = held.state.get("done", {})
    content = f"{held.org_id}\x00{held.id}\x00{digest}\x00{done.get(digest[:32], 0)}"
    return "pb_" + hashlib.sha256(content.encode()).hexdigest()[:40]


def begin(held: Held, skill: FrozenSkill, shown: dict[str, Any], digest: str) -> None:
    """Mark a write as under way; the mark has to be stored before it runs."""
    held.state["writing"] = {"skillId": skill.id, "digest": digest, "shown": shown}


def end(held: Held, *, done: bool) -> None:
    """The write is over. ``done``: asking for the very same again is another one, under another key."""
    mark: dict[str, Any] = held.state.pop("writing", {})
    if done and "digest" in mark:
        counts: dict[str, int] = held.state.setdefault("done", {})
        counts[mark["digest"][:32]] = counts.get(mark["digest"][:32], 0) + 1


def left_behind(held: Held) -> dict[str, Any] | None:
    """The mark of a write whose process did not live to see its outcome."""
    return held.state.get("writing")


def told_unknown(held: Held, skill_id: str, tool_name: str, call_id: str) -> Told:
    """What the operator is told of a write nobody knows the outcome of."""
    return _told(held.agent_id, held.id, skill_id, tool_name, call_id)


def told_of_ending(row: Conversation) -> Told | None:
    """What the operator is told when a conversation is ended whose process was killed while it wrote; None where none was.

    While a turn is alive, its own process tells.
    """
    mark: dict[str, Any] | None = row.state.get("writing")
    claim: dict[str, Any] | None = row.state.get("claim")
    if mark is None or (claim is not None and datetime.fromisoformat(claim["until"]) > datetime.now(UTC)):
        return None
    shown: dict[str, Any] = mark["shown"]
    return _told(row.agent_id, row.id, mark["skillId"], str(shown.get("toolName")), str(shown.get("callId")))


def _told(agent_id: str, conversation_id: str, skill_id: str, tool_name: str, call_id: str) -> Told:
    return Told(
        type="write.unknown",
        data={"toolName": tool_name, "callId": call_id},
        agent_id=agent_id,
        skill_id=skill_id,
        conversation_id=conversation_id,
    )
