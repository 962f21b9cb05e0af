"""The fields of relations, from column rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

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
_NO_COMMENTS: Mapping[int, str] = {}

K = TypeVar("K")


class _Made(dict[K, Field]):
    """Fields that are made when first looked up."""

    def __init__(self, make: Callable[[K], Field]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: K) -> Field:
        field = self[key] = self._make(key)
        return field


class _Alike:
    """The fields of the relations that are alike in privileges. ``plain`` are those of columns that have no place in an index, no
    comment and no expression; ``marked`` are those with a place or a comment.
    """

    def __init__(self, make: Callable[[ColumnKind, int, str | None], Field]) -> None:
        self.plain: _Made[ColumnKind] = _Made(lambda kind: make(kind, 0, None))
        self.marked: _Made[tuple[ColumnKind, int, str | None]] = _Made(lambda mark: make(*mark))


class FieldBuilder:
    """Builds fields; equal ones are made once, since the same column tends to stand in many tables.

    The look-up of a made one is all that most columns of a large schema cost, so it is done for all columns of a relation
    together, as if none of them were special; those few with a place in an index, a comment or an expression are then put right.
    """

    def __init__(self, catalog: Catalog, names: Mapping[int, str], lineage: Lineage, indexing: Indexing) -> None:
        self._columns = catalog.columns
        self._comments = catalog.comments
        self._indexed = indexing.places
        self._maker = _Maker(names, lineage, TypeResolver(catalog))
        self._generated = frozenset(catalog.columns.generated())
        self._alike: dict[tuple[int, int], _Alike] = {}

    def made(self) -> Sequence[Field]:
        """All fields made so far, each once."""
        return self._maker.made

    def build(self, relation: Relation) -> tuple[Field, ...]:
        """The fields of one relation, in the order of its columns."""
        oid = relation.oid
        rights = relation.privileges, _usable(relation)
        alike = self._alike.get(rights)
        if alike is None:
            alike = self._alike[rights] = _Alike(partial(self._maker.make, *rights))
        begin, end = self._columns.span(oid)
        kinds = self._columns.kinds[begin:end]
        fields = list(map(alike.plain.__getitem__, kinds))
        places, comments = self._indexed(oid), self._comments.get(oid, _NO_COMMENTS)
        marked, find = alike.marked, self._columns.find
        for number in places.keys() | comments.keys() if comments else places:
            at = find(oid, number) - begin
            if at >= 0:
                fields[at] = marked[kinds[at], places.get(number, 0), comments.get(number)]
        if oid in self._generated:
            for at, kind in enumerate(kinds):
                if kind[2] & GENERATED:
                    number = self._columns.number(begin + at)
                    mark = places.get(number, 0), comments.get(number)
                    fields[at] = self._maker.make(*rights, kind, *mark, generated=(oid, number))
        return tuple(fields)


def _usable(relation: Relation) -> int:
    """The privileges that its kind and its schema leave a role on a relation."""
    return READ | (INSERT | UPDATE if relation.kind in "rp" else 0) if relation.usage else 0


class _Maker:
    """Makes the fields. Knows nothing of those who look them up, so that all goes at once when it is no longer needed."""

    def __init__(self, names: Mapping[int, str], lineage: Lineage, types: TypeResolver) -> None:
        self._names = names
        self._lineage = lineage
        self._types = types
        self.made: list[Field] = []

    def make(
        self,
        granted: int,
        usable: int,
        kind: ColumnKind,
        places: int,
        comment: str | None,
        generated: tuple[int, int] | None = None,
    ) -> Field:
        """A new field. What a generated one (relation, number) is computed from is its own."""
        name, packed, own = kind
        flags = own & _OWN | (own | granted) & usable
        resolved = self._types.resolve(*type_of(packed))
        computed, opaque = self._lineage.computed(*generated) if generated else ((), False)
        field = Field(
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
        self.made.append(field)
        return field
