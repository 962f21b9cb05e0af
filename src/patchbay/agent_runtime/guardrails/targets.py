"""Which skills a policy is about."""

from __future__ import annotations

from typing import Protocol

from patchbay.agent_runtime.guardrails.policies import SkillPolicy
from patchbay.schema_graph.call import FrozenCall, GraphqlCall, OwnCall, SqlCall, parts_of


class Targeted(Protocol):
    """What of a skill decides whether a policy is about it, and what a check of a caller needs of its verifier."""

    @property
    def id(self) -> str:
        """The skill's id."""
        ...

    @property
    def slug(self) -> str:
        """The name a model calls it by."""
        ...

    @property
    def skill_type(self) -> str:
        """Its kind."""
        ...

    @property
    def call(self) -> FrozenCall:
        """All it can run."""
        ...


def family_of(call: FrozenCall) -> str:
    """The family a policy may name instead of a kind."""
    body = parts_of(call)[0].body
    if isinstance(body, OwnCall):
        return call.kind
    if isinstance(body, SqlCall):
        return "db_query"
    return "graphql" if isinstance(body, GraphqlCall) else "http"


def targets(policy: SkillPolicy, skill: Targeted) -> bool:
    """Whether the policy is about this skill."""
    if policy.applies_to_skill_id is not None:
        return policy.applies_to_skill_id in (skill.id, skill.slug)
    wanted = policy.applies_to_skill_type
    return wanted is None or wanted in (skill.skill_type, family_of(skill.call))
