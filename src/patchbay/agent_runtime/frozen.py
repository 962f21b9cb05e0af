"""A version as a conversation runs it: who the agent is, its skills and their frozen calls. Immutable."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from patchbay.agent_runtime.agent_draft import AgentDraft
from patchbay.schema_graph.call import FrozenCall


class FrozenSkill:
    """One skill of a version. ``tool`` is the function schema a model sees; ``call`` is all the skill can run."""

    __slots__ = (
        "allowed_fields",
        "call",
        "description",
        "digest",
        "id",
        "name",
        "requires_verified",
        "skill_type",
        "slug",
        "tool",
    )

    def __init__(self, document: Mapping[str, Any], call: FrozenCall) -> None:
        self.id: str = document["id"]
        self.name: str = document["name"]
        self.slug: str = document["slug"]
        self.description: str = document["description"]
        self.skill_type: str = document["skillType"]
        self.tool: dict[str, Any] = document["tool"]
        self.requires_verified: bool = bool(document["requiresVerifiedIdentity"]) or call.verification != "none"
        allowed = document.get("allowedFields")
        self.allowed_fields: frozenset[str] | None = frozenset(allowed) if allowed is not None else None
        self.call = call
        self.digest: str = document["call"]["digest"]


class FrozenAgent:
    """An agent as one version (or the draft, ``version_id`` None) freezes it."""

    def __init__(
        self,
        *,
        agent_id: str,
        version_id: str | None,
        number: int | None,
        sha256: str,
        profile: AgentDraft,
        skills: tuple[FrozenSkill, ...],
    ) -> None:
        self.agent_id = agent_id
        self.version_id = version_id
        self.number = number
        self.sha256 = sha256
        self.profile = profile
        self.skills = skills

    @property
    def draft(self) -> bool:
        """Whether this is the draft and not a published version."""
        return self.version_id is None

    @cached_property
    def by_slug(self) -> Mapping[str, FrozenSkill]:
        """The skills by the name a model calls them."""
        return {skill.slug: skill for skill in self.skills}
