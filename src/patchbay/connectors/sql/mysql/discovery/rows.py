"""What the queries return, as the reader hands it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

Rows: TypeAlias = Sequence[tuple[Any, ...]]
ColumnRow: TypeAlias = tuple[str, str | None]
"""What a column is (:class:`Column`, packed) and what it is computed from."""


class Table(NamedTuple):
    """A table or view. ``kind`` is its TABLE_TYPE; ``engine`` and ``estimate`` are None for views."""

    name: str
    kind: str
    engine: str | None
    estimate: int | None
    comment: str | None


class Column(NamedTuple):
    """What a column is, whatever table it stands in. ``extra`` and ``privileges`` are lists in the server's words."""

    name: str
    type: str
    nullable: bool
    has_default: bool
    extra: str
    privileges: frozenset[str]
    comment: str


class IndexColumn(NamedTuple):
    """A column of the index ``of``; ``name`` is None for an expression, ``prefix`` is the length where only that is indexed."""

    of: str
    unique: bool
    hidden: bool
    method: str
    name: str | None
    prefix: int | None


class Catalog(msgspec.Struct, frozen=True):
    """Everything read of one database. ``names_fold``: the server compares the names of databases and tables without regard to
    case, as it always does those of columns. ``columns`` are in the order of their table, ``views`` the texts that may be read,
    ``json_columns`` are (table, column) of those texts that MariaDB checks to be JSON.
    """

    database: str
    names_fold: bool
    tables: Sequence[Table]
    columns: Mapping[str, Sequence[ColumnRow]]
    indexes: Mapping[str, Sequence[IndexColumn]]
    foreign_keys: Rows
    views: Mapping[str, str]
    json_columns: frozenset[tuple[str, str]]


def column_of(packed: str) -> Column:
    """A column taken apart. The comment is last: nothing keeps a NUL out of it."""
    name, kind, nullable, default, extra, privileges, comment = packed.split("\0", 6)
    return Column(name, kind, nullable == "YES", default == "1", extra, frozenset(privileges.split(",")), comment)


def index_column_of(packed: str, name: str | None, prefix: int | None) -> IndexColumn:
    """A column of an index, from its index (packed) and what is its own."""
    index, non_unique, hidden, method = packed.split("\0", 3)
    return IndexColumn(index, non_unique == "0", hidden == "1", method, name, prefix)
