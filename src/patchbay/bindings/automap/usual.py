"""What such a write is usually given although the goal does not name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from patchbay.bindings.automap.mapped import Found
from patchbay.bindings.automap.matching import FREE, names_a_person
from patchbay.bindings.automap.verbs import stemmed
from patchbay.bindings.call_arguments import telling_part
from patchbay.schema_graph.model import Argument
from patchbay.schema_graph.stems import stem

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

_PAST = stemmed("create created update updated modified close closed complete completed delete deleted cancelled")
"""What the system notes by itself."""
_MOMENTS = stemmed("start starts due date")

_MOST_USUAL = {"insert": 5, "update": 2, "delete": 0, "read": 0}

_LEAST_USUAL = 0.55

_LITTLE = stemmed("id number no code key identifier reference ref")


def usual(found: Found) -> None:
    """What such a write is usually given and the goal does not name; none of it has to be given."""
    named = sum(1 for one in found.mapped.values() if not one.argument.required)
    room = _MOST_USUAL[found.profile.intent] - named
    if named and found.profile.intent == "update":
        return  # what is to be changed is said
    ranked: list[tuple[float, Argument]] = []
    for argument, own, _ in found.profile.arguments:
        deep = found.profile.depth(argument.name)
        if (
            "payment_card" in argument.badges
            or argument.required
            or argument.name in found.mapped
            or deep > 1
            or argument.type in (*FREE, "boolean")
        ):
            continue
        if argument.role == "key" or found.pages(argument):
            continue
        ranked.append((_usualness(found, argument, own) - 0.3 * deep, argument))
    ranked.sort(key=lambda one: (-one[0], len(one[1].name), one[1].name))
    for score, argument in ranked[: max(0, room)]:
        if score >= _LEAST_USUAL:
            found.add(argument, None, required=False)


def _usualness(found: Found, argument: Argument, own: Sequence[str]) -> float:
    said = {word: s for phrase in found.goal.phrases for term in phrase.terms for word, s in term.means.items()}
    words = [word for word in dict.fromkeys(own) if word not in found.profile.record_name]
    best = max((_USUAL.get(word, 0.0) for word in words[-1:]), default=0.0)
    best = max(best, max((0.9 * _USUAL.get(word, 0.0) for word in words if word in _MOMENTS), default=0.0))
    best -= 0.12 * max(0, len(words) - 1) + (0.0 if _PAST.isdisjoint(words) else 1.0)
    part, _ = telling_part(argument.name)
    if (own and own[-1] == "id") or names_a_person(part):
        best = 0.75 if names_a_person(part) else 0.3
    return best + 0.5 * max((said.get(word, 0.0) for word in own[-1:] if word not in _LITTLE), default=0.0)
