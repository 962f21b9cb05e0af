"""The foreign keys between the tables of one database, and the edges that follow from them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from patchbay.connectors.sql.mysql.discovery.expressions import folded
from patchbay.connectors.sql.mysql.discovery.indexing import Indexing
from patchbay.connectors.sql.mysql.discovery.rows import Catalog
from patchbay.schema_graph.model import Edge, Field
from patchbay.schema_graph.relationships import ForeignKey, Identity, edges_of

_Part: TypeAlias = "tuple[int, str, str, str]"
"""A column of a foreign key: its place in it, its name, the table it refers to, and the column there."""


class ForeignKeys:
    """``referenced`` counts by object how many refer to it; ``declaring`` are the objects that have any of their own.

    InnoDB allows a foreign key onto columns that are not unique: it relates to any number of records, not to one, and is left
    out. So is one of whose columns the account does not see all.
    """

    def __init__(
        self, catalog: Catalog, names: Mapping[str, str], fields: Mapping[str, Sequence[Field]], indexing: Indexing
    ) -> None:
        self._names, self._fields, self._indexing = names, fields, indexing
        self._spelled = folded(names) if catalog.names_fold else {}
        parts: dict[tuple[str, str], list[_Part]] = defaultdict(list)
        for constraint, table, place, column, target, other in catalog.foreign_keys:
            parts[table, constraint].append((place, column, target, other))
        read = (self._read(constraint, table, sorted(columns)) for (table, constraint), columns in parts.items())
        self._keys = [key for key in read if key is not None]
        self.referenced: Mapping[str, int] = Counter(key.target for key in self._keys)
        self._of: Mapping[str, int] = Counter(key.source for key in self._keys)
        self.declaring = self._of.keys()

    def edges(self, roots: Mapping[str, str]) -> dict[str, tuple[Edge, ...]]:
        """The edges of each object. ``roots`` are the path roots of all."""
        identities = {
            name: [Identity(frozenset(key.fields), key.primary) for key in self._indexing.keys.get(table, ())]
            for table, name in self._names.items()
            if self._of.get(name, 0) > 1
        }
        return edges_of(self._keys, identities, roots)

    def _read(self, constraint: str, table: str, parts: Sequence[_Part]) -> ForeignKey | None:
        target = parts[0][2]
        target = self._spelled.get(target.casefold(), target)
        pairs = tuple([(column, other) for _, column, _, other in parts])
        if table not in self._names or target not in self._names or not self._unique(target, [other for _, other in pairs]):
            return None
        own = {column for column, _ in pairs}
        nullable = [field.nullable for field in self._fields[table] if field.name in own]
        if len(nullable) < len(own):
            return None
        return ForeignKey(constraint, self._names[table], self._names[target], pairs, self._unique(table, own), any(nullable))

    def _unique(self, table: str, columns: set[str] | list[str]) -> bool:
        """Whether the columns hold a whole unique key of their table."""
        held = frozenset(columns)
        return any(held.issuperset(key.fields) for key in self._indexing.keys.get(table, ()))
