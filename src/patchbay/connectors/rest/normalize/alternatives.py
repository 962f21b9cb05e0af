"""Schemas that are one of several (``oneOf``, ``anyOf``): the only one besides null, a common type, or a union of records.

A union has the members of all its alternatives, and an edge to each that is an object of its own: what is blocked of that one is
blocked of the union.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import msgspec

from patchbay.connectors.rest.documents.values import is_object
from patchbay.connectors.rest.normalize.drafts import Draft, Drafts
from patchbay.connectors.rest.normalize.schemas import Schema, Schemas, is_null, is_nullable, properties_of, variants_of
from patchbay.connectors.rest.normalize.shapes import Shape, either, or_null
from patchbay.schema_graph.model import Edge

_UNION_NAMES = 3
_SAYING = frozenset({"type", "enum", "const", "items", "additionalProperties", "format", "oneOf", "anyOf", "$ref"})


class Shapes(Protocol):
    """What tells of the schemas that alternatives are."""

    def shape(self, schema: Schema, owner: str, name: str, depth: int = 0) -> Shape:
        """What a schema is as the property ``name`` of ``owner``."""
        ...

    def of_type(self, plain: Schema, owner: str, name: str, depth: int) -> Shape:
        """What a plain schema without alternatives is."""
        ...

    def of_object(self, plain: Schema, owner: str, name: str, depth: int) -> Shape:
        """What a plain schema with members is."""
        ...

    def whole(self, shape: Shape, nodes: Sequence[Any]) -> Shape:
        """A value that is read as a whole, with whose records it may hold."""
        ...


class _Found(msgspec.Struct, gc=False):
    """Alternatives by what they are: ``records`` are objects by name, ``nested`` have members and no name."""

    records: dict[str, Shape] = {}
    nested: list[Schema] = []
    others: list[Shape] = []

    def shapes(self) -> Iterator[Shape]:
        yield from self.records.values()
        yield from self.others


class Alternatives:
    """The alternatives of one description, and the unions they make.

    Who asks for a shape hands itself in: two that hold each other would keep the whole document until a garbage collection.
    """

    def __init__(self, schemas: Schemas, kept: Drafts) -> None:
        self._schemas = schemas
        self._kept = kept
        self._drafts = kept.by_name
        self._unions: dict[frozenset[str], str] = {}

    def shape(self, shapes: Shapes, plain: Schema, owner: str, name: str, depth: int) -> Shape:
        """What a plain schema with alternatives is as the property ``name`` of ``owner``, or as ``owner`` itself."""
        found = _Found()
        if "properties" in plain and properties_of(plain):
            found.nested.append(plain)
        nullable = is_nullable(plain)
        for variant in variants_of(plain):
            if is_null(variant):
                nullable = True
            elif is_object(variant):
                self._sort(shapes, variant, owner, name, depth, found)
        nullable = nullable or any(shape.nullable for shape in found.shapes())
        shape = self._one_of(shapes, plain, found, owner, name, depth)
        return or_null(shape) if nullable else shape

    def node(self, draft: Draft) -> Schema:
        """The plain schema of an object; a union's has the members of all alternatives."""
        if (draft.members or draft.parts) and not draft.united:
            draft.united = True
            parts = [*draft.parts, *(self.node(self._drafts[name]) for name in draft.members)]
            draft.node = self._schemas.united([part for part in parts if properties_of(part)])
        return draft.node

    def edges(self, draft: Draft, taken: set[str]) -> Iterator[Edge]:
        """From a union to each of its objects. ``taken`` are the names of its other edges."""
        for member in draft.members:
            if member != draft.name:
                name = self._drafts[member].bare
                while name in taken:
                    name = f"on_{name}"
                taken.add(name)
                yield Edge(name, member, "many_to_one", (), embedded=True, narrows=True)

    def _sort(self, shapes: Shapes, variant: Schema, owner: str, name: str, depth: int, found: _Found) -> None:
        """Put one alternative to the objects, the nested ones or the rest."""
        ref = self._schemas.alias_of(variant) if "$ref" in variant or "allOf" in variant else None
        if ref is None:
            plain = self._schemas.plain(variant)
            if properties_of(plain):
                found.nested.append(plain)
                return
            if not (plain.keys() & _SAYING):
                return  # it only demands some of the properties that are described elsewhere
        shape = shapes.shape(variant, owner, name, depth + 1)
        if shape.target is not None and not shape.many and not shape.expandable:
            found.records.setdefault(shape.target, shape)
        elif shape.fields and not shape.many and shape.type == "object":
            found.nested.append(self._schemas.plain(variant))
        else:
            found.others.append(shape)

    def _one_of(self, shapes: Shapes, plain: Schema, found: _Found, owner: str, name: str, depth: int) -> Shape:
        held = self._record(shapes, plain, found, owner, name, depth)
        others = found.others
        if held is not None:
            singles = [shape for shape in others if shape.type not in ("json", "array", "object")]
            return _expanded(singles, held) if singles and held.target is not None and not held.fields else held
        if not others:
            return shapes.of_type(plain, owner, name, depth)
        if len(others) == 1:
            return others[0]
        lists = [shape for shape in others if shape.target is not None]
        if len({shape.target for shape in lists}) == 1:
            return lists[0]
        return shapes.whole(either(others), variants_of(plain))

    def _record(self, shapes: Shapes, plain: Schema, found: _Found, owner: str, name: str, depth: int) -> Shape | None:
        """The object that the alternatives with members make, or the nested value when none of them has a name."""
        if not found.nested:
            alive = self._alive(found.records)
            return alive[0] if len(alive) == 1 else self._union(plain, alive, owner if not name else "") if alive else None
        if found.records:
            bare = owner if not name else self._kept.free(f"{owner} {name}")
            draft = self._kept.register(bare, plain, "union", tuple(found.records), tuple(found.nested))
            return Shape("object", bare, target=draft.name)
        united = self._schemas.united(found.nested) if len(found.nested) > 1 else found.nested[0]
        if not name:
            return Shape("object", owner, target=self._kept.register(owner, united, "union").name)
        return shapes.of_object(united, owner, name, depth)

    def _alive(self, records: dict[str, Shape]) -> list[Shape]:
        """Without what only says that a record is gone: a ``deleted`` mark beside a few members of another alternative."""
        if len(records) < 2:
            return list(records.values())
        names = {target: set(properties_of(self.node(self._drafts[target]))) for target in records}
        kept: list[Shape] = []
        for target, shape in records.items():
            rest = names[target] - {"deleted"}
            gone = len(rest) < len(names[target]) and any(rest < names[other] for other in records if other != target)
            if not gone:
                kept.append(shape)
        return kept or list(records.values())

    def _union(self, plain: Schema, alternatives: Sequence[Shape], owner: str) -> Shape:
        """An object that is any of several named ones; the same ones anywhere are the same union."""
        targets = tuple(dict.fromkeys(shape.target for shape in alternatives if shape.target is not None))
        known = self._unions.get(frozenset(targets)) if not owner else None
        if known is None:
            bare = owner
            if not bare:
                shown = " or ".join(self._drafts[target].bare for target in targets[:_UNION_NAMES])
                bare = self._kept.free(shown + (f" or {len(targets) - _UNION_NAMES} more" if len(targets) > _UNION_NAMES else ""))
            known = self._kept.register(bare, plain, "union", targets).name
            self._unions.setdefault(frozenset(targets), known)
        return Shape("object", self._drafts[known].bare, target=known)


def _expanded(singles: list[Shape], held: Shape) -> Shape:
    """A text, such as an identifier, or the record itself."""
    text = either(singles)
    kind = text.type if text.type != "enum" else "string"
    native = f"{text.native} or {held.native}"
    return Shape(kind, native, True, target=held.target, max_length=text.max_length, expandable=True)
