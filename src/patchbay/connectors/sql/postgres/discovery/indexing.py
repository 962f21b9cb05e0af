"""Keys and indexes by relation, and what they say of single columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from typing import Any, cast

from patchbay.connectors.sql.postgres.discovery.rows import (
    PARTIAL_INDEX,
    PRIMARY_INDEX,
    UNIQUE_INDEX,
    Catalog,
    column_numbers,
)
from patchbay.schema_graph.model import Index, Key

IN_PRIMARY, ALONE_UNIQUE, LEADS_INDEX = 1, 2, 4
_EQUALITY_INDEXES = frozenset({"btree", "hash"})


class Indexing:
    """``keys`` and ``indexes`` by relation. ``places`` tells by relation and column number which columns belong to the primary
    key, are unique alone, or lead an index that serves an equality.
    """

    def __init__(self, catalog: Catalog, shown: Container[int]) -> None:
        self.keys: dict[int, tuple[Key, ...]] = {}
        self.indexes: dict[int, tuple[Index, ...]] = {}
        self.places: dict[int, dict[int, int]] = {}
        self._methods = catalog.index_methods
        self._name = catalog.columns.name
        by_relation: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        for row in catalog.indexes:
            by_relation[row[0]].append(row)
        for relation, rows in by_relation.items():
            if relation in shown:
                rows.sort()  # by name: the relation is the same
                self._add(relation, rows)

    def _add(self, relation: int, rows: Sequence[tuple[Any, ...]]) -> None:
        """The keys and indexes of one relation."""
        keys: list[Key] = []
        indexes: list[Index] = []
        places: dict[int, int] = {}
        for _, name, method_oid, number_text, width, flags in rows:
            numbers = column_numbers(number_text)[:width]
            fields = tuple([self._name(relation, number) for number in numbers])
            method, unique, partial = self._methods[method_oid], flags & UNIQUE_INDEX != 0, flags & PARTIAL_INDEX != 0
            indexes.append(Index(name, fields, unique, partial, method))
            if partial or method not in _EQUALITY_INDEXES:
                continue
            places[numbers[0]] = places.get(numbers[0], 0) | LEADS_INDEX
            if unique and None not in fields:
                primary = flags & PRIMARY_INDEX != 0
                keys.append(Key(name, cast("tuple[str, ...]", fields), primary))
                mark = (IN_PRIMARY if primary else 0) | (ALONE_UNIQUE if len(numbers) == 1 else 0)
                for number in numbers:
                    places[number] = places.get(number, 0) | mark
        self.keys[relation], self.indexes[relation], self.places[relation] = tuple(keys), tuple(indexes), places
