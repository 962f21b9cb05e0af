"""What views read: their stored texts taken apart, every column taken to the table or view it is a column of.

The server keeps a view's text with all names spelled out, so most columns say where they are from. Where one does not (a name
from the select list, one alias for several tables in different parts of the query), it counts as read from every table it may
come from: more than is read is never wrong, less would be. What cannot be followed to its end makes a view opaque, with the
reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from patchbay.connectors.sql.mysql.discovery.expressions import folded, looks_further, tokens_of
from patchbay.connectors.sql.mysql.discovery.rows import Catalog, Table
from patchbay.schema_graph.model import Dependency
from patchbay.schema_graph.naming import object_name

if TYPE_CHECKING:
    from patchbay.connectors.sql.mysql.discovery.view_texts import Reading, Reference, Source

FOREIGN = "Its rows live in another system, or in other tables."
_HIDDEN = "Its text is hidden: grant the role SHOW VIEW."
_UNREAD = "Its text cannot be taken apart."
_FUNCTION = "It calls a function whose reads cannot be told."
_OUTSIDE = "It reads something that is not part of the schema."

_OWN_ROWS = frozenset({
    "innodb", "myisam", "aria", "maria", "memory", "heap", "csv", "archive", "blackhole", "rocksdb", "tokudb", "columnstore",
    "ndbcluster", "ndb", "mroonga", "s3",
})  # fmt: skip


class Origin(msgspec.Struct, frozen=True):
    """Where the rows of one table or view come from, in the terms of :class:`patchbay.schema_graph.model.Object`."""

    reads: tuple[Dependency, ...] = ()
    opaque: str | None = None
    definition_hash: str | None = None


_ITS_OWN = Origin()


def has_own_rows(table: Table) -> bool:
    """Whether its rows are kept where it is: engines may show those of other servers or tables. One that cannot be opened has
    no engine.
    """
    return table.engine is not None and table.engine.lower() in _OWN_ROWS


class Lineage:
    """The lineage of the tables and views of one database."""

    def __init__(self, catalog: Catalog) -> None:
        self._views = catalog.views
        self._database = catalog.database
        self._names = {table.name for table in catalog.tables}
        self._by_folded = folded(self._names) if catalog.names_fold else {}
        self._names_fold = catalog.names_fold
        self._rows = catalog.columns
        self._columns: dict[str, Mapping[str, str]] = {}

    def of(self, table: Table) -> Origin:
        """Where the rows of one table or view come from."""
        if table.kind != "VIEW":
            return _ITS_OWN if has_own_rows(table) else Origin(opaque=FOREIGN)
        text = self._views.get(table.name)
        if text is None:
            return Origin(opaque=_HIDDEN)
        digest = hashlib.sha256(text.encode()).hexdigest()
        from patchbay.connectors.sql.mysql.discovery.view_texts import read_view  # sqlglot takes longer to import than most reads

        tokens = tokens_of(text)
        reading = read_view(text, tokens)
        if reading is None:
            return Origin((), _UNREAD, digest)
        reads, told = self._reads(reading)
        opaque = _FUNCTION if looks_further(tokens) else None if told else _OUTSIDE
        return Origin(tuple(Dependency(name, reads[name]) for name in sorted(reads)), opaque, digest)

    def _reads(self, reading: Reading) -> tuple[dict[str, tuple[str, ...] | None], bool]:
        """The fields of each object it reads (None: any), and whether that is all of it."""
        found: dict[Source, set[str] | None] = {source: set() for source in reading.sources}
        told = all(self._known(source) is not None for source in reading.sources)
        for reference in reading.references:
            if reference.column is None:
                found.update(dict.fromkeys(reading.sources))
                continue
            meant, sure = self._meant(reading, reference)
            told = told and sure
            for source in meant:
                columns = found[source]
                if columns is not None:
                    columns.add(self._column(source, reference.column))
        reads: dict[str, tuple[str, ...] | None] = {}
        for source, columns in found.items():
            name = self._object_name(source)
            before = reads.get(name, ())
            reads[name] = None if columns is None or before is None else tuple(sorted({*before, *columns}))
        return reads, told

    def _meant(self, reading: Reading, reference: Reference) -> tuple[Iterable[Source], bool]:
        """The sources a column may be of, and whether one of those, or a name made in the text, must be it."""
        name = reference.column or ""
        if reference.table is None:
            having = [source for source in reading.sources if self._has(source, name)]
            return having, bool(having) or name.casefold() in reading.made
        alias = reference.table.casefold()
        if reference.database is not None:
            meant = [s for s in reading.sources if s.name.casefold() == alias and self._same_database(s, reference.database)]
            return meant, bool(meant)
        meant = reading.aliases.get(alias, frozenset())
        having = [source for source in meant if self._has(source, name)]
        return having or meant, bool(meant) or alias in reading.derived

    def _same_database(self, source: Source, database: str) -> bool:
        own = source.database or self._database
        return own == database or (self._names_fold and own.casefold() == database.casefold())

    def _known(self, source: Source) -> str | None:
        """The table or view of this database that a source is, as the catalogue spells it."""
        if not self._same_database(source, self._database):
            return None
        return source.name if source.name in self._names else self._by_folded.get(source.name.casefold())

    def _object_name(self, source: Source) -> str:
        known = self._known(source)
        if known is not None:
            return object_name(None, known, None)
        return object_name(source.database or self._database, source.name, self._database)

    def _has(self, source: Source, column: str) -> bool:
        return column.casefold() in self._columns_of(source)

    def _column(self, source: Source, column: str) -> str:
        return self._columns_of(source).get(column.casefold(), column)

    def _columns_of(self, source: Source) -> Mapping[str, str]:
        """The columns of a source by their case-folded names, as far as the account sees them."""
        name = self._known(source)
        if name is None:
            return {}
        columns = self._columns.get(name)
        if columns is None:
            columns = self._columns[name] = folded(packed.partition("\0")[0] for packed, _ in self._rows.get(name, ()))
        return columns
