"""States that a goal names (*open*, *close it*): fixed where the schema lists the labels, else asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from patchbay.bindings.automap.deeds import label_of, state_argument
from patchbay.bindings.automap.mapped import Found
from patchbay.bindings.automap.states import OPPOSITE, STATE_NAMES, STATES
from patchbay.bindings.automap.verbs import stemmed
from patchbay.bindings.call_arguments import telling_part
from patchbay.schema_graph.model import Argument
from patchbay.schema_graph.naming import split_words
from patchbay.schema_graph.stems import stem

_WHETHER_IT_IS = r"\b(?:is|was|are|were|has|have|been)\b(?: \w+){0,4} "
_SAYS_WHETHER = stemmed("is has are allow allows can was")
_MARKS = stemmed("mark flag set make put turn switch")


def states(found: Found) -> None:
    """Adjectives that name a state: fixed where the schema lists the labels, asked for where it only has such an argument."""
    if found.goal.writes:
        if not _flag(found):
            _new_state(found)
        return
    _kinds(found)
    for term in (term for phrase in found.goal.phrases for term in phrase.terms if term.stem in STATES):
        if found.goal.many is not True and re.search(rf"{_WHETHER_IT_IS}{re.escape(term.word)}\b", found.goal.said):
            continue  # whether it is so is asked
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


def _kinds(found: Found) -> None:
    """Words that say which kind of the records is listed (*vegan dishes*), where a yes or no of them is named so."""
    if found.goal.many is not True:
        return
    for phrase in found.goal.having("subject"):
        said = {term.stem for term in phrase.terms}
        for argument, telling in _yes_or_no(found):
            if phrase.said and telling and telling <= said and "wanted" not in phrase.roles:
                found.add(argument, phrase.text, source="constant", value=said.isdisjoint(found.goal.negated))
                return


def _flag(found: Found) -> bool:
    """Whether a record is marked as something (*mark a dish as sold out*), and it has a yes or no of that name."""
    if found.profile.intent != "update" or _MARKS.isdisjoint(found.goal.deeds):
        return False
    said = {stem(word) for word in split_words(found.goal.said)}
    for argument, telling in _yes_or_no(found):
        if telling and telling <= said and argument.role != "key":
            found.add(argument, "what it is marked as", source="constant", value=telling.isdisjoint(found.goal.negated))
            return True
    return False


def _yes_or_no(found: Found) -> Iterator[tuple[Argument, frozenset[str]]]:
    """The arguments that say yes or no of the record itself, with the words that tell of what."""
    for argument, own, _ in found.profile.arguments:
        nested = "." in argument.name and found.profile.operation.record_arguments
        if argument.type == "boolean" and telling_part(argument.name)[1] and not nested and argument.name not in found.mapped:
            yield argument, frozenset(own) - _SAYS_WHETHER
