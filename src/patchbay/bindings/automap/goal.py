"""Reading a goal: what is to be done, to what, with what given, and what of it is to come back.

No grammar is enforced. A goal is cut into short runs of content words; each run gets the roles that the words around it suggest
(*subject*, *given*, *place* for what the record belongs to, *wanted*), and later passes treat roles as hints, not as facts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from patchbay.bindings.automap.lexicon import (
    DATED_WORDS,
    DEED_NOUNS,
    DEEDS_MEANT,
    DIGITS,
    EITHER,
    EVERYDAY,
    FILLER,
    GIVEN_AFTER,
    KNOWS,
    NO_VERBS,
    NOT,
    ORDERING,
    PLACED_AFTER,
    POINTING,
    QUESTIONS,
    RATHER_NOUNS,
    SOME_EXIST,
    STATES,
    TIME_AFTER,
    VERBS,
    WANTED_AFTER,
    WANTED_SAYINGS,
    WHO_KNOWS,
    Intent,
    stemmed,
)
from patchbay.bindings.parameters import is_about_people
from patchbay.schema_graph.naming import singular_word
from patchbay.schema_graph.stems import STOP_WORDS, stem
from patchbay.schema_graph.thesaurus import NEAR

Role = Literal["subject", "given", "place", "wanted"]

LONGEST = 2_000
"""Characters of a goal that are read; the door allows no more."""
MOST_PHRASES = 24
SYNONYM = 0.5
_TOKEN = re.compile(r"[^\W_]+(?:'[a-z]+)?|[.,;:?!()]")
_ENDS = frozenset(".;?!")
_ASKING = frozenset(
    [
        "who",
        "what",
        "which",
        "when",
        "where",
        "why",
        "how",
        "whose",
        "is",
        "are",
        "was",
        "were",
        "do",
        "does",
        "did",
        "has",
        "have",
        "had",
        "can",
        "could",
        "will",
        "would",
        "should",
    ]
)
_BEFORE_A_VERB = frozenset(
    [
        "and",
        "then",
        "to",
        "please",
        "can",
        "could",
        "would",
        "should",
        "must",
        "may",
        "will",
        "or",
        ",",
        ";",
        ":",
        ".",
        "?",
        "!",
        "(",
        ")",
    ]
)
_DETERMINERS = POINTING | frozenset(
    [
        "my",
        "our",
        "their",
        "its",
        "his",
        "her",
        "your",
        "these",
        "those",
        "all",
        "every",
        "each",
        "any",
        "some",
        "new",
        "another",
        "me",
        "us",
        "them",
        "it",
        "everyone",
    ]
)
_POLITE = frozenset(["can", "could", "would", "will", "should", "must", "may", "let", "lets", "help", "helps", "allow", "allows"])
_WILLING = frozenset(
    ["need", "needs", "want", "wants", "able", "like", "likes", "wish", "wishes", "asks", "has", "have", "going"]
)
_ACTING = _DETERMINERS | frozenset(
    ["you", "we", "i", "they", "he", "she", "agent", "assistant", "bot", "someone", "please", "also"]
)
_NEAR_BY = 5
_OWNERS = frozenset(["their", "its", "his", "her", "your", "our", "my"])
_ALWAYS_VERBS_FIRST = stemmed("log share mark set place ring show view open close start stop put pay raise leave")


class Term(msgspec.Struct, frozen=True):
    """One content word: as written, its stem, and what may be meant instead with how surely (0 to 1)."""

    word: str
    stem: str
    means: dict[str, float]


class Phrase(msgspec.Struct, frozen=True):
    """A run of content words and its roles. ``pointed``: *this*, *a given* or the like stands before it. ``said``: in the goal
    itself, rather than understood from an everyday way to say it. ``after`` is the preposition before it, if any.
    """

    terms: tuple[Term, ...]
    roles: frozenset[Role]
    pointed: bool = False
    said: bool = True
    after: str | None = None
    plural: bool = False
    possessive: bool = False

    @property
    def text(self) -> str:
        """The words."""
        return " ".join(term.word for term in self.terms)


class Goal(msgspec.Struct, frozen=True):
    """A goal as it was read. ``deeds`` are the stems of its verbs, ``asks`` the words that its question words stand for,
    ``ordering`` words such as *latest*.
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
    said = unicodedata.normalize("NFKC", text[:LONGEST]).casefold().replace("’", "'")
    tokens = _TOKEN.findall(said)
    reader = _Reader(tokens, VERBS if either == "read" else {**VERBS, **dict.fromkeys(EITHER, either)})
    understood: list[tuple[str, Intent | None]] = [(words, intent) for pattern, words, intent in EVERYDAY if pattern.search(said)]
    intent = reader.intent
    for _, does in reversed(understood):
        intent = does if does is not None and does != "read" else intent
    phrases = list(reader.phrases(intent))
    for words, does in understood:
        nouns = [
            word for word in words.split() if does in (None, "read") or stem(word) not in VERBS or stem(word) in RATHER_NOUNS
        ]
        if nouns:
            phrases.append(Phrase(tuple(_terms(nouns)), frozenset(("subject", "wanted")), said=False))
    for pattern, words in WANTED_SAYINGS if intent == "read" else ():
        if pattern.search(said):
            phrases.extend(Phrase((term_of(word),), frozenset(("wanted",)), said=False) for word in words.split())
    said_deeds = [meant for deed in reader.deeds for meant in (DEEDS_MEANT.get(deed, (deed,)) if intent != "read" else (deed,))]
    deeds = [*said_deeds, *(stem(word) for words, one in understood if one is not None for word in words.split())]
    return Goal(
        text=text,
        said=said,
        intent=intent,
        deeds=tuple(dict.fromkeys(deeds)),
        phrases=tuple(phrases[:MOST_PHRASES]),
        asks=tuple(_terms(_asked(said))) if intent == "read" else (),
        many=_many(phrases, said),
        negated=frozenset(reader.negated),
        ordering=tuple(_terms([token for token in tokens if token in ORDERING])),
    )


def is_timed(phrase: Phrase) -> bool:
    """Whether a phrase says a time: after *since* or the like, in words for a time."""
    return phrase.after in TIME_AFTER and any(term.stem in DATED_WORDS for term in phrase.terms)


def term_of(word: str) -> Term:
    """A word with what it may mean."""
    root = stem(word)
    means = dict.fromkeys(sorted(NEAR.get(root, ())), SYNONYM)
    means[root] = 1.0
    if word in DIGITS:
        means[DIGITS[word]] = 1.0
    return Term(word, root, means)


def _terms(words: Sequence[str]) -> Iterator[Term]:
    return (term_of(word) for word in dict.fromkeys(words))


def _root(token: str) -> str:
    """The stem that a verb is known by: *moved* is *move*."""
    root = stem(token)
    if root not in VERBS and token.endswith("ed"):
        return next((one for one in (stem(token[:-1]), stem(token[:-2])) if one in VERBS), root)
    return root


def _asked(said: str) -> list[str]:
    found = [words for question, words in QUESTIONS if re.search(rf"\b{question}\b", said)]
    return [word for words in found for word in words.split()]


def _many(phrases: Sequence[Phrase], said: str) -> bool | None:
    if re.search(r"\b(?:all|every|list|which \w+s)\b", said) or SOME_EXIST.search(said):
        return True
    head = next((phrase for phrase in phrases if "subject" in phrase.roles and phrase.said), None)
    return head.plural if head is not None else None


class _Reader:
    """One pass over the tokens of a goal."""

    def __init__(self, tokens: Sequence[str], does: Mapping[str, Intent]) -> None:
        self._tokens = tokens
        self._does = does
        self._verbs = dict(self._find_verbs())
        self.deeds = [_root(tokens[at]) for at in self._verbs]
        self.intent: Intent = "read"
        for intent in reversed(self._verbs.values()):
            self.intent = intent if intent != "read" else self.intent
        if not self._verbs:
            self._read_without_verbs()
        self.negated: list[str] = []

    def _find_verbs(self) -> Iterator[tuple[int, Intent]]:
        """The verbs that begin a clause or say what somebody is to do, by their place. In a question nothing is done."""
        asking = False
        for at, token in enumerate(self._tokens):
            begins = at == 0 or self._tokens[at - 1] in _ENDS
            if begins:
                asking = token.partition("'")[0] in _ASKING
            root = _root(token)
            following = self._tokens[at + 1] if at + 1 < len(self._tokens) else ""
            if self._is_wanted(at, root, following):
                yield at, self._does[root]
                continue
            if asking or not (begins or self._tokens[at - 1] in _BEFORE_A_VERB):
                continue
            if root not in self._does:
                if begins and following in _DETERMINERS and self._may_order(token):
                    yield at, "insert"
                continue
            if not begins and self._does[root] != "read" and following not in _DETERMINERS and not following.isdigit():
                continue  # as likely an adjective: "and open tickets"
            if root in RATHER_NOUNS and not self._is_verb(at, begins, root, following):
                continue
            yield at, self._does[root]

    def _is_wanted(self, at: int, root: str, following: str) -> bool:
        """Whether a verb that changes something is what somebody wants done, also where the clause begins as a question:
        ``could you move``, ``let callers cancel``, ``we need to add``, ``when it rings, create a lead``, ``wants it cancelled``.
        """
        if self._does.get(root, "read") == "read" or at == 0 or (root in RATHER_NOUNS and following not in _DETERMINERS):
            return False
        starts = next((back for back in range(at - 1, -1, -1) if self._tokens[back] in _ENDS), -1) + 1
        before = self._tokens[starts:at]
        if not before:
            return False
        if before[-1] in (",", "then") and following in _DETERMINERS:
            return True
        first = before[0].partition("'")[0]
        ends = not following or following in _ENDS | {"to", "by", ","}
        if first in ("have", "get") and self._tokens[at].endswith("ed"):
            # "Get the orders shipped last week" reads; "get the order shipped" has it done.
            return (ends and first == "have") or (
                before[1:2] != [] and before[1] in _DETERMINERS and (not following or following in _ENDS | {"to", "for"})
            )
        if first in _ASKING - _POLITE:
            return False
        if before[-1] == "to":
            if not _WILLING.isdisjoint(before[-2:-1]):
                return True
            before = before[:-1]
        if self._tokens[at].endswith("ed"):
            return ends and not {"want", "wants", "need", "needs"}.isdisjoint(before[-_NEAR_BY:])
        near = before[-_NEAR_BY:]
        leads = next((place for place in range(len(near) - 1, -1, -1) if near[place] in _POLITE), len(near))
        between = near[leads + 1 :]
        return bool(between) and all(token in _ACTING or is_about_people(token) for token in between)

    def _read_without_verbs(self) -> None:
        """A goal of nouns alone: ``Appointment cancellation``, ``New booking for a guest``."""
        words = [token for token in self._tokens if token not in _ENDS]
        until = next((at for at, word in enumerate(words) if word in PLACED_AFTER | GIVEN_AFTER | TIME_AFTER), len(words))
        if until == 0:
            return
        head = words[until - 1]
        deed = DEED_NOUNS.get(head)
        if deed is not None and (until > 1 or words[until : until + 1] == ["of"]):
            self.intent = VERBS[stem(deed)]
            self.deeds.append(stem(deed))
        elif words[0] in ("new", "another") and until > 1 and singular_word(head) == head:
            self.intent = "insert"
            self.deeds.append(stem("create"))

    @staticmethod
    def _may_order(token: str) -> bool:
        """Whether an unknown first word with a determiner after it is an order: ``Knock a bit off``."""
        return (
            token.isalpha() and token not in NO_VERBS | _ASKING | _POLITE | STOP_WORDS | GIVEN_AFTER | PLACED_AFTER | TIME_AFTER
        )

    def _is_verb(self, at: int, begins: bool, root: str, following: str) -> bool:
        if following in _DETERMINERS or following.isdigit():
            return True
        return begins and root in _ALWAYS_VERBS_FIRST and following != "of" and at == 0

    def phrases(self, intent: Intent) -> Iterator[Phrase]:
        """The runs of content words with their roles."""
        rest: Role = "given" if intent != "read" else "wanted"
        role: Role = "subject"
        run: list[str] = []
        begun = pointed = owned = asked = False
        after: str | None = None
        for at, token in enumerate((*self._tokens, ".")):
            bare, possessive = (token[:-2], True) if token.endswith("'s") else (token, False)
            if self._orders(at, bare):
                continue
            content = self._is_content(at, bare)
            if run and is_about_people(run[-1]) and bare.endswith("ed") and _root(bare) in VERBS and stem(bare) not in STATES:
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
                begun = True
                yield self._phrase(run, role, intent, pointed, after, possessive, token, owned)
                run, pointed, after = [], False, None
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
        return Phrase(tuple(_terms(run)), frozenset(roles), pointed or possessive, True, after, plural, possessive)

    def _next(
        self, at: int, token: str, role: Role, rest: Role, begun: bool, pointed: bool, after: str | None
    ) -> tuple[Role, bool, str | None]:
        """The role after a token that is no content, and what points at the next phrase."""
        following = self._tokens[at + 1] if at + 1 < len(self._tokens) else ""
        if token in NOT or (token.endswith("n't") and len(token) > 3):
            self.negated.extend(stem(word) for word in self._tokens[at + 1 : at + 4])
        if at in self._verbs and token not in KNOWS:
            return (("wanted" if rest == "wanted" else role) if begun and stem(token) in WANTED_AFTER else "subject"), False, None
        if token in _ENDS or token in ":(":
            return (rest if begun and following not in _ASKING else "subject"), False, None
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
        return token not in ("has", "have") or following in ("a", "this", "their", "only", "just")

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
        if token in _OWNERS and rest == "wanted" and begun and role != "given":
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
        return at < len(self._tokens) and (word[0].isalnum()) and at not in self._verbs

    @staticmethod
    def _is_filler(word: str) -> bool:
        return (
            word in STOP_WORDS
            or word in _DETERMINERS
            or stem(word) in FILLER
            or word.isdigit()
            or word in GIVEN_AFTER
            or word in TIME_AFTER
            or "'" in word
        )
