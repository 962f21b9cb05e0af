"""What a caller whom nobody has verified could learn, and whose data that is: computed from the frozen calls and their gates."""

from __future__ import annotations

from typing import Any, Literal

from patchbay.agent_runtime.prepublish.flows import told_fields
from patchbay.agent_runtime.prepublish.subject import SkillSubject, Subject
from patchbay.agent_runtime.prepublish.words import listed
from patchbay.bindings.parameters import is_about_people, meaning_of, numbers_its_record
from patchbay.connectors.sql.narrowing import narrowed_by
from patchbay.schema_graph.call import MCP, WEBHOOK, CallInput, FrozenCall, SqlCall

_OWN = ("caller_number", "visitor")
"""Facts of a session that the caller does not say: the number that rings, and who a web page says its visitor is."""

Whose = Literal["own", "anyones", "everyones", "no_ones"]


def unverified_caller_can_learn(subject: Subject) -> list[dict[str, Any]]:
    """Of each skill that tells an unverified caller something: which fields, whose data, and why."""
    return [_entry(skill) for skill in subject.offered if skill.learnable]


def _entry(skill: SkillSubject) -> dict[str, Any]:
    whose, why = whose_data(skill.call)
    told = skill.learnable
    shown = {"skillId": skill.id, "name": skill.name, "fields": told_fields(told), "whatever": told.whatever}
    return {**shown, "never": list(told.never), "whose": whose, "why": why, "paused": skill.paused}


def whose_data(call: FrozenCall) -> tuple[Whose, str]:
    """Whose data a call brings to a caller who is not verified, and why.

    A session's fact narrows it to the caller's own: the number that rings can be forged by who owns telephone equipment, and is
    not what the caller says. What the model chooses is what the caller says, so a name, a number or an id leads to anybody's.
    """
    own = [one for one in call.inputs if one.source == "session" and (one.key or one.param).startswith(_OWN)]
    if isinstance(call.body, SqlCall):
        # What is stored, or compared in another way than that it is equal, says nothing of whose record it is.
        narrowing = narrowed_by(call.body, call.kind)
        own = [one for one in own if one.param in narrowing]
    chosen = [one for one in call.inputs if one.source == "model"]
    telling = [one for one in chosen if _tells_which(one, call)]
    # A database joins conditions by "and"; what another system makes of two arguments at once nobody can say.
    if own and (not telling or isinstance(call.body, SqlCall)):
        facts = listed([f"`{one.key or one.param}`" for one in own])
        return "own", f"It is looked up by {facts} of the channel, which the caller does not say: the record of who rings."
    if telling:
        params = listed([f"`{one.param}`" for one in telling])
        return "anyones", f"The caller says {params}, and whoever they name is whose record it is. Nothing is gated."
    if call.kind in (WEBHOOK, MCP):
        if chosen:
            params = listed([f"`{one.param}`" for one in chosen])
            return "anyones", f"The caller says {params}; what the other side answers to that, and about whom, is not known here."
        return "everyones", "What the other side answers, and about whom, is not known here."
    if _is_of_people(call):
        if chosen:
            params = listed([f"`{one.param}`" for one in chosen])
            return "anyones", f"Records of people are found by what the caller says ({params})."
        return "everyones", "It lists records of people, and asks for nothing that says whose."
    if call.open_ended:
        return "everyones", "It asks for nothing that says whose, and what the endpoint answers is not declared."
    return "no_ones", "It tells of no person, and nothing in it says who somebody is."


def _tells_which(one: CallInput, call: FrozenCall) -> bool:
    """Whether what the caller says picks a person, or a record that is somebody's."""
    argument = one.arg.rpartition(".")[2]
    if one.codec in ("phone", "email", "e164"):
        return True
    if any(meaning is not None and meaning.means != "detail" for meaning in (meaning_of(one.param), meaning_of(argument))):
        return True
    return call.identifying or any(numbers_its_record(argument, name) for name in _objects(call))


def _is_of_people(call: FrozenCall) -> bool:
    return any(is_about_people(name) for name in _objects(call))


def _objects(call: FrozenCall) -> list[str]:
    return sorted({item.object for item in call.slice} | {output.column.object for output in call.outputs})
