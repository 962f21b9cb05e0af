"""A draft as one canonical document, and back again into something that can run.

The document is RFC 8785 JSON; ``sha256`` is over its bytes. Each call is in it as the very text that was sealed when it was
proven, with its digest, so that both can be checked whenever a version is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from patchbay.agent_runtime.agent_draft import AgentDraft
from patchbay.agent_runtime.bodies import read_body
from patchbay.agent_runtime.frozen import FrozenAgent, FrozenSkill
from patchbay.agent_runtime.knowledge.known import KnownSource
from patchbay.agent_runtime.tables import Agent, Skill
from patchbay.bindings.tool_schema import tool_schema
from patchbay.errors import Conflict, PatchbayError
from patchbay.schema_graph.call import FrozenCall
from patchbay.schema_graph.canonical import canonical_json, sha256_hex, unseal

DOCUMENT_FORMAT = 1


class VersionTampered(Conflict):
    """The stored version does not match its digest (version_tampered); publish again or roll back to another version."""

    code, title = "version_tampered", "Version does not match its digest"


class SkillCallTampered(Conflict):
    """A skill's stored call does not match its digest (call_tampered); save its binding again."""

    code, title = "call_tampered", "Call does not match its digest"


def draft_document(agent: Agent, skills: Sequence[Skill], knowledge: Sequence[KnownSource]) -> dict[str, Any]:
    """What publishing freezes: the profile, the enabled skills with their sealed calls, in the order of their names, and what of
    the agent's knowledge has been read.
    """
    frozen = [_skill_document(s) for s in sorted(skills, key=lambda s: s.name) if s.enabled and s.call is not None]
    return {
        "formatVersion": DOCUMENT_FORMAT,
        "agentId": agent.id,
        "profile": {"name": agent.name, **agent.draft},
        "skills": frozen,
        "guardrails": agent.guardrails or [],
        "callerVerification": agent.caller_verification or [],
        "playbooks": [],
        "knowledge": [msgspec.to_builtins(source) for source in knowledge],
    }


def _skill_document(skill: Skill) -> dict[str, Any]:
    assert skill.call is not None
    call = unseal_call(skill.call, skill.digest or "", skill.name)
    settings = skill.settings or {}
    return {
        "id": skill.id,
        "name": skill.name,
        "slug": skill.slug,
        "description": skill.description,
        "skillType": skill.skill_type,
        "requiresVerifiedIdentity": bool(settings.get("requiresVerifiedIdentity", False)),
        "verificationLevel": settings.get("verificationLevel"),
        "allowedFields": settings.get("allowedFields"),
        "requiresConfirmation": settings.get("requiresConfirmation"),
        "stakes": settings.get("stakes"),
        "binding": skill.binding,
        "tool": tool_schema(skill.slug, skill.description, call.inputs),
        "call": {"digest": skill.digest, "document": skill.call.decode()},
    }


def draft_skills(skills: Sequence[Skill]) -> tuple[FrozenSkill, ...]:
    """Skills of a draft as they would be frozen; those without a call, or whose call cannot be read, are left out."""
    frozen: list[FrozenSkill] = []
    for skill in skills:
        if skill.call is None:
            continue
        try:
            frozen.append(FrozenSkill(_skill_document(skill), unseal_call(skill.call, skill.digest or "", skill.name)))
        except PatchbayError:
            continue
    return tuple(frozen)


def seal_document(document: Mapping[str, Any]) -> tuple[bytes, str]:
    """The canonical bytes of a document and their SHA-256 in hex."""
    content = canonical_json(document)
    return content, sha256_hex(content)


def thaw(content: bytes, sha256: str, *, version_id: str | None, number: int | None) -> FrozenAgent:
    """The agent in a document. Raises :class:`VersionTampered` or :class:`SkillCallTampered` on any mismatch."""
    if sha256_hex(content) != sha256:
        raise VersionTampered
    document = msgspec.json.decode(content)
    skills = tuple(
        FrozenSkill(s, unseal_call(s["call"]["document"].encode(), s["call"]["digest"], s["name"])) for s in document["skills"]
    )
    return FrozenAgent(
        agent_id=document["agentId"],
        version_id=version_id,
        number=number,
        sha256=sha256,
        profile=read_body(AgentDraft, document["profile"]),
        skills=skills,
        guardrails=tuple(document["guardrails"]),
        verification=tuple(document["callerVerification"]),
        knowledge=tuple(msgspec.convert(source, KnownSource) for source in document["knowledge"]),
    )


def unseal_call(document: bytes, digest: str, skill: str) -> FrozenCall:
    """The frozen call in ``document``, its digest checked on those bytes."""
    try:
        return unseal(document, digest)
    except PatchbayError as error:
        raise SkillCallTampered(f"The stored call of the skill {skill!r} does not match its digest (call_tampered).") from error
