"""From catalogue rows to the graph: objects with their fields, keys, indexes and edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from patchbay.connectors.sql.postgres.discovery.fields import FieldBuilder
from patchbay.connectors.sql.postgres.discovery.indexing import ALONE_UNIQUE, Indexing
from patchbay.connectors.sql.postgres.discovery.lineage import Lineage
from patchbay.connectors.sql.postgres.discovery.object_names import ObjectNames
from patchbay.connectors.sql.postgres.discovery.relationships import ForeignKey, Identity, edges_of
from patchbay.connectors.sql.postgres.discovery.rows import (
    NOT_NULL,
    Catalog,
    Relation,
    column_numbers,
)
from patchbay.schema_graph.badges import CORE, is_core_by_use
from patchbay.schema_graph.model import Edge, Field, Graph, Object, ObjectKind
from patchbay.schema_graph.operations import RecordOperations

_KINDS: dict[str, ObjectKind] = {
    "r": "table", "p": "table", "v": "view", "m": "materialized_view", "f": "foreign_table",
}  # fmt: skip


def build_graph(catalog: Catalog, naming: ObjectNames) -> Graph:
    """The graph of a catalogue. Partitions are folded into the table they belong to."""
    default = catalog.default_schema
    names, slugs = naming.names, naming.slugs
    shown = {oid: relation for oid, relation in catalog.relations.items() if not relation.is_partition}
    lineage = Lineage(catalog, names, shown)
    indexing = Indexing(catalog, shown)
    edges, referenced = _edges(catalog, naming, shown, indexing)
    fields = FieldBuilder(catalog, names, lineage, indexing)
    objects: dict[str, Object] = {}
    for oid, relation in sorted(shown.items(), key=lambda item: names[item[0]]):
        name = names[oid]
        built = fields.build(relation)
        writable = relation.kind in "rp" and relation.usage and oid not in catalog.write_rules
        readable, insertable, updatable = _granted(built)
        origin = lineage.of(oid)
        objects[name] = Object(
            name=name,
            slug=slugs[name],
            kind=_KINDS[relation.kind],
            native_schema=relation.schema,
            native_name=relation.name,
            description=relation.description,
            fields=built,
            edges=edges.get(name, ()),
            keys=indexing.keys.get(oid, ()),
            indexes=indexing.indexes.get(oid, ()),
            estimate=_estimate(catalog, lineage, relation),
            badges=CORE if oid in naming.core or is_core_by_use(referenced.get(name, 0), len(built)) else (),
            reads=origin.reads,
            opaque=origin.opaque,
            partitions=origin.partitions,
            definition_hash=origin.definition_hash,
            readable=relation.usage and readable,
            insertable=writable and insertable,
            updatable=writable and updatable,
        )
    return Graph(kind="postgres", default_schema=default, objects=objects, operations=RecordOperations(objects))


def _granted(fields: Sequence[Field]) -> tuple[bool, bool, bool]:
    """Whether any field can be read, inserted, updated."""
    readable = insertable = updatable = False
    for field in fields:  # mostly the first tells
        readable, insertable, updatable = (
            readable or field.readable,
            insertable or field.insertable,
            updatable or field.updatable,
        )
        if readable and insertable and updatable:
            break
    return readable, insertable, updatable


def _estimate(catalog: Catalog, lineage: Lineage, relation: Relation) -> int | None:
    """The planner's idea of the number of rows; a partitioned table that was never analyzed has its partitions' sum."""
    if relation.kind == "v":
        return None
    if relation.estimate >= 0 and not (relation.kind == "p" and relation.estimate == 0):
        return int(relation.estimate)
    if relation.kind != "p":
        return None
    children = [catalog.relations[child].estimate for child in lineage.children(relation.oid) if child in catalog.relations]
    known = [int(estimate) for estimate in children if estimate >= 0]
    return sum(known) if known else None


def _edges(
    catalog: Catalog,
    naming: ObjectNames,
    shown: Mapping[int, Relation],
    indexing: Indexing,
) -> tuple[dict[str, tuple[Edge, ...]], dict[str, int]]:
    """The edges of each object, and how many foreign keys refer to it."""
    keys: list[ForeignKey] = []
    referenced: dict[str, int] = defaultdict(int)
    several: dict[int, int] = defaultdict(int)
    names = naming.names
    kinds, find = catalog.columns.kinds, catalog.columns.find
    for constraint, relation, own_numbers, target, other_numbers in catalog.foreign_keys:
        if relation not in shown or target not in shown:
            continue
        own, other = column_numbers(own_numbers), column_numbers(other_numbers)
        here = [kinds[find(relation, number)] for number in own]
        pairs = tuple([(kind[0], kinds[find(target, number)][0]) for kind, number in zip(here, other, strict=True)])
        if len(own) == 1:
            unique = indexing.places.get(relation, {}).get(own[0], 0) & ALONE_UNIQUE != 0
            nullable = not here[0][2] & NOT_NULL
        else:
            held = {kind[0] for kind in here}
            unique = any(held.issuperset(key.fields) for key in indexing.keys.get(relation, ()))
            nullable = not all([kind[2] & NOT_NULL for kind in here])
        aim = names[target]
        keys.append(ForeignKey(constraint, names[relation], aim, pairs, unique, nullable))
        referenced[aim] += 1
        several[relation] += 1
    if not keys:
        return {}, referenced
    identities = {
        names[oid]: [Identity(frozenset(key.fields), key.primary) for key in indexing.keys.get(oid, ())]
        for oid, count in several.items()
        if count > 1
    }
    return edges_of(keys, identities, naming.roots), referenced
