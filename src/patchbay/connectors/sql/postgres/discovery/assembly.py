"""From catalogue rows to the graph: objects with their fields, keys, indexes and edges."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.connectors.sql.postgres.discovery.fields import FieldBuilder
from patchbay.connectors.sql.postgres.discovery.lineage import Lineage
from patchbay.connectors.sql.postgres.discovery.preparation import Preparation
from patchbay.connectors.sql.postgres.discovery.rows import Catalog, Relation
from patchbay.schema_graph.badges import CORE, is_core_by_use
from patchbay.schema_graph.inference import with_inferred
from patchbay.schema_graph.model import Field, Graph, Object, ObjectKind
from patchbay.schema_graph.operations import RecordOperations

_KINDS: dict[str, ObjectKind] = {
    "r": "table", "p": "table", "v": "view", "m": "materialized_view", "f": "foreign_table",
}  # fmt: skip


def build_graph(catalog: Catalog, prepared: Preparation) -> tuple[Graph, Sequence[Field]]:
    """The graph of a catalogue, and its fields, each once. Partitions are folded into the table they belong to."""
    naming, indexing, referenced = prepared.naming, prepared.indexing, prepared.foreign_keys.referenced
    lineage = Lineage(catalog, naming.names, naming.shown)
    edges = prepared.foreign_keys.edges(catalog.columns, naming, indexing)
    fields = FieldBuilder(catalog, naming.names, lineage, indexing)
    objects: dict[str, Object] = {}
    for oid, name in naming.shown.items():
        relation = catalog.relations[oid]
        built = fields.build(relation)
        writable = relation.kind in "rp" and relation.usage and oid not in catalog.write_rules
        readable, insertable, updatable = _granted(built)
        origin = lineage.of(oid)
        objects[name] = Object(
            name=name,
            slug=naming.slugs[name],
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
    objects = with_inferred(objects, naming.roots, prepared.foreign_keys.declaring)
    operations = RecordOperations(objects)
    return Graph(kind="postgres", default_schema=catalog.default_schema, objects=objects, operations=operations), fields.made()


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
