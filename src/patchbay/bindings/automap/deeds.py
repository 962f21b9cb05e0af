"""What a write does to a record: to which state it brings it, and whether something is added to one there is."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.bindings.automap.function_words import ADDED_TO
from patchbay.bindings.automap.goal import Goal
from patchbay.bindings.automap.profile import Profile
from patchbay.bindings.automap.states import STATE_NAMES, STATES
from patchbay.schema_graph.model import Argument
from patchbay.schema_graph.naming import split_words
from patchbay.schema_graph.stems import stem


def state_argument(profile: Profile) -> Argument | None:
    """The argument that sets a record's state."""
    return next(
        (
            argument
            for argument, own, _ in profile.arguments
            if own[-1:] and own[-1] in STATE_NAMES and argument.role != "key" and len(own) <= 2
        ),
        None,
    )


def label_of(argument: Argument, meant: Sequence[str]) -> str | None:
    """The first label of an argument that a stem means."""
    known = {stem("".join(split_words(label))): label for label in argument.enum}
    return next((known[word] for word in meant if word in known), None)


def becomes(profile: Profile, deeds: Sequence[str]) -> str | None:
    """The label of the state that a record is in once the deeds are done to it, where its schema lists one."""
    argument = state_argument(profile)
    meant = [word for deed in deeds for word in (deed, *STATES.get(deed, ()))]
    return None if argument is None or profile.intent != "update" else label_of(argument, meant)


def adds_to(goal: Goal, profile: Profile) -> bool:
    """Whether what the goal adds is a value of a record there is (*add a note to a visit*, which has a column for notes)."""
    things = [phrase for phrase in goal.having("subject") if phrase.said and not phrase.possessive]
    if not things or profile.is_named_by(things[0]):
        return False
    added = things[0].terms[-1]
    after: str | None = None
    there = False
    for phrase in goal.phrases:
        after = phrase.after or after  # "to the caller's appointment" is to the appointment
        there = there or (after in ADDED_TO and "place" in phrase.roles and profile.is_named_by(phrase))
        after = after if phrase.possessive else None
    return there and any(
        own[-1:] == (added.stem,) and argument.role != "key" and argument.type == "string"
        for argument, own, _ in profile.arguments
    )
