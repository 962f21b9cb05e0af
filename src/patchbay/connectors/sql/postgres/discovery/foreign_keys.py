"""The foreign keys between the relations that are shown, and the edges that follow from them."""

from __future__ import annotations

from collections import defaultdict
from typing import TypeAlias

from patchbay.connectors.sql.postgres.discovery.indexing import ALONE_UNIQUE, Indexing
from patchbay.connectors.sql.postgres.discovery.object_names import ObjectNames
from patchbay.connectors.sql.postgres.discovery.rows import NOT_NULL, Columns, Rows, column_numbers
from patchbay.schema_graph.model import Edge
from patchbay.schema_graph.relationships import ForeignKey, Identity, edges_of

_Numbered: TypeAlias = tuple[str, int, str, tuple[int, ...], int, str, tuple[int, ...], bool]
"""A foreign key by numbers: constraint, relation (oid and name) and its columns, target likewise, whether a column of its is
unique alone.
"""


class ForeignKeys:
    """``referenced`` counts by object how many refer to it; ``declaring`` are the objects that have any of their own."""

    def __init__(self) -> None:
        self.declaring: set[str] = set()
        self.referenced: dict[str, int] = defaultdict(int)
        self._keys: list[_Numbered] = []
        self._several: set[int] = set()

    def work_out(self, rows: Rows, naming: ObjectNames, indexing: Indexing) -> None:
        """Take the rows of all foreign keys. Needs the columns' numbers alone."""
        names, shown = naming.names, naming.shown
        for constraint, relation, own_numbers, target, other_numbers in rows:
            if relation not in shown or target not in shown:
                continue
            own, source, aim = column_numbers(own_numbers), names[relation], names[target]
            alone = len(own) == 1 and indexing.places(relation).get(own[0], 0) & ALONE_UNIQUE != 0
            self._keys.append((constraint, relation, source, own, target, aim, column_numbers(other_numbers), alone))
            self.referenced[aim] += 1
            if source in self.declaring:
                self._several.add(relation)
            self.declaring.add(source)

    def edges(self, columns: Columns, naming: ObjectNames, indexing: Indexing) -> dict[str, tuple[Edge, ...]]:
        """The edges of each object. The indexes must have their names by now."""
        keys: list[ForeignKey] = []
        kinds, find = columns.kinds, columns.find
        for constraint, relation, source, own, target, aim, other, unique in self._keys:
            if len(own) == 1:
                name, _, flags = kinds[find(relation, own[0])]
                pairs = ((name, kinds[find(target, other[0])][0]),)
                nullable = not flags & NOT_NULL
            else:
                here = [kinds[find(relation, number)] for number in own]
                pairs = tuple([(kind[0], kinds[find(target, there)][0]) for kind, there in zip(here, other, strict=True)])
                held = {kind[0] for kind in here}
                unique = any(held.issuperset(key.fields) for key in indexing.keys.get(relation, ()))
                nullable = not all([kind[2] & NOT_NULL for kind in here])
            keys.append(ForeignKey(constraint, source, aim, pairs, unique, nullable))
        identities = {
            naming.names[oid]: [Identity(frozenset(key.fields), key.primary) for key in indexing.keys.get(oid, ())]
            for oid in self._several
        }
        return edges_of(keys, identities, naming.roots)
