"""Which words of a goal are verbs that somebody is to do, and so what is to be done: read, add, change or remove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from patchbay.bindings.automap.function_words import (
    ACTING,
    ASKING,
    BEFORE_A_VERB,
    DETERMINERS,
    ENDS,
    GIVEN_AFTER,
    NO_VERBS,
    PLACED_AFTER,
    POLITE,
    TIME_AFTER,
    WILLING,
)
from patchbay.bindings.automap.verbs import ALWAYS_VERBS_FIRST, DEED_NOUNS, RATHER_NOUNS, VERBS, Intent
from patchbay.bindings.parameters import is_about_people
from patchbay.schema_graph.naming import singular_word
from patchbay.schema_graph.stems import STOP_WORDS, stem

NEAR_BY = 5
"""Words before a verb that are looked at for who is to do it."""


def root_of(token: str) -> str:
    """The stem that a verb is known by: *moved* is *move*."""
    root = stem(token)
    if root not in VERBS and token.endswith("ed"):
        return next((one for one in (stem(token[:-1]), stem(token[:-2])) if one in VERBS), root)
    return root


class Clauses:
    """The verbs of a goal by their place, the stems of what they do (``deeds``), and the intent that follows."""

    def __init__(self, tokens: Sequence[str], does: Mapping[str, Intent]) -> None:
        self._tokens = tokens
        self._does = does
        self.verbs = dict(self._find_verbs())
        self.deeds = [root_of(tokens[at]) for at in self.verbs]
        self.intent: Intent = "read"
        for intent in reversed(self.verbs.values()):
            self.intent = intent if intent != "read" else self.intent
        if not self.verbs:
            self._read_without_verbs()

    def _find_verbs(self) -> Iterator[tuple[int, Intent]]:
        """The verbs that begin a clause or say what somebody is to do, by their place. In a question nothing is done."""
        asking = False
        for at, token in enumerate(self._tokens):
            begins = at == 0 or self._tokens[at - 1] in ENDS
            if begins:
                asking = token.partition("'")[0] in ASKING
            root = root_of(token)
            following = self._tokens[at + 1] if at + 1 < len(self._tokens) else ""
            if self._is_wanted(at, root, following):
                yield at, self._does[root]
                continue
            if asking or not (begins or self._tokens[at - 1] in BEFORE_A_VERB):
                continue
            if root not in self._does:
                if begins and following in DETERMINERS and self._may_order(token):
                    yield at, "insert"
                continue
            if not begins and self._does[root] != "read" and following not in DETERMINERS and not following.isdigit():
                continue  # as likely an adjective: "and open tickets"
            if root in RATHER_NOUNS and not self._is_verb(at, begins, root, following):
                continue
            yield at, self._does[root]

    def _is_wanted(self, at: int, root: str, following: str) -> bool:
        """Whether a verb that changes something is what somebody wants done, also where the clause begins as a question:
        ``could you move``, ``let callers cancel``, ``we need to add``, ``when it rings, create a lead``, ``wants it cancelled``.
        """
        if self._does.get(root, "read") == "read" or at == 0 or (root in RATHER_NOUNS and following not in DETERMINERS):
            return False
        starts = next((back for back in range(at - 1, -1, -1) if self._tokens[back] in ENDS), -1) + 1
        before = self._tokens[starts:at]
        if not before:
            return False
        if before[-1] in (",", "then") and following in DETERMINERS:
            return True
        first = before[0].partition("'")[0]
        ends = not following or following in ENDS | {"to", "by", ","}
        if first in ("have", "get") and self._tokens[at].endswith("ed"):
            # "Get the orders shipped last week" reads; "get the order shipped" has it done.
            return (ends and first == "have") or (
                before[1:2] != [] and before[1] in DETERMINERS and (not following or following in ENDS | {"to", "for"})
            )
        if first in ASKING - POLITE:
            return False
        if before[-1] == "to":
            if not WILLING.isdisjoint(before[-2:-1]):
                return True
            before = before[:-1]
        if self._tokens[at].endswith("ed"):
            return ends and not {"want", "wants", "need", "needs"}.isdisjoint(before[-NEAR_BY:])
        near = before[-NEAR_BY:]
        leads = next((place for place in range(len(near) - 1, -1, -1) if near[place] in POLITE), len(near))
        between = near[leads + 1 :]
        return bool(between) and all(token in ACTING or is_about_people(token) for token in between)

    def _read_without_verbs(self) -> None:
        """A goal of nouns alone: ``Appointment cancellation``, ``New booking for a guest``."""
        words = [token for token in self._tokens if token not in ENDS]
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
        return token.isalpha() and token not in NO_VERBS | ASKING | POLITE | STOP_WORDS | GIVEN_AFTER | PLACED_AFTER | TIME_AFTER

    def _is_verb(self, at: int, begins: bool, root: str, following: str) -> bool:
        if following in DETERMINERS or following.isdigit():
            return True
        return begins and root in ALWAYS_VERBS_FIRST and following != "of" and at == 0
