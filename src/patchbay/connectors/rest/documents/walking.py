"""Walking a description where it describes, and leaving out where it holds data.

A ``$ref`` in an example, a default or an enum is a value, and ``properties`` may hold a property named ``$ref``: neither refers
to anything (OpenAPI 3.1, section 4.8.23; JSON Schema 2020-12 core, section 8.2.3.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patchbay.connectors.rest.documents.values import is_list, is_object

_DATA = frozenset({"example", "examples", "default", "enum", "const", "callbacks", "webhooks", "links", "x-webhooks"})
_NAMED = frozenset({
    "properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "schemas", "responses", "requestBodies",
    "headers", "pathItems", "paths", "content", "variables", "securitySchemes", "securityDefinitions", "encoding",
})  # fmt: skip


def describing(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping that describes something, and those of names that are a reference themselves; parents before children."""
    todo: list[tuple[Any, bool]] = [(value, False)]
    while todo:
        node, named = todo.pop()
        if is_list(node):
            todo.extend([(held, False) for held in node if is_object(held) or is_list(held)])
            continue
        if not is_object(node):
            continue
        mapping = node
        if not named or type(mapping.get("$ref")) is str:
            yield mapping
        for key, held in mapping.items():
            if is_object(held) or is_list(held):
                if named:
                    todo.append((held, False))
                elif key not in _DATA and key[:2] != "x-":
                    todo.append((held, key in _NAMED))
