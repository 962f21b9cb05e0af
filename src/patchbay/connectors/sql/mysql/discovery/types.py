"""What the types of MySQL and MariaDB are in the graph.

- ``tinyint(1)`` is a boolean: that is what BOOL makes, and the only type to which these servers still give a width. It can
  hold other numbers than 0 and 1; as in the server's own conditions, whatever is not 0 is true. ``bit(1)`` likewise; a wider
  ``bit(n)`` is an unsigned integer of n bits.
- ``timestamp`` is an instant (kept in UTC): zoned. ``datetime`` is a wall clock. ``time`` is a time of day; it can hold spans
  from -838:59:59 to 838:59:59, which are given as the server spells them.
- ``set`` is an array of the labels in ``enum``. ``json`` is MySQL's type, or the text that MariaDB checks to be JSON. Neither can
  be compared. Nor can the spatial types, which are read as GeoJSON.
- ``max_length`` counts characters, but bytes for the four sizes of ``text``.
- What is not known (a type from a plug-in) is read as text and cannot be compared.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from patchbay.schema_graph.model import FieldType

_SPELLING = re.compile(r"\s*([a-z_][a-z0-9_]*)\s*(?:\((.*)\))?(.*)", re.IGNORECASE | re.DOTALL)
_LABEL = re.compile(r"'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
_ESCAPED = re.compile(r"''|\\(.)", re.DOTALL)
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}
_REMARK = re.compile(r"\s*/\*.*?\*/", re.DOTALL)

_BASE: dict[str, FieldType] = {
    "tinyint": "integer", "smallint": "integer", "mediumint": "integer", "int": "integer", "integer": "integer",
    "bigint": "integer", "year": "integer", "decimal": "decimal", "numeric": "decimal", "dec": "decimal", "fixed": "decimal",
    "float": "number", "double": "number", "real": "number", "date": "date", "time": "time", "datetime": "datetime",
    "timestamp": "datetime", "char": "string", "varchar": "string", "tinytext": "string", "text": "string",
    "mediumtext": "string", "longtext": "string", "inet4": "string", "inet6": "string", "uuid": "uuid", "binary": "bytes",
    "varbinary": "bytes", "tinyblob": "bytes", "blob": "bytes", "mediumblob": "bytes", "longblob": "bytes",
}  # fmt: skip
_SPATIAL = frozenset({
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection",
    "geomcollection",
})  # fmt: skip
_TEXT_BYTES = {"tinytext": 255, "text": 65_535, "mediumtext": 16_777_215, "longtext": 4_294_967_295}


class ResolvedType(msgspec.Struct, frozen=True):
    """A type as a field carries it. ``native_type`` is the server's spelling, without the labels of an ``enum`` or ``set``."""

    type: FieldType
    native_type: str
    enum: tuple[str, ...] = ()
    item_type: FieldType | None = None
    zoned: bool = False
    max_length: int | None = None
    filterable: bool = True


JSON = ResolvedType("json", "json", filterable=False)


@lru_cache(maxsize=4096)
def resolve_type(column_type: str) -> ResolvedType:
    """The type of a column by its COLUMN_TYPE, whatever that may say."""
    native = _REMARK.sub("", column_type).strip() or "unknown"
    taken = _SPELLING.fullmatch(native)
    if taken is None:
        return ResolvedType("string", native, filterable=False)
    name, inside = taken[1].lower(), taken[2]
    if name in ("enum", "set"):
        return _listed(name, _labels(inside or ""))
    if name == "json":
        return JSON
    if name in _SPATIAL:
        return ResolvedType("json", native, filterable=False)
    if name == "bit" or (name == "tinyint" and taken[0].lower() == "tinyint(1)"):
        return ResolvedType("boolean" if inside in (None, "1") else "integer", native)
    if name == "vector":
        return ResolvedType("bytes", native, filterable=False)
    base = _BASE.get(name)
    if base is None:
        return ResolvedType("string", native, filterable=False)
    length = int(inside) if name in ("char", "varchar") and inside and inside.isdecimal() else _TEXT_BYTES.get(name)
    return ResolvedType(base, native, zoned=name == "timestamp", max_length=length)


def _listed(name: str, labels: tuple[str, ...]) -> ResolvedType:
    if name == "set":
        return ResolvedType("array", "set", enum=labels, item_type="enum", filterable=False)
    return ResolvedType("enum", "enum", enum=labels)


def _labels(text: str) -> tuple[str, ...]:
    return tuple(_ESCAPED.sub(_unescaped, found) for found in _LABEL.findall(text))


def _unescaped(match: re.Match[str]) -> str:
    letter = match[1]
    return "'" if letter is None else _ESCAPES.get(letter, letter)
