"""From catalogue rows to the graph: objects with their fields, keys, indexes and edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from patchbay.connectors.sql.mysql.discovery.fields import FieldBuilder
from patchbay.connectors.sql.mysql.discovery.indexing import Indexing
from patchbay.connectors.sql.mysql.discovery.lineage import Lineage, has_own_rows
from patchbay.connectors.sql.mysql.discovery.rows import Catalog, Table
from patchbay.schema_graph.badges import CORE, is_core_by_name, is_core_by_use
from patchbay.schema_graph.inference import with_inferred
from patchbay.schema_graph.model import Field, Graph, Object, ObjectKind
from patchbay.schema_graph.naming import path_roots, quote_part, unique_slugs
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.relationships import ForeignKey, Identity, edges_of


def build_graph(catalog: Catalog) -> tuple[Graph, Collection[Field]]:
    """The graph of a catalogue, and its fields, each once: equal ones are one."""
    names = {table.name: quote_part(table.name) for table in catalog.tables}
    slugs = unique_slugs(names.values())
    roots = path_roots((name, bare) for bare, name in names.items())
    lineage, indexing = Lineage(catalog), Indexing(catalog)
    builder = FieldBuilder(catalog, indexing)
    fields = {table.name: builder.build(table, writable=_writable(table)) for table in catalog.tables}
    keys = _foreign_keys(catalog, names, fields, indexing)
    edges = edges_of(keys, _identities(keys, names, indexing), roots)
    referenced = _referenced(keys)
    objects: dict[str, Object] = {}
    for table in sorted(catalog.tables, key=lambda table: names[table.name]):
        name, built, origin = names[table.name], fields[table.name], lineage.of(table)
        writable = _writable(table)
        objects[name] = Object(
            name=name,
            slug=slugs[name],
            kind=_kind(table),
            native_schema=catalog.database,
            native_name=table.name,
            description=table.comment or None if table.engine is not None else None,  # else it says what is wrong with it
            fields=built,
            edges=edges.get(name, ()),
            keys=indexing.keys.get(table.name, ()),
            indexes=indexing.indexes.get(table.name, ()),
            estimate=None if table.estimate is None else int(table.estimate),
            badges=CORE if is_core_by_name(table.name) or is_core_by_use(referenced.get(name, 0), len(built)) else (),
            reads=origin.reads,
            opaque=origin.opaque,
            definition_hash=origin.definition_hash,
            readable=any(field.readable for field in built),
            insertable=writable and any(field.insertable for field in built),
            updatable=writable and any(field.updatable for field in built),
        )
    objects = with_inferred(objects, roots, {key.source for key in keys})
    graph = Graph(kind="mysql", default_schema=catalog.database, objects=objects, operations=RecordOperations(objects))
    return graph, builder.distinct


def _writable(table: Table) -> bool:
    return table.kind != "VIEW" and has_own_rows(table)


def _kind(table: Table) -> ObjectKind:
    if table.kind == "VIEW":
        return "view"
    return "table" if has_own_rows(table) else "foreign_table"


def _foreign_keys(
    catalog: Catalog, names: Mapping[str, str], fields: Mapping[str, tuple[Field, ...]], indexing: Indexing
) -> list[ForeignKey]:
    """The foreign keys between what is in the graph.

    InnoDB allows one onto columns that are not unique: it relates to any number of records, not to one, and is left out.
    """
    parts: dict[tuple[str, str], list[tuple[int, str, str, str]]] = defaultdict(list)
    for constraint, table, place, column, target, other in catalog.foreign_keys:
        parts[table, constraint].append((place, column, target, other))
    found: list[ForeignKey] = []
    for (table, constraint), columns in parts.items():
        columns.sort()
        target = columns[0][2]
        pairs = tuple([(column, other) for _, column, _, other in columns])
        if table not in names or target not in names or not _unique(indexing, target, [other for _, other in pairs]):
            continue
        own = [column for column, _ in pairs]
        nullable = {field.name: field.nullable for field in fields[table]}
        if not nullable.keys() >= set(own):
            continue  # a column of it is hidden from the account
        unique = _unique(indexing, table, own)
        found.append(ForeignKey(constraint, names[table], names[target], pairs, unique, any(nullable[name] for name in own)))
    return found


def _unique(indexing: Indexing, table: str, columns: list[str]) -> bool:
    """Whether the columns hold a whole unique key of their table."""
    held = set(columns)
    return any(held.issuperset(key.fields) for key in indexing.keys.get(table, ()))


def _identities(keys: list[ForeignKey], names: Mapping[str, str], indexing: Indexing) -> dict[str, list[Identity]]:
    """The unique keys of those with several foreign keys."""
    several: dict[str, int] = defaultdict(int)
    for key in keys:
        several[key.source] += 1
    return {
        name: [Identity(frozenset(key.fields), key.primary) for key in indexing.keys.get(bare, ())]
        for bare, name in names.items()
        if several.get(name, 0) > 1
    }


def _referenced(keys: list[ForeignKey]) -> dict[str, int]:
    """How many foreign keys refer to each object."""
    counts: dict[str, int] = defaultdict(int)
    for key in keys:
        counts[key.target] += 1
    return counts
