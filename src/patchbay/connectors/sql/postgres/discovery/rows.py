"""What the catalogue queries return, as the reader hands it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import msgspec

Rows: TypeAlias = Sequence[tuple[Any, ...]]
ColumnRow: TypeAlias = tuple[int, str, int]
"""A column's place (``relation oid << 20 | number << 8 | flags``), its name, its type (``oid << 32 | modifier``)."""

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


class Catalog(msgspec.Struct, frozen=True):
    """Everything read. ``columns`` are those of each relation, in order; ``comments`` are those on its columns, by number;
    ``index_methods`` are names.
    """

    default_schema: str
    relations: dict[int, Relation]
    columns: Mapping[int, Sequence[ColumnRow]]
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
