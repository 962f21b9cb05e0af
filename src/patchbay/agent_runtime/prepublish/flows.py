"""What the agent will say, what it will not, and which skill sends which field where."""

from __future__ import annotations

from typing import Any

from patchbay.agent_runtime.prepublish.standing import LEVEL_NAMES, enabled_policies
from patchbay.agent_runtime.prepublish.subject import SkillSubject, Subject
from patchbay.agent_runtime.prepublish.words import counted, listed
from patchbay.schema_graph.call import FrozenCall, Output
from patchbay.schema_graph.transform import JoinName


def will_say(subject: Subject) -> list[dict[str, Any]]:
    """Of each skill that a model is told of, the fields it may tell, in words. A skill that data scoping blocks tells nothing."""
    return [_told(skill) for skill in subject.offered if skill.told]


def _told(skill: SkillSubject) -> dict[str, Any]:
    level = LEVEL_NAMES[skill.standing.level]
    who = "Anyone" if level == "none" else f"A caller verified at level {level}"
    names = listed([o.leaf for o in skill.told])
    done = "can have it done and is told" if skill.call.effect == "write" else "is told"
    text = f"{who} {done} {names}." if not skill.standing.off else "Nobody: a policy has switched it off."
    return {
        "skillId": skill.id,
        "name": skill.name,
        "description": skill.document["description"],
        "fields": [{"leaf": o.leaf, "type": o.column.type, "description": o.description} for o in skill.told],
        "level": level,
        "paused": skill.paused,
        "text": text + (" It is paused now." if skill.paused else ""),
    }


def wont_say(subject: Subject) -> list[dict[str, Any]]:
    """What the persona must never do, what content rules refuse, which fields are withheld, and how much is blocked."""
    persona: dict[str, Any] = subject.document["profile"].get("persona") or {}
    found = [_refusal("never_do", str(text)) for text in persona.get("neverDo") or ()]
    for policy in enabled_policies(subject.document):
        if policy.get("policyType") == "content_rule":
            found.append(_refusal("content_rule", content_rule_text(policy)))
    for skill in subject.offered:
        found += _withheld(skill)
    places = {skill.place.connection_id: skill.place for skill in subject.skills if skill.place is not None}
    for place in places.values():
        if place.blocked:
            text = f"{counted(place.blocked, 'table or column', 'tables or columns')} of {place.label} may not be read at all."
            found.append(_refusal("data_scoping", text))
    return found


def content_rule_text(policy: Any) -> str:
    """What a content rule refuses, in words."""
    parts = [f"anything of {listed([str(c) for c in policy['categories']])}"] if policy.get("categories") else []
    phrases = [repr(str(phrase)) for phrase in policy.get("phrases") or ()]
    parts += (
        [f"the words {listed(phrases[:5])}" + (f" and {len(phrases) - 5} more" if len(phrases) > 5 else "")] if phrases else []
    )
    patterns = policy.get("patterns") or ()
    parts += [f"what looks like {listed([repr(str(p)) for p in patterns[:5]])}"] if patterns else []
    return f"Does not say {listed(parts)} ({policy.get('action') or 'redirect'})."


def _withheld(skill: SkillSubject) -> list[dict[str, Any]]:
    if skill.blocked:
        text = f"{skill.name}: refused, because data scoping blocks something it uses."
        return [_refusal("data_scoping", text, skill)]
    never, withheld = sorted(skill.standing.never), sorted(skill.standing.withheld - skill.standing.never)
    found = [_refusal("field_withheld", f"{skill.name}: nobody is told {listed(never)}.", skill, never)] if never else []
    if withheld:
        text = f"{skill.name}: an unverified caller is not told {listed(withheld)}."
        found.append(_refusal("field_withheld", text, skill, withheld))
    if skill.standing.level:
        level = LEVEL_NAMES[skill.standing.level]
        text = f"{skill.name}: nothing before the caller is verified at level {level}, because {skill.standing.why}."
        found.append(_refusal("verification_required", text, skill))
    return found


def _refusal(kind: str, text: str, skill: SkillSubject | None = None, leaves: list[str] | None = None) -> dict[str, Any]:
    return {"kind": kind, "text": text, "skillId": skill.id if skill is not None else None, "leaves": leaves or []}


def data_flows(subject: Subject) -> list[dict[str, Any]]:
    """Which skill sends which field where, and what comes back. Of a blocked skill only that there is one."""
    return [_flow(skill) for skill in subject.skills]


def _flow(skill: SkillSubject) -> dict[str, Any]:
    call, place = skill.call, skill.place
    inputs = [
        {"param": one.param, "source": one.source, "key": one.key or one.param if one.source in ("session", "verified") else None,
         "to": one.arg, "required": one.required}
        for one in call.inputs
    ]  # fmt: skip
    outputs = [{"leaf": o.leaf, "from": _place_of(part), "optional": o.optional} for o in skill.told for part in _parts(o, call)]
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
        "verifier": skill.verifier,
        "blocked": skill.blocked,
    }  # fmt: skip


def _parts(output: Output, call: FrozenCall) -> list[Output]:
    """What an output is made of: of a joined name, the hidden other part too."""
    hidden = output.transform.family if isinstance(output.transform, JoinName) else None
    return [output, *(o for o in call.outputs if o.leaf == hidden)]


def _place_of(output: Output) -> str:
    return ".".join((output.column.object, *output.column.via, output.column.field, *output.column.inner))
