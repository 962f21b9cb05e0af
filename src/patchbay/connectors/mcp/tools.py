"""The tools of a remote MCP server, as it lists them, and as the graph that later lists are judged by.

Of a tool's schemas only what says what may be sent and what comes back counts: texts may change without changing what the tool
takes. The graph holds digests of them and no more: it is what calls are held against, and no one binds to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from patchbay.schema_graph.call import MCP, Ground
from patchbay.schema_graph.canonical import NotCanonical, canonical_json, sha256_hex
from patchbay.schema_graph.ground import operation_rest
from patchbay.schema_graph.model import Graph, Operation
from patchbay.schema_graph.naming import slug

MOST_TOOLS = 1_000
SCHEMA_MOST = 100_000
"""Bytes of a tool's schemas together."""
DEEPEST = 40
"""How deep a tool's schemas may be nested."""
TEXT_MOST = 4_000
_TEXTS = frozenset({"title", "description", "examples", "default", "$comment"})
_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose members' names are the tool's own, and no keywords."""


class RemoteTool(msgspec.Struct, frozen=True, kw_only=True):
    """One tool. ``description`` is the other side's text: it is shown to people and told to no model."""

    name: str
    description: str | None
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None

    @property
    def ground(self) -> Ground:
        """What a call of it is held against later."""
        return Ground(operation=pin_of(self))


def read_tool(listed: Any) -> RemoteTool | None:
    """A tool as ``tools/list`` names it; None for what is none, is too large to be one, or holds what no store can keep."""
    if not isinstance(listed, dict):
        return None
    members = cast("dict[str, Any]", listed)
    name, takes, gives = members.get("name"), members.get("inputSchema"), members.get("outputSchema")
    if not isinstance(name, str) or not 0 < len(name) <= 200 or not isinstance(takes, dict):
        return None
    if _deeper_than(DEEPEST, [takes, gives]):
        return None
    encoded = msgspec.json.encode([name, takes, gives])
    if len(encoded) > SCHEMA_MOST or b"\\u0000" in encoded:
        return None
    text = members.get("description")
    return RemoteTool(
        name=name,
        description=text[:TEXT_MOST].replace("\x00", "\ufffd") if isinstance(text, str) else None,
        input_schema=cast("dict[str, Any]", takes),
        output_schema=cast("dict[str, Any]", gives) if isinstance(gives, dict) else None,
    )


def graph_of(tools: Iterable[RemoteTool]) -> Graph:
    """The graph of a server's tools."""
    return Graph(kind=MCP, default_schema=None, objects={}, operations={one.name: _operation(one) for one in tools})


def pin_of(tool: RemoteTool) -> str:
    """The digest over what a tool takes and gives."""
    return operation_rest(_operation(tool), ())


def _deeper_than(most: int, value: Any) -> bool:
    layer: list[Any] = [value]
    for _ in range(most):
        below: list[Any] = []
        for one in layer:
            if isinstance(one, dict):
                below += cast("dict[str, Any]", one).values()
            elif isinstance(one, list):
                below += cast("list[Any]", one)
        layer = below
    return bool(layer)


def _operation(tool: RemoteTool) -> Operation:
    return Operation(
        name=tool.name,
        slug=slug(tool.name),
        object=None,
        effect="write",  # what it does the server cannot be asked
        verb="call",
        description=tool.description,
        invoke={"takes": _digest(tool.input_schema), "gives": _digest(tool.output_schema)},
    )


def _digest(schema: Any) -> str:
    try:
        return sha256_hex(canonical_json(without_texts(schema)))
    except (NotCanonical, RecursionError):
        return sha256_hex(msgspec.json.encode(schema, order="sorted"))


def without_texts(schema: Any, *, names: bool = False) -> Any:
    """A JSON Schema without what is only said about it. ``names``: the members of this one are no keywords."""
    if isinstance(schema, list):
        return [without_texts(one) for one in cast("list[Any]", schema)]
    if not isinstance(schema, Mapping):
        return schema
    members = cast("Mapping[str, Any]", schema)
    kept = members if names else {name: value for name, value in members.items() if name not in _TEXTS}
    return {name: without_texts(value, names=not names and name in _MAPS) for name, value in kept.items()}
