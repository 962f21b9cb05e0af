"""From catalogue rows to the graph: objects with their fields, keys, indexes and edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from patchbay.connectors.sql.postgres.discovery.catalog import Catalog, Relation, column_numbers
from patchbay.connectors.sql.postgres.discovery.lineage import Lineage
from patchbay.connectors.sql.postgres.discovery.relationships import ForeignKey, Identity, edges_of
from patchbay.connectors.sql.postgres.discovery.types import ResolvedType, TypeResolver
from patchbay.schema_graph.badges import field_badges, object_badges
from patchbay.schema_graph.model import Edge, Field, Graph, Index, Key, Object, ObjectKind
from patchbay.schema_graph.naming import object_name, path_roots, unique_slugs
from patchbay.schema_graph.operations import RecordOperations

_KINDS: dict[str, ObjectKind] = {
    "r": "table", "p": "table", "v": "view", "m": "materialized_view", "f": "foreign_table",
}  # fmt: skip
_NOT_NULL, _DEFAULT, _READ, _INSERT, _UPDATE, _ALWAYS, _BY_DEFAULT, _GENERATED = 1, 2, 4, 8, 16, 32, 64, 128
_OWN = _NOT_NULL | _DEFAULT | _ALWAYS | _BY_DEFAULT | _GENERATED
_EQUALITY_INDEXES = frozenset({"btree", "hash"})


class _Indexing:
    """Keys and indexes by relation, with the column numbers that lead an index or are unique alone."""

    def __init__(self, catalog: Catalog, names: Mapping[int, Mapping[int, str]]) -> None:
        self.keys: dict[int, list[Key]] = defaultdict(list)
        self.indexes: dict[int, list[Index]] = defaultdict(list)
        self.leading: dict[int, set[str | None]] = defaultdict(set)
        self.primary: dict[int, frozenset[str]] = {}
        self.single: dict[int, set[str]] = defaultdict(set)
        constraints = {(row[3], row[1]): row[2] for row in catalog.constraints if row[2] != "f"}
        for relation, name, unique, partial, method, numbers, width in catalog.indexes:
            columns = names.get(relation)
            if columns is None:
                continue
            fields = tuple(columns.get(number) for number in column_numbers(numbers)[:width])
            self.indexes[relation].append(Index(name, fields, unique=unique, partial=partial, method=method))
            if partial or method not in _EQUALITY_INDEXES:
                continue
            self.leading[relation].add(fields[0])
            if unique and None not in fields:
                self._add_key(relation, name, tuple(f for f in fields if f is not None), constraints.get((relation, name)) == "p")

    def _add_key(self, relation: int, name: str, fields: tuple[str, ...], primary: bool) -> None:
        self.keys[relation].append(Key(name, fields, primary=primary))
        if primary:
            self.primary[relation] = frozenset(fields)
        if len(fields) == 1:
            self.single[relation].add(fields[0])


def build_graph(catalog: Catalog) -> Graph:
    """The graph of a catalogue. Partitions are folded into the table they belong to."""
    default = catalog.default_schema
    names = {oid: object_name(r.schema, r.name, default) for oid, r in catalog.relations.items()}
    shown = {oid: relation for oid, relation in catalog.relations.items() if not relation.is_partition}
    rows: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in catalog.columns:
        rows[row[0]].append(row)
    for found in rows.values():
        found.sort(key=itemgetter(1))
    columns = {oid: {row[1]: row[2] for row in rows[oid]} for oid in shown}
    lineage = Lineage(catalog, names, columns)
    indexing = _Indexing(catalog, columns)
    slugs = unique_slugs(names[oid] for oid in shown)
    edges, referenced = _edges(catalog, names, shown, columns, rows, indexing)
    fields = _FieldBuilder(catalog, names, lineage, indexing)
    objects: dict[str, Object] = {}
    for oid, relation in sorted(shown.items(), key=lambda item: names[item[0]]):
        name = names[oid]
        built = fields.build(relation, rows[oid])
        writable = relation.kind in "rp" and relation.usage and oid not in catalog.write_rules
        objects[name] = Object(
            name=name,
            slug=slugs[name],
            kind=_KINDS[relation.kind],
            native_schema=relation.schema,
            native_name=relation.name,
            description=relation.description,
            fields=built,
            edges=edges.get(name, ()),
            keys=tuple(indexing.keys.get(oid, ())),
            indexes=tuple(indexing.indexes.get(oid, ())),
            estimate=_estimate(catalog, oid, relation),
            badges=object_badges(relation.name, referenced.get(name, 0), len(built)),
            reads=lineage.reads(oid),
            opaque=lineage.opaque(oid),
            partitions=lineage.below(oid),
            definition_hash=lineage.definition(oid),
            readable=relation.usage and any(f.readable for f in built),
            insertable=writable and any(f.insertable for f in built),
            updatable=writable and any(f.updatable for f in built),
        )
    return Graph(kind="postgres", default_schema=default, objects=objects, operations=RecordOperations(objects))


def _estimate(catalog: Catalog, oid: int, relation: Relation) -> int | None:
    """The planner's idea of the number of rows; a partitioned table that was never analyzed has its partitions' sum."""
    if relation.kind == "v":
        return None
    if relation.estimate >= 0 and not (relation.kind == "p" and relation.estimate == 0):
        return int(relation.estimate)
    children = [catalog.relations[c].estimate for p, c in catalog.inheritance if p == oid and c in catalog.relations]
    known = [int(estimate) for estimate in children if estimate >= 0]
    return sum(known) if relation.kind == "p" and known else None


class _FieldBuilder:
    """Builds fields; equal ones are made once, since the same column tends to stand in many tables."""

    def __init__(self, catalog: Catalog, names: Mapping[int, str], lineage: Lineage, indexing: _Indexing) -> None:
        self._comments = catalog.comments
        self._names = names
        self._lineage = lineage
        self._indexing = indexing
        self._types = TypeResolver(catalog)
        self._made: dict[tuple[object, ...], Field] = {}

    def build(self, relation: Relation, rows: Sequence[tuple[Any, ...]]) -> tuple[Field, ...]:
        """The fields of one relation, in its order."""
        oid = relation.oid
        primary = self._indexing.primary.get(oid, frozenset[str]())
        single, leading = self._indexing.single.get(oid, ()), self._indexing.leading.get(oid, ())
        granted = relation.privileges << 2  # the bits of the columns' own grants
        usable = _READ | (_INSERT | _UPDATE if relation.kind in "rp" else 0) if relation.usage else 0
        fields: list[Field] = []
        for _, number, name, type_oid, modifier, flags in rows:
            flags = flags & _OWN | (flags | granted) & usable
            comment = self._comments.get((oid, number))
            places = (name in primary) | (name in single) << 1 | (name in leading) << 2
            if flags & _GENERATED:
                fields.append(self._make(name, type_oid, modifier, flags, places, comment, (oid, number)))
                continue
            key = (name, type_oid, modifier, flags, places, comment)
            field = self._made.get(key)
            if field is None:
                field = self._made[key] = self._make(*key, None)
            fields.append(field)
        return tuple(fields)

    def _make(
        self,
        name: str,
        type_oid: int,
        modifier: int,
        flags: int,
        places: int,
        comment: str | None,
        generated: tuple[int, int] | None,
    ) -> Field:
        resolved: ResolvedType = self._types.resolve(type_oid, modifier)
        computed, opaque = self._lineage.computed(*generated) if generated else ((), False)
        return Field(
            name=name,
            type=resolved.type,
            native_type=resolved.native_type,
            nullable=not flags & _NOT_NULL,
            description=comment,
            enum=resolved.enum,
            item_type=resolved.item_type,
            fields=resolved.fields,
            primary_key=bool(places & 1),
            unique=bool(places & 2),
            indexed=bool(places & 4),
            identity="always" if flags & _ALWAYS else "by_default" if flags & _BY_DEFAULT else None,
            has_default=bool(flags & _DEFAULT) and generated is None,
            generated=generated is not None,
            computed_from=computed,
            opaque=opaque,
            row_of=None if resolved.row_of is None else self._names.get(resolved.row_of),
            filterable=resolved.filterable,
            zoned=resolved.zoned,
            max_length=resolved.max_length,
            badges=field_badges(name, resolved.type, comment),
            readable=bool(flags & _READ),
            insertable=bool(flags & _INSERT) and not flags & (_GENERATED | _ALWAYS),
            updatable=bool(flags & _UPDATE) and not flags & (_GENERATED | _ALWAYS),
        )


def _edges(
    catalog: Catalog,
    names: Mapping[int, str],
    shown: Mapping[int, Relation],
    columns: Mapping[int, Mapping[int, str]],
    rows: Mapping[int, Sequence[tuple[Any, ...]]],
    indexing: _Indexing,
) -> tuple[dict[str, tuple[Edge, ...]], dict[str, int]]:
    """The edges of each object, and how many foreign keys refer to it."""
    identities = {
        names[oid]: [Identity(frozenset(key.fields), key.primary) for key in keys]
        for oid, keys in indexing.keys.items()
        if oid in shown
    }
    keys: list[ForeignKey] = []
    referenced: dict[str, int] = defaultdict(int)
    for _, constraint, kind, relation, own_numbers, target, other_numbers in catalog.constraints:
        if kind != "f" or relation not in shown or target not in shown:
            continue
        own, other = column_numbers(own_numbers), column_numbers(other_numbers)
        here, there = columns[relation], columns[target]
        pairs = tuple((here[a], there[b]) for a, b in zip(own, other, strict=True))
        unique = any(identity.fields <= {a for a, _ in pairs} for identity in identities.get(names[relation], ()))
        nullable = any(row[1] in own and not row[-1] & _NOT_NULL for row in rows[relation])
        keys.append(ForeignKey(constraint, names[relation], names[target], pairs, unique, nullable))
        referenced[names[target]] += 1
    roots = path_roots((names[oid], relation.name) for oid, relation in shown.items()) if keys else {}
    return edges_of(keys, identities, roots), referenced
