"""The camelCase forms of agents, versions, skills, conversations and events on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from patchbay.agent_runtime.conversation.events import Event
from patchbay.agent_runtime.reviews import review_digest
from patchbay.agent_runtime.tables import Agent, AgentVersion, Conversation, ConversationEvent, Skill


def agent_json(agent: Agent, *, published: int | None = None) -> dict[str, Any]:
    """An agent with its draft. ``published`` is the number of the live version, where the caller has looked it up."""
    shown: dict[str, Any] = {
        "id": agent.id,
        "name": agent.name,
        "status": "published" if agent.published_version_id else "draft",
        "version": agent.version,
        "publishedVersionId": agent.published_version_id,
        **agent.draft,
        "createdAt": _time(agent.created_at),
        "updatedAt": _time(agent.updated_at),
    }
    if published is not None:
        shown["publishedVersion"] = published
    return shown


def version_json(version: AgentVersion, *, live: bool | None = None) -> dict[str, Any]:
    """A published version, without its document. ``live`` tells whether channels serve it now."""
    shown: dict[str, Any] = {
        "id": version.id,
        "agentId": version.agent_id,
        "version": version.number,
        "sha256": version.sha256,
        "note": version.note,
        "publishedBy": version.published_by,
        "createdAt": _time(version.created_at),
    }
    return shown if live is None else {**shown, "live": live}


def skill_json(skill: Skill, drift: dict[str, Any] | None = None) -> dict[str, Any]:
    """A skill with its binding, its gates, the warnings of its last proof, and its drift. The call itself is not shown."""
    settings = skill.settings or {}
    return {
        "id": skill.id,
        "agentId": skill.agent_id,
        "name": skill.name,
        "slug": skill.slug,
        "description": skill.description,
        "skillType": skill.skill_type,
        "enabled": skill.enabled,
        "requiresVerifiedIdentity": bool(settings.get("requiresVerifiedIdentity", False)),
        "verificationLevel": settings.get("verificationLevel"),
        "allowedFields": settings.get("allowedFields"),
        "requiresConfirmation": settings.get("requiresConfirmation"),
        "stakes": settings.get("stakes"),
        "connectionId": skill.connection_id,
        "binding": skill.binding,
        "parametersSchema": settings.get("parametersSchema"),
        "requiredParams": settings.get("requiredParams"),
        "executionConfig": settings.get("executionConfig"),
        "digest": skill.digest,
        "reviewDigest": review_digest(skill),
        "review": skill.review,
        "provenance": skill.provenance,
        "autoMap": settings.get("autoMap"),
        "warnings": skill.warnings or [],
        "drift": drift,
        "createdAt": _time(skill.created_at),
        "updatedAt": _time(skill.updated_at),
    }


def conversation_json(row: Conversation) -> dict[str, Any]:
    """The summary of a conversation: what a history list and a chat session show."""
    ended = row.ended_at
    return {
        "id": row.id,
        "agentId": row.agent_id,
        "versionId": row.version_id,
        "draftMode": row.draft,
        "channel": row.channel,
        "status": row.status,
        "outcome": row.outcome,
        "summary": row.summary,
        "turns": row.turns,
        "skillsUsed": list((row.state or {}).get("skills", [])),
        "startedAt": _time(row.started_at),
        "endedAt": _time(ended),
        "durationMs": round((ended - row.started_at).total_seconds() * 1000) if ended and row.started_at else None,
    }


def event_json(event: Event | ConversationEvent) -> dict[str, Any]:
    """One event as it is streamed and as a receipt holds it. What is not stored has no ``seq``."""
    shown: dict[str, Any] = {
        "id": event.id,
        "seq": event.seq,
        "type": event.type,
        "at": _time(event.at),
        "conversationId": event.conversation_id,
        "turn": event.turn,
        "data": event.data,
    }
    if event.seq is None:
        del shown["seq"]
    return shown


def message_json(row: Event | ConversationEvent) -> dict[str, Any]:
    """A chat message: a user's utterance or what the agent said."""
    return {
        "id": row.id,
        "role": "user" if row.type == "user_utterance" else "assistant",
        "content": row.data.get("text", ""),
        "turn": row.turn,
        "createdAt": _time(row.at),
    }


def _time(value: datetime | None) -> str | None:
    if value is None:
        return None
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
