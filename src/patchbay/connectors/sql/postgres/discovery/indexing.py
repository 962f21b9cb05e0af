"""Keys and indexes by relation, and what they say of single columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from patchbay.connectors.sql.postgres.discovery.rows import (
    PARTIAL_INDEX,
    PRIMARY_INDEX,
    UNIQUE_INDEX,
    Columns,
    Rows,
    column_numbers,
)
from patchbay.schema_graph.model import Index, Key

IN_PRIMARY, ALONE_UNIQUE, LEADS_INDEX = 1, 2, 4
_EQUALITY_INDEXES = frozenset({"btree", "hash"})
_NO_PLACES: Mapping[int, int] = {}

_Part: TypeAlias = tuple[tuple[int, ...], bool, bool, str, bool, bool]
"""An index without its name: column numbers, whether it is unique and partial, method, whether it is a key and a primary one."""
_Shape: TypeAlias = tuple[tuple[_Part, ...], Mapping[int, int]]
"""The indexes of a relation in the order of their names, and what they make of which columns."""


class Indexing:
    """``keys`` and ``indexes`` by relation. What needs no names of columns is worked out before those have come: shapes of
    indexes recur from table to table (a primary key of the first column), so each is worked out once.
    """

    def __init__(self) -> None:
        self.keys: dict[int, tuple[Key, ...]] = {}
        self.indexes: dict[int, tuple[Index, ...]] = {}
        self._shapes: dict[tuple[tuple[Any, ...], ...], _Shape] = {}
        self._shared: dict[tuple[str | None, ...], tuple[str | None, ...]] = {}
        self._of: dict[int, tuple[list[str], _Shape]] = {}

    def work_out(self, rows: Rows, methods: Mapping[int, str], shown: Container[int]) -> None:
        """Take the rows of all indexes; those of relations that are not shown are left out."""
        by_relation: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        for row in rows:
            by_relation[row[0]].append(row)
        for relation, found in by_relation.items():
            if relation not in shown:
                continue
            found.sort()  # by name: the relation is the same
            told = tuple([row[2:] for row in found])
            shape = self._shapes.get(told)
            if shape is None:
                shape = self._shapes[told] = _shape(told, methods)
            self._of[relation] = [row[1] for row in found], shape

    def places(self, relation: int) -> Mapping[int, int]:
        """By column number, which columns belong to the primary key, are unique alone, or lead an index that serves an
        equality.
        """
        found = self._of.get(relation)
        return found[1][1] if found else _NO_PLACES

    def name(self, columns: Columns, relations: Iterable[int]) -> None:
        """Make the keys and indexes of the relations whose columns are known."""
        names_of, shared, of = columns.names, self._shared, self._of
        for relation in relations:
            found = of.get(relation)
            if found is None:
                continue
            names, (parts, _) = found
            keys: list[Key] = []
            indexes: list[Index] = []
            for name, (numbers, unique, partial, method, is_key, primary) in zip(names, parts, strict=True):
                fields = names_of(relation, numbers)
                fields = shared.setdefault(fields, fields)
                indexes.append(Index(name, fields, unique, partial, method))
                if is_key:
                    keys.append(Key(name, fields, primary))  # pyright: ignore[reportArgumentType] - no expression is in a key
            self.keys[relation], self.indexes[relation] = tuple(keys), tuple(indexes)


def _shape(told: Sequence[tuple[Any, ...]], methods: Mapping[int, str]) -> _Shape:
    """What the rows of one relation's indexes say besides the names."""
    parts: list[_Part] = []
    places: dict[int, int] = {}
    for method_oid, number_text, width, flags in told:
        numbers = column_numbers(number_text)[:width]
        method, unique, partial = methods[method_oid], flags & UNIQUE_INDEX != 0, flags & PARTIAL_INDEX != 0
        equality = not partial and method in _EQUALITY_INDEXES
        is_key = equality and unique and 0 not in numbers  # there stands an expression
        primary = is_key and flags & PRIMARY_INDEX != 0
        parts.append((numbers, unique, partial, method, is_key, primary))
        if equality:
            places[numbers[0]] = places.get(numbers[0], 0) | LEADS_INDEX
        if is_key:
            mark = (IN_PRIMARY if primary else 0) | (ALONE_UNIQUE if len(numbers) == 1 else 0)
            for number in numbers:
                places[number] = places.get(number, 0) | mark
    return tuple(parts), places
