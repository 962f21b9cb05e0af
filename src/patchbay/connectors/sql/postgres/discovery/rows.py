"""What the catalogue queries return, as the reader hands it on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
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

    Rows of one relation mostly come side by side, so all is put in order while they come, and ``named`` is told of the relations
    that seem complete. Where one went on later, everything is ordered anew in the end, and ``named`` told again.
    """

    def __init__(self, named: Callable[[Columns, Iterable[int]], None] | None = None) -> None:
        self.places: list[int] = []
        self.kinds: list[ColumnKind] = []
        self.spans: dict[int, tuple[int, int]] = {}
        self._named = named
        self._known: dict[ColumnKind, ColumnKind] = {}
        self._whole: set[int] = set()  # the relations of which no column was dropped
        self._held: list[ColumnRow] = []  # those of the relation that may go on in the next part
        self._in_order = True

    def add(self, rows: Sequence[ColumnRow]) -> None:
        """Take over some rows, in any order."""
        if not rows:
            return
        came = sorted([*self._held, *rows])
        last = came[-1][0] >> RELATION_SHIFT
        end = bisect_left(came, last << RELATION_SHIFT, key=itemgetter(0))
        self._held = came[end:]
        self._take(came[:end])

    def settle(self) -> None:
        """Put all in order, once the last has come."""
        self._take(self._held)
        self._held = []
        if not self._in_order:
            order = sorted(range(len(self.places)), key=self.places.__getitem__)
            self.places = [self.places[at] for at in order]
            self.kinds = [self.kinds[at] for at in order]
            self.spans.clear()
            self._whole.clear()
            self._span(0)

    def _take(self, rows: Sequence[ColumnRow]) -> None:
        """Keep some rows, of which only what differs: memory costs more time than looking it up."""
        begin = len(self.places)
        places = [row[0] for row in rows]
        kinds = [(name, packed, place & FLAGS_MASK) for place, name, packed in rows]
        self._in_order = self._in_order and (not begin or not rows or self.places[-1] < places[0])
        self.places += places
        self.kinds += map(self._known.setdefault, kinds, kinds)
        if self._in_order:
            self._span(begin)

    def _span(self, begin: int) -> None:
        """Note where each relation is, from one place on."""
        places, total = self.places, len(self.places)
        found: list[int] = []
        while begin < total:
            relation = places[begin] >> RELATION_SHIFT
            end = bisect_left(places, relation + 1 << RELATION_SHIFT, begin, min(begin + NUMBER_MASK, total))
            self.spans[relation] = begin, end
            if places[end - 1] >> NUMBER_SHIFT & NUMBER_MASK == end - begin:
                self._whole.add(relation)
            found.append(relation)
            begin = end
        if self._named is not None:
            self._named(self, found)

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

    def names(self, relation: int, numbers: Iterable[int]) -> tuple[str | None, ...]:
        """The names of several columns of one relation."""
        if relation in self._whole:
            begin, end = self.spans[relation]
            kinds, before, most = self.kinds, begin - 1, end - begin
            return tuple([kinds[before + number][0] if 0 < number <= most else None for number in numbers])
        return tuple([self.name(relation, number) for number in numbers])

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
