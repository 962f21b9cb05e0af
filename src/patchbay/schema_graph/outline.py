"""What must be known of every object before any one of them is looked at: names, slugs, lineage and verbs.

A packed graph carries its outline uncompressed, so that a view of thousands of objects decodes only those it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from patchbay.schema_graph.model import Dependency, Field, Object, Verb

RECORD_VERBS: tuple[Verb, ...] = ("read", "insert", "update")
TYPE_NAME = "__typename"
"""What every GraphQL record can be asked for: the name of its type (GraphQL specification, section 4.1)."""
CALLED_KINDS = frozenset({"type", "interface", "union"})
"""Objects that operations return; they have no operations of their own."""


class Computed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a field's value comes from besides its own column: other fields, another object's row, or what cannot be told."""

    fields: tuple[str, ...] = ()
    row_of: str | None = None
    opaque: bool = False


class Lineage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where the rows and values of an object come from. Plain tables have none.

    ``held`` names, by field, the objects whose records such a field holds (embedded data). ``shared`` is for unions,
    interfaces and what extends other objects, whose records are those of others: by field, which of these have one of that name.
    """

    reads: tuple[Dependency, ...] = ()
    partitions: tuple[str, ...] = ()
    opaque: bool = False
    computed: dict[str, Computed] = {}
    held: dict[str, tuple[str, ...]] = {}
    shared: dict[str, tuple[str, ...]] = {}


class Outline(msgspec.Struct, frozen=True, array_like=True):
    """``names`` in order; ``slugs`` maps a slug to its name where they differ; ``verbs`` holds one character per name, bit
    ``i`` of its code for ``RECORD_VERBS[i]``; ``lineage`` only objects that have one.
    """

    names: tuple[str, ...]
    slugs: dict[str, str]
    verbs: str
    lineage: dict[str, Lineage]


@runtime_checkable
class Outlined(Protocol):
    """A mapping of objects that already knows its outline."""

    @property
    def outline(self) -> Outline:
        """The outline of all objects in it."""
        ...


def outline_of(objects: Mapping[str, Object]) -> Outline:
    """The outline of ``objects``: carried along, or read off each of them."""
    if isinstance(objects, Outlined):
        return objects.outline
    lineage = {name: line for name, obj in objects.items() if (line := lineage_of(obj, objects)) is not None}
    slugs = {obj.slug: name for name, obj in objects.items() if obj.slug != name}
    return Outline(tuple(objects), slugs, "".join(chr(verb_bits(obj)) for obj in objects.values()), lineage)


def lineage_of(obj: Object, objects: Mapping[str, Object]) -> Lineage | None:
    """The object's lineage among ``objects``, or None for one whose rows and values are all its own."""
    computed = {f.name: Computed(f.computed_from, f.row_of, f.opaque) for f in obj.fields if _is_computed(f)}
    held = _held_by(obj)
    shared = _shared_by(obj, objects)
    if not (obj.reads or obj.partitions or obj.opaque or computed or held or shared):
        return None
    return Lineage(obj.reads, obj.partitions, obj.opaque is not None, computed, held, shared)


def _held_by(obj: Object) -> dict[str, tuple[str, ...]]:
    held: dict[str, tuple[str, ...]] = {}
    for edge in obj.edges:
        if edge.embedded:
            for own, _ in edge.pairs:
                held[own] = (*held.get(own, ()), edge.target)
    return held


def _shared_by(obj: Object, objects: Mapping[str, Object]) -> dict[str, tuple[str, ...]]:
    others = dict.fromkeys((*(edge.target for edge in obj.edges if edge.narrows), *obj.extends))
    members = [objects[name] for name in others if name in objects]
    if not members:
        return {}
    names = {member.name: {field.name for field in member.fields} | {TYPE_NAME} for member in members}
    return {field.name: tuple(member for member, own in names.items() if field.name in own) for field in obj.fields}


def _is_computed(field: Field) -> bool:
    return bool(field.computed_from or field.opaque or field.row_of)


def tables_above(lineage: Mapping[str, Lineage]) -> dict[str, tuple[str, ...]]:
    """The objects that each partition or inheriting table lies under, at any depth."""
    direct: dict[str, list[str]] = {}
    for parent, line in lineage.items():
        for child in line.partitions:
            direct.setdefault(child, []).append(parent)
    return {child: _all_above(child, direct) for child in direct}


def _all_above(child: str, direct: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    todo = list(direct[child])
    while todo:
        parent = todo.pop()
        if parent not in found:
            found[parent] = None
            todo.extend(direct.get(parent, ()))
    return tuple(found)


def verb_bits(obj: Object) -> int:
    """Which record operations the connected role may call on this object, as bits in the order of ``RECORD_VERBS``."""
    if obj.kind in CALLED_KINDS or not obj.fields:
        return 0
    return obj.readable | obj.insertable << 1 | obj.updatable << 2
