"""The active guardrails, how callers are verified, and what writes ask for, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from patchbay.agent_runtime.prepublish.flows import content_rule_text
from patchbay.agent_runtime.prepublish.standing import enabled_policies, is_about, is_about_skills, verifications
from patchbay.agent_runtime.prepublish.subject import SkillSubject, Subject
from patchbay.agent_runtime.prepublish.words import counted, listed


def guardrails(subject: Subject) -> list[dict[str, Any]]:
    """The active policies, each with what it does and the skills it is about (null: the conversation as a whole)."""
    return [
        {
            "id": policy.get("id"),
            "policyType": policy.get("policyType"),
            "name": policy.get("name"),
            "text": policy_text(policy),
            "skills": [skill.name for skill in policy_skills(policy, subject)] if is_about_skills(policy) else None,
        }
        for policy in enabled_policies(subject.document)
    ]


def policy_skills(policy: Mapping[str, Any], subject: Subject) -> list[SkillSubject]:
    """The skills a policy is about."""
    return [skill for skill in subject.offered if is_about(policy, skill.document, skill.call)]


def policy_text(policy: Mapping[str, Any]) -> str:
    """What a policy does, in a sentence."""
    words = _WORDS.get(str(policy.get("policyType")))
    return words(policy) if words is not None else "A policy of a type this report does not describe."


def _rate(policy: Mapping[str, Any]) -> str:
    what = "tool calls" if policy.get("counts") == "tool_calls" else "turns"
    per, seconds = policy.get("scope") or "conversation", policy.get("windowSeconds")
    return f"At most {policy.get('limit')} {what} in {seconds} seconds for each {per}."


def _hours(policy: Mapping[str, Any]) -> str:
    what = {"tools": "no skill runs", "writes": "nothing is changed"}.get(str(policy.get("blocks")), "the agent does not answer")
    return f"Outside business hours {what}."


def _limit(policy: Mapping[str, Any]) -> str:
    parts: list[str] = []
    if policy.get("allowedFields") is not None:
        parts.append(f"tells only {listed([str(leaf) for leaf in policy['allowedFields']])}")
    if policy.get("deniedFields"):
        parts.append(f"never tells {listed([str(leaf) for leaf in policy['deniedFields']])}")
    lifted = policy.get("liftedBy")
    return f"The agent {listed(parts)}" + (f", until the caller is verified at level {lifted}." if lifted else ".")


def _write(policy: Mapping[str, Any]) -> str:
    if policy.get("writes") == "off":
        return "Nothing is changed for anyone."
    needs = [f"a caller verified at level {policy['level']}"] if policy.get("level") else []
    needs += ["the caller's confirmation"] if policy.get("requiresConfirmation") else []
    return f"A change needs {listed(needs)}."


def _escalation(policy: Mapping[str, Any]) -> str:
    when = ["when the caller asks for one"] if policy.get("onRequest") else []
    when += [f"on {counted(len(policy['phrases']), 'phrase')}"] if policy.get("phrases") else []
    for member, what in (("afterFailedVerifications", "failed verification"), ("afterRefusedCalls", "refused call")):
        when += [f"after {counted(int(policy[member]), what)}"] if policy.get(member) else []
    return f"A person is brought in {listed(when)}."


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "rate_limit": _rate,
    "business_hours": _hours,
    "verify_before_disclose": lambda p: f"Tells nothing before the caller is verified at level {p.get('level') or 'basic'}.",
    "field_limit": _limit,
    "write_gate": _write,
    "content_rule": content_rule_text,
    "escalation": _escalation,
}


def caller_verification(subject: Subject) -> list[dict[str, Any]]:
    """How callers can be verified. ``works`` is False where the verifier is not among the skills that would be published."""
    skills = {key: skill for skill in subject.skills for key in (skill.id, skill.document["slug"])}
    return [_verification(config, skills.get(str(config.get("verifierSkillId")))) for config in verifications(subject.document)]


def _verification(config: Mapping[str, Any], verifier: SkillSubject | None) -> dict[str, Any]:
    return {
        "id": config.get("id"),
        "method": config.get("method"),
        "requiredFields": config.get("requiredFields") or [],
        "verifierSkillId": config.get("verifierSkillId"),
        "verifier": verifier.name if verifier is not None else None,
        "level": config.get("level") or "basic",
        "stepUpFor": config.get("stepUpFor") or [],
        "works": verifier is not None and not verifier.blocked and not verifier.paused,
    }


def writes(subject: Subject) -> list[dict[str, Any]]:
    """Every write of the draft: whether it is published, reviewed, confirmed first, and what keeps it from happening twice."""
    published = {skill.id: skill for skill in subject.offered}
    found: list[dict[str, Any]] = []
    for write in subject.known.writes:
        skill = published.get(write.skill_id)
        confirmed = None if skill is None else _is_confirmed(skill, subject)
        found.append(
            {
                "skillId": write.skill_id,
                "name": write.name,
                "published": skill is not None,
                "reviewed": write.reviewed,
                "confirmedFirst": confirmed,
                "stakes": None if skill is None else skill.document.get("stakes") or "medium",
                "guarantee": None if skill is None else skill.call.guarantee,
            }
        )
    return found


def _is_confirmed(skill: SkillSubject, subject: Subject) -> bool:
    """Every write asks first, but those of low stakes that say otherwise; a policy may still ask."""
    policies = [p for p in enabled_policies(subject.document) if p.get("policyType") == "write_gate"]
    asked = any(p.get("requiresConfirmation") and is_about(p, skill.document, skill.call) for p in policies)
    silent = skill.document.get("stakes") == "low" and skill.document.get("requiresConfirmation") is False
    return asked or not silent
