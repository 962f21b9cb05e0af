"""Mapping what a goal says is known to the arguments of an operation.

What must be given is always mapped. The rest is mapped where the goal speaks of it: by the words after *by*, *given* or *with*,
by what the record belongs to (*of a customer*), by a time (*since*), by a state (*open*). Canonical parameters come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from patchbay.bindings.automap.deeds import STATE_NAMES, label_of, state_argument
from patchbay.bindings.automap.goal import Goal, Phrase, is_timed
from patchbay.bindings.automap.lexicon import (
    BEFORE,
    BETWEEN,
    DATED_WORDS,
    NEXT,
    OPPOSITE,
    OWN,
    PERSONS,
    SINCE,
    STATES,
    TIME_AFTER,
    stemmed,
)
from patchbay.bindings.automap.matching import FREE, Fit, best_argument, free_text, names_a_person
from patchbay.bindings.automap.naming import free, param_for
from patchbay.bindings.automap.profile import Profile
from patchbay.bindings.call_arguments import telling_part
from patchbay.bindings.model import MAX_INPUTS
from patchbay.bindings.parameters import is_about_people, numbers_its_record, says_email, says_phone
from patchbay.schema_graph.call import Comparison, Source
from patchbay.schema_graph.model import Argument
from patchbay.schema_graph.naming import quote_part, split_name, split_words
from patchbay.schema_graph.operations import identifying_fields
from patchbay.schema_graph.stems import stem

_LITTLE = stemmed("id number no code key identifier reference ref")
_TIMES = frozenset({"date", "datetime", "time"})
_FROM = frozenset(["from", "since", "after", "min", "gte", "ge", "gt", "start", "begin"])
_TO = frozenset(["to", "until", "before", "max", "lte", "le", "lt", "end", "through"])
_ABOUT_DATES = frozenset(["date", "time", "at", "day", "created", "on", "modified", "updated", "since", "utc", "sent"])
_STAFF = frozenset({"staff", "employee", "worker", "agent", "creator", "author", "owner"})
_NAMES = ((stem("name"),), (stem("title"),))
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
_MEMBERS = stemmed("""line line1 street city town locality postal postcode zip country address1 first last given family""")
_PAGING = frozenset(
    [
        "limit",
        "cursor",
        "page",
        "pagesize",
        "pagetoken",
        "offset",
        "first",
        "last",
        "after",
        "before",
        "startingafter",
        "endingbefore",
        "maxresults",
        "perpage",
        "expand",
        "fields",
        "count",
        "order",
        "sort",
        "sortby",
        "sortorder",
    ]
)
_MEASURES = frozenset({"decimal", "number", "boolean", "date", "datetime", "time", "duration"})
_WRITE_FIT = 0.55
_FINDS_AFTER = frozenset({"by", "using", "given", "via"})
_PASSED_ON = stemmed("assign reassign transfer merge link")
_MOVED = stemmed("reschedule move postpone shift extend")
_USUAL: Mapping[str, float] = {
    stem(word): weight
    for word, weight in {
        "to": 1.0, "recipient": 1.0, "text": 1.0, "body": 1.0, "message": 0.95, "content": 0.9, "title": 0.95, "subject": 0.9,
        "summary": 0.9, "amount": 0.95, "reason": 0.8, "start": 0.9, "starts": 0.9, "due": 0.8, "date": 0.75, "time": 0.75,
        "name": 0.85, "quantity": 0.85, "points": 0.85, "from": 0.85, "end": 0.55, "email": 0.7, "phone": 0.65, "code": 0.6,
        "description": 0.5, "note": 0.5, "notes": 0.5, "currency": 0.4, "duration": 0.5, "status": 0.3, "at": 0.2,
        "value": 0.4, "price": 0.6, "percent": 0.55,
    }.items()
}  # fmt: skip
"""How usual it is that a write is given a value of this name, by its words."""
_MOMENTS = stemmed("start starts due date")
_MOST_USUAL = {"insert": 5, "update": 2, "delete": 0, "read": 0}
_LEAST_USUAL = 0.55


class Mapped(msgspec.Struct, frozen=True):
    """One argument with the agent's parameter for it, or what it is fixed to. ``op``: a comparison other than equality, for a
    record's field. ``finds``: what the one record is found by that a write changes. ``common``: most operations of the system
    need it. ``because`` are the goal's words for it.
    """

    argument: Argument
    param: str
    source: Source = "model"
    value: Any | UnsetType = UNSET
    op: Comparison = "eq"
    required: bool = True
    common: bool = False
    finds: bool = False
    because: str | None = None


class Mapper:
    """One mapping under way."""

    def __init__(self, goal: Goal, profile: Profile, common: frozenset[str] = frozenset(), *, everything: bool = False) -> None:
        self._everything = everything
        self._goal = goal
        self._profile = profile
        self._common = common
        self.found: dict[str, Mapped] = {}
        self.unmet: list[str] = []
        self.unfound: list[str] = []

    def map(self) -> list[Mapped]:
        """Everything that is to be given."""
        goal = self._goal
        self._times()
        self._states()
        for phrase in self._known():
            self._place(phrase)
        narrowing = all(one.source == "constant" or one.op != "eq" or not one.required for one in self.found.values())
        if not goal.writes and narrowing and not self._is_listing():
            self._of_a_person()
        if not goal.writes and self._profile.operation.record_arguments and not self.found and not self._is_listing():
            self._identify(None)
        if not _MOVED.isdisjoint(goal.deeds) and self._profile.operation.verb == "update" and not self._sets():
            moment = self._moment()
            if moment is not None:
                self._add(moment, goal.deeds[0])
        self._required()
        if goal.writes:
            self._usual()
        return list(self.found.values())[:MAX_INPUTS]

    def _sets(self) -> bool:
        return any(one.argument.role != "key" and not one.finds for one in self.found.values())

    def _add(self, argument: Argument, because: str | None, **members: Any) -> None:
        if not self._everything and "idempotency" in split_words(argument.name):
            return
        there = argument.name if argument.name not in self.found else f"{argument.name} {members.get('op')}"
        if (
            there in self.found
            or (there != argument.name and "op" not in members)
            or (
                any(one.startswith(argument.name + ".") or argument.name.startswith(one + ".") for one in self.found)
                and not self._profile.operation.record_arguments
            )
        ):
            return
        taken = [one.param for one in self.found.values()]
        param = free(members.pop("param", None) or param_for(argument, self._profile, self._goal), taken)
        source: Source = members.pop("source", None) or self._source(argument)
        if source == "session":
            param = free("caller_phone", taken)
        self.found[there] = Mapped(
            argument, param, source=source, because=because, common=argument.name in self._common, **members
        )

    def _source(self, argument: Argument) -> Source:
        """The session for the caller's own number, else the model."""
        part, equal = telling_part(argument.name)
        own = OWN.search(self._goal.said) is not None and not self._goal.writes
        return "session" if own and equal and argument.type == "string" and says_phone(part) else "model"

    def _known(self) -> Iterator[Phrase]:
        """The phrases that may name something to give, the surest first."""
        goal = self._goal
        said = [phrase for phrase in goal.phrases if phrase.said]
        if goal.writes:
            for phrase in said:
                if phrase.terms[-1].stem in DATED_WORDS and (argument := self._moment()) is not None:
                    self._add(argument, phrase.text)
                else:
                    yield phrase
            return
        yield from (phrase for phrase in said if "given" in phrase.roles and phrase.after not in TIME_AFTER)
        yield from (
            phrase
            for phrase in said
            if ("place" in phrase.roles and "given" not in phrase.roles) or (phrase.after in TIME_AFTER and not is_timed(phrase))
        )

    def _moment(self) -> Argument | None:
        """The argument that says when something is to be."""
        best: tuple[float, Argument] | None = None
        for argument, own, _ in self._profile.arguments:
            weight = max((_WHEN[word] for word in own if word in _WHEN), default=0.0) + 0.3 * (argument.type in _TIMES)
            weight -= 0.3 * self._profile.depth(argument.name) + (0.0 if _NOT_WHEN.isdisjoint(own) else 1.0)
            weight -= 0.5 * (argument.type not in (*_TIMES, "string", "integer"))
            if weight >= 0.5 and argument.name not in self.found and (best is None or weight > best[0]):
                best = (weight, argument)
        return None if best is None else best[1]

    def _place(self, phrase: Phrase) -> None:
        profile = self._profile
        least = _WRITE_FIT if self._goal.writes else 0.45
        if profile.operation.verb == "update" and self._says_which(phrase):
            return
        own = self._profile.is_named_by(phrase)
        if own and not self._goal.writes and "given" not in phrase.roles:
            if not self.found and phrase.pointed and not any("given" in one.roles for one in self._goal.phrases):
                if profile.operation.record_arguments:
                    self._identify(phrase.text)
                elif (words := free_text(profile)) is not None and not profile.keyed:
                    self._add(words, phrase.text)
                else:
                    self._key(phrase)
            return
        if all(term.stem in _LITTLE for term in phrase.terms) and self._key(phrase):
            return
        if "given" not in phrase.roles and is_about_people(phrase.terms[-1].word) and self._says_who():
            return
        fit = best_argument(phrase, profile, self.found, least)
        if (fit is None or len(split_words(telling_part(fit.argument.name)[0])) > len(phrase.terms)) and self._members(phrase):
            return
        fit = self._by_name(fit)
        searching = fit is None and phrase.pointed and not self._goal.writes and profile.view.is_called and not self.found
        if searching and (words := free_text(profile)) is not None:
            self._add(words, phrase.text)
        if fit is None or fit.argument.type in FREE or self._pages(fit.argument):
            return
        if "given" not in phrase.roles and self._measures(fit.argument):
            return
        self._add(fit.argument, phrase.text)

    def _says_which(self, phrase: Phrase) -> bool:
        """Whether a phrase says which record is changed, and nothing that is set; a unique key that it names finds the record."""
        whose = phrase.possessive or "place" in phrase.roles
        if whose and is_about_people(phrase.terms[-1].word):
            return _PASSED_ON.isdisjoint(self._goal.deeds)
        if whose and "given" not in phrase.roles and self._profile.is_named_by(phrase):
            return True
        if phrase.after not in _FINDS_AFTER:
            return False
        fit = best_argument(phrase, self._profile, self.found, _WRITE_FIT)
        keys = self._profile.root.keys if self._profile.root is not None else ()
        if fit is not None and any(tuple(map(quote_part, key.fields)) == (fit.argument.name,) for key in keys):
            self._add(fit.argument, phrase.text, finds=True)
        elif fit is not None and fit.argument.role != "key":
            self.unfound.append(fit.argument.name)
        return True

    def _measures(self, argument: Argument) -> bool:
        """Whether a record's field says how much or when, so that no one means it who only names it."""
        if argument.role != "filter":
            return False
        whole = argument.type == "integer" and not {"id", "no", "number", "code"}.intersection(split_words(argument.name))
        return argument.type in _MEASURES or (whole and not argument.indexed)

    def _by_name(self, fit: Fit | None) -> Fit | None:
        """Instead of the key of a thing, its name, which is what people say; who somebody is stays with the key."""
        record = self._profile.record
        if fit is None or self._goal.writes or not self._profile.operation.record_arguments or record is None:
            return fit
        edge = next((one for one in record.edges if one.to_one and any(own == fit.argument.name for own, _ in one.pairs)), None)
        if edge is None or is_about_people(edge.target):
            return fit
        prefix = quote_part(edge.name) + "."
        named = [
            argument
            for argument, own, _ in self._profile.arguments
            if argument.name.startswith(prefix)
            and own[-1:] in _NAMES
            and {*self._profile.words.of(split_name(edge.target)[-1]), stem("full"), stem("display")}.issuperset(own[:-1])
        ]
        return Fit(named[0], fit.score) if named else fit

    def _members(self, phrase: Phrase) -> bool:
        """What a phrase names is made of several values, such as an address: give the usual ones."""
        if not self._goal.writes:
            return False
        head = phrase.terms[-1].stem
        parts = [
            argument
            for argument, own, _ in self._profile.arguments
            if len(split_name(argument.name)) > 1
            and head in self._profile.words.of(split_name(argument.name)[-2])
            and not _MEMBERS.isdisjoint(own)
        ]
        nearest = min((self._profile.depth(argument.name) for argument in parts), default=0)
        for argument in [one for one in parts if self._profile.depth(one.name) == nearest][:5]:
            self._add(argument, phrase.text, required=False)
        return bool(parts)

    def _says_who(self) -> bool:
        """Whether what is given already says whose record is meant."""
        parts = [telling_part(one.argument.name)[0] for one in self.found.values()]
        return not self._goal.writes and any(says_phone(part) or says_email(part) or names_a_person(part) for part in parts)

    def _pages(self, argument: Argument) -> bool:
        return self._profile.view.is_called and "".join(split_words(argument.name)) in _PAGING

    def _key(self, phrase: Phrase) -> bool:
        """Give the key or number of the operation's own record."""
        argument = self._own_key(numbered=not {term.stem for term in phrase.terms} <= {"id"})
        if argument is None:
            return False
        self._add(argument, phrase.text)
        return True

    def _own_key(self, *, numbered: bool) -> Argument | None:
        arguments = [argument for argument, _, _ in self._profile.arguments if argument.type not in FREE]
        record = self._profile.record
        if self._profile.operation.record_arguments and record is not None:
            keys = identifying_fields(record)
            own = [a for a in arguments if "." not in a.name]
            named = [a for a in own if numbers_its_record(a.name, record.name) and a.name not in keys]
            keyed = [a for a in own if a.name in keys]
            return next(iter([*named, *keyed] if numbered else [*keyed, *named]), None)
        required = [a for a in arguments if a.required and a.name not in self._common and telling_part(a.name)[1]]
        if self._profile.keyed and required:
            last = next((one for one in reversed(self._profile.path_parameters) if any(a.name == one for a in required)), None)
            return next((a for a in required if a.name == last), required[-1])
        name = record.name if record is not None else ""
        numbers = [a for a in arguments if numbers_its_record(telling_part(a.name)[0], name) and telling_part(a.name)[1]]
        numbers.sort(key=lambda a: (not a.required, a.name.count("."), len(a.name)))
        if numbered:
            numbers.sort(key=lambda a: stem("number") not in self._profile.words.of(telling_part(a.name)[0]))
        return numbers[0] if numbers else next(iter(required), None)

    def _of_a_person(self) -> None:
        """The records of somebody are asked for: by who that is, where the records are not people themselves."""
        record = self._profile.record
        if PERSONS.search(self._goal.said) is None or record is None or is_about_people(record.name):
            return
        if self._callers_phone() or self._by_its_number():
            return
        targets = {own: edge.target for edge in record.edges if edge.to_one for own, _ in edge.pairs}
        for argument, _, _ in self._profile.arguments:
            part, equal = telling_part(argument.name)
            about = is_about_people(targets.get(part, "")) or names_a_person(part)
            if "." in argument.name and self._profile.operation.record_arguments:
                continue
            if equal and about and argument.type not in (*FREE, *_MEASURES) and not _STAFF.intersection(split_words(part)):
                self._add(argument, None)
                self.unmet.append(argument.name)
                return

    def _by_its_number(self) -> bool:
        """One record that has a number of its own, such as an order: by that number rather than by whose it is."""
        if self._goal.many or self._goal.ordering or self._profile.record is None:
            return False
        name = self._profile.record.name
        for argument, own, _ in self._profile.arguments:
            part, equal = telling_part(argument.name)
            if equal and stem("number") in own and numbers_its_record(part, name) and argument.type not in FREE:
                self._add(argument, None)
                return True
        return False

    def _callers_phone(self) -> bool:
        """The caller's own: by the number the caller rings from, where the records or who they belong to have one."""
        if OWN.search(self._goal.said) is None:
            return False
        phones = [
            a for a, _, _ in self._profile.arguments if says_phone(telling_part(a.name)[0]) and self._source(a) == "session"
        ]
        argument = min(
            phones,
            key=lambda a: ("fax" in split_words(a.name), self._profile.depth(a.name), not a.indexed, len(a.name)),
            default=None,
        )
        if argument is not None:
            self._add(argument, None)
        return argument is not None

    def _usual(self) -> None:
        """What such a write is usually given and the goal does not name; none of it has to be given."""
        named = sum(1 for one in self.found.values() if not one.argument.required)
        room = _MOST_USUAL[self._profile.intent] - named
        if named and self._profile.intent == "update":
            return  # what is to be changed is said
        ranked: list[tuple[float, Argument]] = []
        for argument, own, _ in self._profile.arguments:
            deep = self._profile.depth(argument.name)
            if (
                "payment_card" in argument.badges
                or argument.required
                or argument.name in self.found
                or deep > 1
                or argument.type in (*FREE, "boolean")
            ):
                continue
            if argument.role == "key" or self._pages(argument):
                continue
            ranked.append((self._usualness(argument, own) - 0.3 * deep, argument))
        ranked.sort(key=lambda one: (-one[0], len(one[1].name), one[1].name))
        for score, argument in ranked[: max(0, room)]:
            if score >= _LEAST_USUAL:
                self._add(argument, None, required=False)

    def _usualness(self, argument: Argument, own: Sequence[str]) -> float:
        said = {word: s for phrase in self._goal.phrases for term in phrase.terms for word, s in term.means.items()}
        words = [word for word in dict.fromkeys(own) if word not in self._profile.record_name]
        best = max((_USUAL.get(word, 0.0) for word in words[-1:]), default=0.0)
        best = max(best, max((0.9 * _USUAL.get(word, 0.0) for word in words if word in _MOMENTS), default=0.0))
        best -= 0.12 * max(0, len(words) - 1)
        part, _ = telling_part(argument.name)
        if (own and own[-1] == "id") or names_a_person(part):
            best = 0.75 if names_a_person(part) else 0.3
        return best + 0.5 * max((said.get(word, 0.0) for word in own[-1:] if word not in _LITTLE), default=0.0)

    def _identify(self, because: str | None) -> None:
        """A record is asked for and nothing says by what: by what identifies it best."""
        record = self._profile.record
        if record is None:
            return
        own = [a for a, _, _ in self._profile.arguments if "." not in a.name and a.type not in (*FREE, "boolean")]
        people = is_about_people(record.name)
        about = {*self._profile.record_name, stem("name"), stem("title"), stem("full"), stem("display")}
        named = [
            a for a in own if self._profile.words.of(a.name)[-1:] in _NAMES and about.issuperset(self._profile.words.of(a.name))
        ]
        best = (
            next((a for a in own if people and says_phone(a.name)), None)
            or next(
                (a for a in own if numbers_its_record(a.name, record.name) and a.name not in identifying_fields(record)), None
            )
            or next((a for a in own if people and says_email(a.name)), None)
            or next(iter(named), None)
            or self._own_key(numbered=False)
        )
        if best is not None:
            self._add(best, because)
            self.unmet.append(best.name)

    def _is_listing(self) -> bool:
        goal = self._goal
        return goal.many is True and not any("place" in phrase.roles and phrase.said for phrase in goal.phrases)

    def _times(self) -> None:
        """Since, before, between: the bounds of a date."""
        said = self._goal.said
        if self._goal.writes:
            return
        timed = [phrase for phrase in self._goal.phrases if is_timed(phrase)]
        between = BETWEEN.search(said) is not None
        since = between or (SINCE.search(said) is not None and any(p.after in ("since", "after") for p in timed))
        before = between or (BEFORE.search(said) is not None and any(p.after in ("before", "until", "till") for p in timed))
        if NEXT.search(said) is not None and self._profile.view.is_called and not since:
            self._bound(_FROM, "from_date", "ge", timed)
        if since:
            self._bound(_FROM, "from_date" if between else "since", "ge", timed)
        if before:
            self._bound(_TO, "to_date" if between else "until", "le", timed)

    def _bound(self, says: frozenset[str], param: str, op: Comparison, timed: Sequence[Phrase]) -> None:
        if self._profile.operation.record_arguments:
            argument = date_argument(self._profile, self._goal)
            bounded = argument is not None and self.found.get(argument.name)
            if argument is not None and (not bounded or bounded.op not in ("eq", op)):
                self._add(argument, param, param=param, op=op)
            return
        best: tuple[float, Argument] | None = None
        against = _TO if says is _FROM else _FROM
        for argument, own, _ in self._profile.arguments:
            last = split_name(argument.name)[-1]
            words = {last.casefold(), *split_words(last), *_marks(argument.name)}
            if not words & says or words & against or argument.name in self.found or self._pages(argument):
                continue
            words |= set(split_words(argument.name))
            dated = argument.type in _TIMES or bool(words & _ABOUT_DATES)
            if dated:
                score = 1.0 + sum(0.5 for p in self._goal.phrases for t in p.terms if t.stem in own) - 0.01 * len(argument.name)
                if best is None or score > best[0]:
                    best = (score, argument)
        if best is not None:
            self._add(best[1], param, param=param)

    def _states(self) -> None:
        """Adjectives that name a state: fixed where the schema lists the labels, asked for where it only has such an argument."""
        if self._goal.writes:
            self._new_state()
            return
        for term in (term for phrase in self._goal.phrases for term in phrase.terms if term.stem in STATES):
            name = OPPOSITE.get(term.stem, term.stem) if term.stem in self._goal.negated else term.stem
            labels = STATES[name]
            for argument, own, _ in self._profile.arguments:
                if (
                    argument.name in self.found
                    or not telling_part(argument.name)[1]
                    or ("." in argument.name and self._profile.operation.record_arguments)
                ):
                    continue
                label = label_of(argument, labels)
                if label is not None and (STATE_NAMES.intersection(own) or name in own):
                    value = [label] if argument.type == "array" else label
                    self._add(argument, term.word, source="constant", value=value, param=None)
                    return
                if argument.type == "boolean" and name in own:
                    self._add(argument, term.word, source="constant", value=term.stem not in self._goal.negated, param=None)
                    return
            if self._profile.view.is_called:
                for argument, own, _ in self._profile.arguments:
                    if (
                        own[-1:]
                        and own[-1] in STATE_NAMES
                        and argument.type in ("string", "enum", "array")
                        and not argument.name.startswith("body.")
                    ):
                        self._add(argument, term.word, required=False)
                        return

    def _new_state(self) -> None:
        """A change that is to a state, such as closing: that state, where the schema lists it, else asked for."""
        if self._profile.intent != "update":
            return
        meant = [word for deed in self._goal.deeds for word in (deed, *STATES.get(deed, ()))]
        said = [term.stem for phrase in self._goal.phrases for term in phrase.terms]
        meant += [word for one in said if one in STATES for word in STATES[one]]
        argument = state_argument(self._profile)
        if argument is None:
            return
        label = label_of(argument, meant)
        if label is not None:
            self._add(argument, None, source="constant", value=label)
        elif any(word in STATES or word in STATE_NAMES for word in (*self._goal.deeds, *said)):
            self._add(argument, None)

    def _required(self) -> None:
        found = any(one.finds for one in self.found.values())
        for argument, _, _ in self._profile.arguments:
            if found and argument.role == "key":
                continue
            if argument.required and argument.name not in self.found and not (argument.role == "value" and argument.has_default):
                before = len(self.found)
                self._add(argument, None)
                if len(self.found) > before and argument.name not in self._common:
                    self.unmet.append(argument.name)


def _marks(name: str) -> set[str]:
    """What a name's last sign says: ``DateSent>``."""
    return {"from"} if name.endswith(">") else {"to"} if name.endswith("<") else set()


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
