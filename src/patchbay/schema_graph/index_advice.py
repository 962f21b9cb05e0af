"""The statement an administrator runs so that a condition is served by an index."""

from __future__ import annotations

import re
from collections.abc import Sequence

from patchbay.schema_graph.model import Object

_NAME_MOST = 64
_PREFIX = 191
"""Characters of a long text that fit into an index in every row format of InnoDB."""
_LONG = re.compile(r"(tiny|medium|long)?(text|blob)\b", re.IGNORECASE)


def create_index(kind: str, obj: Object, fields: Sequence[str]) -> str | None:
    """The statement for the type of database ``kind``; None for an object that can have no index."""
    if kind == "mysql":
        return _mysql(obj, fields) if obj.kind == "table" else None
    return _postgres(obj, fields) if obj.kind in ("table", "materialized_view") else None


def _postgres(obj: Object, fields: Sequence[str]) -> str:
    """A partitioned table takes no CONCURRENTLY."""
    concurrently = "" if obj.partitions else "CONCURRENTLY "
    columns = ", ".join(_quoted(field, '"') for field in fields)
    table = _table(obj, '"')
    return f"CREATE INDEX {concurrently}ON {table} ({columns});"


def _mysql(obj: Object, fields: Sequence[str]) -> str:
    """An index has a name there, and of a long text only the beginning is indexed."""
    name = _quoted("_".join(("idx", obj.native_name or obj.name, *fields))[:_NAME_MOST].rstrip(), "`")
    columns = ", ".join(_quoted(field, "`") + _prefix(obj, field) for field in fields)
    return f"CREATE INDEX {name} ON {_table(obj, '`')} ({columns});"


def _prefix(obj: Object, field: str) -> str:
    found = obj.field(field)
    return f"({_PREFIX})" if found is not None and _LONG.match(found.native_type) else ""


def _table(obj: Object, quote: str) -> str:
    return ".".join(_quoted(part, quote) for part in (obj.native_schema, obj.native_name or obj.name) if part)


def _quoted(identifier: str, quote: str) -> str:
    return quote + identifier.replace(quote, quote * 2) + quote
