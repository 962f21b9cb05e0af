"""What a schema's ``type`` and ``format`` say about single values (OpenAPI 3.1, section 4.4; the format registry)."""

from __future__ import annotations

from typing import Any

from patchbay.schema_graph.model import FieldType

Scalar = tuple[FieldType, str, bool]
"""The type, the native spelling, and whether a time has a zone."""

_STRINGS: dict[str, FieldType] = {
    "date": "date", "date-time": "datetime", "datetime": "datetime", "google-datetime": "datetime", "iso8601": "datetime",
    "timestamp": "datetime", "time": "time", "duration": "duration", "google-duration": "duration", "uuid": "uuid",
    "guid": "uuid", "uuid4": "uuid", "byte": "bytes", "binary": "bytes", "base64": "bytes", "int64": "integer",
    "uint64": "integer",
    "decimal": "decimal", "decimal128": "decimal", "money": "decimal",
}  # fmt: skip
_ZONED = frozenset({"datetime"})
_PLAIN: dict[str, FieldType] = {"integer": "integer", "boolean": "boolean", "number": "number", "file": "bytes", "null": "json"}
SCALAR_TYPES = frozenset({"string", "integer", "number", "boolean", "file"})


def scalar_of(kind: str, form: Any) -> Scalar:
    """The type of a single value. 64-bit integers keep their width in the native spelling: their JSON form is a string."""
    if type(form) is not str or not form:
        form = ""
    native = f"{kind}({form[:40]})" if form else kind
    if kind == "string":
        found: FieldType = _STRINGS.get(form.lower(), "string") if form else "string"
        return found, native, found in _ZONED
    if kind == "number" and form in ("decimal", "decimal128"):
        return "decimal", native, False
    if kind == "number" and form in ("int32", "int64"):
        return "integer", native, False
    return _PLAIN.get(kind, "json"), native, False


def kind_of_value(value: Any) -> str:
    """The schema type of a literal, for an enum that does not say."""
    if type(value) is bool:
        return "boolean"
    if type(value) is int:
        return "integer"
    if type(value) is float:
        return "number"
    return "string" if type(value) is str else "object"


def texts_of(values: list[Any]) -> tuple[str, ...]:
    """Allowed values as texts, each once, null left out: ``true`` as JSON spells it."""
    if set(map(type, values)) == {str}:
        return tuple(dict.fromkeys(values))
    return tuple(dict.fromkeys([_as_text(value) for value in values if value is not None and type(value) not in (dict, list)]))


def _as_text(value: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    return str(value)
