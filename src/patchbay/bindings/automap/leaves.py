"""What can come back of an operation: the fields of its record and of what lies near it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from patchbay.bindings.automap.name_words import Words
from patchbay.bindings.path_problems import can_follow, holds_members
from patchbay.schema_graph.model import Edge, Field, Object
from patchbay.schema_graph.scoping import View

MOST_FIELDS = 160
_FARTHEST, _DEEPEST = 2, 5
"""Hops from the record that are read, and from the answer."""
WENT_WRONG = re.compile(r"(?<!or)errors?$|failure|problem|exception|^(?:me|viewer|query)$", re.IGNORECASE)
"""Parts of a payload that are not the record: what went wrong, and doors to the rest of the system."""
_VALUES = frozenset({"amount", "value", "gross", "net"})


class Leaf:
    """Something that can come back: its path from the record, the object that has it, and its words."""

    __slots__ = ("field", "holder", "hops", "many", "path", "stems")

    def __init__(self, path: tuple[str, ...], field: Field, holder: str, own: tuple[str, ...], hops: int, many: bool) -> None:
        self.path, self.field, self.holder, self.stems, self.hops, self.many = path, field, holder, own, hops, many


class Leaves:
    """The walk from what an operation returns (``root``) over its ``record``, nearest first."""

    def __init__(self, view: View, words: Words, root: Object, record: Object | None) -> None:
        self.view, self.words, self.root, self.record = view, words, root, record

    def __iter__(self) -> Iterator[Leaf]:
        layer: list[tuple[Object, tuple[str, ...], int, bool]] = [(self.root, (), 0, False)]
        for _ in range(_DEEPEST + 1):
            following: list[tuple[Object, tuple[str, ...], int, bool]] = []
            for obj, way, hops, many in layer:
                yield from self._of_object(obj, way, hops - 1 if way and _is_a_value(obj) else hops, many)
                for edge, target in self._onward(obj, way):
                    wraps = self._is_around_the_record(obj) and not WENT_WRONG.search(edge.name)
                    further = hops + (0 if wraps else 1)
                    if further <= _FARTHEST:
                        following.append((target, (*way, edge.name), further, many or not edge.to_one))
            layer = following[:80]

    def _onward(self, obj: Object, way: tuple[str, ...]) -> Iterator[tuple[Edge, Object]]:
        """The edges that a path may go on with, and what they lead to; of a union those to what went right."""
        held = {field.name: field.readable for field in obj.fields}
        unites = obj.kind == "union" and self.view.kind == "graphql"
        for edge in obj.edges[:60]:
            target = self.view.object(edge.target)
            if target is None or not can_follow(edge) or edge.name in way:
                continue
            if edge.narrows and (not unites or WENT_WRONG.search(edge.name)):
                continue
            if edge.embedded and not all(held.get(own, True) for own, _ in edge.pairs):
                continue
            yield edge, target

    def _is_around_the_record(self, obj: Object) -> bool:
        """Whether an object is nothing by itself: the payload of a write, a union, or what a union wraps around its record."""
        if self.view.kind != "graphql" or obj is self.record:
            return False
        plain = any(field.readable and not holds_members(field) for field in obj.fields)
        return obj is self.root or obj.kind == "union" or not plain

    def _of_object(self, obj: Object, way: tuple[str, ...], hops: int, many: bool) -> Iterator[Leaf]:
        edges = {edge.name for edge in obj.edges}
        called = self.view.is_called
        for field in obj.fields[:MOST_FIELDS]:
            if not field.readable or (not called and not obj.readable):
                continue
            yield from self._of_field(obj, field, (*way, field.name), field, hops, many, 2, field.name in edges)

    def _of_field(
        self, obj: Object, field: Field, path: tuple[str, ...], leaf: Field, hops: int, many: bool, deeper: int, edge: bool
    ) -> Iterator[Leaf]:
        if self.view.is_called and holds_members(leaf):
            if edge or not deeper:
                return
            for member in leaf.fields[:40]:
                if member.readable:
                    yield from self._of_field(
                        obj, field, (*path, member.name), member, hops + 1, many or leaf.type == "array", deeper - 1, False
                    )
            return
        own = self.words.of(leaf.name)
        if len(path) > 1 and leaf.name.lower() in _VALUES:
            own = (*self.words.of(path[-2]), *own)  # an amount is an amount of what holds it
        yield Leaf(path, leaf, obj.name, own, hops, many)


def _is_a_value(obj: Object) -> bool:
    """Whether an object only spells out one value: an amount with its currency."""
    names = {field.name.lower() for field in obj.fields}
    return len(names) <= 4 and not names.isdisjoint(_VALUES) and any("currency" in name for name in names)
