"""The policies as they are written: one body for each type, read strictly, all findings at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from patchbay.agent_runtime.agent_draft import zone_name
from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.guardrails.phrases import BadPattern, read_pattern
from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.store.ids import new_id

MOST_POLICIES = 100
Level = Literal["basic", "step_up"]
CategoryName = Literal["payment_card", "social_security_number", "iban", "email_address", "phone_number", "url"]
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")


def _clock(value: str) -> str:
    if not _CLOCK.fullmatch(value):
        raise PydanticCustomError("clock", "must be a time of day such as 09:00 or 24:00")
    return value


def _phrase(value: str) -> str:
    try:
        read_pattern(value, wild=False)
    except BadPattern as error:
        raise PydanticCustomError("phrase", "{why}", {"why": str(error)}) from None
    return value


def _pattern(value: str) -> str:
    try:
        read_pattern(value, wild=True)
    except BadPattern as error:
        raise PydanticCustomError("pattern", "{why}", {"why": str(error)}) from None
    return value


Text = Annotated[str, Field(min_length=1, max_length=500)]
Clock = Annotated[str, AfterValidator(_clock)]
Phrase = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_phrase)]
Pattern = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_pattern)]
Phrases = Annotated[list[Phrase], Field(max_length=500)]
Leaf = Annotated[str, Field(min_length=1, max_length=200)]
Leaves = Annotated[list[Leaf], Field(max_length=500)]


class Policy(Body):
    """What every policy has. ``id`` is made when none is sent; ``warnings`` are returned and not read."""

    id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    name: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    is_enabled: bool = True
    warnings: list[Any] = Field(default_factory=list, exclude=True)


class SkillPolicy(Policy):
    """A policy about skills: those of a type (a kind, or a family: db_query, http, graphql), the one of an id or slug, or all."""

    applies_to_skill_type: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    applies_to_skill_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None

    @model_validator(mode="after")
    def _one_target(self) -> SkillPolicy:
        if self.applies_to_skill_type is not None and self.applies_to_skill_id is not None:
            raise PydanticCustomError("one_of", "must not have both appliesToSkillType and appliesToSkillId")
        return self


class RateLimit(SkillPolicy):
    """At most ``limit`` turns or tool calls in each window of ``window_seconds``, counted per caller, conversation or agent."""

    policy_type: Literal["rate_limit"]
    scope: Literal["caller", "conversation", "agent"] = "conversation"
    counts: Literal["turns", "tool_calls"] = "turns"
    limit: int = Field(ge=1, le=1_000_000)
    window_seconds: int = Field(ge=1, le=604_800)
    message: Text | None = None

    @model_validator(mode="after")
    def _turns_have_no_skill(self) -> RateLimit:
        if self.counts == "turns" and (self.applies_to_skill_type or self.applies_to_skill_id):
            raise PydanticCustomError("not_applicable", "can name skills only when it counts tool_calls")
        return self


class Interval(Body):
    """Open from one time of day to another; ``to`` at or before ``from`` is on the next day."""

    from_: Clock = Field(alias="from")
    to: Clock


class Week(Body):
    """When it is open. A day that is not named is closed."""

    monday: list[Interval] = Field(default_factory=list[Interval], max_length=10)
    tuesday: list[Interval] = Field(default_factory=list[Interval], max_length=10)
    wednesday: list[Interval] = Field(default_factory=list[Interval], max_length=10)
    thursday: list[Interval] = Field(default_factory=list[Interval], max_length=10)
    friday: list[Interval] = Field(default_factory=list[Interval], max_length=10)
    saturday: list[Interval] = Field(default_factory=list[Interval], max_length=10)
    sunday: list[Interval] = Field(default_factory=list[Interval], max_length=10)


class BusinessHours(SkillPolicy):
    """Outside the hours, and on holidays, tools, writes or everything is blocked. Without a time zone it is the agent's."""

    policy_type: Literal["business_hours"]
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(zone_name)] | None = None
    hours: Week
    holidays: list[date] = Field(default_factory=list[date], max_length=400)
    blocks: Literal["tools", "writes", "everything"] = "everything"
    message: Text | None = None

    @model_validator(mode="after")
    def _everything_has_no_skill(self) -> BusinessHours:
        if self.blocks == "everything" and (self.applies_to_skill_type or self.applies_to_skill_id):
            raise PydanticCustomError("not_applicable", "can name skills only when it blocks tools or writes")
        return self


class VerifyBeforeDisclose(SkillPolicy):
    """The skills run only for a caller who is verified at this level, whether or not they are flagged themselves."""

    policy_type: Literal["verify_before_disclose"]
    level: Level = "basic"


class FieldLimit(SkillPolicy):
    """What of a result may be told: the allowed leaves only, never the denied ones; all of them from ``lifted_by`` on."""

    policy_type: Literal["field_limit"]
    allowed_fields: Leaves | None = None
    denied_fields: Leaves | None = None
    lifted_by: Level | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> FieldLimit:
        if self.allowed_fields is None and not self.denied_fields:
            raise PydanticCustomError("one_of", "must have allowedFields or deniedFields")
        return self


class WriteGate(SkillPolicy):
    """What a write needs beside its review: a level, the caller's confirmation; or writes are off."""

    policy_type: Literal["write_gate"]
    writes: Literal["allowed", "off"] = "allowed"
    level: Level | None = None
    requires_confirmation: bool = False
    message: Text | None = None

    @model_validator(mode="after")
    def _gates_something(self) -> WriteGate:
        if self.writes == "allowed" and self.level is None and not self.requires_confirmation:
            raise PydanticCustomError("one_of", "must have a level, requiresConfirmation: true or writes: off")
        return self


class ContentRule(Policy):
    """What may not be said, by the agent or by the caller, and what happens when it is."""

    policy_type: Literal["content_rule"]
    applies_to: Literal["agent", "caller", "both"] = "agent"
    phrases: Phrases = Field(default_factory=list)
    patterns: Annotated[list[Pattern], Field(max_length=200)] = Field(default_factory=list)
    categories: list[CategoryName] = Field(default_factory=list[CategoryName])
    action: Literal["redirect", "redact", "end"] = "redirect"
    message: Text | None = None

    @model_validator(mode="after")
    def _denies_something(self) -> ContentRule:
        if not (self.phrases or self.patterns or self.categories):
            raise PydanticCustomError("one_of", "must have phrases, patterns or categories")
        if self.action != "redact" and self.message is None:
            raise PydanticCustomError("required", "must have a message, which is said instead")
        return self


class Escalation(Policy):
    """When a person is brought in by the engine, whatever the model does."""

    policy_type: Literal["escalation"]
    phrases: Phrases = Field(default_factory=list)
    on_request: bool = False
    after_failed_verifications: int | None = Field(default=None, ge=1, le=20)
    after_refused_calls: int | None = Field(default=None, ge=1, le=50)
    message: Text | None = None

    @model_validator(mode="after")
    def _has_a_reason(self) -> Escalation:
        if not (self.phrases or self.on_request or self.after_failed_verifications or self.after_refused_calls):
            raise PydanticCustomError(
                "one_of", "must have phrases, onRequest: true, afterFailedVerifications or afterRefusedCalls"
            )
        return self


TYPES: dict[str, type[Policy]] = {
    "rate_limit": RateLimit,
    "business_hours": BusinessHours,
    "verify_before_disclose": VerifyBeforeDisclose,
    "field_limit": FieldLimit,
    "write_gate": WriteGate,
    "content_rule": ContentRule,
    "escalation": Escalation,
}
"""The types of policy in the order in which they are evaluated."""


def read_policies(body: Any) -> list[dict[str, Any]]:
    """A list of policies as it is stored, each with its id. Raises :class:`ValidationFailed` with every finding at once."""
    entries = list_of(body, most=MOST_POLICIES)
    findings: list[Finding] = []
    read: list[dict[str, Any]] = []
    for place, entry in enumerate(entries):
        try:
            read.append(_read(entry).model_dump(by_alias=True, mode="json", exclude_none=True))
        except ValidationFailed as error:
            findings += [_at(place, f) for f in error.errors]
    findings += repeated_ids(read)
    if findings:
        raise ValidationFailed(f"{findings[0].field} {findings[0].message}", errors=findings)
    return [{**policy, "id": policy.get("id") or new_id("pol")} for policy in read]


def stored_policy(document: Mapping[str, Any]) -> Policy:
    """A stored policy. Raises :class:`ValidationFailed` for one that this release cannot read."""
    return _read(document)


def _read(entry: Any) -> Policy:
    if not isinstance(entry, Mapping):
        raise ValidationFailed(errors=[Finding("", "type", "must be a JSON object")])
    one = cast(Mapping[str, Any], entry)
    named = one.get("policyType")
    if named is None:
        raise ValidationFailed(errors=[Finding("policyType", "required", f"is required: one of {', '.join(TYPES)}")])
    if not isinstance(named, str) or named not in TYPES:
        hint = did_you_mean(str(named), TYPES)
        raise ValidationFailed(errors=[Finding("policyType", "policy_type", f"must be one of {', '.join(TYPES)}", hint)])
    return read_body(TYPES[named], one)


def list_of(body: Any, *, most: int) -> Sequence[Any]:
    """A body that is a bare list of at most ``most`` entries. Raises :class:`ValidationFailed`."""
    if not isinstance(body, list):
        raise ValidationFailed(
            "The body must be a JSON array", errors=[Finding("", "type", "must be a JSON array: the whole list")]
        )
    entries = cast(list[Any], body)
    if len(entries) > most:
        raise ValidationFailed("The list is too long", errors=[Finding("", "too_long", f"must have at most {most} entries")])
    return entries


def repeated_ids(entries: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """A finding for each entry whose id an earlier one has."""
    seen: set[str] = set()
    findings: list[Finding] = []
    for place, entry in enumerate(entries):
        named = entry.get("id")
        if named is not None and named in seen:
            findings.append(Finding(f"{place}.id", "repeated_id", "is the id of another entry"))
        seen.add(str(named))
    return findings


def _at(place: int, finding: Finding) -> Finding:
    return Finding(f"{place}.{finding.field}" if finding.field else str(place), finding.code, finding.message, finding.hint)
