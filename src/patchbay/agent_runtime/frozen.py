"""A version as a conversation runs it: who the agent is, its skills and their frozen calls, and its gates. Immutable."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from patchbay.agent_runtime.agent_draft import AgentDraft
from patchbay.agent_runtime.guardrails.gates import Gates
from patchbay.agent_runtime.guardrails.levels import LEVELS
from patchbay.agent_runtime.knowledge.known import KnownSource, Pins, pins_of
from patchbay.agent_runtime.verification.checks import Check, plan_checks
from patchbay.schema_graph.call import FrozenCall

Stakes = Literal["low", "medium", "high"]


class FrozenSkill:
    """One skill of a version. ``tool`` is the function schema a model sees; ``call`` is all the skill can run.

    ``level`` is what the skill itself asks of its caller (0 nothing, 1 basic, 2 step_up): at least basic where an input is what
    verification proves. Policies may ask for more.
    ``confirmed``: the caller has to confirm it: every write, but those of low stakes that say otherwise, and a read that says so.
    """

    __slots__ = (
        "allowed_fields",
        "call",
        "confirmed",
        "description",
        "digest",
        "id",
        "level",
        "name",
        "skill_type",
        "slug",
        "stakes",
        "tool",
    )

    def __init__(self, document: Mapping[str, Any], call: FrozenCall) -> None:
        self.id: str = document["id"]
        self.name: str = document["name"]
        self.slug: str = document["slug"]
        self.description: str = document["description"]
        self.skill_type: str = document["skillType"]
        self.tool: dict[str, Any] = document["tool"]
        proven = any(one.source == "verified" for one in call.inputs)
        flagged = bool(document["requiresVerifiedIdentity"]) or call.verification != "none" or proven
        asked = max(LEVELS[document.get("verificationLevel") or "basic"], LEVELS[call.verification])
        self.level: int = max(asked, LEVELS["basic"]) if flagged else LEVELS["none"]
        allowed = document.get("allowedFields")
        self.allowed_fields: frozenset[str] | None = frozenset(allowed) if allowed is not None else None
        self.stakes: Stakes = document.get("stakes") or "medium"
        wanted = document.get("requiresConfirmation")
        asked_by_default = call.effect == "write" and not (self.stakes == "low" and wanted is False)
        self.confirmed: bool = asked_by_default or wanted is True
        self.call = call
        self.digest: str = document["call"]["digest"]


class FrozenAgent:
    """An agent as one version (or the draft, ``version_id`` None) freezes it.

    ``guardrails`` and ``verification`` are the policies and verification configurations as they are stored; ``knowledge`` the
    sources that had been read.
    """

    def __init__(
        self,
        *,
        agent_id: str,
        version_id: str | None,
        number: int | None,
        sha256: str,
        profile: AgentDraft,
        skills: tuple[FrozenSkill, ...],
        guardrails: tuple[Mapping[str, Any], ...] = (),
        verification: tuple[Mapping[str, Any], ...] = (),
        knowledge: tuple[KnownSource, ...] = (),
    ) -> None:
        self.agent_id = agent_id
        self.version_id = version_id
        self.number = number
        self.sha256 = sha256
        self.profile = profile
        self.skills = skills
        self.guardrails = guardrails
        self.verification = verification
        self.knowledge = knowledge

    @property
    def draft(self) -> bool:
        """Whether this is the draft and not a published version."""
        return self.version_id is None

    @cached_property
    def answers_from(self) -> Pins:
        """The sources this version answers from, each with the index it is pinned to; None where it follows the source."""
        return pins_of(self.knowledge, draft=self.draft)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """The ways to verify a caller that can work in this version, in the order they are configured."""
        return plan_checks(self.verification, self.skills)

    @cached_property
    def offered(self) -> tuple[FrozenSkill, ...]:
        """The skills a model is told of: all but the verifiers."""
        verifiers = {str(config["verifierSkillId"]) for config in self.verification}
        return tuple(s for s in self.skills if s.id not in verifiers and s.slug not in verifiers)

    @cached_property
    def by_slug(self) -> Mapping[str, FrozenSkill]:
        """The skills a model may call, by the name it calls them. A verifier is not among them."""
        return {skill.slug: skill for skill in self.offered}

    @cached_property
    def gates(self) -> Gates:
        """Every gate of this version, worked out."""
        return Gates(self.guardrails, self.offered, self.verification, self.profile.time_zone)
