"""What PostgreSQL's types are in the graph: domains by what they are based on, arrays, enums and composites by their parts."""

from __future__ import annotations

import json

import msgspec

from patchbay.connectors.sql.postgres.discovery.rows import Catalog, TypeRow
from patchbay.schema_graph.model import Field, FieldType

_VARIABLE_HEADER = 4  # what a length in a type modifier counts besides the characters
_DEEPEST = 4  # composites inside composites

_BASE: dict[str, FieldType] = {
    "bool": "boolean", "int2": "integer", "int4": "integer", "int8": "integer", "oid": "integer", "xid": "integer",
    "numeric": "decimal", "float4": "number", "float8": "number", "date": "date", "time": "time", "timetz": "time",
    "timestamp": "datetime", "timestamptz": "datetime", "interval": "duration", "uuid": "uuid", "bytea": "bytes",
    "json": "json", "jsonb": "json",
}  # fmt: skip
_ZONED = frozenset({"timetz", "timestamptz"})
_COUNTED = frozenset({"varchar", "bpchar"})
_KNOWN_EQUAL = frozenset({"varchar", "jsonb"})  # compared by the operators of another type, or by their own


class ResolvedType(msgspec.Struct, frozen=True):
    """A type with its modifier, as a field carries it. ``row_of`` is the oid of the relation whose rows it holds."""

    type: FieldType
    native_type: str
    enum: tuple[str, ...] = ()
    item_type: FieldType | None = None
    fields: tuple[Field, ...] = ()
    zoned: bool = False
    max_length: int | None = None
    filterable: bool = True
    row_of: int | None = None


class TypeResolver:
    """Resolves (type oid, modifier) once each."""

    def __init__(self, catalog: Catalog) -> None:
        self._types = catalog.types
        self._names = catalog.type_names
        self._resolved: dict[tuple[int, int], ResolvedType] = {}

    def resolve(self, oid: int, modifier: int) -> ResolvedType:
        """The type of a column."""
        found = self._resolved.get((oid, modifier))
        if found is None:
            found = self._resolve(oid, modifier, self._names.get((oid, modifier), "unknown"), 0)
            self._resolved[oid, modifier] = found
        return found

    def _resolve(self, oid: int, modifier: int, native: str, depth: int) -> ResolvedType:
        row = self._types.get(oid)
        while row is not None and row.kind == "d":
            modifier = row.base_modifier if row.base_modifier != -1 else modifier
            row = self._types.get(row.base)
        if row is None:
            return ResolvedType("string", native, filterable=False)
        if row.kind == "e":
            return ResolvedType("enum", native, enum=tuple(row.labels or ()))
        if row.kind == "c":
            fields = self._members(row, depth) if depth < _DEEPEST else ()
            return ResolvedType("object", native, fields=fields, row_of=row.row_of, filterable=False)
        if row.is_array and row.element:
            item = self._resolve(row.element, -1, "", depth + 1)
            return ResolvedType(
                "array", native, enum=item.enum, item_type=item.type, fields=item.fields, row_of=item.row_of, zoned=item.zoned
            )
        return _scalar(row, modifier, native)

    def _members(self, row: TypeRow, depth: int) -> tuple[Field, ...]:
        members: list[tuple[str, int, int, str]] = json.loads(row.members) if row.members else []
        return tuple(
            as_field(name, self._resolve(oid, modifier, native, depth + 1), None) for name, oid, modifier, native in members
        )


def _scalar(row: TypeRow, modifier: int, native: str) -> ResolvedType:
    base: FieldType = _BASE.get(row.name, "string")
    counted = row.name in _COUNTED and modifier > _VARIABLE_HEADER
    return ResolvedType(
        base,
        native,
        zoned=row.name in _ZONED,
        max_length=modifier - _VARIABLE_HEADER if counted else None,
        filterable=row.equal or row.kind in "rm" or row.name in _KNOWN_EQUAL,
    )


def as_field(name: str, resolved: ResolvedType, row_of: str | None) -> Field:
    """A bare field of this type: a member of a composite."""
    return Field(
        name=name,
        type=resolved.type,
        native_type=resolved.native_type,
        enum=resolved.enum,
        item_type=resolved.item_type,
        fields=resolved.fields,
        zoned=resolved.zoned,
        max_length=resolved.max_length,
        filterable=resolved.filterable,
        row_of=row_of,
    )
