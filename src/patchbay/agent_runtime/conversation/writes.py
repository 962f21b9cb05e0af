"""Writes happen once: each has a key that stays the same until it is done, and what is under way is stored before it begins.

A process that is killed while it writes leaves the mark behind. Whoever finds it (the next turn, the end of the session, the
sweep of :mod:`patchbay.agent_runtime.lost_writes`) looks the record up where that can tell, and tells else that nobody knows.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from patchbay.accounts.operator_events import Told
from patchbay.agent_runtime.conversation.journal import Held
from patchbay.agent_runtime.frozen import FrozenSkill
from patchbay.schema_graph.call import RECIPE, CallContext
from patchbay.store.vault import Sealed, SecretUnreadable, Vault

UNKNOWN = "outcome_unknown"
UNKNOWN_SAID = "I can't tell whether that went through. Please don't count on it; someone will check and follow up."
LOOKED_UP = "Nobody saw the end of this; the record was looked up afterwards and is as it was to be written."
_PLACE = {"table": "conversations", "column": "state.writing"}


def idempotency_key(held: Held, digest: str) -> str:
    """The key of the next run of the call that ``digest`` names: the same until a run of it is done, whoever asks how often."""
    done: dict[str, int] = held.state.get("done", {})
    content = f"{held.org_id}\x00{held.id}\x00{digest}\x00{done.get(digest[:32], 0)}"
    return "pb_" + hashlib.sha256(content.encode()).hexdigest()[:40]


def mark_of(
    vault: Vault,
    org_id: str,
    conversation_id: str,
    skill: FrozenSkill,
    shown: Mapping[str, Any],
    digest: str,
    context: CallContext,
) -> dict[str, Any]:
    """What is stored of a write before it begins. What it is asked with is kept, encrypted for this conversation, where one
    reading could tell whether it happened.
    """
    mark: dict[str, Any] = {"skillId": skill.id, "digest": digest, "shown": dict(shown)}
    if skill.call.guarantee == "unique_key" or skill.call.kind == RECIPE:
        sealed = vault.seal(msgspec.json.encode(context), row_id=conversation_id, org_id=org_id, **_PLACE)
        mark["asked"] = {"key": sealed.key_id, "text": base64.b64encode(sealed.ciphertext).decode()}
    return mark


def asked_with(vault: Vault, org_id: str, conversation_id: str, mark: Mapping[str, Any]) -> CallContext | None:
    """What the write of this mark was asked with; None where nothing readable was kept."""
    try:
        sealed = Sealed(mark["asked"]["key"], base64.b64decode(mark["asked"]["text"]))
        opened = vault.open(sealed, row_id=conversation_id, org_id=org_id, **_PLACE)
        return msgspec.json.decode(opened, type=CallContext)
    except (KeyError, TypeError, ValueError, SecretUnreadable, msgspec.DecodeError):
        return None


def begin(
    held: Held, vault: Vault, skill: FrozenSkill, shown: Mapping[str, Any], digest: str, context: CallContext
) -> CallContext:
    """Mark a write as under way; the mark has to be stored before it runs. What it runs with: ``context``, as of now."""
    context = msgspec.structs.replace(context, at=time.time())
    held.state["writing"] = mark_of(vault, held.org_id, held.id, skill, shown, digest, context)
    return context


def end(held: Held, *, done: bool) -> None:
    """The write is over. ``done``: asking for the very same again is another one, under another key."""
    finished(held.state, held.state.pop("writing", {}), done=done)


def finished(state: dict[str, Any], mark: Mapping[str, Any], *, done: bool) -> None:
    """Count in a conversation's state that the write of ``mark`` was ``done``."""
    if done and "digest" in mark:
        counts: dict[str, int] = state.setdefault("done", {})
        counts[mark["digest"][:32]] = counts.get(mark["digest"][:32], 0) + 1


def left_behind(held: Held) -> dict[str, Any] | None:
    """The mark of a write whose process did not live to see its outcome."""
    return held.state.get("writing")


def ended(mark: Mapping[str, Any], *, done: bool) -> dict[str, Any]:
    """The ``tool_call`` event that ends a write nobody saw the end of: found done, or unknown."""
    shown: dict[str, Any] = mark.get("shown", {})
    if not done:
        return {**shown, "state": "failed", "code": UNKNOWN, "message": UNKNOWN_SAID, "detail": "interrupted"}
    result = {"rowCount": 1, "truncated": False, "ambiguous": False, "rows": [], "notes": [LOOKED_UP], "outcome": "done"}
    return {**shown, "state": "succeeded", "leaves": [], "result": result}


def told_unknown(agent_id: str, conversation_id: str, skill_id: str | None, tool_name: str, call_id: str) -> Told:
    """What the operator is told of a write nobody knows the outcome of."""
    return Told(
        type="write.unknown",
        data={"toolName": tool_name, "callId": call_id},
        agent_id=agent_id,
        skill_id=skill_id,
        conversation_id=conversation_id,
    )


def told_of(agent_id: str, conversation_id: str, mark: Mapping[str, Any]) -> Told:
    """The same of the write of this mark."""
    shown: dict[str, Any] = mark.get("shown", {})
    skill_id, tool_name, call_id = mark.get("skillId"), str(shown.get("toolName")), str(shown.get("callId"))
    return told_unknown(agent_id, conversation_id, skill_id, tool_name, call_id)
