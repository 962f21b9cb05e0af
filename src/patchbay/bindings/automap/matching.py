"""How well a run of words fits a name: an argument's or a field's."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from patchbay.bindings.automap.name_words import Words
from patchbay.bindings.automap.profile import Profile
from patchbay.bindings.automap.terms import Phrase
from patchbay.bindings.automap.verbs import stemmed
from patchbay.bindings.call_arguments import telling_part
from patchbay.bindings.parameters import is_about_people, meaning_of
from patchbay.schema_graph.model import Argument
from patchbay.schema_graph.naming import split_words

GOOD = 0.45
"""From this on a fit is taken."""
FREE = frozenset({"json", "object", "bytes"})
"""Types whose values no agent can be asked for."""
_FREE_TEXT = stemmed("query q search term keyword text")
_SEARCHED = stemmed("name word words text title search keyword term")
_SAYS_LITTLE = stemmed("id number no code the value exact eq uid sid key filter at gid")
_SAME_CANONICAL = 0.35
_NAME_PARTS = {"first": {"first", "given", "forename"}, "last": {"last", "family", "surname", "sur"}}
NESTED, NOT_ITS_HEAD = 0.1, 0.85


PERSON = 0.6
"""How well one word for a person fits an argument named by another: a *client* is a *contact*."""
SEARCH = 1.05
"""How well a search for words fits a name or a title: better than equality, for what is said is seldom spelled the same."""


class Fit(msgspec.Struct, frozen=True):
    """An argument and how well it fits (0 to about 1.3)."""

    argument: Argument
    score: float


def fit(phrase: Phrase, own: Sequence[str], around: Collection[str], words: Words, named: str) -> float:
    """How well the words of ``phrase`` fit a name with the stems ``own``, in a context of ``around``: from 0 to about 1.3."""
    weights = [0.4 + 0.6 * words.rarity(term.stem) if term.stem not in _SAYS_LITTLE else 0.25 for term in phrase.terms]
    total = sum(weights) or 1.0
    got = 0.0
    used: set[str] = set()
    for term, weight in zip(phrase.terms, weights, strict=True):
        best, by = 0.0, None
        for word, strength in term.means.items():
            found = strength if word in own else 0.5 * strength if word in around else 0.0
            if found > best:
                best, by = found, word
        got += weight * best
        if by is not None:
            used.add(by)
    recall = got / total
    if recall == 0.0:
        return 0.0
    said = [word for word in dict.fromkeys(own) if word not in _SAYS_LITTLE]
    precision = sum(1 for word in said if word in used) / len(said) if said else 1.0
    score = recall * (0.55 + 0.45 * precision)
    if said and said[-1] not in used and phrase.terms[-1].stem not in _SAYS_LITTLE and not used.intersection(own[-1:]):
        score *= NOT_ITS_HEAD
    mine, its = _part_of_a_name(phrase.text), _part_of_a_name(named)
    if mine is not None and its is not None:
        return max(score, 1.0) if mine == its else 0.5 * score
    canonical = meaning_of(phrase.text)
    if canonical is not None and meaning_of(named) is canonical:
        score += _SAME_CANONICAL
    return score


def _part_of_a_name(text: str) -> str | None:
    """Which part of somebody's name a text says: ``first`` or ``last``."""
    words = {part for word in split_words(text) for part in (word, word.removesuffix("name"))}
    return next((which for which, said in _NAME_PARTS.items() if not words.isdisjoint(said)), None)


def names_a_person(part: str) -> bool:
    """Whether an argument of this name says who somebody is: ``customer``, ``contactID``."""
    words = [word for word in split_words(part) if word not in ("id", "ids", "uuid", "number", "no", "key")]
    return len(words) == 1 and words[0] not in ("account", "owner", "user") and is_about_people(words[0])


def free_text(profile: Profile) -> Argument | None:
    """The argument that takes words to search for, if there is one."""
    found = [a for a, own, _ in profile.arguments if own and _FREE_TEXT.issuperset(own) and a.type == "string" and not a.enum]
    return min(found, key=lambda a: (profile.depth(a.name), len(a.name)), default=None)


def best_argument(phrase: Phrase, profile: Profile, taken: Collection[str] = (), least: float = GOOD) -> Fit | None:
    """The argument that fits a phrase best, or None when none does well enough. Near ties go to what must be given, to what
    stands on the record itself, and to the shorter name.
    """
    best: tuple[tuple[float, int, int], Argument] | None = None
    who = is_about_people(phrase.terms[-1].word)
    for argument, own, around in profile.arguments:
        if argument.name in taken or argument.type in FREE or "payment_card" in argument.badges:
            continue
        score = fit(phrase, own, around, profile.words, argument.name.rpartition(".")[2])
        if score < PERSON and who and names_a_person(telling_part(argument.name)[0]):
            score = PERSON
        if _FREE_TEXT.issuperset(own) and any(term.stem in _SEARCHED for term in phrase.terms):
            score = max(score, SEARCH)
        if phrase.after in ("from", "to") and own == (phrase.after,) and argument.type == "string":
            score = max(score, 1.0)  # what a message comes from and goes to is named by its preposition
        if score < least:
            continue
        score += 0.1 * argument.required + 0.05 * argument.indexed - NESTED * profile.depth(argument.name)
        score -= 0.3 * (argument.type == "boolean")
        if score < least - 0.15:
            continue
        key = (score, -argument.name.count("."), -len(argument.name))
        if best is None or key > best[0]:
            best = (key, argument)
    return None if best is None else Fit(best[1], best[0][0])
