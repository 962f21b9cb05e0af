"""What of the graph needs no columns, worked out while the server still gathers those."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from patchbay.connectors.sql.postgres.discovery.foreign_keys import ForeignKeys
from patchbay.connectors.sql.postgres.discovery.indexing import Indexing
from patchbay.connectors.sql.postgres.discovery.object_names import ObjectNames
from patchbay.connectors.sql.postgres.discovery.rows import Columns, NamedRelation, Rows


class Preparation:
    """Names, indexes and foreign keys. The catalogue's reader hands over the rows as they come."""

    def __init__(self) -> None:
        self.naming = ObjectNames()
        self.indexing = Indexing()
        self.foreign_keys = ForeignKeys()

    def relations(self, default_schema: str, rows: Sequence[NamedRelation]) -> None:
        """Take the relations, which come first."""
        self.naming.work_out(default_schema, rows)

    def indexes(self, rows: Rows, methods: Mapping[int, str]) -> None:
        """Take the indexes, which come next."""
        self.indexing.work_out(rows, methods, self.naming.shown)

    def keys(self, rows: Rows) -> None:
        """Take the foreign keys."""
        self.foreign_keys.work_out(rows, self.naming, self.indexing)

    def columns(self, columns: Columns, relations: Iterable[int]) -> None:
        """Take the relations whose columns have come."""
        self.indexing.name(columns, relations)
