"""The fields of relations, from column rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from patchbay.connectors.sql.postgres.discovery.indexing import ALONE_UNIQUE, IN_PRIMARY, LEADS_INDEX, Indexing
from patchbay.connectors.sql.postgres.discovery.lineage import Lineage
from patchbay.connectors.sql.postgres.discovery.rows import (
    ALWAYS,
    BY_DEFAULT,
    DEFAULT,
    GENERATED,
    INSERT,
    NOT_NULL,
    READ,
    UPDATE,
    Catalog,
    ColumnKind,
    Relation,
    type_of,
)
from patchbay.connectors.sql.postgres.discovery.types import TypeResolver
from patchbay.schema_graph.badges import field_badges
from patchbay.schema_graph.model import Field

_OWN = NOT_NULL | DEFAULT | ALWAYS | BY_DEFAULT | GENERATED
_NONE: Mapping[int, int] = {}
_NO_COMMENTS: Mapping[int, str] = {}


class _Plain(dict[ColumnKind, Field]):
    """The fields of columns that have no place in an index, no comment and no expression: made when first looked up."""

    def __init__(self, make: Callable[[ColumnKind], Field]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, kind: ColumnKind) -> Field:
        field = self[kind] = self._make(kind)
        return field


class FieldBuilder:
    """Builds fields; equal ones are made once, since the same column tends to stand in many tables.

    The look-up of a made one is all that most columns of a large schema cost, so it is done for all columns of a relation
    together, as if none of them were special; those few with a place in an index, a comment or an expression are then put right.
    """

    def __init__(self, catalog: Catalog, names: Mapping[int, str], lineage: Lineage, indexing: Indexing) -> None:
        self._columns = catalog.columns
        self._comments = catalog.comments
        self._names = names
        self._lineage = lineage
        self._places = indexing.places
        self._types = TypeResolver(catalog)
        self._generated = frozenset(catalog.columns.generated())
        self._plain: dict[tuple[int, int], _Plain] = {}
        self._special: dict[tuple[ColumnKind, int, int, int, str | None], Field] = {}

    def build(self, relation: Relation) -> tuple[Field, ...]:
        """The fields of one relation, in the order of its columns."""
        oid, granted = relation.oid, relation.privileges
        usable = READ | (INSERT | UPDATE if relation.kind in "rp" else 0) if relation.usage else 0
        plain = self._plain.get((granted, usable))
        if plain is None:
            plain = self._plain[granted, usable] = _Plain(partial(self._make, granted, usable))
        begin, end = self._columns.span(oid)
        kinds, number_at = self._columns.kinds, self._columns.number
        fields = list(map(plain.__getitem__, kinds[begin:end]))
        places, comments = self._places.get(oid, _NONE), self._comments.get(oid, _NO_COMMENTS)
        for number in places.keys() | comments.keys() if comments else places:
            at = self._columns.find(oid, number)
            if at >= 0:
                fields[at - begin] = self._marked(kinds[at], granted, usable, places.get(number, 0), comments.get(number))
        if oid in self._generated:
            for at in range(begin, end):
                if kinds[at][2] & GENERATED:
                    mark = places.get(number_at(at), 0), comments.get(number_at(at))
                    fields[at - begin] = self._make(granted, usable, kinds[at], *mark, generated=(oid, number_at(at)))
        return tuple(fields)

    def _marked(self, kind: ColumnKind, granted: int, usable: int, places: int, comment: str | None) -> Field:
        """A field with a place in an index or a comment."""
        known = (kind, granted, usable, places, comment)
        field = self._special.get(known)
        if field is None:
            field = self._special[known] = self._make(granted, usable, kind, places, comment)
        return field

    def _make(
        self,
        granted: int,
        usable: int,
        kind: ColumnKind,
        places: int = 0,
        comment: str | None = None,
        generated: tuple[int, int] | None = None,
    ) -> Field:
        """A new field. What a generated one (relation, number) is computed from is its own."""
        name, packed, own = kind
        flags = own & _OWN | (own | granted) & usable
        resolved = self._types.resolve(*type_of(packed))
        computed, opaque = self._lineage.computed(*generated) if generated else ((), False)
        return Field(
            name=name,
            type=resolved.type,
            native_type=resolved.native_type,
            nullable=not flags & NOT_NULL,
            description=comment,
            enum=resolved.enum,
            item_type=resolved.item_type,
            fields=resolved.fields,
            primary_key=bool(places & IN_PRIMARY),
            unique=bool(places & ALONE_UNIQUE),
            indexed=bool(places & LEADS_INDEX),
            identity="always" if flags & ALWAYS else "by_default" if flags & BY_DEFAULT else None,
            has_default=flags & (DEFAULT | GENERATED) == DEFAULT,
            generated=bool(flags & GENERATED),
            computed_from=computed,
            opaque=opaque,
            row_of=None if resolved.row_of is None else self._names.get(resolved.row_of),
            filterable=resolved.filterable,
            zoned=resolved.zoned,
            max_length=resolved.max_length,
            badges=field_badges(name, resolved.type, comment),
            readable=bool(flags & READ),
            insertable=bool(flags & INSERT) and not flags & (GENERATED | ALWAYS),
            updatable=bool(flags & UPDATE) and not flags & (GENERATED | ALWAYS),
        )
