"""Small descriptions of APIs, for tests."""

from __future__ import annotations

import json
import re
from typing import Any

from patchbay.connectors.rest.documents.files import open_document
from patchbay.connectors.rest.normalize.graph import Normalized, normalize
from patchbay.schema_graph.model import Argument, Field, Graph, Operation

BASE = "https://api.example/v1"
TEXT = {"type": "string"}
PET = {"type": "object", "properties": {"id": {"type": "integer", "format": "int64"}, "name": TEXT}, "required": ["id"]}


def api(
    schemas: dict[str, Any] | None = None,
    paths: dict[str, Any] | None = None,
    *,
    version: str = "3.0.3",
    **more: Any,
) -> dict[str, Any]:
    """An OpenAPI 3 document with these schemas and paths."""
    return {
        "openapi": version,
        "info": {"title": "Test", "version": "1"},
        "servers": [{"url": BASE}],
        "paths": paths or {},
        "components": {"schemas": schemas or {}},
        **more,
    }


def answer(schema: Any, **more: Any) -> dict[str, Any]:
    """An operation that answers with ``schema``."""
    return {"responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}, **more}


def sends(schema: Any, kind: str = "application/json", *, required: bool = True, **more: Any) -> dict[str, Any]:
    """An operation with ``schema`` for a body, that answers with nothing."""
    body = {"required": required, "content": {kind: {"schema": schema}}}
    return {"requestBody": body, "responses": {"204": {"description": ""}}, **more}


def read(document: Any, **settings: Any) -> Normalized:
    """A document, given as a value, read to the end."""
    return normalize(open_document({"api.json": json.dumps(document).encode()}, url=settings.pop("url", None)), **settings)


def graph_of(document: Any, **settings: Any) -> Graph:
    """The graph of a document given as a value."""
    return read(document, **settings).graph


def only_operation(operation: dict[str, Any], *, method: str = "get", path: str = "/things", **document: Any) -> Operation:
    """The one operation of a document that has only it."""
    (made,) = graph_of(api(paths={path: {method: operation}}, **document)).operations.values()
    return made


def codes(graph: Graph) -> set[str]:
    """The codes of a graph's notes."""
    return {note.code for note in graph.notes}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def field(schema: Any, name: str = "it", **document: Any) -> Field:
    """One property as a field of an object."""
    holder = {"type": "object", "properties": {name: schema, "other": TEXT}}
    graph = graph_of(api({"Holder": holder, "Pet": PET}, {"/h": {"get": answer(ref("Holder"))}}, **document))
    found = graph.objects["Holder"].field(name)
    assert found is not None
    return found


def arguments(operation: Operation) -> dict[str, Argument]:
    return {argument.name: argument for argument in operation.arguments}


def unfilled(operation: Operation) -> set[str]:
    """The placeholders of a path that no required argument fills."""
    taken = arguments(operation)
    places = {name: place for name, place in operation.invoke.get("arguments", {}).items() if taken[name].required}
    filled = {place["name"] for place in places.values() if place["place"] == "path"}
    return set(re.findall(r"\{([^{}]+)\}", operation.invoke["path"])) - filled
