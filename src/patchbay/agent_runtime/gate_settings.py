"""The guardrails and the caller verification of an agent's draft: read and replaced as whole lists.

What a list says of skills is checked against the draft. A configuration that could never verify anybody is refused with
everything that is missing; what only might surprise is stored, with a warning at its entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import get_agent, touch_draft
from patchbay.agent_runtime.freezing import draft_skills
from patchbay.agent_runtime.frozen import FrozenSkill
from patchbay.agent_runtime.guardrails.gates import steps_up
from patchbay.agent_runtime.guardrails.policies import FieldLimit, Policy, SkillPolicy, read_policies, stored_policy
from patchbay.agent_runtime.guardrails.targets import targets
from patchbay.agent_runtime.tables import Agent, Skill
from patchbay.agent_runtime.verification.checks import Check, find_verifier, resolve
from patchbay.agent_runtime.verification.configs import VerificationConfig, read_configs, stored_config
from patchbay.errors import Finding, Unprocessable
from patchbay.nearest import did_you_mean


class VerificationInvalid(Unprocessable):
    """This verification cannot work with the verifier skill it names (verification_invalid)."""

    code, title = "verification_invalid", "Verification cannot work"


class GuardrailsInvalid(Unprocessable):
    """A policy names a skill that this agent does not have (guardrails_invalid)."""

    code, title = "guardrails_invalid", "Guardrails cannot work"


async def get_guardrails(session: AsyncSession, agent_id: str) -> list[dict[str, Any]]:
    """The policies of the draft, each with its warnings."""
    agent = await get_agent(session, agent_id)
    return _with_policy_warnings(agent, await _skills(session, agent_id))


async def put_guardrails(session: AsyncSession, agent_id: str, body: Any) -> list[dict[str, Any]]:
    """Replace the policies. Raises :class:`ValidationFailed` (400) and :class:`GuardrailsInvalid` (422)."""
    agent = await get_agent(session, agent_id, lock=True)
    policies = read_policies(body)
    skills = await _skills(session, agent_id)
    findings = [
        finding for place, policy in enumerate(map(stored_policy, policies)) for finding in _unknown_skill(place, policy, skills)
    ]
    if findings:
        raise GuardrailsInvalid(f"{findings[0].field} {findings[0].message} (guardrails_invalid).", errors=findings)
    if policies != agent.guardrails:
        agent.guardrails = policies
        await session.flush()
        await touch_draft(session, agent_id)
    return _with_policy_warnings(agent, skills)


async def get_verification(session: AsyncSession, agent_id: str, *, texts: bool) -> list[dict[str, Any]]:
    """The verification configurations of the draft, each with its warnings. ``texts``: a carrier is configured."""
    agent = await get_agent(session, agent_id)
    return _with_config_warnings(agent, await _skills(session, agent_id), texts=texts)


async def put_verification(session: AsyncSession, agent_id: str, body: Any, *, texts: bool) -> list[dict[str, Any]]:
    """Replace the verification configurations. Raises :class:`ValidationFailed` (400) and :class:`VerificationInvalid` (422)."""
    agent = await get_agent(session, agent_id, lock=True)
    configs = read_configs(body)
    skills = await _skills(session, agent_id)
    findings = [
        Finding(f"{place}.{f.field}", f.code, f.message, f.hint)
        for place, config in enumerate(map(stored_config, configs))
        for f in _unworkable(config, skills)
    ]
    if findings:
        raise VerificationInvalid(f"{findings[0].field} {findings[0].message} (verification_invalid).", errors=findings)
    if configs != agent.caller_verification:
        agent.caller_verification = configs
        await session.flush()
        await touch_draft(session, agent_id)
    return _with_config_warnings(agent, skills, texts=texts)


def _unworkable(config: VerificationConfig, rows: Sequence[Skill]) -> Sequence[Finding]:
    row = next((r for r in rows if config.verifier_skill_id in (r.id, r.slug)), None)
    if row is None:
        hint = did_you_mean(config.verifier_skill_id, [n for r in rows for n in (r.id, r.slug)])
        return [Finding("verifierSkillId", "unknown_skill", "is not a skill of this agent", hint)]
    verifier = find_verifier(row.id, draft_skills([row]))
    if verifier is None:
        return [Finding("verifierSkillId", "no_call", "has nothing to run: bind it first")]
    resolved = resolve(config, verifier)
    return [] if isinstance(resolved, Check) else resolved


def _unknown_skill(place: int, policy: Policy, rows: Sequence[Skill]) -> Sequence[Finding]:
    named = policy.applies_to_skill_id if isinstance(policy, SkillPolicy) else None
    if named is None or any(named in (r.id, r.slug) for r in rows):
        return []
    hint = did_you_mean(named, [n for r in rows for n in (r.id, r.slug)])
    return [Finding(f"{place}.appliesToSkillId", "unknown_skill", "is not a skill of this agent", hint)]


def _with_policy_warnings(agent: Agent, rows: Sequence[Skill]) -> list[dict[str, Any]]:
    skills = draft_skills(rows)
    return [{**policy, "warnings": _told(_policy_warnings(stored_policy(policy), skills))} for policy in agent.guardrails or []]


def _policy_warnings(policy: Policy, skills: Sequence[FrozenSkill]) -> list[Finding]:
    if not isinstance(policy, SkillPolicy):
        return []
    mine = [skill for skill in skills if targets(policy, skill)]
    named = policy.applies_to_skill_type
    if named is not None and not mine:
        hint = did_you_mean(named, [s.skill_type for s in skills])
        return [Finding("appliesToSkillType", "no_such_skill", f"no skill of this agent is of the type {named!r} now", hint)]
    if isinstance(policy, FieldLimit) and not any(skill.call.open_ended for skill in mine):
        leaves = {o.leaf.casefold() for skill in mine for o in skill.call.outputs}
        wanted = [*(policy.allowed_fields or ()), *(policy.denied_fields or ())]
        return [
            Finding("deniedFields", "no_such_field", f"no skill that this is about returns {leaf!r}", did_you_mean(leaf, leaves))
            for leaf in wanted
            if leaf.casefold() not in leaves
        ]
    return []


def _with_config_warnings(agent: Agent, rows: Sequence[Skill], *, texts: bool) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    for document in agent.caller_verification or []:
        config = stored_config(document)
        shown.append({**document, "warnings": _told(_config_warnings(config, rows, texts=texts))})
    return shown


def _config_warnings(config: VerificationConfig, rows: Sequence[Skill], *, texts: bool) -> list[Finding]:
    found: list[Finding] = [
        Finding("verifierSkillId", f.code, f"the verifier cannot carry this out any more: {f.message}", f.hint)
        for f in _unworkable(config, rows)
    ]
    row = next((r for r in rows if config.verifier_skill_id in (r.id, r.slug)), None)
    if row is not None and not row.enabled:
        said = "the verifier is disabled: nobody can be verified until it is enabled"
        found.append(Finding("verifierSkillId", "verifier_disabled", said))
    if config.method == "otp_sms" and not texts:
        said = "no text message carrier is configured, so this verification is unavailable"
        found.append(Finding("method", "sms_unconfigured", said, "Set PATCHBAY_SMS_ACCOUNT_SID and the settings beside it."))
    skills = draft_skills(rows)
    for place, word in enumerate(config.step_up_for):
        if not any(steps_up(skill, [word]) for skill in skills):
            hint = did_you_mean(word, [n for s in skills for n in (s.slug, s.name)])
            found.append(Finding(f"stepUpFor.{place}", "no_such_skill", f"{word!r} means no skill of this agent now", hint))
    return found


def _told(findings: Sequence[Finding]) -> list[Mapping[str, Any]]:
    return [msgspec.to_builtins(finding) for finding in findings]


async def _skills(session: AsyncSession, agent_id: str) -> Sequence[Skill]:
    return (await session.scalars(select(Skill).where(Skill.agent_id == agent_id).order_by(Skill.id))).all()
