"""How a skill stands before its callers: how well they have to be verified, and what those who are not may be told.

Read from the frozen document alone, as the engine evaluates it: the skill's own flags, the level sealed in its call, and the
enabled policies about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from patchbay.connectors.connections import WEBHOOK
from patchbay.schema_graph.call import Column, FrozenCall, GraphqlCall, Output, SqlCall
from patchbay.schema_graph.naming import slug

LEVELS: Mapping[str, int] = {"none": 0, "basic": 1, "step_up": 2}
LEVEL_NAMES = tuple(LEVELS)
_WHATEVER = "Whatever the webhook answers, in the fields that policies allow."
_ABOUT_SKILLS = frozenset({"rate_limit", "business_hours", "verify_before_disclose", "field_limit", "write_gate"})


class Standing(msgspec.Struct, frozen=True):
    """``level`` is what the caller needs; ``why`` says what asks for it. ``off``: a policy lets no caller run it.

    ``withheld`` are the outputs that an unverified caller is not told even where the skill runs, ``never`` those that nobody is.
    """

    level: int
    why: str | None
    off: bool
    withheld: frozenset[str]
    never: frozenset[str]

    @property
    def gated(self) -> bool:
        """Whether an unverified caller gets nothing of it."""
        return self.off or self.level > 0


def enabled_policies(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The policies of a frozen document that are on."""
    return [one for one in _objects(document.get("guardrails")) if one.get("isEnabled", True)]


def verifications(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The verification configurations of a frozen document."""
    return _objects(document.get("callerVerification"))


def is_about_skills(policy: Mapping[str, Any]) -> bool:
    """Whether a policy is about skills, rather than about what is said."""
    return policy.get("policyType") in _ABOUT_SKILLS


def is_about(policy: Mapping[str, Any], skill: Mapping[str, Any], call: FrozenCall) -> bool:
    """Whether a policy is about this skill: all are, unless it names one, or a type or family of types."""
    named = policy.get("appliesToSkillId")
    if named is not None:
        return named in (skill["id"], skill["slug"])
    wanted = policy.get("appliesToSkillType")
    return wanted is None or wanted in (skill["skillType"], family_of(call))


def family_of(call: FrozenCall) -> str:
    """The family of types that a policy may name."""
    if isinstance(call.body, SqlCall):
        return "db_query"
    return "graphql" if isinstance(call.body, GraphqlCall) else "http"


def standing_of(document: Mapping[str, Any], skill: Mapping[str, Any], call: FrozenCall) -> Standing:
    """How one skill of a frozen document stands."""
    policies = [one for one in enabled_policies(document) if is_about_skills(one) and is_about(one, skill, call)]
    level, why = max(_asked(document, skill, call, policies), key=lambda one: one[0], default=(0, None))
    limits = [one for one in policies if one.get("policyType") == "field_limit"]
    off = call.effect == "write" and any(one.get("writes") == "off" for one in policies if one.get("policyType") == "write_gate")
    lasting = [one for one in limits if one.get("liftedBy") is None]
    return Standing(level, why, off, _withheld(skill, call, limits), _withheld(skill, call, lasting))


def tellable(skill: Mapping[str, Any], call: FrozenCall) -> tuple[Output, ...]:
    """What a call may bring under its leaf's name, before any limit. A webhook that declares nothing may bring anything, which is
    the leaf ``*``, or what the skill allows by name.
    """
    if call.outputs or call.kind != WEBHOOK:
        return tuple(output for output in call.outputs if not output.hidden)
    names: Sequence[str] = ["*"] if skill.get("allowedFields") is None else skill["allowedFields"]
    return tuple(Output(name, Column(WEBHOOK, name, "json", "json"), _WHATEVER if name == "*" else None) for name in names)


def _asked(
    document: Mapping[str, Any], skill: Mapping[str, Any], call: FrozenCall, policies: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[int, str | None]]:
    """Every level that something asks for, and what does."""
    if skill.get("requiresVerifiedIdentity") or call.verification != "none":
        own = max(LEVELS[skill.get("verificationLevel") or "basic"], LEVELS[call.verification], LEVELS["basic"])
        yield own, "the skill requires a verified identity"
    if any(one.source == "verified" for one in call.inputs):
        yield LEVELS["basic"], "it is looked up by what verification proves of the caller"
    for policy in policies:
        if policy.get("policyType") == "verify_before_disclose":
            yield LEVELS[policy.get("level") or "basic"], "a policy requires verification before disclosure"
        if policy.get("policyType") == "write_gate" and call.effect == "write":
            yield LEVELS[policy.get("level") or "none"], "a policy requires verification before writes"
    words = [str(word) for config in verifications(document) for word in config.get("stepUpFor") or ()]
    if any(_means(word, skill) for word in words):
        yield LEVELS["step_up"], "verification steps up for it"


def _means(word: str, skill: Mapping[str, Any]) -> bool:
    """Whether a word of ``stepUpFor`` means the skill: its id, slug or name, or a word of those."""
    mine = {skill["slug"].casefold(), skill["name"].casefold()}
    parts = set(re.findall(r"[^\W_]+", f"{skill['slug']} {skill['name']}".casefold()))
    wanted = word.strip()
    return wanted == skill["id"] or wanted.casefold() in mine | parts or slug(wanted).casefold() in mine


def _withheld(skill: Mapping[str, Any], call: FrozenCall, limits: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    leaves = frozenset(output.leaf for output in tellable(skill, call))
    allowed = skill.get("allowedFields")
    shown = leaves if allowed is None else leaves & frozenset(allowed)
    for policy in limits:
        only, denied = policy.get("allowedFields"), {str(leaf).casefold() for leaf in policy.get("deniedFields") or ()}
        wanted = None if only is None else {str(leaf).casefold() for leaf in only}
        open_ended = "*" if wanted else None  # some of what is not declared is among what is wanted
        shown = frozenset(
            x for x in shown if (wanted is None or x == open_ended or x.casefold() in wanted) and x.casefold() not in denied
        )
    return leaves - shown


def _objects(value: Any) -> list[Mapping[str, Any]]:
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, Any]", one) for one in items if isinstance(one, dict)]
