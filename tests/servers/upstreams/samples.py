"""Records made up from a JSON schema of an OpenAPI document: the same schema always gives the same record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEEP = 6
_FORMATS = {
    "date-time": "2026-03-05T14:30:00Z",
    "date": "2026-03-05",
    "uuid": "6f1c7c1e-2f0b-4f0e-9d0a-5c3b1a2d4e5f",
    "email": "ada@example.com",
    "uri": "https://example.com/1",
    "byte": "aGVsbG8=",
}


class Samples:
    """Makes records. Optional properties are filled down to :data:`DEEP` levels, and nothing is put inside itself."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def resolved(self, schema: Any) -> dict[str, Any]:
        """What a reference refers to."""
        while isinstance(schema, dict) and "$ref" in schema:
            at: Any = self._document
            for name in schema["$ref"].removeprefix("#/").split("/"):
                at = at[name.replace("~1", "/").replace("~0", "~")]
            schema = at
        return schema if isinstance(schema, dict) else {}

    def of(self, schema: Any, name: str = "value", depth: int = 0, inside: tuple[int, ...] = ()) -> Any:
        """One value; None where only another of the same kind could stand."""
        node = self.resolved(schema)
        if id(node) in inside or depth > DEEP + 4:
            return None
        inside = (*inside, id(node))
        if "allOf" in node:
            parts = [self.of(part, name, depth, inside) for part in node["allOf"]]
            own = self._object(node, depth, inside) if node.get("properties") else {}
            merged = {key: value for part in parts if isinstance(part, dict) for key, value in part.items()} | own
            return merged or next((part for part in parts if part is not None), None)
        for several in ("oneOf", "anyOf"):
            if several in node and not node.get("properties"):
                return self.of(node[several][0], name, depth, inside)
        if node.get("enum"):
            return node["enum"][0]
        kind = node.get("type") or ("object" if "properties" in node else "array" if "items" in node else "string")
        kind = next((one for one in kind if one != "null"), "string") if isinstance(kind, list) else kind
        if kind == "object":
            return self._object(node, depth, inside)
        if kind == "array":
            items = [self.of(node.get("items", {}), name, depth + 1, inside) for _ in range(2)]
            return [item for item in items if item is not None]
        return _scalar(kind, node, name)

    def _object(self, node: dict[str, Any], depth: int, inside: tuple[int, ...]) -> dict[str, Any]:
        required = set(node.get("required", ()))
        made: dict[str, Any] = {}
        for name, schema in node.get("properties", {}).items():
            if depth < DEEP or name in required:
                value = self.of(schema, name, depth + 1, inside)
                if value is not None:
                    made[name] = value
        return made


def _scalar(kind: str, node: Mapping[str, Any], name: str) -> Any:
    if kind == "boolean":
        return True
    if kind == "integer":
        return 1_767_225_600 if node.get("format") == "unix-time" else max(7, int(node.get("minimum", 7)))
    if kind == "number":
        return 12.5
    return _FORMATS.get(str(node.get("format")), f"{name} text")[: node.get("maxLength", 200)]
