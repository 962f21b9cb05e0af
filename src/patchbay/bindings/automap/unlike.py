"""A write to a record that would be another deed than the goal's: what is to be removed is not overwritten, nor added anew."""

from __future__ import annotations

from patchbay.bindings.automap.deeds import adds_to
from patchbay.bindings.automap.drafting import Draft
from patchbay.bindings.automap.goal import Goal
from patchbay.bindings.automap.states import STATE_NAMES
from patchbay.errors import Finding


def unlike(goal: Goal, made: Draft) -> Finding | None:
    """Why a draft that inserts or updates a record is not what the goal wants done, or None where it is."""
    profile = made.scored.profile
    verb = profile.operation.verb
    if not profile.operation.record_arguments or verb == "read":
        return None
    if verb == "insert":
        if goal.intent == "insert" and not adds_to(goal, profile):
            return None
        return _another("This adds a record, and the goal changes one there is.")
    if goal.intent == "delete" and not _sets_a_state(made):
        return _another("This changes a record, and nothing of it says that it is removed.")
    if goal.intent == "insert":
        if _makes_the_record(goal, made):
            return _another("This changes a record, and the goal adds one.")
        if not any(one.because and not one.finds and one.argument.role != "key" for one in made.given):
            return _another("This changes a record, and nothing the goal adds is a field of it.")
    return None


def _another(message: str) -> Finding:
    return Finding("operation", "another_deed", message, "Bind it by hand if it is what is meant.")


def _sets_a_state(made: Draft) -> bool:
    words = made.scored.profile.words
    return any(one.argument.role == "set" and not STATE_NAMES.isdisjoint(words.of(one.argument.name)[-1:]) for one in made.given)


def _makes_the_record(goal: Goal, made: Draft) -> bool:
    """Whether the first thing the goal speaks of is the record itself."""
    first = next((phrase for phrase in goal.having("subject") if phrase.said and not phrase.possessive), None)
    return first is not None and made.scored.profile.is_named_by(first)
