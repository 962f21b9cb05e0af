"""From catalogue rows to the graph: objects with their fields, keys, indexes and edges."""

from __future__ import annotations

from collections.abc import Collection

from patchbay.connectors.sql.mysql.discovery.fields import FieldBuilder
from patchbay.connectors.sql.mysql.discovery.foreign_keys import ForeignKeys
from patchbay.connectors.sql.mysql.discovery.indexing import Indexing
from patchbay.connectors.sql.mysql.discovery.lineage import Lineage, has_own_rows
from patchbay.connectors.sql.mysql.discovery.rows import Catalog, Table
from patchbay.schema_graph.badges import CORE, is_core_by_name, is_core_by_use
from patchbay.schema_graph.inference import with_inferred
from patchbay.schema_graph.model import Field, Graph, Object, ObjectKind
from patchbay.schema_graph.naming import path_roots, quote_part, unique_slugs
from patchbay.schema_graph.operations import RecordOperations


def build_graph(catalog: Catalog) -> tuple[Graph, Collection[Field]]:
    """The graph of a catalogue, and its fields, each once: equal ones are one."""
    names = {table.name: quote_part(table.name) for table in catalog.tables}
    slugs = unique_slugs(names.values())
    roots = path_roots((name, bare) for bare, name in names.items())
    lineage, indexing = Lineage(catalog), Indexing(catalog)
    builder = FieldBuilder(catalog, indexing)
    fields = {table.name: builder.build(table, writable=_writable(table)) for table in catalog.tables}
    keys = ForeignKeys(catalog, names, fields, indexing)
    edges = keys.edges(roots)
    objects: dict[str, Object] = {}
    for table in sorted(catalog.tables, key=lambda table: names[table.name]):
        name, built, origin = names[table.name], fields[table.name], lineage.of(table)
        objects[name] = Object(
            name=name,
            slug=slugs[name],
            kind=_kind(table),
            native_schema=catalog.database,
            native_name=table.name,
            description=_description(table),
            fields=built,
            edges=edges.get(name, ()),
            keys=indexing.keys.get(table.name, ()),
            indexes=indexing.indexes.get(table.name, ()),
            estimate=None if table.estimate is None else int(table.estimate),
            badges=CORE if is_core_by_name(table.name) or is_core_by_use(keys.referenced.get(name, 0), len(built)) else (),
            reads=origin.reads,
            opaque=origin.opaque,
            definition_hash=origin.definition_hash,
            readable=any(field.readable for field in built),
            insertable=any(field.insertable for field in built),
            updatable=any(field.updatable for field in built),
        )
    objects = with_inferred(objects, roots, keys.declaring)
    graph = Graph(kind="mysql", default_schema=catalog.database, objects=objects, operations=RecordOperations(objects))
    return graph, builder.distinct


def _writable(table: Table) -> bool:
    return table.kind != "VIEW" and has_own_rows(table)


def _kind(table: Table) -> ObjectKind:
    if table.kind == "VIEW":
        return "view"
    return "table" if has_own_rows(table) else "foreign_table"


def _description(table: Table) -> str | None:
    """The comment. Where there is no engine, the word ``VIEW`` or what is wrong with it stands in its place."""
    return table.comment or None if table.engine is not None else None
