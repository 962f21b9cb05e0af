"""From catalogue rows to the graph: objects with their fields, keys, indexes and edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from patchbay.connectors.sql.postgres.discovery.fields import FieldBuilder
from patchbay.connectors.sql.postgres.discovery.indexing import ALONE_UNIQUE, Indexing
from patchbay.connectors.sql.postgres.discovery.lineage import Lineage
from patchbay.connectors.sql.postgres.discovery.relationships import ForeignKey, Identity, edges_of
from patchbay.connectors.sql.postgres.discovery.rows import (
    NOT_NULL,
    NUMBER_MASK,
    NUMBER_SHIFT,
    Catalog,
    ColumnRow,
    Relation,
    column_numbers,
)
from patchbay.schema_graph.badges import object_badges
from patchbay.schema_graph.model import Edge, Field, Graph, Object, ObjectKind
from patchbay.schema_graph.naming import object_name, path_roots, unique_slugs
from patchbay.schema_graph.operations import RecordOperations

_KINDS: dict[str, ObjectKind] = {
    "r": "table", "p": "table", "v": "view", "m": "materialized_view", "f": "foreign_table",
}  # fmt: skip


def build_graph(catalog: Catalog) -> Graph:
    """The graph of a catalogue. Partitions are folded into the table they belong to."""
    default = catalog.default_schema
    names = {oid: object_name(r.schema, r.name, default) for oid, r in catalog.relations.items()}
    shown = {oid: relation for oid, relation in catalog.relations.items() if not relation.is_partition}
    rows = catalog.columns
    columns = {oid: _names(rows.get(oid, ())) for oid in shown}
    lineage = Lineage(catalog, names, columns)
    indexing = Indexing(catalog, columns)
    slugs = unique_slugs(names[oid] for oid in shown)
    edges, referenced = _edges(catalog, names, shown, columns, rows, indexing)
    fields = FieldBuilder(catalog, names, lineage, indexing)
    objects: dict[str, Object] = {}
    for oid, relation in sorted(shown.items(), key=lambda item: names[item[0]]):
        name = names[oid]
        built = fields.build(relation, rows.get(oid, ()))
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
            badges=object_badges(relation.name, referenced.get(name, 0), len(built)),
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


def _names(rows: Sequence[ColumnRow]) -> dict[int, str]:
    """The names of one relation's columns by number."""
    if rows and rows[-1][0] >> NUMBER_SHIFT & NUMBER_MASK == len(rows):  # no column was dropped
        return dict(enumerate([row[1] for row in rows], 1))
    return {place >> NUMBER_SHIFT & NUMBER_MASK: name for place, name, _ in rows}


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
    names: Mapping[int, str],
    shown: Mapping[int, Relation],
    columns: Mapping[int, Mapping[int, str]],
    rows: Mapping[int, Sequence[ColumnRow]],
    indexing: Indexing,
) -> tuple[dict[str, tuple[Edge, ...]], dict[str, int]]:
    """The edges of each object, and how many foreign keys refer to it."""
    keys: list[ForeignKey] = []
    referenced: dict[str, int] = defaultdict(int)
    several: dict[int, int] = defaultdict(int)
    for constraint, relation, own_numbers, target, other_numbers in catalog.foreign_keys:
        if relation not in shown or target not in shown:
            continue
        own, other = column_numbers(own_numbers), column_numbers(other_numbers)
        here, there, aim = columns[relation], columns[target], names[target]
        if len(own) == 1:
            pairs = ((here[own[0]], there[other[0]]),)
            unique = indexing.places.get(relation, {}).get(own[0], 0) & ALONE_UNIQUE != 0
            nullable = not _column(rows[relation], own[0])[0] & NOT_NULL
        else:
            pairs = tuple([(here[a], there[b]) for a, b in zip(own, other, strict=True)])
            held = {here[a] for a in own}
            unique = any(held.issuperset(key.fields) for key in indexing.keys.get(relation, ()))
            nullable = not all(_column(rows[relation], number)[0] & NOT_NULL for number in own)
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
    return edges_of(keys, identities, path_roots((names[oid], relation.name) for oid, relation in shown.items())), referenced


def _column(rows: Sequence[ColumnRow], number: int) -> ColumnRow:
    """The row of one column. They are in order, with gaps where columns were dropped."""
    at = min(number, len(rows)) - 1
    while rows[at][0] >> NUMBER_SHIFT & NUMBER_MASK > number:
        at -= 1
    return rows[at]
