"""What somebody should know before publishing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patchbay.agent_runtime.guardrails.levels import LEVEL_NAMES
from patchbay.agent_runtime.guardrails.policies import SkillPolicy
from patchbay.agent_runtime.knowledge.known import unread_warning
from patchbay.agent_runtime.prepublish.gates import configurations, is_about_skills, policy_skills, policy_type, unworkable
from patchbay.agent_runtime.prepublish.subject import SkillSubject, Subject
from patchbay.agent_runtime.prepublish.words import listed
from patchbay.agent_runtime.verification.openings import choose
from patchbay.bindings.tool_lint import lint_tool
from patchbay.schema_graph.call import FrozenCall, HttpCall, SqlCall

_REPEATED = frozenset({"model_chosen_identity"})


def warnings(subject: Subject) -> list[dict[str, Any]]:
    """``{code, message, hint, skillId}`` each, in the order of the skills, of the gates, of the sources of knowledge."""
    found = [warning for skill in subject.skills for warning in _of_skill(skill)]
    return [*found, *_of_writes(subject), *_of_gates(subject), *_of_policies(subject), *_of_knowledge(subject)]


def _of_skill(skill: SkillSubject) -> Iterator[dict[str, Any]]:
    if skill.blocked:
        message = f"{skill.name!r} is refused when called: data scoping blocks something it uses."
        yield _warning("scoped_out", message, "Change its binding, or the scoping.", skill)
        return
    for found in skill.warnings:
        if found.get("code") in _REPEATED:
            yield _warning(str(found["code"]), f"{skill.name!r}: {found.get('message')}", found.get("hint"), skill)
    for finding in lint_tool(skill.skill.tool):
        yield _warning("tool_schema", f"{skill.name!r}: {finding.field}: {finding.message}", finding.hint, skill)
    status = (skill.drift or {}).get("status")
    if skill.paused:
        message = f"{skill.name!r} is paused: the system it uses has changed, and it is refused when called."
        yield _warning("skill_paused", message, "Its drift says what changed; mend its binding or disable it.", skill)
    elif status == "degraded":
        message = f"{skill.name!r} gives less than it did: the system it uses has changed."
        yield _warning("skill_degraded", message, "Its drift says what changed.", skill)


def _of_writes(subject: Subject) -> Iterator[dict[str, Any]]:
    for write in subject.known.writes:
        if not write.reviewed:
            message = f"{write.name!r} changes data and has not been reviewed as it is now: it is not published."
            hint = "PATCH …/skills/{id} with enabled: true and review: {digest, note}."
            yield {"code": "write_unreviewed", "message": message, "hint": hint, "skillId": write.skill_id}
    for skill in subject.offered:
        if skill.open and _tells_what_exists(skill.call):
            message = (
                f"An unverified caller learns by {skill.name!r} whether what they name exists already: adding it again is refused"
                " as already_exists."
            )
            yield _warning("write_tells_existence", message, "Gate it, where that is nobody else's business.", skill)


def _tells_what_exists(call: FrozenCall) -> bool:
    """Whether what a caller says can be refused because there is one already."""
    if call.effect != "write" or not any(one.source == "model" for one in call.inputs):
        return False
    return isinstance(call.body, SqlCall) or (isinstance(call.body, HttpCall) and call.body.method == "POST")


def _of_gates(subject: Subject) -> Iterator[dict[str, Any]]:
    for skill in subject.offered:
        if skill.level and choose(subject.agent.checks, skill.level, {}, 0.0, usable=subject.works) is None:
            level = LEVEL_NAMES[skill.level]
            message = f"{skill.name!r} needs a caller verified at level {level}, and no verification reaches that: it never runs."
            yield _warning("verification_unreachable", message, "PUT …/caller-verification with a method of that level.", skill)
    for config in configurations(subject):
        wrong = unworkable(config, subject)
        if wrong is not None:
            yield _warning(wrong.code, wrong.message, wrong.hint)
    if subject.agent.verification:
        gated = [repr(skill.name) for skill in subject.offered if skill.level]
        refused = f"{listed(gated)} refused there" if gated else "what needs it would be refused there"
        methods = listed(list(dict.fromkeys(config.method for config in configurations(subject))))
        message = f"Nobody is verified on /chat/completions or in direct calls ({methods}): {refused}."
        yield _warning("secret_method_refused", message, "Secrets are collected in chat sessions and calls alone.")


def _of_policies(subject: Subject) -> Iterator[dict[str, Any]]:
    for policy in subject.agent.gates.policies:
        if isinstance(policy, SkillPolicy) and is_about_skills(policy) and not policy_skills(policy, subject):
            named = policy.applies_to_skill_id or policy.applies_to_skill_type or "any skill"
            message = f"The {policy_type(policy)} policy about {named!r} matches no skill that would be published."
            hint = "Name a skill, its type, or a family (db_query, http, graphql)."
            yield _warning("policy_matches_nothing", message, hint)


def _of_knowledge(subject: Subject) -> Iterator[dict[str, Any]]:
    for source in subject.known.unread:
        yield {**unread_warning(source), "skillId": None}


def _warning(code: str, message: str, hint: str | None, skill: SkillSubject | None = None) -> dict[str, Any]:
    return {"code": code, "message": message, "hint": hint, "skillId": skill.id if skill is not None else None}
