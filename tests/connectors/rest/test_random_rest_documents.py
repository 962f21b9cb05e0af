"""Whatever a document holds, reading it gives a graph that holds together, or a typed refusal."""

from __future__ import annotations

import json
import string
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay.connectors.documents import DocumentNotReadable
from patchbay.connectors.rest.documents.files import needed_references, open_document
from patchbay.connectors.rest.normalize.graph import normalize
from patchbay.connectors.rest.task import DocumentSettings, graph_packed
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.naming import split_name
from patchbay.schema_graph.pack import unpack
from tests.connectors.rest.apis import unfilled

WORDS = ("Pet", "Owner", "pet_id", "id", "data", "items", "$ref", "a.b", "kind", "ÿ", "", "x y", "null")
names = st.sampled_from(WORDS) | st.text(string.printable, max_size=5)
targets = st.sampled_from(
    [f"#/components/schemas/{name}" for name in WORDS]
    + [
        "#",
        "#/",
        "#/paths/~1a/get",
        "other.json#/x",
        "https://other.example/x",
        "#/components/schemas/Pet/properties/id",
        "%",
        "#%zz",
    ]
)
literals = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4) | st.floats(allow_nan=False, allow_infinity=False)
junk = st.recursive(literals, lambda held: st.lists(held, max_size=2) | st.dictionaries(names, held, max_size=2), max_leaves=4)
kinds = st.sampled_from(["string", "integer", "number", "boolean", "object", "array", "null", "file", "date"])


def schemas() -> st.SearchStrategy[Any]:
    def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        listed = st.lists(inner, max_size=3)
        return st.fixed_dictionaries(
            {},
            optional={
                "type": kinds | st.lists(kinds, max_size=2) | junk,
                "properties": st.dictionaries(names, inner, max_size=4) | junk,
                "required": st.lists(names, max_size=3) | junk,
                "items": inner | listed,
                "allOf": listed,
                "oneOf": listed,
                "anyOf": listed,
                "additionalProperties": inner,
                "enum": st.lists(literals, max_size=3) | junk,
                "const": junk,
                "nullable": st.booleans(),
                "readOnly": st.booleans(),
                "description": st.text(max_size=8) | junk,
                "format": st.sampled_from(["date-time", "int64", "uuid", "nonsense"]) | junk,
                "$id": st.sampled_from(["https://x.example/a", "b/", "#c"]),
                "default": junk,
            },
        )

    leaf = st.fixed_dictionaries({"$ref": targets}) | st.fixed_dictionaries({"type": kinds}) | junk
    return st.recursive(leaf, grown, max_leaves=8)


parameters = st.fixed_dictionaries(
    {"name": names, "in": st.sampled_from(["path", "query", "header", "cookie", "body", "formData", "x"])},
    optional={
        "schema": schemas(),
        "required": st.booleans(),
        "style": st.sampled_from(["form", "deepObject", "simple", "pipeDelimited", "x"]),
        "explode": st.booleans(),
        "content": st.dictionaries(
            st.sampled_from(["application/json", "x"]), st.fixed_dictionaries({"schema": schemas()}), max_size=1
        ),
    },
)
content = st.dictionaries(
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/csv"]),
    st.fixed_dictionaries({"schema": schemas()}) | junk,
    max_size=2,
)
operations = st.fixed_dictionaries(
    {
        "responses": st.dictionaries(
            st.sampled_from(["200", "2XX", "204", "302", "default"]), st.fixed_dictionaries({"content": content}), max_size=2
        )
    },
    optional={
        "operationId": names | st.sampled_from(["GET /a", "list", "a/b:c#d"]) | junk,
        "parameters": st.lists(parameters | st.fixed_dictionaries({"$ref": targets}), max_size=3) | junk,
        "requestBody": st.fixed_dictionaries({"content": content}, optional={"required": st.booleans()}) | junk,
        "servers": st.lists(
            st.fixed_dictionaries({"url": st.sampled_from(["https://a.example", "/x", "{y}", "::"])}), max_size=1
        ),
    },
)
paths = st.dictionaries(
    st.sampled_from(["/a", "/a/{id}", "/a/{id", "/b#c", "/d?e={f}", "bad", "/ü"]),
    st.dictionaries(st.sampled_from(["get", "post", "delete", "head", "x-y"]), operations | junk, max_size=3) | junk,
    max_size=3,
)
documents = st.fixed_dictionaries(
    {
        "openapi": st.sampled_from(["3.0.0", "3.1.0", "3.2.0"]),
        "paths": paths,
        "components": st.fixed_dictionaries({"schemas": st.dictionaries(names, schemas(), max_size=4)}),
    },
    optional={
        "servers": st.lists(st.fixed_dictionaries({"url": st.sampled_from(["https://a.example", "/v1", "x"])}), max_size=2)
        | junk,
        "security": junk,
        "info": junk,
    },
)


def holds_together(graph: Graph) -> None:
    for slugs in ({o.slug for o in graph.objects.values()}, {o.slug for o in graph.operations.values()}):
        assert all(slug and len(slug) <= 64 for slug in slugs)
    assert len({o.slug for o in graph.objects.values()}) == len(graph.objects)
    assert len({o.slug for o in graph.operations.values()}) == len(graph.operations)
    for name, obj in graph.objects.items():
        assert obj.name == name
        assert len(split_name(name)) == 1
        assert obj.fields
        fields = {field.name for field in obj.fields}
        assert len({edge.name for edge in obj.edges}) == len(obj.edges)
        for edge in obj.edges:
            assert edge.target in graph.objects
            assert edge.narrows or edge.pairs[0][0] in fields
    for name, operation in graph.operations.items():
        assert operation.name == name
        assert operation.object is None or operation.object in graph.objects
        taken = [argument.name for argument in operation.arguments]
        assert len(set(taken)) == len(taken)
        assert set(taken) == set(operation.invoke.get("arguments", {}))
        assert not any(argument.required and argument.demanded_by for argument in operation.arguments)
        assert operation.unusable or unfilled(operation) == set()
        json.dumps(operation.invoke)


def refusal_of(files: dict[str, bytes]) -> DocumentNotReadable | None:
    """Why a document is refused, or None for one whose graph holds together."""
    try:
        holds_together(normalize(open_document(files)).graph)
    except DocumentNotReadable as refusal:
        return refusal
    return None


@settings(max_examples=250, deadline=None)
@given(documents)
def test_any_document_gives_a_graph_that_holds_together(document: Any) -> None:
    files = {"api.json": json.dumps(document).encode()}
    graph = normalize(open_document(files)).graph
    holds_together(graph)
    packed = graph_packed(files, DocumentSettings(), {})
    assert unpack(packed.body).objects.keys() == graph.objects.keys()
    assert packed.fingerprint == graph_packed(files, DocumentSettings(), {}).fingerprint
    assert all("://" not in path for path in needed_references(files))


@settings(max_examples=80, deadline=None)
@given(documents, st.randoms(use_true_random=False))
def test_names_do_not_depend_on_the_order_of_paths(document: Any, random: Any) -> None:
    shuffled = list(document["paths"].items())
    random.shuffle(shuffled)
    both = [
        normalize(open_document({"api.json": json.dumps({**document, "paths": paths}).encode()})).graph
        for paths in (document["paths"], dict(shuffled))
    ]
    assert both[0].operations.keys() == both[1].operations.keys()
    assert {o.slug for o in both[0].operations.values()} == {o.slug for o in both[1].operations.values()}


@settings(max_examples=150, deadline=None)
@given(junk)
def test_any_value_is_read_or_refused(value: Any) -> None:
    for head in (
        {},
        {"openapi": "3.1.0"},
        {"swagger": "2.0", "paths": value, "definitions": value},
        {"discoveryVersion": "v1", "methods": value, "schemas": value, "resources": {"r": value}},
    ):
        document = {**head, **value} if isinstance(value, dict) else head or value
        refused = refusal_of({"api.json": json.dumps(document).encode()})
        assert refused is None or refused.extensions["reason"] in {"not_an_api", "version", "malformed"}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.sampled_from(["api.json", "api.yaml", "api"]))
def test_any_bytes_are_read_or_refused(content: bytes, name: str) -> None:
    refused = refusal_of({name: content})
    assert refused is None or refused.detail.startswith("document_not_readable: ")
