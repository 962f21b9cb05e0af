"""What the catalogue queries return, as the reader hands it on."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from operator import gt
from typing import Any, NamedTuple, TypeAlias

import msgspec

Rows: TypeAlias = Sequence[tuple[Any, ...]]
ColumnRow: TypeAlias = tuple[int, str, int]
"""A column's place (``relation oid << 20 | number << 8 | flags``), its name, its type (``oid << 32 | modifier``)."""
ColumnKind: TypeAlias = tuple[str, int, int]
"""A column's name, type (as above) and flags."""

NamedRelation: TypeAlias = tuple[int, str, str, bool]
"""A relation's oid, schema and name, and whether it is a partition."""

FIRST_USER_OID = 16384
NOT_NULL, DEFAULT, READ, INSERT, UPDATE, ALWAYS, BY_DEFAULT, GENERATED = (1 << bit for bit in range(8))
"""The flags of a column. The three privileges are those granted on the column itself; on a relation, those on all of it."""
UNIQUE_INDEX, PARTIAL_INDEX, PRIMARY_INDEX = 1, 2, 4

RELATION_SHIFT, NUMBER_SHIFT, NUMBER_MASK, FLAGS_MASK = 20, 8, 0xFFF, 0xFF


class Relation(NamedTuple):
    """A row of pg_class. ``kind`` is its relkind; ``usage`` tells of its schema, ``privileges`` are flags."""

    oid: int
    schema: str
    name: str
    kind: str
    is_partition: bool
    estimate: float
    usage: bool
    privileges: int
    description: str | None


class TypeRow(NamedTuple):
    """A row of pg_type, with an enum's labels and a composite's members (JSON: name, type, modifier, spelling)."""

    oid: int
    name: str
    kind: str
    category: str
    base: int
    base_modifier: int
    element: int
    is_array: bool
    row_of: int | None
    equal: bool
    labels: list[str] | None
    members: str | None


class Columns:
    """All columns in the order of their places. ``kinds`` holds what each is besides: the same value for equal ones, of which
    there are many. ``spans`` tells where each relation's columns begin and end.
    """

    def __init__(self) -> None:
        self.places: list[int] = []
        self.kinds: list[ColumnKind] = []
        self.spans: dict[int, tuple[int, int]] = {}
        self._known: dict[ColumnKind, ColumnKind] = {}
        self._whole: set[int] = set()  # the relations of which no column was dropped

    def add(self, rows: Sequence[ColumnRow]) -> None:
        """Take over some rows, in any order. Only what differs of them is kept: memory costs more time than looking it up."""
        places = [row[0] for row in rows]
        kinds = [(name, packed, place & FLAGS_MASK) for place, name, packed in rows]
        self.places += places
        self.kinds += map(self._known.setdefault, kinds, kinds)

    def settle(self) -> None:
        """Put all in order, once the last has come."""
        if any(map(gt, self.places, islice(self.places, 1, None))):
            order = sorted(range(len(self.places)), key=self.places.__getitem__)
            self.places = [self.places[at] for at in order]
            self.kinds = [self.kinds[at] for at in order]
        begin = 0
        for relation, count in Counter([place >> RELATION_SHIFT for place in self.places]).items():
            self.spans[relation] = begin, begin + count
            begin += count
            if self.number(begin - 1) == count:
                self._whole.add(relation)

    def span(self, relation: int) -> tuple[int, int]:
        """Where the columns of one relation begin and end."""
        return self.spans.get(relation, (0, 0))

    def find(self, relation: int, number: int) -> int:
        """Where the column of that number is; -1 when there is none. There are gaps where some were dropped."""
        begin, end = self.spans.get(relation, (0, 0))
        if relation in self._whole:
            return begin + number - 1 if 0 < number <= end - begin else -1
        at = bisect_left(self.places, relation << RELATION_SHIFT | number << NUMBER_SHIFT, begin, end) if number > 0 else end
        return at if at < end and self.number(at) == number else -1

    def name(self, relation: int, number: int) -> str | None:
        """The name of one column, or None when there is none of that number."""
        at = self.find(relation, number)
        return None if at < 0 else self.kinds[at][0]

    def number(self, at: int) -> int:
        """The number, within its relation, of the column at a place."""
        return self.places[at] >> NUMBER_SHIFT & NUMBER_MASK

    def types(self) -> set[int]:
        """The packed types in use."""
        return {packed for _, packed, _ in self._known}

    def generated(self) -> list[int]:
        """The relations with generated columns, in order."""
        if not any(flags & GENERATED for _, _, flags in self._known):
            return []
        return sorted({place >> RELATION_SHIFT for place in self.places if place & GENERATED})


class Catalog(msgspec.Struct, frozen=True):
    """Everything read. ``comments`` are those on each relation (under 0) and its columns, by number; ``index_methods`` are
    names.
    """

    default_schema: str
    relations: dict[int, Relation]
    columns: Columns
    comments: Mapping[int, Mapping[int, str]]
    foreign_keys: Rows
    indexes: Rows
    index_methods: Mapping[int, str]
    inheritance: Rows
    views: Rows
    view_dependencies: Rows
    write_rules: frozenset[int]
    generated: Rows
    telling: frozenset[int]
    types: dict[int, TypeRow]
    type_names: dict[tuple[int, int], str]


@lru_cache(maxsize=4096)
def column_numbers(text: str) -> tuple[int, ...]:
    """The numbers in an int2 array or vector as text: far cheaper than having each array parsed, since few differ."""
    return tuple(int(number) for number in text.strip("{}").replace(",", " ").split())


def type_of(packed: int) -> tuple[int, int]:
    """The type oid and modifier of a column row."""
    modifier = packed & 0xFFFFFFFF
    return packed >> 32 & 0xFFFFFFFF, modifier - (modifier >> 31 << 32)
