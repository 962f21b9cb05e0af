"""How well an operation answers a goal: which of its words it covers, how much of its name is beside the point, what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from patchbay.bindings.automap.deeds import adds_to, becomes
from patchbay.bindings.automap.goal import Goal, read_goal
from patchbay.bindings.automap.matching import best_argument
from patchbay.bindings.automap.profile import Profile, same_deed
from patchbay.bindings.automap.retrieving import retrieve
from patchbay.bindings.automap.sayings import WHETHER
from patchbay.bindings.automap.states import STATES
from patchbay.bindings.automap.terms import Phrase, Role, Term, is_timed, term_of
from patchbay.bindings.automap.time_words import DATED_WORDS
from patchbay.bindings.automap.verbs import EITHER, GENERIC_DEEDS, SAME_DEED, stemmed
from patchbay.bindings.parameters import is_about_people
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.search import SearchIndex

ROLE: Mapping[Role, float] = {"subject": 1.0, "place": 0.6, "given": 0.55, "wanted": 0.5}
"""How much a word counts by its role."""
NAME, RESOURCE, PLACE, TEXT = 1.0, 0.9, 0.6, 0.5
ARGUMENT_GIVEN, ARGUMENT, FIELD_WANTED, FIELD_NAMED, FIELD = 0.7, 0.3, 0.6, 0.45, 0.3
HEAD, EXTRA, DEED, METHOD, NUMBER, UNMET, FOUND, CORE, VIEWED = 0.2, 0.3, 0.25, 0.1, 0.1, 0.05, 0.08, 0.03, 0.12
UNASKED, OWNER, HOLDER, NOT_HEAD, ASKED, FITS = 0.15, 0.7, 0.5, 0.4, 0.12, 0.1
_MOST_UNMET = 4
_MEASURES = frozenset({"decimal", "number", "boolean", "date", "datetime", "time", "duration"})
"""Types that say how much or when, not which."""
_SOME, _TOLD, _NEAR_HEAD = 0.1, 0.25, 0.5
KEYS = stemmed("id number no code key identifier reference name login sid slug")
_Weighed = tuple[Term, Phrase, float]

DEED_WORD, DEED_ALIKE, ORDER_WORD, WHO = 0.6, 0.6, 0.2, 0.6
_DEED_PHRASE = Phrase((), frozenset(("subject",)))


class Scored(msgspec.Struct, frozen=True):
    """One candidate with its score and what of the goal it answers to (words as they were said)."""

    profile: Profile
    score: float
    matched: tuple[str, ...] = ()


class Ranking(msgspec.Struct, frozen=True):
    """The candidates for a goal, best first, the arguments that most of them must be given, and the goal without the words that
    tell nothing about any of them.
    """

    scored: tuple[Scored, ...]
    common: frozenset[str]
    goal: Goal


def understand(text: str, view: View, index: SearchIndex) -> tuple[Goal, Ranking]:
    """A goal as it is read in view of what there is, and the candidates for it. Where a verb may look up or change (*confirm the
    visit*), it changes where the record can be changed so: by an operation of that name, or to a state of it.
    """
    goal = read_goal(text)
    if not goal.writes and not goal.asks and (other := read_goal(text, either="update")).writes:
        ranking = rank(other, view, index)
        if ranking.scored and _can_be_done(goal, other, ranking.scored[0].profile):
            return other, ranking
    return goal, rank(goal, view, index)


def _can_be_done(read: Goal, changed: Goal, profile: Profile) -> bool:
    """Whether the record is what the verb acts on, nothing of it is asked for, and it can be changed as the verb says."""
    things = [phrase for phrase in changed.having("subject") if phrase.said and not phrase.possessive]
    thing = next((phrase for phrase in things if not _is_a_person(phrase)), None)
    wanted = [phrase for phrase in read.phrases if phrase.roles == frozenset[Role](("wanted",))]
    asked = WHETHER.search(read.said) or not all(map(profile.is_named_by, wanted))
    if thing is None or asked or not EITHER.issuperset(changed.deeds) or not profile.is_named_by(thing):
        return False
    return not profile.verbs.isdisjoint(changed.deeds) or becomes(profile, changed.deeds) is not None


def rank(goal: Goal, view: View, index: SearchIndex) -> Ranking:
    """The candidates for a goal, best first."""
    found = retrieve(goal, view, index)
    common = _common_arguments([profile for profile, _ in found.values()])
    weighed = _weighed(goal, found)
    evidence = [[_evidence(term, phrase, profile) for term, phrase, _ in weighed] for profile, _ in found.values()]
    telling = [at for at in range(len(weighed)) if any(row[at] >= _SOME for row in evidence)]  # the others tell nothing apart
    weighed = [weighed[at] for at in telling]
    goal = _sharpened(goal, frozenset(term.stem for term, _, _ in weighed))
    scored = [
        _score(goal, profile, prior, weighed, [row[at] for at in telling], common)
        for (profile, prior), row in zip(found.values(), evidence, strict=True)
    ]
    scored.sort(key=lambda one: (-one.score, len(one.profile.operation.name), one.profile.operation.name))
    return Ranking(tuple(scored), common, goal)


def _sharpened(goal: Goal, telling: frozenset[str]) -> Goal:
    phrases = [
        msgspec.structs.replace(phrase, terms=terms)
        for phrase in goal.phrases
        if (
            terms := tuple(
                term
                for term in phrase.terms
                if term.stem in telling or term.stem in STATES or is_timed(phrase) or (goal.writes and term.stem in DATED_WORDS)
            )
        )
    ]
    return msgspec.structs.replace(goal, phrases=tuple(phrases))


def _weighed(goal: Goal, found: Mapping[str, tuple[Profile, float]]) -> list[_Weighed]:
    """Each word of the goal once, with its weight: by its best role, and by how much it tells in this schema."""
    words = next((profile.words for profile, _ in found.values()), None)
    best: dict[str, tuple[Term, Phrase, float]] = {}
    others = any(not _is_a_person(phrase) for phrase in goal.having("subject", "wanted"))
    for phrase in goal.phrases:
        role = max(ROLE[one] for one in phrase.roles) * (1.0 if phrase.said else 0.7)
        for at, term in enumerate(phrase.terms):
            head = 1.0 if at == len(phrase.terms) - 1 else 0.8
            somebody = WHO if others and is_about_people(term.word) else 1.0
            weight = somebody * role * head * (0.4 + 0.6 * (words.rarity(term.stem) if words else 1.0))
            if term.stem not in best or weight > best[term.stem][2]:
                best[term.stem] = (term, phrase, weight)
    for term in goal.ordering:
        best.setdefault(term.stem, (term, _DEED_PHRASE, ORDER_WORD))
    for deed in goal.deeds if goal.writes else ():
        if deed not in GENERIC_DEEDS and deed not in best:
            term = term_of(deed)
            means = {**term.means, **{word: DEED_ALIKE for line in SAME_DEED if deed in line for word in line}, deed: 1.0}
            best[deed] = (msgspec.structs.replace(term, means=means), _DEED_PHRASE, DEED_WORD)
    return list(best.values())


def _score(
    goal: Goal, profile: Profile, prior: float, weighed: Sequence[_Weighed], evidence: Sequence[float], common: frozenset[str]
) -> Scored:
    total = sum(weight for _, _, weight in weighed) or 1.0
    covered = sum(weight * found for (_, _, weight), found in zip(weighed, evidence, strict=True))
    matched = [term.word for (term, phrase, _), found in zip(weighed, evidence, strict=True) if found >= _TOLD and phrase.said]
    score = covered / total
    score += HEAD * _head(goal, profile) - EXTRA * _beside(weighed, profile, common)
    score += _deed(goal, profile) + _asked(goal, profile) + _known(goal, profile)
    score += _number(goal, profile) - UNMET * min(_MOST_UNMET, _unmet(profile, weighed, common))
    score += FOUND * prior
    root = profile.root
    if root is not None:
        score += CORE if "core" in root.badges else 0.0
        score -= VIEWED if root.kind in ("view", "materialized_view") else 0.0
    return Scored(profile, score, tuple(dict.fromkeys(matched)))


def _evidence(term: Term, phrase: Phrase, profile: Profile) -> float:
    """How surely a word of the goal is in what the operation offers."""
    given = not phrase.roles.isdisjoint(("given", "place"))
    wanted = "wanted" in phrase.roles
    named = "subject" in phrase.roles and not given and profile.operation.record_arguments  # a table is known by its columns
    best = 0.0
    for word, strength in term.means.items():
        if word in profile.name:
            found = NAME
        elif word in profile.resource:
            found = RESOURCE
        else:
            found = PLACE if word in profile.place else 0.0
            if word in profile.text:
                found = max(found, TEXT)
            if word in profile.argument_words:
                found = max(found, ARGUMENT_GIVEN if given else ARGUMENT)
            in_fields = profile.field_words.get(word)
            if in_fields:
                found = max(found, in_fields * (FIELD_WANTED if wanted else FIELD_NAMED if named else FIELD))
        best = max(best, found * strength)
    return best


def _head(goal: Goal, profile: Profile) -> float:
    """How surely the operation's record is what the goal is about: the heads of its subjects, the first one most."""
    heads = {profile.name[-1:], profile.record_name[-1:], profile.collection[-1:]} - {()}
    others = {*profile.resource, *profile.name}
    best = 0.0
    beside_a_person = any(not _is_a_person(phrase) for phrase in goal.having("subject", "wanted"))
    for place, phrase in enumerate(goal.having("subject")):
        weight = 1 / (1 + 0.15 * place)
        if phrase.possessive:
            weight *= OWNER
        elif beside_a_person and _is_a_person(phrase):
            weight *= HOLDER
        means = phrase.terms[-1].means if phrase.said else {word: 1.0 for term in phrase.terms for word in (term.stem,)}
        for word, strength in means.items():
            if (word,) in heads:
                best = max(best, strength * weight)
            elif word in others:
                best = max(best, strength * weight * NOT_HEAD)
    return best


def _is_a_person(phrase: Phrase) -> bool:
    """Whether a phrase names somebody: whose record it is, more often than what is asked for."""
    return is_about_people(phrase.terms[-1].word)


def _beside(weighed: Sequence[_Weighed], profile: Profile, common: frozenset[str]) -> float:
    """The share of the operation's name that nothing in the goal says; rare words count more."""
    meant: dict[str, float] = {}
    for term, _, _ in weighed:
        for word, strength in term.means.items():
            meant[word] = max(meant.get(word, 0.0), strength)
    usual = {word for name in common for word in profile.words.of(name)}
    own = dict.fromkeys(word for word in profile.name if word not in usual or word in meant)
    if not own:
        return 0.0
    weights = {word: 0.45 + 0.55 * profile.words.rarity(word) for word in own}
    missing = sum(weights[word] * (1 - min(1.0, 1.4 * meant.get(word, 0.0))) for word in own)
    return missing / (sum(weights.values()) + 0.5)


def _deed(goal: Goal, profile: Profile) -> float:
    if not goal.writes:
        return 0.0
    done = max((same_deed(deed, profile.verbs) for deed in goal.deeds), default=0.0)
    intents = {goal.intent, profile.intent}
    alike = len(intents) == 1 or (intents == {"update", "delete"} and profile.operation.record_arguments)
    if goal.intent == "insert" and not profile.keyed and adds_to(goal, profile):
        alike = profile.intent == "update"
    unasked = [
        verb for verb in profile.verbs - GENERIC_DEEDS if not any(same_deed(deed, frozenset((verb,))) for deed in goal.deeds)
    ]
    asked = any(deed not in GENERIC_DEEDS for deed in goal.deeds)
    method = (METHOD if done or not asked else 0.0) if alike else -METHOD
    return DEED * done + method - UNASKED * bool(unasked and profile.operation.record_arguments is False)


def _asked(goal: Goal, profile: Profile) -> float:
    """Whether it has what a question word asks for."""
    found = [(term, 1.0 if term.stem in profile.name else profile.field_words.get(term.stem, 0.0)) for term in goal.asks]
    return ASKED * max((strength for _, strength in found), default=0.0)


def _known(goal: Goal, profile: Profile) -> float:
    """Whether what the goal says is known can be given to it."""
    known = [phrase for phrase in goal.having("given") if phrase.said and (not goal.writes or phrase.after is not None)]
    if not goal.writes and profile.operation.record_arguments:
        known += [p for p in goal.having("place") if p.said and "given" not in p.roles and p.after is not None]
    if not known:
        return 0.0
    fits = sum(1 for phrase in known if _can_be_given(phrase, profile))
    return FITS * (2 * fits / len(known) - 1)


def _can_be_given(phrase: Phrase, profile: Profile) -> bool:
    if "given" not in phrase.roles and profile.is_named_by(phrase):
        return True
    fit = best_argument(phrase, profile)
    return fit is not None and ("given" in phrase.roles or fit.argument.type not in _MEASURES)


def _number(goal: Goal, profile: Profile) -> float:
    """Whether one record or many fit what is asked for. A table gives either."""
    operation = profile.operation
    if operation.record_arguments:
        return 0.0
    if goal.writes:
        return -NUMBER if profile.in_bulk and not goal.many else 0.0
    if goal.many:
        return NUMBER if operation.many and not profile.keyed else -NUMBER
    keyed = profile.keyed or any(argument.required for argument, _, _ in profile.arguments)
    if operation.many or not keyed:
        return 0.0
    return NUMBER / 2 if _says_which(goal, profile) else -NUMBER


def _says_which(goal: Goal, profile: Profile) -> bool:
    """Whether the goal speaks of one record, *this order* or *by its number*, so that its key may be known."""
    heads = {*profile.record_name[-1:], *profile.collection[-1:], *profile.name[-1:]}
    for phrase in goal.phrases:
        if phrase.roles.isdisjoint(("given", "place")) and not phrase.pointed:
            continue
        last = phrase.terms[-1]
        if last.stem in KEYS or any(word in heads for word, strength in last.means.items() if strength >= _NEAR_HEAD):
            return True
    return False


def _unmet(profile: Profile, weighed: Sequence[_Weighed], common: frozenset[str]) -> int:
    """How many arguments must be given that nothing in the goal speaks of."""
    meant = {word for term, _, _ in weighed for word in term.means}
    return sum(
        1
        for argument, own, around in profile.arguments
        if argument.required and argument.role not in ("key", "value") and argument.name not in common
        and meant.isdisjoint(own) and meant.isdisjoint(around)
    )  # fmt: skip


def _common_arguments(profiles: Sequence[Profile]) -> frozenset[str]:
    """Required arguments that half of all candidates have: an account or a tenant, which tells nothing."""
    counts: dict[str, int] = {}
    for profile in profiles:
        if not profile.operation.record_arguments:
            for argument in profile.operation.arguments:
                if argument.required:
                    counts[argument.name] = counts.get(argument.name, 0) + 1
    return frozenset(name for name, count in counts.items() if count * 2 >= len(profiles) > 2)
