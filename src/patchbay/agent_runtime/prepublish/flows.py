"""What the agent will say, what it will not, and which skill sends which field where."""

from __future__ import annotations

from typing import Any

from patchbay.agent_runtime.guardrails.levels import LEVEL_NAMES
from patchbay.agent_runtime.guardrails.policies import ContentRule
from patchbay.agent_runtime.prepublish.subject import SkillSubject, Subject, Told
from patchbay.agent_runtime.prepublish.words import counted, listed
from patchbay.schema_graph.call import CallInput, FrozenCall, Output
from patchbay.schema_graph.transform import JoinName


def will_say(subject: Subject) -> list[dict[str, Any]]:
    """Of each skill that a model is told of, the fields it may tell, in words. A skill that data scoping blocks tells nothing."""
    return [_told(skill) for skill in subject.offered if skill.told]


def _told(skill: SkillSubject) -> dict[str, Any]:
    level = LEVEL_NAMES[skill.level]
    who = "Anyone" if level == "none" else f"A caller verified at level {level}"
    done = "can have it done and is told" if skill.call.effect == "write" else "is told"
    off = skill.gate is not None and skill.gate.off is not None
    text = f"{who} {done} {told_words(skill.told)}." if not off else "Nobody: a policy has switched it off."
    return {
        "skillId": skill.id,
        "name": skill.name,
        "description": skill.skill.description,
        "fields": told_fields(skill.told),
        "whatever": skill.told.whatever,
        "level": level,
        "paused": skill.paused,
        "text": text + (" It is paused now." if skill.paused else ""),
    }


def told_fields(told: Told) -> list[dict[str, Any]]:
    """Each field that is told, as the agent has it."""
    return [{"leaf": o.leaf, "type": o.said_type, "description": o.description} for o in told.outputs]


def told_words(told: Told) -> str:
    """What is told, in words."""
    if told.whatever:
        return "whatever the endpoint answers" + (f" but {listed(told.never)}" if told.never else "")
    return listed([o.leaf for o in told.outputs])


def wont_say(subject: Subject) -> list[dict[str, Any]]:
    """What the persona must never do, what content rules refuse, which fields are withheld, and how much is blocked."""
    found = [_refusal("never_do", text) for text in subject.agent.profile.persona.never_do]
    for policy in subject.agent.gates.policies:
        if isinstance(policy, ContentRule) and policy.applies_to != "caller":
            found.append(_refusal("content_rule", content_rule_text(policy)))
    for skill in subject.offered:
        found += _withheld(skill)
    places = {skill.place.connection_id: skill.place for skill in subject.skills if skill.place is not None}
    for place in places.values():
        if place.blocked:
            text = f"{counted(place.blocked, 'table or column', 'tables or columns')} of {place.label} may not be read at all."
            found.append(_refusal("data_scoping", text))
    return found


def content_rule_text(policy: ContentRule) -> str:
    """What a content rule refuses, in words."""
    parts = [f"anything of {listed(list(policy.categories))}"] if policy.categories else []
    phrases = [repr(phrase) for phrase in policy.phrases]
    parts += (
        [f"the words {listed(phrases[:5])}" + (f" and {len(phrases) - 5} more" if len(phrases) > 5 else "")] if phrases else []
    )
    patterns = [repr(pattern) for pattern in policy.patterns]
    parts += [f"what looks like {listed(patterns[:5])}"] if patterns else []
    who = {"agent": "Does not say", "caller": "Does not take from callers", "both": "Neither says nor takes from callers"}
    return f"{who[policy.applies_to]} {listed(parts)} ({policy.action})."


def _withheld(skill: SkillSubject) -> list[dict[str, Any]]:
    if skill.blocked:
        text = f"{skill.name}: refused, because data scoping blocks something it uses."
        return [_refusal("data_scoping", text, skill)]
    if skill.gate is None:
        return []
    leaves = {o.leaf for o in skill.call.outputs if not o.hidden}
    lowest, highest = skill.gate.limits[0], skill.gate.limits[-1]
    if skill.call.open_ended:
        never, withheld = sorted(highest.denied), sorted(lowest.denied - highest.denied)
    else:
        never = sorted(leaf for leaf in leaves if not highest.shows(leaf))
        withheld = sorted(leaf for leaf in leaves if highest.shows(leaf) and not lowest.shows(leaf))
    found = [_refusal("field_withheld", f"{skill.name}: nobody is told {listed(never)}.", skill, never)] if never else []
    if withheld:
        text = f"{skill.name}: an unverified caller is not told {listed(withheld)}."
        found.append(_refusal("field_withheld", text, skill, withheld))
    if skill.gate.verification is not None:
        text = f"{skill.name}: nothing before the caller is verified, because {skill.gate.verification.reason}."
        found.append(_refusal("verification_required", text, skill))
    return found


def _refusal(kind: str, text: str, skill: SkillSubject | None = None, leaves: list[str] | None = None) -> dict[str, Any]:
    return {"kind": kind, "text": text, "skillId": skill.id if skill is not None else None, "leaves": leaves or []}


def data_flows(subject: Subject) -> list[dict[str, Any]]:
    """Which skill sends which field where, and what comes back. Of a blocked skill only that there is one."""
    return [_flow(skill) for skill in subject.skills]


def _flow(skill: SkillSubject) -> dict[str, Any]:
    call, place = skill.call, skill.place
    inputs = [_sent(one, call) for one in call.inputs if one.source != "derived"]
    outputs = [
        {"leaf": o.leaf, "from": _place_of(part), "optional": o.optional} for o in skill.told.outputs for part in _parts(o, call)
    ]
    return {
        "skillId": skill.id,
        "name": skill.name,
        "connection": None if place is None else {
            "id": place.connection_id, "kind": place.kind, "label": place.label, "host": place.host,
        },
        "operation": None if skill.blocked else call.operation,
        "effect": call.effect,
        "guarantee": call.guarantee,
        "inputs": [] if skill.blocked else inputs,
        "outputs": outputs,
        "whatever": skill.told.whatever,
        "verifier": skill.verifier,
        "blocked": skill.blocked,
    }  # fmt: skip


def _parts(output: Output, call: FrozenCall) -> list[Output]:
    """What an output is made of: of a joined name, the hidden other part too."""
    hidden = output.transform.family if isinstance(output.transform, JoinName) else None
    return [output, *(o for o in call.outputs if o.leaf == hidden)]


def _place_of(output: Output) -> str:
    return ".".join((output.column.object, *output.column.via, output.column.field, *output.column.inner))


def _sent(one: CallInput, call: FrozenCall) -> dict[str, Any]:
    """What goes out for an input: to every argument that is given it, or a part of it."""
    parts = [other.arg for other in call.inputs if other.source == "derived" and other.key == one.param]
    fact = one.key or one.param if one.source in ("session", "verified") else None
    to = ", ".join(dict.fromkeys([one.arg, *parts]))
    return {"param": one.param, "source": one.source, "key": fact, "to": to, "required": one.required}
