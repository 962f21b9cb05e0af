"""References and schemas: the traps found in real documents, and the rules of the standards, one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.connectors.rest.documents.files import needed_references, open_document
from patchbay.connectors.rest.documents.pointers import pointer_parts
from patchbay.connectors.rest.normalize.graph import normalize
from tests.connectors.rest.apis import (
    PET,
    TEXT,
    answer,
    api,
    arguments,
    codes,
    field,
    graph_of,
    only_operation,
    ref,
    sends,
)

# --- references


def test_a_reference_as_data_is_never_followed() -> None:
    schemas = {
        "Member": {
            "type": "object",
            "properties": {"$ref": TEXT, "value": TEXT},
            "example": {"$ref": "https://elsewhere.example/x"},
        },
        "Held": {
            "type": "object",
            "properties": {"a": {"type": "object", "default": {"$ref": "#/nowhere"}}, "b": {"enum": ["x"], "const": "x"}},
        },
    }
    graph = graph_of(api(schemas, {"/m": {"get": answer(ref("Member"))}, "/h": {"get": answer(ref("Held"))}}))
    assert [f.name for f in graph.objects["Member"].fields] == ["$ref", "value"]
    assert not codes(graph)


@pytest.mark.parametrize(
    ("fragment", "parts"),
    [
        ("", ()),
        ("/a~1b/c~0d", ("a/b", "c~d")),
        ("/a%20b/%7Bid%7D", ("a b", "{id}")),
        ("/~01", ("~1",)),
        ("name", None),
        ("/", ("",)),
    ],
)
def test_json_pointers(fragment: str, parts: tuple[str, ...] | None) -> None:
    assert pointer_parts(fragment) == parts


def test_references_through_references_and_into_paths() -> None:
    schemas = {"A": ref("B"), "B": ref("Pet"), "Pet": PET}
    paths = {
        "/pets/{id}": {"get": answer(ref("A"))},
        "/same": {"get": answer({"$ref": "#/paths/~1pets~1%7Bid%7D/get/responses/200/content/application~1json/schema"})},
    }
    graph = graph_of(api(schemas, paths))
    assert {operation.object for operation in graph.operations.values()} == {"Pet"}
    assert list(graph.objects) == ["Pet"]


def test_a_reference_to_nowhere_is_a_finding() -> None:
    graph = graph_of(api({"Pet": {"properties": {"a": ref("Missing"), "b": TEXT}}}, {"/p": {"get": answer(ref("Pet"))}}))
    assert codes(graph) == {"reference_nowhere"}
    assert [f.type for f in graph.objects["Pet"].fields] == ["json", "string"]
    gone = only_operation(answer(ref("Missing")))
    assert gone.unusable


def test_another_host_stays_opaque_and_is_not_asked_for() -> None:
    document = api({"Pet": {"properties": {"a": {"$ref": "https://other.example/schema.json#Text"}, "b": TEXT}}})
    graph = graph_of(document, url="https://api.example/openapi.json")
    assert codes(graph) >= {"reference_elsewhere"}
    files = {"api.json": json.dumps(document).encode()}
    assert needed_references(files, url="https://api.example/openapi.json") == []
    assert needed_references(files, url="https://other.example/api.json") == ["https://other.example/schema.json"]


def test_operations_and_path_items_in_other_files() -> None:
    files = {
        "api.yaml": b"""
openapi: 3.0.0
servers: [{url: https://api.example}]
paths:
  /a:
    get: {$ref: 'ops/a.yaml'}
  /b: {$ref: 'items.yaml#/b'}
""",
        "ops/a.yaml": b"""
operationId: a
responses: {200: {content: {application/json: {schema: {$ref: ../models/pet.yaml}}}}}
""",
        "items.yaml": b"""
b:
  get:
    operationId: b
    responses: {200: {content: {application/json: {schema: {$ref: './models/pet.yaml'}}}}}
""",
        "models/pet.yaml": b"""
type: object
properties: {name: {type: string}, mother: {$ref: '#'}, owner: {$ref: 'owner%20of.yaml#/Owner'}}
""",
        "models/owner of.yaml": b"Owner: {type: object, properties: {pets: {type: array, items: {$ref: pet.yaml}}}}",
    }
    graph = normalize(open_document(files, root="api.yaml")).graph
    assert {name: operation.object for name, operation in graph.operations.items()} == {"a": "pet", "b": "pet"}
    assert {(o.name, e.name, e.target) for o in graph.objects.values() for e in o.edges} == {
        ("pet", "mother", "pet"),
        ("pet", "owner", "Owner"),
        ("Owner", "pets", "pet"),
    }
    first = needed_references({"api.yaml": files["api.yaml"]}, root="api.yaml")
    assert set(first) == {"items.yaml", "ops/a.yaml"}


def test_a_file_beside_the_document_that_cannot_be_read_is_a_finding() -> None:
    paths = {
        "/a": {"get": answer({"$ref": "bad.json"})},
        "/b": {"get": answer({"$ref": "gone.json"})},
        "/c": {"get": answer(PET)},
    }
    files = {"api.json": json.dumps(api(paths=paths)).encode(), "bad.json": b"{"}
    assert needed_references(files, root="api.json") == ["gone.json"]
    assert needed_references(files, root="api.json", fresh=["bad.json"]) == []
    graph = normalize(open_document(files, root="api.json")).graph
    assert codes(graph) == {"file_refused", "file_missing"}
    assert [name for name, operation in graph.operations.items() if operation.unusable is None] == ["GET /c"]


def test_identifiers_and_anchors_within_a_document() -> None:
    schemas = {
        "Pet": {
            "$id": "https://schemas.example/pet",
            "type": "object",
            "properties": {"toy": {"$ref": "toy#/$defs/Ball"}, "tag": {"$ref": "#tag"}},
            "$defs": {"Tag": {"$anchor": "tag", "type": "object", "properties": {"text": TEXT}}},
        },
        "Toy": {"$id": "https://schemas.example/toy", "$defs": {"Ball": {"type": "object", "properties": {"size": TEXT}}}},
    }
    graph = graph_of(api(schemas, {"/p": {"get": answer(ref("Pet"))}}, version="3.1.0"))
    assert {edge.name: edge.target for edge in graph.objects["Pet"].edges} == {"toy": "Ball", "tag": "tag"}
    assert not codes(graph)


def test_what_stands_beside_a_reference() -> None:
    beside = {**ref("Pet"), "description": "Whose it is", "properties": {"extra": TEXT}}
    holder = {"type": "object", "properties": {"pet": beside}}
    for version, target, fields in (("3.0.3", "Pet", ["id", "name"]), ("3.1.0", "Holder pet", ["id", "name", "extra"])):
        graph = graph_of(api({"Holder": holder, "Pet": PET}, {"/h": {"get": answer(ref("Holder"))}}, version=version))
        (pet,), (edge,) = graph.objects["Holder"].fields, graph.objects["Holder"].edges
        assert (pet.description, edge.target) == ("Whose it is", target)
        assert [f.name for f in graph.objects[target].fields] == fields


# --- schemas


@pytest.mark.parametrize(
    ("schema", "kind", "native"),
    [
        ({"type": "integer"}, "integer", "integer"),
        ({"type": "integer", "format": "int64"}, "integer", "integer(int64)"),
        ({"type": "string", "format": "int64"}, "integer", "string(int64)"),
        ({"type": "number", "format": "decimal"}, "decimal", "number(decimal)"),
        ({"type": "number", "format": "float"}, "number", "number(float)"),
        ({"type": "string", "format": "date-time"}, "datetime", "string(date-time)"),
        ({"type": "string", "format": "date"}, "date", "string(date)"),
        ({"type": "string", "format": "uuid"}, "uuid", "string(uuid)"),
        ({"type": "string", "format": "binary"}, "bytes", "string(binary)"),
        ({"type": "string", "enum": ["a", "b", None]}, "enum", "string"),
        ({"const": "only"}, "enum", "string"),
        ({"enum": [1, 2]}, "integer", "integer"),
        ({"type": "boolean"}, "boolean", "boolean"),
        ({"type": "object"}, "json", "object"),
        ({"type": "object", "additionalProperties": TEXT}, "json", "map of string"),
        ({}, "json", "any"),
        ({"type": ["string", "null"]}, "string", "string"),
        ({"type": ["integer", "string"]}, "string", "integer or string"),
        ({"anyOf": [TEXT, {"type": "null"}]}, "string", "string"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "number", "integer or number"),
        ({"type": "array", "items": TEXT}, "array", "array of string"),
        ({"items": [TEXT, {"type": "integer"}], "type": "array"}, "array", "array of string or integer"),
    ],
)
def test_types(schema: dict[str, Any], kind: str, native: str) -> None:
    found = field(schema, version="3.1.0")
    assert (found.type, found.native_type) == (kind, native)


def test_a_map_is_noted() -> None:
    holder = {"properties": {"labels": {"type": "object", "additionalProperties": TEXT}}}
    assert codes(graph_of(api({"Holder": holder}, {"/h": {"get": answer(ref("Holder"))}}))) == {"map"}


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [ref("Pet"), {"type": "null"}]},
        {"oneOf": [{"enum": [None]}, ref("Pet")]},
        {"allOf": [ref("Pet")], "nullable": True},
        {"nullable": True, "anyOf": [ref("Pet")]},
    ],
)
def test_null_in_every_spelling(schema: dict[str, Any]) -> None:
    holder = {"type": "object", "properties": {"pet": schema}, "required": ["pet"]}
    graph = graph_of(api({"Holder": holder, "Pet": PET}, {"/h": {"get": answer(ref("Holder"))}}, version="3.1.0"))
    (edge,) = graph.objects["Holder"].edges
    assert (edge.target, edge.nullable, edge.embedded) == ("Pet", True, True)
    assert graph.objects["Holder"].fields[0].type == "object"


def test_required_read_only_and_write_only() -> None:
    thing = {
        "required": ["id", "name"],
        "properties": {"id": {**TEXT, "readOnly": True}, "name": TEXT, "secret": {**TEXT, "writeOnly": True}},
    }
    graph = graph_of(api({"Thing": thing}, {"/t": {"get": answer(ref("Thing")), "post": sends(ref("Thing"))}}))
    held = {f.name: f for f in graph.objects["Thing"].fields}
    assert [held[name].nullable for name in ("id", "name", "secret")] == [False, False, True]
    assert [held[name].readable for name in ("id", "name", "secret")] == [True, True, False]
    taken = arguments(graph.operations["POST /t"])
    assert {name: argument.required for name, argument in taken.items()} == {"body.name": True, "body.secret": False}


def test_read_only_says_nothing_of_parameters_and_bodies() -> None:
    number = {"type": "integer", "readOnly": True}
    held = {"properties": {"number": ref("Number"), "name": TEXT}}
    parameters = [{"name": "number", "in": "path", "required": True, "schema": ref("Number")}]
    parameters += [{"name": "filter", "in": "query", "schema": {**TEXT, "readOnly": True}}]
    taking = {"parameters": parameters, **answer(ref("Held"))}
    paths = {"/t/{number}": {"get": taking}, "/t": {"post": sends({**held, "readOnly": True}), "put": sends(ref("Number"))}}
    graph = graph_of(api({"Number": number, "Held": held}, paths))
    taken = {name: set(arguments(operation)) for name, operation in graph.operations.items()}
    assert taken == {"GET /t/{number}": {"number", "filter"}, "POST /t": {"body.name"}, "PUT /t": {"body"}}


def test_an_id_or_the_record_itself() -> None:
    deleted = {"properties": {"id": TEXT, "deleted": {"type": "boolean"}}}
    pet = {"properties": {"id": TEXT, "name": TEXT}}
    holder = {"properties": {"pet": {"anyOf": [{"type": "string", "maxLength": 50}, ref("Pet"), ref("Deleted")]}}}
    graph = graph_of(api({"Holder": holder, "Pet": pet, "Deleted": deleted}, {"/h": {"get": answer(ref("Holder"))}}))
    (held,), (edge,) = graph.objects["Holder"].fields, graph.objects["Holder"].edges
    assert (held.type, held.max_length) == ("string", 50)
    assert (edge.target, edge.nullable, edge.embedded, edge.to_one) == ("Pet", True, True, True)


def test_alternatives_become_a_union_with_the_members_of_all() -> None:
    cat = {"properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind"]}
    dog = {"properties": {"kind": {"const": "dog"}, "tricks": TEXT}, "required": ["kind"]}
    either = {"oneOf": [ref("Cat"), ref("Dog")], "discriminator": {"propertyName": "kind"}}
    graph = graph_of(
        api(
            {"Cat": cat, "Dog": dog, "Animal": either, "Home": {"properties": {"pet": either}}},
            {"/a": {"get": answer(ref("Animal"))}, "/h": {"get": answer(ref("Home"))}},
        )
    )
    animal = graph.objects["Animal"]
    assert animal.kind == "union"
    assert {f.name: f.nullable for f in animal.fields} == {"kind": False, "lives": True, "tricks": True}
    assert animal.fields[0].enum == ("cat", "dog")
    assert {e.target for e in animal.edges if e.narrows} == {"Cat", "Dog"}
    (edge,) = graph.objects["Home"].edges
    assert edge.target == "Animal"


def test_all_of_is_merged_and_the_later_word_counts() -> None:
    base = {"properties": {"id": TEXT, "kind": TEXT}, "required": ["id"]}
    more = {"allOf": [ref("Base"), {"properties": {"kind": {"enum": ["x"]}, "size": {"type": "integer"}}, "required": ["size"]}]}
    graph = graph_of(api({"Base": base, "More": more}, {"/m": {"get": answer(ref("More"))}}))
    held = {f.name: f for f in graph.objects["More"].fields}
    assert [(n, f.nullable) for n, f in held.items()] == [("id", False), ("kind", True), ("size", False)]
    assert held["kind"].enum == ("x",)


def test_nested_values_are_fields_until_they_hold_an_object() -> None:
    plain = {"properties": {"line": TEXT, "geo": {"properties": {"lat": {"type": "number"}}}}}
    holding = {"type": "array", "items": {"properties": {"count": {"type": "integer"}, "pet": ref("Pet")}}}
    order = {"type": "object", "properties": {"address": plain, "lines": holding}}
    graph = graph_of(api({"Order": order, "Pet": PET}, {"/o": {"get": answer(ref("Order"))}}))
    address, lines = graph.objects["Order"].fields
    assert [f.name for f in address.fields] == ["line", "geo"]
    assert [f.name for f in address.fields[1].fields] == ["lat"]
    assert (lines.type, lines.item_type, lines.fields) == ("array", "object", ())
    (edge,) = graph.objects["Order"].edges
    assert (edge.name, edge.target, edge.cardinality) == ("lines", "Order lines", "one_to_many")
    assert [e.target for e in graph.objects["Order lines"].edges] == ["Pet"]


def test_identifiers_are_evidence_of_relationships() -> None:
    order = {"type": "object", "properties": {"id": TEXT, "customer_id": TEXT, "petId": {"type": "integer"}, "shop_id": TEXT}}
    shops = {name: {"properties": {"id": TEXT, "n": TEXT}} for name in ("OldShop", "NewShop")}
    schemas = {"Order": order, "Customers": {"properties": {"id": TEXT, "name": TEXT}}, "Pet": PET, **shops}
    graph = graph_of(api(schemas, {f"/{name}": {"get": answer(ref(name))} for name in schemas}))
    found = {edge.name: edge for edge in graph.objects["Order"].edges}
    assert {name: edge.target for name, edge in found.items()} == {"customer": "Customers", "pet": "Pet"}
    assert all(edge.inferred and not edge.embedded and edge.confidence < 1 for edge in found.values())
    assert found["customer"].pairs == (("customer_id", "id"),)


def test_what_only_inputs_consist_of_is_no_object() -> None:
    schemas = {
        "PetInput": {"properties": {"name": TEXT, "toy": ref("ToyInput")}},
        "ToyInput": {"properties": {"size": TEXT}},
        "Pet": PET,
        "Unreached": {"properties": {"a": TEXT}},
    }
    graph = graph_of(api(schemas, {"/p": {"post": {**sends(ref("PetInput")), **answer(ref("Pet"))}}}))
    assert set(graph.objects) == {"Pet", "Unreached"}
    assert set(arguments(graph.operations["POST /p"])) == {"body.name", "body.toy.size"}


def test_names_with_dots_are_quoted() -> None:
    schemas = {"a.b": {"properties": {"c.d": {"properties": {"x": ref("a.b")}}, "e": TEXT}}}
    graph = graph_of(api(schemas, {"/a": {"get": answer(ref("a.b")), "post": sends(ref("a.b"))}}))
    assert set(graph.objects) == {'"a.b"', '"a.b c.d"'}
    assert "body.e" in arguments(graph.operations["POST /a"])
