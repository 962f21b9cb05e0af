"""Keys and indexes by table, and what they say of single columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import cast

from patchbay.connectors.sql.mysql.discovery.rows import Catalog, IndexColumn
from patchbay.schema_graph.model import Index, Key

IN_PRIMARY, ALONE_UNIQUE, LEADS_INDEX = 1, 2, 4
_PRIMARY = "PRIMARY"
_EQUALITY_METHODS = frozenset({"BTREE", "HASH"})


class Indexing:
    """``keys`` and ``indexes`` by table. ``places`` tells by table and column which columns belong to the primary key, are
    unique alone, or lead an index that serves an equality.

    An index over a prefix of a column serves an equality all the same: the server finds the prefix and compares the rest; and
    where prefixes are unique, so are the whole values. One that the optimizer must not use (ignored, invisible) is no index, but
    what it holds unique still is.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.keys: dict[str, tuple[Key, ...]] = {}
        self.indexes: dict[str, tuple[Index, ...]] = {}
        self.places: dict[str, dict[str, int]] = {}
        for table, columns in catalog.indexes.items():
            self._add(table, columns)

    def _add(self, table: str, columns: Sequence[IndexColumn]) -> None:
        keys: list[Key] = []
        indexes: list[Index] = []
        places: dict[str, int] = {}
        for name, parts in groupby(columns, key=lambda column: column.of):
            first, *rest = parts
            fields = (first.name, *[part.name for part in rest])
            if not first.hidden:
                indexes.append(Index(name, fields, first.unique, False, first.method.lower()))
            if first.method not in _EQUALITY_METHODS:
                continue
            if first.name is not None and not first.hidden:
                places[first.name] = places.get(first.name, 0) | LEADS_INDEX
            if first.unique and None not in fields:
                key = Key(name, cast("tuple[str, ...]", fields), name == _PRIMARY)
                keys.append(key)
                _mark(places, key)
        self.keys[table], self.indexes[table], self.places[table] = tuple(keys), tuple(indexes), places


def _mark(places: dict[str, int], key: Key) -> None:
    mark = (IN_PRIMARY if key.primary else 0) | (ALONE_UNIQUE if len(key.fields) == 1 else 0)
    for name in key.fields:
        places[name] = places.get(name, 0) | mark


NO_PLACES: Mapping[str, int] = {}
