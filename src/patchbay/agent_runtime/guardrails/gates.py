"""The gates of one version, worked out once: what a call must pass before it runs, and what of its result may be told.

A decision looks nothing up and reads nothing that a model can write: the skill, the caller's level, the time, and whether these
very arguments were confirmed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, cast

import msgspec

from patchbay.agent_runtime.guardrails.hours import Hours, compile_hours
from patchbay.agent_runtime.guardrails.levels import LEVEL_NAMES, LEVELS
from patchbay.agent_runtime.guardrails.policies import (
    BusinessHours,
    ContentRule,
    Escalation,
    FieldLimit,
    Policy,
    RateLimit,
    SkillPolicy,
    VerifyBeforeDisclose,
    WriteGate,
    stored_policy,
)
from patchbay.agent_runtime.guardrails.screening import Rule, compile_rule, compile_trigger
from patchbay.agent_runtime.guardrails.targets import Targeted, targets
from patchbay.schema_graph.call import Output
from patchbay.schema_graph.naming import slug

_CLOSED = "I'm sorry, we're closed right now."
_TOO_MANY = "That's more than I can do right now. Please try again a little later."
_NO_CHANGES = "I can't make changes for you here."
_SENDS = frozenset({"email", "sms", "take_message"})
SENDS_MOST = 40
"""Calls of each of those in an hour of one conversation; asking for a confirmation is one, and the confirmed call another."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate decided about a call or a turn, and which policy made it (None: the skill's own setting)."""

    code: str
    policy_type: str
    reason: str
    message: str
    policy_id: str | None = None
    level: int = 0

    def data(self, action: str) -> dict[str, Any]:
        """The decision as a ``guardrail`` event tells it."""
        shown = {"policyId": self.policy_id, "policyType": self.policy_type, "action": action}
        return {"policy": self.code, **shown, "reason": self.reason}


class Rate(msgspec.Struct, frozen=True):
    """A rate limit, compiled. ``policy_id`` names its counter: a policy's, or one of our own."""

    policy_id: str
    scope: str
    limit: int
    window_seconds: int
    decision: Decision


class Closing(msgspec.Struct, frozen=True):
    """Business hours, compiled."""

    hours: Hours
    blocks: str
    decision: Decision


class Escalating(msgspec.Struct, frozen=True):
    """An escalation, compiled."""

    policy_id: str
    said: Callable[[str], bool]
    on_request: bool
    failed_verifications: int | None
    refused_calls: int | None
    message: str | None


class Limited(msgspec.Struct, frozen=True):
    """What of a result may be told at one level: these leaves (None: all), and never these members, however deep."""

    leaves: frozenset[str] | None
    denied: frozenset[str]
    policies: tuple[str, ...]

    @property
    def all(self) -> bool:
        """Whether nothing is held back."""
        return self.leaves is None and not self.denied

    def shows(self, leaf: str) -> bool:
        """Whether a leaf may be told. Of a dotted one, each part is a member."""
        if self.leaves is not None and leaf not in self.leaves:
            return False
        if not self.denied:
            return True
        said = leaf.casefold()
        return said not in self.denied and ("." not in said or self.denied.isdisjoint(said.split(".")))

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The part of a row that may be told."""
        return {leaf: self._pruned(value) for leaf, value in row.items() if self.shows(leaf)}

    def _pruned(self, value: Any) -> Any:
        if isinstance(value, str) and self.denied and value.lstrip()[:1] in ("{", "["):
            return self._pruned_text(value)
        if not self.denied or not isinstance(value, dict | list):
            return value
        if isinstance(value, list):
            return [self._pruned(v) for v in cast(list[Any], value)]
        members = cast(dict[str, Any], value)
        return {k: self._pruned(v) for k, v in members.items() if k.casefold() not in self.denied}

    def _pruned_text(self, text: str) -> str:
        """A document that is kept as text, as some databases keep all of them."""
        try:
            document: Any = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return text
        pruned = self._pruned(document)
        return text if pruned == document else msgspec.json.encode(pruned).decode()


class Gated(Targeted, Protocol):
    """What of a skill the gates look at."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def level(self) -> int:
        """The level it asks for itself."""
        ...

    @property
    def confirmed(self) -> bool:
        """Whether its caller confirms it."""
        ...

    @property
    def allowed_fields(self) -> frozenset[str] | None:
        """What it may return at most."""
        ...


class SkillGate:
    """Everything a call of one skill has to pass, in the order it is looked at.

    ``verification`` is what asks for its ``level``, ``off`` what lets nobody run it, ``confirm`` what has its caller confirm it;
    ``limits`` are by level.
    """

    __slots__ = ("_leaves", "closings", "confirm", "level", "limits", "off", "rates", "verification", "write")

    def __init__(self, skill: Gated, policies: Sequence[SkillPolicy], step_up: str | None, zone: str) -> None:
        mine = [policy for policy in policies if targets(policy, skill)]
        shown = frozenset(o.leaf for o in skill.call.outputs if not o.hidden)
        self._leaves = None if skill.call.open_ended else shown
        self.write = skill.call.effect == "write"
        rates = [_rate(p) for p in mine if isinstance(p, RateLimit) and p.counts == "tool_calls"]
        self.rates = (*rates, *_sending(skill.call.kind))
        self.closings = tuple(_closing(p, zone) for p in mine if isinstance(p, BusinessHours) and self._may_close(p))
        gates = [p for p in mine if isinstance(p, WriteGate)] if self.write else []
        self.verification = _verification(skill, [p for p in mine if isinstance(p, VerifyBeforeDisclose)], gates, step_up)
        self.level = self.verification.level if self.verification is not None else 0
        self.limits = tuple(_limited(skill, [p for p in mine if isinstance(p, FieldLimit)], level) for level in range(3))
        self.off = next((_write_off(p) for p in gates if p.writes == "off"), None)
        self.confirm = _confirmation(skill, gates)

    def decide(self, level: int, *, confirmed: bool) -> Decision | None:
        """The first gate that does not let the call through, or None. Rate limits are counted before, by whoever can."""
        if self.closings:
            now = datetime.now(UTC)
            for closing in self.closings:
                if not closing.hours.open_at(now):
                    return closing.decision
        if level < self.level:
            return self.verification
        if self.off is not None:
            return self.off
        if self.confirm is not None and not confirmed:
            return self.confirm
        return None

    def outputs(self, outputs: Sequence[Output], level: int) -> tuple[Output, ...]:
        """Of a call's outputs, those that may be told at ``level``."""
        limited = self.limits[level]
        return tuple(o for o in outputs if not o.hidden and limited.shows(o.leaf))

    def row(self, row: Mapping[str, Any], level: int) -> dict[str, Any]:
        """The part of a row from earlier that may be told at ``level`` now."""
        kept = self.limits[level].row(row)
        return kept if self._leaves is None else {leaf: value for leaf, value in kept.items() if leaf in self._leaves}

    def told(self, outputs: Sequence[Output], level: int, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """The leaves of a result: those declared that may be told at ``level``, and where none are, those that came."""
        if self._leaves is None:
            return list(dict.fromkeys(leaf for row in rows for leaf in row))
        return [o.leaf for o in self.outputs(outputs, level)]

    def _may_close(self, policy: BusinessHours) -> bool:
        return policy.blocks == "tools" or (policy.blocks == "writes" and self.write)


class Gates:
    """The gates of a version: of each skill, and of the conversation as a whole. ``policies`` are those that are on."""

    def __init__(
        self,
        guardrails: Sequence[Mapping[str, Any]],
        skills: Sequence[Gated],
        verification: Sequence[Mapping[str, Any]],
        time_zone: str,
    ) -> None:
        policies = self.policies = tuple(policy for policy in map(stored_policy, guardrails) if policy.is_enabled)
        about_skills = [p for p in policies if isinstance(p, SkillPolicy)]
        words = [str(word) for config in verification for word in config.get("stepUpFor") or ()]
        self._by_id = {s.id: SkillGate(s, about_skills, steps_up(s, words), time_zone) for s in skills}
        self.turn_rates = tuple(_rate(p) for p in policies if isinstance(p, RateLimit) and p.counts == "turns")
        hours = [p for p in policies if isinstance(p, BusinessHours) and p.blocks == "everything"]
        self.closings = tuple(_closing(p, time_zone) for p in hours)
        self.agent_rules = _rules(policies, "agent")
        self.caller_rules = _rules(policies, "caller")
        self.escalations = tuple(_escalating(p) for p in policies if isinstance(p, Escalation))

    def of(self, skill_id: str) -> SkillGate:
        """The gate of one of the version's skills."""
        return self._by_id[skill_id]


def steps_up(skill: Gated, names: Sequence[str]) -> str | None:
    """The first of ``names`` that means this skill: its id, slug or name, or a word of those."""
    mine = {skill.id, skill.slug.casefold(), skill.name.casefold()}
    parts = set(re.findall(r"[^\W_]+", f"{skill.slug} {skill.name}".casefold()))
    for name in names:
        wanted = name.strip()
        if wanted == skill.id or wanted.casefold() in mine or slug(wanted).casefold() in mine or wanted.casefold() in parts:
            return name
    return None


def _verification(
    skill: Gated, policies: Sequence[VerifyBeforeDisclose], gates: Sequence[WriteGate], step_up: str | None
) -> Decision | None:
    """What the skill asks of its caller at most, and why; None when it asks nothing."""
    asked: list[tuple[int, str | None, str]] = [(skill.level, None, "the skill requires a verified identity")]
    asked += [(LEVELS[p.level], p.id, "a policy requires verification before disclosure") for p in policies]
    asked += [(LEVELS[p.level], p.id, "a policy requires verification before writes") for p in gates if p.level is not None]
    if step_up is not None:
        asked.append((LEVELS["step_up"], None, f"the verification steps up for {step_up!r}"))
    level, policy_id, why = max(asked, key=lambda one: one[0])
    if level == 0:
        return None
    write = policy_id is not None and any(p.id == policy_id for p in gates)
    return Decision(
        code="verification_required",
        policy_type="write_gate" if write else "verify_before_disclose",
        policy_id=policy_id,
        reason=f"{why} ({LEVEL_NAMES[level]})",
        message="I can't share that until I've verified who you are, and I can't do that here yet.",
        level=level,
    )


def _limited(skill: Gated, policies: Sequence[FieldLimit], level: int) -> Limited:
    leaves, denied, named = skill.allowed_fields, set[str](), list[str]()
    for policy in policies:
        if policy.lifted_by is not None and level >= LEVELS[policy.lifted_by]:
            continue
        named.append(policy.id or "")
        denied |= {leaf.casefold() for leaf in policy.denied_fields or ()}
        if policy.allowed_fields is not None:
            wanted = {leaf.casefold() for leaf in policy.allowed_fields}
            named_outputs = frozenset(o.leaf for o in skill.call.outputs if o.leaf.casefold() in wanted)
            mine = named_outputs if not skill.call.open_ended else frozenset(policy.allowed_fields)
            leaves = mine if leaves is None else leaves & mine
    return Limited(leaves, frozenset(denied), tuple(named))


def _confirmation(skill: Gated, gates: Sequence[WriteGate]) -> Decision | None:
    policy = next((p for p in gates if p.requires_confirmation), None)
    if policy is None and not skill.confirmed:
        return None
    return Decision(
        code="confirmation_required",
        policy_type="write_gate",
        policy_id=policy.id if policy is not None else None,
        reason="the caller has to confirm these exact arguments",
        message="The caller has to confirm this first; they are being asked.",
    )


def _write_off(policy: WriteGate) -> Decision:
    said = policy.message or _NO_CHANGES
    return Decision(code="writes_off", policy_type="write_gate", policy_id=policy.id, reason="writes are off", message=said)


def _rate(policy: RateLimit) -> Rate:
    what = "turns" if policy.counts == "turns" else "tool calls"
    decision = Decision(
        code="rate_limited",
        policy_type="rate_limit",
        policy_id=policy.id,
        reason=f"more than {policy.limit} {what} in {policy.window_seconds} seconds for this {policy.scope}",
        message=policy.message or _TOO_MANY,
    )
    return Rate(policy.id or "", policy.scope, policy.limit, policy.window_seconds, decision)


def _sending(kind: str) -> tuple[Rate, ...]:
    """The limit that each conversation has on what reaches people, policies or not: nobody floods them by talking to an agent."""
    if kind not in _SENDS:
        return ()
    decision = Decision(
        code="rate_limited",
        policy_type="rate_limit",
        reason=f"more than {SENDS_MOST} calls of this type in an hour of one conversation",
        message=_TOO_MANY,
    )
    return (Rate(f"sends:{kind}", "conversation", SENDS_MOST, 3_600, decision),)


def _closing(policy: BusinessHours, zone: str) -> Closing:
    decision = Decision(
        code="outside_hours",
        policy_type="business_hours",
        policy_id=policy.id,
        reason=f"outside business hours, when {policy.blocks} is blocked" if policy.blocks == "everything" else "outside hours",
        message=policy.message or _CLOSED,
    )
    return Closing(compile_hours(policy.hours, policy.holidays, policy.time_zone or zone), policy.blocks, decision)


def _rules(policies: Sequence[Policy], side: str) -> tuple[Rule, ...]:
    return tuple(compile_rule(p) for p in policies if isinstance(p, ContentRule) and p.applies_to in (side, "both"))


def _escalating(policy: Escalation) -> Escalating:
    return Escalating(
        policy.id or "",
        compile_trigger(policy),
        policy.on_request,
        policy.after_failed_verifications,
        policy.after_refused_calls,
        policy.message,
    )
