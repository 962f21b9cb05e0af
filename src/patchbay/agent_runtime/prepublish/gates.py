"""The active guardrails, how callers are verified, and what writes ask for, in words."""

from __future__ import annotations

from typing import Any

from patchbay.agent_runtime.guardrails.policies import (
    TYPES,
    BusinessHours,
    ContentRule,
    Escalation,
    FieldLimit,
    Policy,
    RateLimit,
    SkillPolicy,
    VerifyBeforeDisclose,
    WriteGate,
)
from patchbay.agent_runtime.guardrails.targets import targets
from patchbay.agent_runtime.prepublish.flows import content_rule_text
from patchbay.agent_runtime.prepublish.subject import SkillSubject, Subject
from patchbay.agent_runtime.prepublish.words import counted, listed
from patchbay.agent_runtime.verification.checks import Check, resolve
from patchbay.agent_runtime.verification.configs import VerificationConfig, stored_config
from patchbay.errors import Finding

_NAMES = {body: name for name, body in TYPES.items()}


def guardrails(subject: Subject) -> list[dict[str, Any]]:
    """The active policies, each with what it does and the skills it is about (null: the conversation as a whole)."""
    return [
        {
            "id": policy.id,
            "policyType": policy_type(policy),
            "name": policy.name,
            "text": policy_text(policy),
            "skills": [skill.name for skill in policy_skills(policy, subject)] if is_about_skills(policy) else None,
        }
        for policy in subject.agent.gates.policies
    ]


def policy_type(policy: Policy) -> str:
    """What a policy is called where it is written."""
    return _NAMES[type(policy)]


def is_about_skills(policy: Policy) -> bool:
    """Whether a policy is about skills, rather than about turns or what is said."""
    if isinstance(policy, RateLimit):
        return policy.counts == "tool_calls"
    if isinstance(policy, BusinessHours):
        return policy.blocks != "everything"
    return isinstance(policy, SkillPolicy)


def policy_skills(policy: Policy, subject: Subject) -> list[SkillSubject]:
    """The skills whose gates a policy is part of."""
    if not isinstance(policy, SkillPolicy):
        return []
    writes = isinstance(policy, WriteGate) or (isinstance(policy, BusinessHours) and policy.blocks == "writes")
    mine = [skill for skill in subject.offered if targets(policy, skill.skill)]
    return [skill for skill in mine if skill.call.effect == "write" or not writes]


def policy_text(policy: Policy) -> str:
    """What a policy does, in a sentence."""
    match policy:
        case RateLimit():
            what = "tool calls" if policy.counts == "tool_calls" else "turns"
            return f"At most {policy.limit} {what} in {policy.window_seconds} seconds for each {policy.scope}."
        case BusinessHours():
            what = {"tools": "no skill runs", "writes": "nothing is changed", "everything": "the agent does not answer"}
            return f"Outside business hours {what[policy.blocks]}."
        case VerifyBeforeDisclose():
            return f"Tells nothing before the caller is verified at level {policy.level}."
        case FieldLimit():
            return _limit(policy)
        case WriteGate():
            return _write(policy)
        case ContentRule():
            return content_rule_text(policy)
        case Escalation():
            return _escalation(policy)
        case _:
            raise TypeError(f"a policy of type {type(policy).__name__} has no words")


def _limit(policy: FieldLimit) -> str:
    parts: list[str] = []
    if policy.allowed_fields is not None:
        parts.append(f"tells only {listed(policy.allowed_fields)}")
    if policy.denied_fields:
        parts.append(f"never tells {listed(policy.denied_fields)}")
    lifted = policy.lifted_by
    return f"The agent {listed(parts)}" + (f", until the caller is verified at level {lifted}." if lifted else ".")


def _write(policy: WriteGate) -> str:
    if policy.writes == "off":
        return "Nothing is changed for anyone."
    needs = [f"a caller verified at level {policy.level}"] if policy.level is not None else []
    needs += ["the caller's confirmation"] if policy.requires_confirmation else []
    return f"A change needs {listed(needs)}."


def _escalation(policy: Escalation) -> str:
    when = ["when the caller asks for one"] if policy.on_request else []
    when += [f"on {counted(len(policy.phrases), 'phrase')}"] if policy.phrases else []
    after = ((policy.after_failed_verifications, "failed verification"), (policy.after_refused_calls, "refused call"))
    when += [f"after {counted(number, what)}" for number, what in after if number is not None]
    return f"A person is brought in {listed(when)}."


def caller_verification(subject: Subject) -> list[dict[str, Any]]:
    """How callers can be verified. ``works`` is False where nobody can be: :func:`unworkable` says why."""
    return [_way(config, subject) for config in configurations(subject)]


def configurations(subject: Subject) -> list[VerificationConfig]:
    """The verification configurations, in their order."""
    return [stored_config(config) for config in subject.agent.verification]


def _way(config: VerificationConfig, subject: Subject) -> dict[str, Any]:
    verifier = subject.find(config.verifier_skill_id)
    return {
        "id": config.id,
        "method": config.method,
        "requiredFields": config.required_fields,
        "verifierSkillId": config.verifier_skill_id,
        "verifier": verifier.name if verifier is not None else None,
        "level": config.level,
        "stepUpFor": config.step_up_for,
        "works": unworkable(config, subject) is None,
    }


def unworkable(config: VerificationConfig, subject: Subject) -> Finding | None:
    """Why nobody can be verified this way, or None."""
    verifier = subject.find(config.verifier_skill_id)
    if verifier is None or verifier.blocked or verifier.paused:
        message = f"The verification by {config.method} cannot work: its verifier is not among the skills that would run."
        return Finding("", "verifier_missing", message, "Enable the verifier skill, or name another one.")
    resolved = resolve(config, verifier.skill)
    if not isinstance(resolved, Check):
        said = "; ".join(f"{finding.field} {finding.message}" for finding in resolved)
        message = f"The verification by {config.method} cannot work with {verifier.name!r}: {said}."
        return Finding("", "verifier_unfit", message, "PUT …/caller-verification with what its verifier can check.")
    if not subject.works(resolved):
        message = f"The verification by {config.method} cannot work: no text message carrier is configured."
        return Finding("", "sms_unconfigured", message, "Set PATCHBAY_SMS_ACCOUNT_SID and the settings beside it.")
    return None


def writes(subject: Subject) -> list[dict[str, Any]]:
    """Every write of the draft: whether it is published, reviewed, confirmed first, and what keeps it from happening twice."""
    published = {skill.id: skill for skill in subject.offered}
    found: list[dict[str, Any]] = []
    for write in subject.known.writes:
        skill = published.get(write.skill_id)
        found.append(
            {
                "skillId": write.skill_id,
                "name": write.name,
                "published": skill is not None,
                "reviewed": write.reviewed,
                "confirmedFirst": None if skill is None or skill.gate is None else skill.gate.confirm is not None,
                "stakes": None if skill is None else skill.skill.stakes,
                "guarantee": None if skill is None else skill.call.guarantee,
            }
        )
    return found
