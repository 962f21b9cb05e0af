"""Inferred relationships: what tables that declare no foreign key seem to refer to, by the names and types of their columns.

A column refers to another table's unique key when its name says so (the key's own name, ``customer_id``; the table's name and an
ending, ``customerId``, ``customer_ref``, ``id_customer``; either after a role, ``billing_address_id``) and both are of one type.
What many tables' names begin with (``app_``, ``tbl_``) is left out of the comparison. How sure that is, goes along as a
confidence; what is found this way is marked as inferred, and nothing joins on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set

import msgspec

from patchbay.schema_graph.model import Edge, Field, FieldType, Object
from patchbay.schema_graph.reference_names import Naming, naming_of
from patchbay.schema_graph.reference_targets import Aim, Targets, may_name_any
from patchbay.schema_graph.relationships import given_names, name_by_column

MOST_INFERRED = 24
"""Inferred relationships of one object in each direction, the surest first."""

_COMPARED: frozenset[FieldType] = frozenset({"integer", "string", "uuid", "bytes", "decimal"})


def with_inferred(objects: dict[str, Object], roots: Mapping[str, str], declaring: Set[str] = frozenset()) -> dict[str, Object]:
    """``objects`` with the inferred relationships of the tables that are not ``declaring`` foreign keys, in both directions.

    ``roots`` are the path roots of all objects. Equal schemas give equal relationships, in whatever order they come.
    """
    found = _references(objects, roots, declaring)
    if not found:
        return objects
    drafts: dict[str, list[tuple[tuple[int, tuple[str, ...]], Edge]]] = defaultdict(list)
    for name, references in found.items():
        for field, aim in references:
            forward, backward = _edges(objects[name], field, aim)
            root, short = roots[name], name_by_column(field.name) or field.name
            drafts[name].append(((0, (short, roots[aim.target.name], f"{short}_{aim.target.name}")), forward))
            drafts[aim.target.name].append(((1, (root, f"{root}_{short}", f"{name}_{field.name}")), backward))
    changed = dict(objects)
    for name, drafted in drafts.items():
        changed[name] = msgspec.structs.replace(objects[name], edges=(*objects[name].edges, *_named(objects[name], drafted)))
    return changed


def _edges(source: Object, field: Field, aim: Aim) -> tuple[Edge, Edge]:
    """The relationship from its column's side, and from the other; they have no names yet."""
    forward = Edge(
        name="",
        target=aim.target.name,
        cardinality="one_to_one" if field.unique else "many_to_one",
        pairs=((field.name, aim.field.name),),
        nullable=field.nullable,
        inferred=True,
        confidence=aim.confidence,
    )
    backward = Edge(
        name="",
        target=source.name,
        cardinality="one_to_one" if field.unique else "one_to_many",
        pairs=((aim.field.name, field.name),),
        inferred=True,
        confidence=aim.confidence,
    )
    return forward, backward


def _named(owner: Object, drafts: list[tuple[tuple[int, tuple[str, ...]], Edge]]) -> list[Edge]:
    """The surest of each direction, with names that no other edge of their owner has."""
    drafts.sort(key=lambda draft: (draft[0][0], -draft[1].confidence, draft[1].target, draft[1].pairs))
    kept = [draft for rank in (0, 1) for draft in [d for d in drafts if d[0][0] == rank][:MOST_INFERRED]]
    names = given_names([wishes for wishes, _ in kept], (edge.name for edge in owner.edges))
    return [msgspec.structs.replace(edge, name=name) for name, (_, edge) in zip(names, kept, strict=True)]


def _references(
    objects: Mapping[str, Object], roots: Mapping[str, str], declaring: Set[str]
) -> dict[str, list[tuple[Field, Aim]]]:
    """What the columns of each table refer to."""
    sources = [obj for name in sorted(objects.keys() - declaring) if (obj := objects[name]).kind == "table"]
    fields = {id(field): field for source in sources for field in source.fields}  # many tables have the same ones
    namings = {at: naming for at, field in fields.items() if (naming := _may_refer(field)) is not None}
    if not namings or not may_name_any(set(namings.values()), objects, roots):
        return {}
    targets = Targets(objects, roots)
    found: dict[str, list[tuple[Field, Aim]]] = {}
    for source in sources:
        for field in source.fields:
            naming = namings.get(id(field))
            aim = targets.best(source, field, naming) if naming is not None else None
            if aim is not None:
                found.setdefault(source.name, []).append((field, aim))
    return found


def _may_refer(field: Field) -> Naming | None:
    """A column's name taken apart, if it may be a reference: a text without an ending is none."""
    if field.type not in _COMPARED:
        return None
    naming = naming_of(field.name)
    return naming if naming is not None and (naming.ending or field.type != "string") else None
