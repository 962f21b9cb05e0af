"""Which operations may answer a goal: everything the index of the view finds for its words, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterator

from patchbay.bindings.automap.goal import Goal
from patchbay.bindings.automap.name_words import Words
from patchbay.bindings.automap.profile import Profile
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.search import Hit, SearchIndex

MOST_CANDIDATES = 100
_HITS = 40
_OF_AN_OBJECT = 24
_LESS = 0.5
"""What is found by its record alone comes after what is found by its name."""


def retrieve(goal: Goal, view: View, index: SearchIndex) -> dict[str, tuple[Profile, float]]:
    """The candidates by name, each with how high the index placed it (1 the first, towards 0 the last)."""
    words = Words(index)
    found: dict[str, tuple[Profile, float]] = {}
    changing = _changing(view) if goal.writes and view.kind == "graphql" else {}
    for query in dict.fromkeys(_queries(goal)):
        for place, hit in enumerate(index.search(query, _HITS)):
            prior = 1 - place / _HITS
            named = [(name, prior) for name in _operations(hit, goal, view)]
            for name, how in (*named, *((name, _LESS * prior) for name in changing.get(hit.object or "", ())[:_OF_AN_OBJECT])):
                known = found.get(name)
                if known is not None:
                    if how > known[1]:
                        found[name] = (known[0], how)
                    continue
                operation = view.operation(name)
                if operation is not None and (operation.effect == "write") == goal.writes and operation.unusable is None:
                    found[name] = (Profile(operation, view, words), how)
    if len(found) > MOST_CANDIDATES:
        found = dict(sorted(found.items(), key=lambda item: -item[1][1])[:MOST_CANDIDATES])
    return found


def _queries(goal: Goal) -> Iterator[str]:
    """The goal's words together, what it is about with each deed, and each run of words alone."""
    content = [term.word for phrase in goal.phrases for term in phrase.terms] or list(goal.deeds)
    if not content:
        return
    subject = [term.word for phrase in goal.having("subject") for term in phrase.terms]
    deed = next((phrase for phrase in goal.deeds), "")
    yield " ".join(content[:16])
    yield " ".join(subject[:16])
    for phrase in goal.having("subject"):
        yield phrase.text
        if deed and goal.writes:
            yield f"{deed} {phrase.text}"
    for term in goal.asks[:8]:
        yield term.word
    for deed in goal.deeds if goal.writes else ():
        yield deed
    for phrase in goal.phrases[:12]:
        yield phrase.text
        yield phrase.terms[-1].word


def _operations(hit: Hit, goal: Goal, view: View) -> Iterator[str]:
    if hit.kind == "operation":
        if hit.operation is not None:
            yield hit.operation
        if not goal.writes or hit.object is None:
            return
    if hit.object is None:
        return
    if hit.operation is not None and not goal.writes:
        yield hit.operation
    for operation in view.operations(object=hit.object, include_writes=goal.writes)[:_OF_AN_OBJECT]:
        yield operation.name


def _changing(view: View) -> dict[str, list[str]]:
    """The mutations by the records in their payloads; a payload's own words say little."""
    found: dict[str, list[str]] = {}
    for operation in view.operations(include_writes=True):
        payload = view.object(operation.object) if operation.effect == "write" and operation.object is not None else None
        for edge in payload.edges if payload is not None else ():
            found.setdefault(edge.target, []).append(operation.name)
    return found
