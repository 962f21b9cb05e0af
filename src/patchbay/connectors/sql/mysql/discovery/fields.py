"""The fields of tables and views, from column rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias

import msgspec

from patchbay.connectors.sql.mysql.discovery.expressions import computed_from, folded
from patchbay.connectors.sql.mysql.discovery.indexing import ALONE_UNIQUE, IN_PRIMARY, LEADS_INDEX, Indexing
from patchbay.connectors.sql.mysql.discovery.rows import Catalog, Table, column_of
from patchbay.connectors.sql.mysql.discovery.types import JSON, resolve_type
from patchbay.schema_graph.badges import field_badges
from patchbay.schema_graph.model import Field

_Known: TypeAlias = "tuple[str, bool, int, bool]"
"""What makes a field: its column (packed), whether the table is one to write to, its places in indexes, whether it is JSON."""

_NO_PLACES: Mapping[str, int] = {}
_GENERATED = ("VIRTUAL GENERATED", "STORED GENERATED", "PERSISTENT")


class FieldBuilder:
    """Builds fields; equal ones are made once, since the same column tends to stand in many tables.

    They are found by what came from the server, which is taken apart only for those that are new.
    """

    def __init__(self, catalog: Catalog, indexing: Indexing) -> None:
        self._columns = catalog.columns
        self._json = catalog.json_columns
        self._json_tables = frozenset(table for table, _ in catalog.json_columns)
        self._places = indexing.places
        self._made: dict[_Known, Field] = {}
        self._names: dict[str, str] = {}
        self._generated: list[Field] = []

    @property
    def distinct(self) -> Collection[Field]:
        """All fields that were made, each once."""
        return [*self._made.values(), *self._generated]

    def build(self, table: Table, *, writable: bool) -> tuple[Field, ...]:
        """The fields of one table or view, in the order of its columns."""
        rows = self._columns.get(table.name, ())
        places, made, names = self._places.get(table.name, _NO_PLACES), self._made, self._names
        may_be_json = table.name in self._json_tables
        fields: list[Field] = []
        for packed, expression in rows:
            name = names.get(packed)
            if name is None:
                name = names[packed] = packed.partition("\0")[0]
            known = (packed, writable, places.get(name, 0), may_be_json and (table.name, name) in self._json)
            field = made.get(known)
            if field is None:
                field = made[known] = _make(*known)
            fields.append(self._computed(table, field, expression) if expression else field)
        return tuple(fields)

    def _computed(self, table: Table, field: Field, expression: str) -> Field:
        """A generated field, which is computed from the columns of its own table."""
        names = folded(
            self._names[packed] if packed in self._names else packed.partition("\0")[0] for packed, _ in self._columns[table.name]
        )
        computed = computed_from(expression, names)
        made = msgspec.structs.replace(field, computed_from=computed.fields, opaque=computed.opaque)
        self._generated.append(made)
        return made


def _make(packed: str, writable: bool, places: int, is_json: bool) -> Field:
    column = column_of(packed)
    resolved = JSON if is_json else resolve_type(column.type)
    generated = any(word in column.extra.upper() for word in _GENERATED)
    given = writable and not generated
    description = column.comment or None
    return Field(
        name=column.name,
        type=resolved.type,
        native_type=resolved.native_type,
        nullable=column.nullable,
        description=description,
        enum=resolved.enum,
        item_type=resolved.item_type,
        primary_key=bool(places & IN_PRIMARY),
        unique=bool(places & ALONE_UNIQUE),
        indexed=bool(places & LEADS_INDEX),
        identity="by_default" if "auto_increment" in column.extra.lower() else None,
        has_default=given and column.has_default,
        generated=generated,
        filterable=resolved.filterable,
        zoned=resolved.zoned,
        max_length=resolved.max_length,
        badges=field_badges(column.name, resolved.type, description),
        readable="select" in column.privileges,
        insertable=given and "insert" in column.privileges,
        updatable=given and "update" in column.privileges,
    )
