"""Cutting a goal into runs of content words, each with the roles that the words around it suggest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from patchbay.bindings.automap.clauses import root_of
from patchbay.bindings.automap.function_words import (
    ASKING,
    DETERMINERS,
    ENDS,
    FILLER,
    GIVEN_AFTER,
    KNOWS,
    NOT,
    OWNERS,
    PLACED_AFTER,
    POINTING,
    TIME_AFTER,
    WANTED_AFTER,
    WHO_KNOWS,
)
from patchbay.bindings.automap.states import STATES
from patchbay.bindings.automap.terms import Phrase, Role, terms_of
from patchbay.bindings.automap.time_words import ORDERING
from patchbay.bindings.automap.verbs import VERBS, Intent
from patchbay.bindings.parameters import is_about_people
from patchbay.schema_graph.naming import singular_word
from patchbay.schema_graph.stems import STOP_WORDS, stem

_TELLING = frozenset(["return", "tell", "say", "give", "mention", "report", "show", "include"])
_COUNTS = frozenset(["number", "count", "amount"])
_HELPING = frozenset(["did", "does", "do", "has", "have", "had"])
_BEFORE_TELLING = frozenset([",", ";", ":", "and", "then"])


class Phrasing:
    """One pass over the tokens of a goal whose verbs are known. ``negated``: the stems of what *not* stands before."""

    def __init__(self, tokens: Sequence[str], verbs: Mapping[int, Intent]) -> None:
        self._tokens = tokens
        self._verbs = verbs
        self.negated: list[str] = []

    def phrases(self, intent: Intent) -> Iterator[Phrase]:
        """The runs of content words with their roles."""
        rest: Role = "given" if intent != "read" else "wanted"
        role: Role = "subject"
        run: list[str] = []
        begun = pointed = owned = asked = helped = counted = False
        after: str | None = None
        for at, token in enumerate((*self._tokens, ".")):
            bare, possessive = (token[:-2], True) if token.endswith("'s") else (token, False)
            if self._orders(at, bare):
                continue
            content = self._is_content(at, bare)
            if run and is_about_people(run[-1]) and bare.endswith("ed") and root_of(bare) in VERBS and stem(bare) not in STATES:
                content = False  # "the orders a customer placed" says whose they are
            if content and not self._is_filler(bare):
                if run and asked and stem(bare) in VERBS:
                    yield self._phrase(run, role, intent, pointed, after, False, token, owned)
                    run, pointed, begun = [], False, True
                run.append(bare)
                if not possessive:
                    continue
            asked = asked or bare in ("did", "does", "do")
            if run:
                counts = run[-1] in _COUNTS and token == "of"
                whose = helped and begun and intent == "read" and role == "subject" and is_about_people(run[-1])
                begun, helped = True, False
                phrase = self._phrase(run, role, intent, pointed, after, possessive, token, owned)
                if counted and phrase.plural:
                    phrase = msgspec.structs.replace(phrase, roles=frozenset((rest,)))  # "the number of orders" is a number
                yield msgspec.structs.replace(phrase, roles=phrase.roles | {"place"}) if whose else phrase
                run, pointed, after, counted = [], False, None, counts
            helped = helped or bare in _HELPING  # "which orders has the customer …" says whose they are
            if possessive:
                owned = True
                role = "wanted" if intent == "read" else role
                continue
            owned = False
            role, pointed, after = self._next(at, token, role, rest, begun, pointed, after)

    def _phrase(
        self,
        run: list[str],
        role: Role,
        intent: Intent,
        pointed: bool,
        after: str | None,
        possessive: bool,
        token: str,
        owned: bool,
    ) -> Phrase:
        roles: set[Role] = {role}
        if possessive:
            roles |= {"place", "subject"}
        elif owned:
            roles.add("subject")
        elif token == "of":
            roles |= {"wanted", "subject"}
        elif after == "of":
            roles |= {"place", "subject"}
        elif pointed and role in ("subject", "wanted") and intent == "read":
            roles.add("place")
        elif intent != "read" and role == "subject":
            roles.add("given")
        last = run[-1]
        plural = singular_word(last) != last
        return Phrase(tuple(terms_of(run)), frozenset(roles), pointed or possessive, True, after, plural, possessive)

    def _next(
        self, at: int, token: str, role: Role, rest: Role, begun: bool, pointed: bool, after: str | None
    ) -> tuple[Role, bool, str | None]:
        """The role after a token that is no content, and what points at the next phrase."""
        following = self._tokens[at + 1] if at + 1 < len(self._tokens) else ""
        if token in NOT or (token.endswith("n't") and len(token) > 3):
            self.negated.extend(stem(word) for word in self._tokens[at + 1 : at + 4])
        if at in self._verbs and token not in KNOWS:
            return (("wanted" if rest == "wanted" else role) if begun and stem(token) in WANTED_AFTER else "subject"), False, None
        if token in ENDS or token in ":(":
            return (rest if begun and following not in ASKING else "subject"), False, None
        if token == ",":
            return role, False, after
        if self._gives_what_is_known(at, token, following):
            return "given", False, None
        if rest == "wanted" and begun and stem(token) in WANTED_AFTER:
            return "wanted", False, None
        return self._after_a_preposition(at, token, role, rest, begun, pointed, after)

    def _gives_what_is_known(self, at: int, token: str, following: str) -> bool:
        """Whether somebody gives something here: *the guest gives their number*, but not *and give the name*."""
        before = self._tokens[at - 1] if at else ""
        if token not in KNOWS or before not in WHO_KNOWS or (before == "and" and not token.endswith("s")):
            return False
        begins = at < 2 or self._tokens[at - 2] in ENDS
        return token not in ("has", "have") or following in ("a", "this", "their", "only", "just", *(["the"] if begins else []))

    def _after_a_preposition(
        self, at: int, token: str, role: Role, rest: Role, begun: bool, pointed: bool, after: str | None
    ) -> tuple[Role, bool, str | None]:
        following = self._tokens[at + 1] if at + 1 < len(self._tokens) else ""
        if token in TIME_AFTER:
            return "given", False, token
        if token in POINTING and after in TIME_AFTER:
            return role, True, after  # "since a given date"
        if token in GIVEN_AFTER:
            return ("given" if begun or token != "where" else role), False, token
        if token == "with":
            given = rest == "given" or following in ("this", "that", "a", "given", "the")
            return ("given" if given else "wanted"), False, token
        if token in PLACED_AFTER:
            return ("place" if begun else role), False, token
        if token in OWNERS and rest == "wanted" and begun and role != "given":
            return "wanted", False, after
        if token in POINTING:
            return role, token != "the" or pointed, after
        if token in ("when", "where", "how", "which", "what", "who") and begun and role != "subject" and rest == "wanted":
            return "wanted", False, None
        return role, pointed and token not in ("and", "or"), after

    def _orders(self, at: int, word: str) -> bool:
        """Whether a word only says which in an order (``last``), and is no part of a name (``last name``)."""
        following = self._tokens[at + 1] if at + 1 < len(self._tokens) else ""
        return word in ORDERING and following not in ("name", "names", "four", "4", "digits")

    def _is_content(self, at: int, word: str) -> bool:
        if at and word in _TELLING and self._tokens[at - 1] in _BEFORE_TELLING:
            return False  # "…, return the title"
        return at < len(self._tokens) and (word[0].isalnum()) and at not in self._verbs

    @staticmethod
    def _is_filler(word: str) -> bool:
        return (
            word in STOP_WORDS
            or word in DETERMINERS
            or stem(word) in FILLER
            or word.isdigit()
            or word in GIVEN_AFTER
            or word in TIME_AFTER
            or "'" in word
        )
