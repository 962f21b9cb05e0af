"""Reading a goal: what is to be done, to what, with what given, and what of it is to come back.

No grammar is enforced. A goal is cut into short runs of content words; each run gets the roles that the words around it suggest
(*subject*, *given*, *place* for what the record belongs to, *wanted*), and later passes treat roles as hints, not as facts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import msgspec

from patchbay.bindings.automap.clauses import Clauses
from patchbay.bindings.automap.phrasing import Phrasing
from patchbay.bindings.automap.sayings import EVERYDAY, QUESTIONS, SOME_EXIST, WANTED_SAYINGS
from patchbay.bindings.automap.terms import Phrase, Role, Term, term_of, terms_of
from patchbay.bindings.automap.time_words import ORDERING
from patchbay.bindings.automap.verbs import DEEDS_MEANT, EITHER, RATHER_NOUNS, VERBS, Intent
from patchbay.schema_graph.stems import stem

LONGEST = 2_000
"""Characters of a goal that are read; the door allows no more."""


MOST_PHRASES = 24


_TOKEN = re.compile(r"[^\W_]+(?:'[a-z]+)?|[.,;:?!()]")


class Goal(msgspec.Struct, frozen=True):
    """A goal as it was read. ``deeds`` are the stems of its verbs, ``asks`` the words that its question words stand for,
    ``ordering`` words such as *latest*, ``questions`` the stems that each question word stands for.
    """

    text: str
    said: str
    intent: Intent
    deeds: tuple[str, ...]
    phrases: tuple[Phrase, ...]
    asks: tuple[Term, ...]
    many: bool | None
    negated: frozenset[str]
    ordering: tuple[Term, ...] = ()
    questions: tuple[frozenset[str], ...] = ()

    @property
    def writes(self) -> bool:
        """Whether something is to be changed."""
        return self.intent != "read"

    def having(self, *roles: Role) -> tuple[Phrase, ...]:
        """The phrases with any of these roles."""
        return tuple(phrase for phrase in self.phrases if not phrase.roles.isdisjoint(roles))


def read_goal(text: str, *, either: Intent = "read") -> Goal:
    """What ``text`` asks for. Any text at all can be read; one without content words has no phrases. ``either``: what the verbs
    do that look something up as often as they change it (:data:`.lexicon.EITHER`).
    """
    said = unicodedata.normalize("NFKC", text[:LONGEST]).casefold().replace("’", "'").replace("e-mail", "email")
    tokens = _TOKEN.findall(said)
    clauses = Clauses(tokens, VERBS if either == "read" else {**VERBS, **dict.fromkeys(EITHER, either)})
    understood: list[tuple[str, Intent | None]] = [(words, intent) for pattern, words, intent in EVERYDAY if pattern.search(said)]
    intent = clauses.intent
    for _, does in reversed(understood):
        intent = does if does is not None and does != "read" else intent
    phrasing = Phrasing(tokens, clauses.verbs)
    phrases = list(phrasing.phrases(intent))
    for words, does in understood:
        nouns = [
            word for word in words.split() if does in (None, "read") or stem(word) not in VERBS or stem(word) in RATHER_NOUNS
        ]
        if nouns:
            phrases.append(Phrase(tuple(terms_of(nouns)), frozenset(("subject", "wanted")), said=False))
    for pattern, words in WANTED_SAYINGS if intent == "read" else ():
        if pattern.search(said):
            phrases.extend(Phrase((term_of(word),), frozenset(("wanted",)), said=False) for word in words.split())
    said_deeds = [meant for deed in clauses.deeds for meant in (DEEDS_MEANT.get(deed, (deed,)) if intent != "read" else (deed,))]
    deeds = [*said_deeds, *(stem(word) for words, one in understood if one is not None for word in words.split())]
    asked = _asked(said) if intent == "read" else []
    return Goal(
        text=text,
        said=said,
        intent=intent,
        deeds=tuple(dict.fromkeys(deeds)),
        phrases=tuple(phrases[:MOST_PHRASES]),
        asks=tuple(terms_of([word for words in asked for word in words])),
        many=_many(phrases, said),
        negated=frozenset(phrasing.negated),
        ordering=tuple(terms_of([token for token in tokens if token in ORDERING])),
        questions=tuple(frozenset(map(stem, words)) for words in asked),
    )


def _asked(said: str) -> list[list[str]]:
    """The words that each question word of the goal stands for."""
    return [words.split() for question, words in QUESTIONS if re.search(rf"\b{question}\b", said)]


def _many(phrases: Sequence[Phrase], said: str) -> bool | None:
    if re.search(r"\b(?:all|every|list|which \w+s)\b", said) or SOME_EXIST.search(said):
        return True
    head = next((phrase for phrase in phrases if "subject" in phrase.roles and phrase.said), None)
    return head.plural if head is not None else None
