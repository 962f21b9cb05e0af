"""Choosing what comes back: what the goal asks for by name, what its question words ask for, and what says which record it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from patchbay.bindings.automap.goal import Goal
from patchbay.bindings.automap.leaves import Leaf
from patchbay.bindings.automap.matching import fit
from patchbay.bindings.automap.profile import Profile
from patchbay.bindings.automap.terms import Phrase, Role
from patchbay.bindings.automap.verbs import stemmed
from patchbay.bindings.parameters import is_about_people
from patchbay.schema_graph.naming import split_words
from patchbay.schema_graph.stems import stem

MOST_FIELDS = 8
WITHIN = 2
_NEIGHBOUR = 0.55
MOST_DEFAULTS, DEFAULTS_BESIDE, ENOUGH = 6, 4, 2
_GOOD = 0.5
_FAR, _LISTED, _ONLY_A_KEY, _PARTLY = 0.2, 0.12, 0.35, 0.4
_SECRET = stemmed("password passwd secret token hash salt credential apikey cvv cvc etag")
_WITHOUT_A_FORM = frozenset({"json", "object", "bytes"})
_DATED = frozenset({"date", "datetime", "time"})
_DATE_WORDS = stemmed("date time at day on due start end deadline arrival when utc period year month")
_MONEY = stemmed("amount price total balance cost fee")
_PLACES = stemmed("address street line1 line city town locality postcode postal zip address1")

_SALIENT: Mapping[str, float] = {
    stem(word): weight
    for word, weight in {
        "name": 1.0, "title": 0.98, "subject": 0.9, "number": 0.95, "status": 0.95, "state": 0.9, "amount": 0.85, "total": 0.85,
        "balance": 0.8, "quantity": 0.8, "price": 0.75, "date": 0.7, "due": 0.7, "start": 0.75, "starts": 0.75, "end": 0.5,
        "ends": 0.5, "email": 0.6, "phone": 0.6, "description": 0.35, "summary": 0.5, "type": 0.35, "currency": 0.45, "at": 0.3,
        "url": 0.3, "body": 0.7, "text": 0.8, "snippet": 0.7, "message": 0.6, "content": 0.7, "comments": 0.7,
        "comment": 0.7, "code": 0.35, "created": 0.55, "id": 0.5, "duration": 0.6, "length": 0.5, "active": 0.45,
        "available": 0.5, "brand": 0.5, "remaining": 0.6, "presence": 0.6, "result": 0.4, "login": 0.5, "tag": 0.4,
        "published": 0.5,
        "company": 0.4, "city": 0.3, "count": 0.4, "size": 0.3, "sid": 0.4, "reason": 0.3, "ok": 0.5, "ts": 0.3, "rating": 0.6,
        "notes": 0.25, "role": 0.4, "first": 0.3, "last": 0.3, "given": 0.3, "family": 0.3,
    }.items()
}  # fmt: skip
"""How telling a field is by itself, by its words."""
_OTHER = 0.28
_TEXTS = stemmed("text body content comment comments")
_SAID = stemmed("message messages comment reply note review post conversation")
_BESIDE_THE_POINT = stemmed("""version metadata modified rowguid self kind livemode hash deleted internal legacy reset
    raw html cursor
    typename position sort""")


class Chosen(msgspec.Struct, frozen=True):
    """A field that is to come back. ``because``: the goal's words for it, None where it is only usual to tell it."""

    leaf: Leaf
    because: str | None = None


def choose(goal: Goal, profile: Profile) -> tuple[list[Chosen], list[str]]:
    """The fields to return, most wanted first, and what was asked for that nothing offers."""
    leaves = [leaf for leaf in profile.leaves if _may_come_back(leaf)]
    if goal.writes and profile.operation.record_arguments:
        leaves = [leaf for leaf in leaves if leaf.hops == 0]  # a write gives back its own record alone
    chosen: dict[tuple[str, ...], Chosen] = {}
    missing: list[str] = []
    named = 0
    for phrase in _asked_for(goal, profile):
        found = _best(phrase, leaves, profile, chosen)
        if not found and phrase.said and "subject" not in phrase.roles:
            missing.append(phrase.text)
        for leaf in found:
            if chosen.setdefault(leaf.path, Chosen(leaf, phrase.text)).because:
                named += 1
    for leaf in _answering(goal, leaves, profile, chosen):
        named += leaf.path not in chosen
        chosen.setdefault(leaf.path, Chosen(leaf, "what is asked"))
    room = MOST_DEFAULTS if named < ENOUGH else DEFAULTS_BESIDE
    for leaf in _usual(goal, leaves, profile, chosen)[:room]:
        chosen.setdefault(leaf.path, Chosen(leaf))
    for one in (*_currencies(chosen, leaves), *_told_errors(goal, profile, leaves)):
        chosen.setdefault(one.path, Chosen(one))
    kept = list(chosen.values()) or [Chosen(leaf) for leaf in _nearest(leaves)]
    return kept[: MOST_FIELDS + 1], missing


def _nearest(leaves: Sequence[Leaf]) -> list[Leaf]:
    """The first fields of the record itself, where nothing of it is plainly telling."""
    plain = [leaf for leaf in leaves if _BESIDE_THE_POINT.isdisjoint(leaf.stems)] or list(leaves)
    return sorted(plain, key=lambda leaf: (leaf.hops, leaf.many))[:DEFAULTS_BESIDE]


def _currencies(chosen: Mapping[tuple[str, ...], Chosen], leaves: Sequence[Leaf]) -> list[Leaf]:
    """The currencies that stand beside chosen amounts, without which these say little."""
    holders = {path[:-1] for path, one in chosen.items() if not _MONEY.isdisjoint(one.leaf.stems)}
    return [leaf for leaf in leaves if leaf.path[:-1] in holders and leaf.stems == (stem("currency"),)][:1]


def _told_errors(goal: Goal, profile: Profile, leaves: Sequence[Leaf]) -> list[Leaf]:
    """What a GraphQL write says of its own failure, beside the record: it fails with an answer like any other."""
    if not goal.writes or profile.view.kind != "graphql":
        return []
    told = [leaf for leaf in leaves if len(leaf.path) == 2 and leaf.path[1] == "message" and "error" in leaf.path[0].lower()]
    return sorted(told, key=lambda leaf: (leaf.path[0].lower() not in ("errors", "usererrors"), leaf.path))[:1]


def _may_come_back(leaf: Leaf) -> bool:
    """Whether a leaf can be returned without a second thought: readable, of a plain form, no card number and no secret."""
    field = leaf.field
    plain = (field.item_type or "json") if field.type == "array" else field.type
    if "payment_card" in field.badges or plain in _WITHOUT_A_FORM or not _SECRET.isdisjoint(leaf.stems):
        return False
    return leaf.field.name != "__typename"


def _asked_for(goal: Goal, profile: Profile) -> Iterable[Phrase]:
    if goal.writes:
        return ()
    heads = {*profile.record_name[-1:], *profile.name[-1:]}
    return [
        phrase
        for phrase in (one for said in goal.phrases for one in _apart(said))
        if "wanted" in phrase.roles
        or (phrase.roles == frozenset[Role](("subject",)) and phrase.said and heads.isdisjoint(phrase.terms[-1].means))
    ]


def _apart(phrase: Phrase) -> list[Phrase]:
    """The words that an everyday saying stands for mean the same, so each may be the field."""
    return [phrase] if phrase.said else [msgspec.structs.replace(phrase, terms=(term,)) for term in phrase.terms]


def _best(phrase: Phrase, leaves: Sequence[Leaf], profile: Profile, chosen: Mapping[tuple[str, ...], object]) -> list[Leaf]:
    """The leaf that a phrase names; for one that names a record within the record, what tells which one that is."""
    best: tuple[float, Leaf] | None = None
    placed = not _PLACES.isdisjoint(term.stem for term in phrase.terms)
    for leaf in leaves:
        if leaf.path in chosen:
            continue
        around = {word for part in leaf.path[:-1] for word in profile.words.of(part)}
        score = fit(phrase, leaf.stems, around, profile.words, leaf.field.name) - _FAR * leaf.hops - _LISTED * leaf.many
        score += 0.05 * _salience(leaf) - _ONLY_A_KEY * (_is_key(leaf) and not _says_key(phrase))
        score -= _PARTLY * (leaf.field.type == "boolean" and placed)
        if score >= _GOOD and (best is None or score > best[0] + 1e-9):
            best = (score, leaf)
    if best is not None and (not _is_key(best[1]) or _says_key(phrase)):
        return [best[1]]
    within = [
        leaf
        for leaf in leaves
        if len(leaf.path) > 1 and _names(phrase, profile.words.of(leaf.path[-2])) and leaf.path not in chosen
    ]
    within.sort(key=lambda leaf: (leaf.hops, -_tells_which(leaf)))
    nearest = [leaf for leaf in within if not _is_key(leaf) and leaf.hops == within[0].hops and _salience(leaf) > 0.3]
    return nearest[:WITHIN] or ([best[1]] if best is not None else [])


def _tells_which(leaf: Leaf) -> float:
    """How much of a record within the record a leaf tells: of somebody the name, of an address the street and the city."""
    placed = not _PLACES.isdisjoint(leaf.stems) and leaf.field.type != "boolean"
    return _salience(leaf) + 0.3 * (stem("name") in leaf.stems and is_about_people(leaf.holder)) + 0.6 * placed


def _is_key(leaf: Leaf) -> bool:
    return leaf.stems[-1:] in (("id",), ("sid",), ("gid",), ("uid",), ("guid",), ("url",), ("uri",), ("href",))


def _says_key(phrase: Phrase) -> bool:
    return any(term.stem in ("id", "numb", "identifi", "sid", "url", "link", "web", "websit") for term in phrase.terms)


def _names(phrase: Phrase, own: Sequence[str]) -> bool:
    return any(strength >= 0.5 and word in own for word, strength in phrase.terms[-1].means.items())


def _answering(goal: Goal, leaves: Sequence[Leaf], profile: Profile, chosen: Mapping[tuple[str, ...], object]) -> list[Leaf]:
    """What answers the goal's question words: when a date, how much an amount; of several the one nearest to its other words."""
    if not goal.asks:
        return []
    said = {word: strength for phrase in goal.phrases for term in phrase.terms for word, strength in term.means.items()}
    asked = {term.stem: 1 - 0.06 * place for place, term in enumerate(goal.asks)}
    dated = not {stem("date")}.isdisjoint(asked)
    placed = not {stem("address")}.isdisjoint(asked)
    who = "who" in goal.said.split()
    best: list[tuple[float, Leaf]] = []
    for leaf in leaves:
        if _is_key(leaf):
            continue
        around = {word for part in leaf.path[:-1] for word in profile.words.of(part)}
        hit = max((asked[word] for word in leaf.stems if word in asked), default=0.0)
        if not hit and placed and not around.isdisjoint(asked) and not _PLACES.isdisjoint(leaf.stems):
            hit = 0.9
        if who and stem("name") in leaf.stems:
            hit += 0.5 * (is_about_people(leaf.holder) or any(map(is_about_people, leaf.path[:-1])))
        if dated and (leaf.field.type in _DATED or (hit == 0.0 and not _DATE_WORDS.isdisjoint(leaf.stems))):
            hit = max(hit, 0.8)
        if hit:
            near = sum(said.get(word, 0.0) for word in dict.fromkeys(leaf.stems))
            beside = 0.3 * (not _BESIDE_THE_POINT.isdisjoint(leaf.stems))
            best.append((hit + near + 0.4 * _salience(leaf) - beside - 2.5 * _FAR * leaf.hops - _LISTED * leaf.many, leaf))
    best.sort(key=lambda one: (-one[0], one[1].path))
    ranked = [leaf for _, leaf in best]
    first = [
        leaf
        for question in goal.questions
        if (leaf := next((one for one in ranked if _answers(one, question)), None)) is not None
    ]
    return list({leaf.path: leaf for leaf in (*first, *ranked)}.values())[: 1 + max(1, len(goal.questions))]


def _answers(leaf: Leaf, question: frozenset[str]) -> bool:
    """Whether a leaf is of the kind that a question word asks for."""
    return not question.isdisjoint(leaf.stems) or (stem("date") in question and leaf.field.type in _DATED)


def _usual(goal: Goal, leaves: Sequence[Leaf], profile: Profile, chosen: Mapping[tuple[str, ...], object]) -> list[Leaf]:
    """What one usually wants to know of a record, the most telling first."""
    root = profile.record
    people = root is not None and is_about_people(root.name)
    said = {word: s for phrase in goal.phrases for term in phrase.terms for word, s in term.means.items()}
    own = {*profile.record_name}
    wrapped = profile.record is not profile.root
    placed = root is not None and any(stem("country") in profile.words.of(field.name) for field in root.fields)
    ranked: list[tuple[float, Leaf]] = []
    for leaf in leaves:
        if leaf.path in chosen or ("pii" in leaf.field.badges and not people and not any(w in said for w in leaf.stems)):
            continue
        inside = wrapped and root is not None and leaf.holder == root.name and leaf.hops == 0
        score = _salience(leaf)
        if leaf.hops == 0 or inside:
            score += 0.25 * sum(said.get(word, 0.0) for word in dict.fromkeys(leaf.stems) if word not in own)
        score -= _NEIGHBOUR * leaf.hops + _LISTED * leaf.many
        if leaf.stems[-1:] == ("stat",) and placed and leaf.field.type != "enum":
            score -= 0.6
        if leaf.stems[-1] in ("id", "sid") and own.issuperset(leaf.stems[:-1]) and (inside or leaf.hops == 0):
            score = 1.2 if goal.writes and (inside or not wrapped) else max(score, 0.9)
        if score > 0.2:
            ranked.append((score, leaf))
    ranked.sort(key=lambda one: (-one[0], len(one[1].path), one[1].path))
    return [leaf for _, leaf in ranked]


def _salience(leaf: Leaf) -> float:
    """How telling a leaf is by itself: by its most telling word, less for each word that says it is about something else."""
    if not leaf.stems:
        return 0.0
    words = dict.fromkeys(leaf.stems)
    best = max((_SALIENT.get(word, 0.0) for word in words), default=0.0)
    if leaf.stems[-1] in ("id", "sid") and len(words) > 1:
        best = 0.15
    holder = split_words(leaf.holder)
    own = {stem(word) for word in holder}
    best -= sum(0.05 if word in _SALIENT else 0.0 if word in own else _OTHER for word in words) - 0.05
    best -= 0.5 * (not _BESIDE_THE_POINT.isdisjoint(words))
    if not _TEXTS.isdisjoint(words) and any(
        word in _SAID for word in (*own, *map(stem, split_words(leaf.path[-2] if len(leaf.path) > 1 else "")))
    ):
        best += 0.4
    return best + 0.1 * (leaf.field.type == "enum") + 0.1 * leaf.field.unique
