"""States that a goal names (*open*, *close it*): fixed where the schema lists the labels, else asked for."""

from __future__ import annotations

from patchbay.bindings.automap.deeds import label_of, state_argument
from patchbay.bindings.automap.mapped import Found
from patchbay.bindings.automap.states import OPPOSITE, STATE_NAMES, STATES
from patchbay.bindings.call_arguments import telling_part


def states(found: Found) -> None:
    """Adjectives that name a state: fixed where the schema lists the labels, asked for where it only has such an argument."""
    if found.goal.writes:
        _new_state(found)
        return
    for term in (term for phrase in found.goal.phrases for term in phrase.terms if term.stem in STATES):
        name = OPPOSITE.get(term.stem, term.stem) if term.stem in found.goal.negated else term.stem
        labels = STATES[name]
        for argument, own, _ in found.profile.arguments:
            if (
                argument.name in found.mapped
                or not telling_part(argument.name)[1]
                or ("." in argument.name and found.profile.operation.record_arguments)
            ):
                continue
            label = label_of(argument, labels)
            if label is not None and (STATE_NAMES.intersection(own) or name in own):
                value = [label] if argument.type == "array" else label
                found.add(argument, term.word, source="constant", value=value, param=None)
                return
            if argument.type == "boolean" and name in own:
                found.add(argument, term.word, source="constant", value=term.stem not in found.goal.negated, param=None)
                return
        if found.profile.view.is_called:
            for argument, own, _ in found.profile.arguments:
                if (
                    own[-1:]
                    and own[-1] in STATE_NAMES
                    and argument.type in ("string", "enum", "array")
                    and not argument.name.startswith("body.")
                ):
                    found.add(argument, term.word, required=False)
                    return


def _new_state(found: Found) -> None:
    """A change that is to a state, such as closing: that state, where the schema lists it, else asked for."""
    if found.profile.intent != "update":
        return
    meant = [word for deed in found.goal.deeds for word in (deed, *STATES.get(deed, ()))]
    said = [term.stem for phrase in found.goal.phrases for term in phrase.terms]
    meant += [word for one in said if one in STATES for word in STATES[one]]
    argument = state_argument(found.profile)
    if argument is None:
        return
    label = label_of(argument, meant)
    if label is not None:
        found.add(argument, None, source="constant", value=label)
    elif any(word in STATES or word in STATE_NAMES for word in (*found.goal.deeds, *said)):
        found.add(argument, None)
