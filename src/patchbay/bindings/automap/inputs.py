"""Mapping what a goal says is known to the arguments of an operation.

What must be given is always mapped. The rest is mapped where the goal speaks of it: by the words after *by*, *given* or *with*,
by what the record belongs to (*of a customer*), by a time (*since*), by a state (*open*). Canonical parameters come first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from patchbay.bindings.automap.function_words import TIME_AFTER
from patchbay.bindings.automap.goal import Goal
from patchbay.bindings.automap.keys import give_key, identify
from patchbay.bindings.automap.mapped import Found
from patchbay.bindings.automap.matching import FREE, Fit, best_argument, free_text
from patchbay.bindings.automap.profile import Profile
from patchbay.bindings.automap.stated import states
from patchbay.bindings.automap.terms import Phrase, is_timed
from patchbay.bindings.automap.time_words import DATED_WORDS
from patchbay.bindings.automap.times import bound_times, moment
from patchbay.bindings.automap.usual import usual
from patchbay.bindings.automap.verbs import stemmed
from patchbay.bindings.automap.whose import callers_phone, of_a_person, says_who
from patchbay.bindings.call_arguments import telling_part
from patchbay.bindings.model import MAX_INPUTS
from patchbay.bindings.parameters import is_about_people
from patchbay.schema_graph.model import Argument
from patchbay.schema_graph.naming import quote_part, split_name, split_words
from patchbay.schema_graph.stems import stem

_LITTLE = stemmed("id number no code key identifier reference ref")

_TOLD = stemmed("number code name email phone reference word words")
"""What callers tell, so that a search for words finds it."""
_MEMBERS = stemmed("""line line1 street city town locality postal postcode zip country address1 first last given family""")

_MEASURES = frozenset({"decimal", "number", "boolean", "date", "datetime", "time", "duration"})

_NAMES = ((stem("name"),), (stem("title"),))

_MOST_KEYS = 3
_WRITE_FIT = 0.55

_FINDS_AFTER = frozenset({"by", "using", "given", "via"})

_PASSED_ON = stemmed("assign reassign transfer merge link")

_MOVED = stemmed("reschedule move postpone shift extend")


def map_inputs(goal: Goal, profile: Profile, common: Collection[str] = (), *, everything: bool = False) -> Found:
    """Everything that is to be given to the operation of ``profile``, at most :data:`MAX_INPUTS` of it."""
    found = Found(goal, profile, common, everything=everything)
    bound_times(found)
    states(found)
    for phrase in _known(found):
        _place(found, phrase)
    narrowing = all(one.source == "constant" or one.op != "eq" or not one.required for one in found.mapped.values())
    if not goal.writes and narrowing and not found.is_listing():
        of_a_person(found)
    if not goal.writes and found.profile.operation.record_arguments and not found.mapped and not found.is_listing():
        identify(found, None)
    if not _MOVED.isdisjoint(goal.deeds) and found.profile.operation.verb == "update" and not _sets(found):
        when = moment(found)
        if when is not None:
            found.add(when, goal.deeds[0])
    _required(found)
    if goal.writes and profile.intent in ("update", "delete") and not found.mapped and profile.view.is_called:
        for argument in [a for a, _, _ in profile.arguments if a.type not in (*FREE, "boolean")][:_MOST_KEYS]:
            found.add(argument, None)  # nothing says which record it is: what there is to say it by
            found.unmet.append(argument.name)
    if goal.writes:
        usual(found)
    for name in list(found.mapped)[MAX_INPUTS:]:
        del found.mapped[name]
    return found


def _sets(found: Found) -> bool:
    return any(one.argument.role != "key" and not one.finds for one in found.mapped.values())


def _known(found: Found) -> Iterator[Phrase]:
    """The phrases that may name something to give, the surest first."""
    goal = found.goal
    said = [phrase for phrase in goal.phrases if phrase.said]
    if goal.writes:
        for phrase in said:
            if phrase.terms[-1].stem in DATED_WORDS and (argument := moment(found)) is not None:
                found.add(argument, phrase.text)
            else:
                yield phrase
        return
    yield from (phrase for phrase in said if "given" in phrase.roles and phrase.after not in TIME_AFTER)
    yield from (
        phrase
        for phrase in said
        if ("place" in phrase.roles and "given" not in phrase.roles) or (phrase.after in TIME_AFTER and not is_timed(phrase))
    )


def _place(found: Found, phrase: Phrase) -> None:
    profile = found.profile
    least = _WRITE_FIT if found.goal.writes else 0.45
    if profile.operation.verb == "update" and _says_which(found, phrase):
        return
    if not found.goal.writes and profile.is_named_by(phrase) and _names_the_record(found, phrase):
        return
    if all(term.stem in _LITTLE for term in phrase.terms) and give_key(found, phrase):
        return
    if is_about_people(phrase.terms[-1].word) and _names_somebody(found, phrase):
        return
    fit = best_argument(phrase, profile, found.mapped, least)
    if (fit is None or len(split_words(telling_part(fit.argument.name)[0])) > len(phrase.terms)) and _members(found, phrase):
        return
    fit = _by_its_key(found, phrase, _by_name(found, fit))
    told = phrase.pointed or phrase.terms[-1].stem in _TOLD
    searching = fit is None and told and not found.goal.writes and profile.view.is_called and not found.mapped
    if searching and (words := free_text(profile)) is not None:
        found.add(words, phrase.text)
    if fit is None or fit.argument.type in FREE or found.pages(fit.argument):
        return
    if "given" not in phrase.roles and _measures(found, fit.argument):
        return
    found.add(fit.argument, phrase.text)


def _names_the_record(found: Found, phrase: Phrase) -> bool:
    """Whether a phrase that names the record says no more; by what that record is found is given, where nothing else says it."""
    profile = found.profile
    if "given" in phrase.roles:
        alone = profile.operation.record_arguments and len(phrase.terms) == 1  # "whose album is that?"
        if alone:
            identify(found, phrase.text)
        return alone
    if not found.mapped and phrase.pointed and not any("given" in one.roles for one in found.goal.phrases):
        if profile.operation.record_arguments:
            identify(found, phrase.text)
        elif (words := free_text(profile)) is not None and not profile.keyed:
            found.add(words, phrase.text)
        else:
            give_key(found, phrase)
    return True


def _names_somebody(found: Found, phrase: Phrase) -> bool:
    """Whether who a phrase names is known by the caller's number, or by what is given already."""
    if not found.goal.writes and callers_phone(found):
        return True
    return "given" not in phrase.roles and says_who(found)


def _says_which(found: Found, phrase: Phrase) -> bool:
    """Whether a phrase says which record is changed, and nothing that is set; a unique key that it names finds the record."""
    whose = phrase.possessive or "place" in phrase.roles
    if whose and is_about_people(phrase.terms[-1].word):
        return _PASSED_ON.isdisjoint(found.goal.deeds)
    if whose and "given" not in phrase.roles and found.profile.is_named_by(phrase):
        return True
    if phrase.after not in _FINDS_AFTER:
        return False
    fit = best_argument(phrase, found.profile, found.mapped, _WRITE_FIT)
    keys = found.profile.root.keys if found.profile.root is not None else ()
    if fit is not None and any(tuple(map(quote_part, key.fields)) == (fit.argument.name,) for key in keys):
        found.add(fit.argument, phrase.text, finds=True)
    elif fit is not None and fit.argument.role != "key":
        found.unfound.append(fit.argument.name)
    return True


def _measures(found: Found, argument: Argument) -> bool:
    """Whether a record's field says how much or when, so that no one means it who only names it."""
    if argument.role != "filter":
        return False
    whole = argument.type == "integer" and not {"id", "no", "number", "code"}.intersection(split_words(argument.name))
    return argument.type in _MEASURES or (whole and not argument.indexed)


def _by_name(found: Found, fit: Fit | None) -> Fit | None:
    """Instead of the key of a thing, its name, which is what people say; who somebody is stays with the key."""
    record = found.profile.record
    if fit is None or found.goal.writes or not found.profile.operation.record_arguments or record is None:
        return fit
    edge = next((one for one in record.edges if one.to_one and any(own == fit.argument.name for own, _ in one.pairs)), None)
    if edge is None or is_about_people(edge.target):
        return fit
    prefix = quote_part(edge.name) + "."
    named = [
        argument
        for argument, own, _ in found.profile.arguments
        if argument.name.startswith(prefix)
        and own[-1:] in _NAMES
        and {*found.profile.words.of(split_name(edge.target)[-1]), stem("full"), stem("display")}.issuperset(own[:-1])
    ]
    return Fit(named[0], fit.score) if named else fit


def _by_its_key(found: Found, phrase: Phrase, fit: Fit | None) -> Fit | None:
    """Where a write is given a part of what a phrase names as a whole (*against their invoice*): the key of that."""
    if fit is None or not found.goal.writes or not found.profile.view.is_called:
        return fit
    head, parent = phrase.terms[-1].means, split_name(fit.argument.name)[:-1]
    words = found.profile.words
    if len(parent) < 2 or any(word in head for word in words.of(telling_part(fit.argument.name)[0])):
        return fit
    for argument, own, _ in found.profile.arguments:
        beside = split_name(argument.name)[:-1] == parent
        if beside and own[-1:] and own[-1] in _LITTLE and all(word in _LITTLE or word in head for word in own):
            return Fit(argument, fit.score)
    return fit


def _members(found: Found, phrase: Phrase) -> bool:
    """What a phrase names is made of several values, such as an address: give the usual ones."""
    if not found.goal.writes:
        return False
    head = phrase.terms[-1].stem
    parts = [
        argument
        for argument, own, _ in found.profile.arguments
        if len(split_name(argument.name)) > 1
        and head in found.profile.words.of(split_name(argument.name)[-2])
        and not _MEMBERS.isdisjoint(own)
    ]
    nearest = min((found.profile.depth(argument.name) for argument in parts), default=0)
    for argument in [one for one in parts if found.profile.depth(one.name) == nearest][:5]:
        found.add(argument, phrase.text, required=False)
    return bool(parts)


def _required(found: Found) -> None:
    keyed = any(one.finds for one in found.mapped.values())
    for argument, _, _ in found.profile.arguments:
        if keyed and argument.role == "key":
            continue
        if argument.required and argument.name not in found.mapped and not (argument.role == "value" and argument.has_default):
            before = len(found.mapped)
            found.add(argument, None)
            if len(found.mapped) > before and argument.name not in found.common:
                found.unmet.append(argument.name)
