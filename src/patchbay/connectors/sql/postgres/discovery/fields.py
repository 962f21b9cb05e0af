"""The fields of relations, from column rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from patchbay.connectors.sql.postgres.discovery.indexing import ALONE_UNIQUE, IN_PRIMARY, LEADS_INDEX, Indexing
from patchbay.connectors.sql.postgres.discovery.lineage import Lineage
from patchbay.connectors.sql.postgres.discovery.rows import (
    ALWAYS,
    BY_DEFAULT,
    DEFAULT,
    FLAGS_MASK,
    GENERATED,
    INSERT,
    NOT_NULL,
    NUMBER_MASK,
    NUMBER_SHIFT,
    READ,
    UPDATE,
    Catalog,
    ColumnRow,
    Relation,
    type_of,
)
from patchbay.connectors.sql.postgres.discovery.types import TypeResolver
from patchbay.schema_graph.badges import field_badges
from patchbay.schema_graph.model import Field

_OWN = NOT_NULL | DEFAULT | ALWAYS | BY_DEFAULT | GENERATED
_PLACE = NUMBER_MASK << NUMBER_SHIFT
_NONE: Mapping[int, int] = {}
_NO_COMMENTS: Mapping[int, str] = {}

_Plain: TypeAlias = dict[tuple[str, int, int], Field]
_Marked: TypeAlias = dict[tuple[str, int, int, int, str | None], Field]


class FieldBuilder:
    """Builds fields; equal ones are made once, since the same column tends to stand in many tables.

    The look-up of a made one is all that most columns of a large schema cost, so its key is as short as can be: what holds for
    all columns of a relation chooses the dictionary, and what few columns have (a place in an index, a comment) makes it longer.
    """

    def __init__(self, catalog: Catalog, names: Mapping[int, str], lineage: Lineage, indexing: Indexing) -> None:
        self._comments = catalog.comments
        self._names = names
        self._lineage = lineage
        self._places = indexing.places
        self._types = TypeResolver(catalog)
        self._made: dict[tuple[int, int], tuple[_Plain, _Marked]] = {}

    def build(self, relation: Relation, rows: Sequence[ColumnRow]) -> tuple[Field, ...]:
        """The fields of one relation, in the order of its rows."""
        oid = relation.oid
        granted = relation.privileges
        usable = READ | (INSERT | UPDATE if relation.kind in "rp" else 0) if relation.usage else 0
        plain, marked = self._made.setdefault((granted, usable), ({}, {}))
        places, comments = self._places.get(oid, _NONE), self._comments.get(oid, _NO_COMMENTS)
        special = places.keys() | comments.keys() if comments else places
        fields: list[Field] = []
        for place, name, packed in rows:
            flags = place & FLAGS_MASK
            if (place & _PLACE) >> NUMBER_SHIFT in special or flags & GENERATED:
                number = (place & _PLACE) >> NUMBER_SHIFT
                key = (name, packed, flags, places.get(number, 0), comments.get(number))
                field = marked.get(key)
                if field is None:
                    at = (oid, number) if flags & GENERATED else None  # what it is computed from is its own
                    field = self._make(name, packed, flags & _OWN | (flags | granted) & usable, key[3], key[4], at)
                    if at is None:
                        marked[key] = field
            else:
                short = (name, packed, flags)
                field = plain.get(short)
                if field is None:
                    field = self._make(name, packed, flags & _OWN | (flags | granted) & usable, 0, None, None)
                    plain[short] = field
            fields.append(field)
        return tuple(fields)

    def _make(
        self, name: str, packed: int, flags: int, places: int, comment: str | None, generated: tuple[int, int] | None
    ) -> Field:
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
            has_default=bool(flags & DEFAULT) and generated is None,
            generated=generated is not None,
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
