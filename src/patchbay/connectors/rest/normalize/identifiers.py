"""References by identifier: ``customer_id`` of an order may be the ``id`` of a customer. Evidence, not a declared relationship.

Such an edge is marked as inferred and never followed by a path. An object answers to its name, and to the last words of it, as
long as no other object does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from patchbay.connectors.rest.normalize.drafts import Draft
from patchbay.schema_graph.model import Edge, Field
from patchbay.schema_graph.naming import singular_word, split_words, without_id

_KINDS = {"string": "text", "uuid": "text", "integer": "number", "number": "number", "enum": "text"}
_ENDING = ("id", "Id", "ID", "iD")
_SURE, _LIKELY = 0.8, 0.6


class Identified:
    """The objects that have an identifier, by what a reference to them would be called."""

    def __init__(self, drafts: Iterable[Draft]) -> None:
        self._exact: dict[str, Draft | None] = {}
        self._ending: dict[str, Draft | None] = {}
        self._keys: dict[str, Field] = {}
        for draft in drafts:
            key = _identifier(draft)
            if key is not None and draft.kind == "type":
                self._keys[draft.name] = key
                self._enter(draft)

    def _enter(self, draft: Draft) -> None:
        words = _words(draft.bare)
        _claim(self._exact, "".join(words), draft)
        if len(words) > 1:
            _claim(self._ending, words[-1], draft)

    def edges_of(self, draft: Draft) -> list[Edge]:
        """The inferred edges of one object, for its fields that end in ``id``."""
        found: list[Edge] = []
        taken = {edge.name for edge in draft.edges}
        for field in draft.fields:
            if not field.name.endswith(_ENDING) or field.type not in _KINDS:
                continue
            name = without_id(field.name)
            if name is None or name in taken:
                continue
            match = self._match(name, field)
            if match is not None and match[0].name != draft.name:
                target, confidence = match
                pairs = ((field.name, self._keys[target.name].name),)
                taken.add(name)
                found.append(
                    Edge(name, target.name, "many_to_one", pairs, nullable=field.nullable, inferred=True, confidence=confidence)
                )
        return found

    def _match(self, name: str, field: Field) -> tuple[Draft, float] | None:
        key = "".join(_words(name))
        for index, confidence in ((self._exact, _SURE), (self._ending, _LIKELY)):
            draft = index.get(key)
            if draft is not None and _KINDS.get(self._keys[draft.name].type) == _KINDS[field.type]:
                return draft, confidence
            if key in index:
                return None
        return None


def _claim(index: dict[str, Draft | None], key: str, draft: Draft) -> None:
    index[key] = draft if key not in index else None


def _identifier(draft: Draft) -> Field | None:
    """The field that tells one record of an object from another: ``id``, or its own name with ``id``."""
    named = {field.name.lower().replace("_", ""): field for field in draft.fields if field.name.endswith(_ENDING)}
    found = named.get("id") or (named.get("".join(_words(draft.bare)) + "id") if named else None)
    return found if found is not None and found.type in _KINDS else None


def _words(name: str) -> tuple[str, ...]:
    words = split_words(name.rpartition(".")[2])
    return (*words[:-1], singular_word(words[-1])) if words else ()


def referring(drafts: Mapping[str, Draft]) -> dict[str, list[Edge]]:
    """The inferred edges of every object that has any."""
    identified = Identified(drafts.values())
    found = {name: identified.edges_of(draft) for name, draft in drafts.items()}
    return {name: edges for name, edges in found.items() if edges}
