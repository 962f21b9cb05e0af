"""Which dates a goal means, and what bounds them: *since*, *before*, *between*, *move it to*."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.bindings.automap.goal import Goal
from patchbay.bindings.automap.mapped import Found
from patchbay.bindings.automap.profile import Profile
from patchbay.bindings.automap.terms import Phrase, is_timed
from patchbay.bindings.automap.time_words import BEFORE, BETWEEN, DATED_WORDS, NEXT, SINCE
from patchbay.bindings.automap.verbs import stemmed
from patchbay.schema_graph.call import Comparison
from patchbay.schema_graph.model import Argument
from patchbay.schema_graph.naming import split_name, split_words
from patchbay.schema_graph.stems import stem

_TIMES = frozenset({"date", "datetime", "time"})

_FROM = frozenset(["from", "since", "after", "min", "gte", "ge", "gt", "start", "begin"])

_TO = frozenset(["to", "until", "before", "max", "lte", "le", "lt", "end", "through"])

_ABOUT_DATES = frozenset(["date", "time", "at", "day", "created", "on", "modified", "updated", "since", "utc", "sent"])

_WHEN = {
    stem(word): weight
    for word, weight in {
        "start": 1.0,
        "starts": 1.0,
        "due": 0.9,
        "when": 0.9,
        "date": 0.8,
        "time": 0.8,
        "deadline": 0.7,
        "day": 0.7,
        "scheduled": 0.9,
    }.items()
}

_NOT_WHEN = stemmed("end created updated modified zone type duration update paid expected completed")

_LIKELY = {
    stem(word): weight
    for word, weight in {
        "date": 0.3,
        "start": 0.6,
        "starts": 0.6,
        "at": 0.1,
        "created": 0.4,
        "time": 0.2,
        "placed": 0.4,
        "scheduled": 0.6,
    }.items()
}

_UNLIKELY = stemmed("update updated modified modifieddate deleted birth end reset")


def date_argument(profile: Profile, goal: Goal) -> Argument | None:
    """The date of a record that a goal most likely means: one it speaks of, else when the record is or was made."""
    best: tuple[float, Argument] | None = None
    undated = [[term.stem for term in phrase.terms if term.stem not in DATED_WORDS] for phrase in goal.phrases]
    said = {words[-1] for words in undated if words}.difference(profile.record_name)  # all of its dates are of the record
    for argument, own, _ in profile.arguments:
        if argument.type not in ("date", "datetime") or "." in argument.name:
            continue
        score = sum(1.0 for word in dict.fromkeys(own) if word in said) + _LIKELY.get(own[-1] if own else "", 0.0)
        score += max((_LIKELY.get(word, 0.0) for word in own), default=0.0) + 0.1 * argument.indexed
        score -= 1.0 if _UNLIKELY.intersection(own) else 0.0
        if best is None or score > best[0]:
            best = (score, argument)
    return None if best is None else best[1]


def moment(found: Found) -> Argument | None:
    """The argument that says when something is to be."""
    best: tuple[float, Argument] | None = None
    for argument, own, _ in found.profile.arguments:
        weight = max((_WHEN[word] for word in own if word in _WHEN), default=0.0) + 0.3 * (argument.type in _TIMES)
        weight -= 0.3 * found.profile.depth(argument.name) + (0.0 if _NOT_WHEN.isdisjoint(own) else 1.0)
        weight -= 0.5 * (argument.type not in (*_TIMES, "string", "integer"))
        if weight >= 0.5 and argument.name not in found.mapped and (best is None or weight > best[0]):
            best = (weight, argument)
    return None if best is None else best[1]


def bound_times(found: Found) -> None:
    """Since, before, between: the bounds of a date."""
    said = found.goal.said
    if found.goal.writes:
        return
    timed = [phrase for phrase in found.goal.phrases if is_timed(phrase)]
    between = BETWEEN.search(said) is not None
    since = between or (SINCE.search(said) is not None and any(p.after in ("since", "after") for p in timed))
    before = between or (BEFORE.search(said) is not None and any(p.after in ("before", "until", "till") for p in timed))
    if NEXT.search(said) is not None and found.profile.view.is_called and not since:
        _bound(found, _FROM, "from_date", "ge", timed)
    if since:
        _bound(found, _FROM, "from_date" if between else "since", "ge", timed)
    if before:
        _bound(found, _TO, "to_date" if between else "until", "le", timed)


def _bound(found: Found, says: frozenset[str], param: str, op: Comparison, timed: Sequence[Phrase]) -> None:
    if found.profile.operation.record_arguments:
        argument = date_argument(found.profile, found.goal)
        bounded = argument is not None and found.mapped.get(argument.name)
        if argument is not None and (not bounded or bounded.op not in ("eq", op)):
            found.add(argument, param, param=param, op=op)
        return
    best: tuple[float, Argument] | None = None
    against = _TO if says is _FROM else _FROM
    for argument, own, _ in found.profile.arguments:
        last = split_name(argument.name)[-1]
        words = {last.casefold(), *split_words(last), *_marks(argument.name)}
        if not words & says or words & against or argument.name in found.mapped or found.pages(argument):
            continue
        words |= set(split_words(argument.name))
        dated = argument.type in _TIMES or bool(words & _ABOUT_DATES)
        if dated:
            score = 1.0 + sum(0.5 for p in found.goal.phrases for t in p.terms if t.stem in own) - 0.01 * len(argument.name)
            if best is None or score > best[0]:
                best = (score, argument)
    if best is not None:
        found.add(best[1], param, param=param)


def _marks(name: str) -> set[str]:
    """What a name's last sign says: ``DateSent>``."""
    return {"from"} if name.endswith(">") else {"to"} if name.endswith("<") else set()
