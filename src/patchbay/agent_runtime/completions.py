"""OpenAI-compatible completions: reading their body, and the turn it asks for.

Only ``model``, ``messages``, ``stream`` and ``user`` are read. What a client claims was said before is hearsay: earlier user
and assistant texts are shown to the model as such, tool results and system prompts are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from patchbay.agent_runtime.agents import AgentNotFound
from patchbay.agent_runtime.channel_bodies import MAX_UTTERANCE
from patchbay.agent_runtime.channels import continue_conversation, open_chat
from patchbay.agent_runtime.conversation.turn import Turn
from patchbay.agent_runtime.services import Runtime
from patchbay.errors import Finding, ValidationFailed

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_HISTORY = 40


class ModelNotFound(ValidationFailed):
    """``model`` must be the id of one of your agents (model_not_found)."""

    code, title = "model_not_found", "Model not found"


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a completion's body: the agent, the last user message, and what came before it as hearsay."""

    model: str
    said: str
    history: tuple[tuple[str, str], ...]
    stream: bool


def read_completion(body: Any) -> Completion:
    """The parts of a completion's body that count; other members are ignored. Raises :class:`ValidationFailed`."""
    if not isinstance(body, Mapping):
        raise ValidationFailed("The body must be a JSON object", errors=[_finding("", "type", "must be a JSON object")])
    sent = cast(Mapping[str, Any], body)
    model, stream = sent.get("model"), sent.get("stream")
    if not isinstance(model, str) or not model:
        raise ValidationFailed("model is required", errors=[_finding("model", "required", "must be an agent's id")])
    if stream is not None and not isinstance(stream, bool):
        raise ValidationFailed("stream must be a boolean", errors=[_finding("stream", "type", "must be a boolean")])
    said = _messages(sent.get("messages"))
    last = next((i for i in range(len(said) - 1, -1, -1) if said[i][0] == "user" and said[i][1].strip()), None)
    if last is None:
        raise ValidationFailed(
            "messages must have a user message with text",
            errors=[_finding("messages", "required", "must have a user message with text")],
        )
    heard = tuple((role, text[:MAX_UTTERANCE]) for role, text in said[:last] if role in ("user", "assistant") and text.strip())
    return Completion(model=model, said=_within(said[last][1]), history=heard[-_HISTORY:], stream=bool(stream))


async def prepare_completion(
    runtime: Runtime, org_id: str, completion: Completion, *, conversation_id: str | None = None
) -> Turn:
    """The turn of a completion. Without ``conversation_id`` it is a conversation of its own, unverified; with it, the stored
    conversation goes on and the client's history is not looked at. Raises :class:`ModelNotFound`, ``no_published_version``.
    """
    if conversation_id is not None:
        return await continue_conversation(
            runtime, org_id, conversation_id, completion.said, agent_id=completion.model, via="completions"
        )
    try:
        return await open_chat(runtime, org_id, completion.model, completion.said, via="completions", history=completion.history)
    except AgentNotFound as error:
        shown = completion.model[:80]
        raise ModelNotFound(
            f"There is no agent with the id {shown!r} (model_not_found): model takes an agent's id, not a language model's name.",
            errors=[_finding("model", "model_not_found", "is not the id of one of your agents")],
        ) from error


def _messages(sent: Any) -> Sequence[tuple[str, str]]:
    if not isinstance(sent, list) or not sent:
        raise ValidationFailed(
            "messages must be a list of at least one message",
            errors=[_finding("messages", "required", "must be a list of messages")],
        )
    read: list[tuple[str, str]] = []
    findings: list[Finding] = []
    for number, message in enumerate(cast(list[Any], sent)):
        place = f"messages.{number}"
        if not isinstance(message, Mapping):
            findings.append(_finding(place, "type", "must be a JSON object"))
            continue
        one = cast(Mapping[str, Any], message)
        role, text = one.get("role"), _text(one.get("content"))
        if role not in _ROLES:
            findings.append(_finding(f"{place}.role", "role", f"must be one of {', '.join(_ROLES)}"))
        elif text is None:
            findings.append(_finding(f"{place}.content", "type", "must be a string or a list of text parts"))
        else:
            read.append((role, text))
    if findings:
        raise ValidationFailed(f"{findings[0].field} {findings[0].message}", errors=findings)
    return read


def _text(content: Any) -> str | None:
    if content is None:
        return ""
    if isinstance(content, str):
        return content.replace("\x00", "\ufffd")
    if not isinstance(content, list):
        return None
    parts = [cast(Mapping[str, Any], p) for p in cast(list[Any], content) if isinstance(p, Mapping)]
    texts = [p["text"] for p in parts if p.get("type") in ("text", "refusal") and isinstance(p.get("text"), str)]
    return "\n".join(texts).replace("\x00", "\ufffd")


def _within(said: str) -> str:
    if len(said) > MAX_UTTERANCE:
        message = f"must have at most {MAX_UTTERANCE} characters in its last user message"
        raise ValidationFailed(f"messages {message}", errors=[_finding("messages", "too_long", message)])
    return said


def _finding(field: str, code: str, message: str) -> Finding:
    return Finding(field=field, code=code, message=message)
