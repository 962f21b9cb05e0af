"""Operations, their arguments and answers: the traps found in real documents, and the rules of the standards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.rest.apis import (
    BASE,
    PET,
    TEXT,
    answer,
    api,
    arguments,
    codes,
    field,
    graph_of,
    only_operation,
    read,
    ref,
    sends,
)

# --- operations


def test_names_are_the_documents_own_where_they_tell_one_from_another() -> None:
    done = {"responses": {"204": {"description": ""}}}
    paths = {
        "/a": {"get": {"operationId": "issues/list", **done}, "post": {"operationId": "same", **done}},
        "/b": {"get": {"operationId": "orders:list#1", **done}, "post": {"operationId": "same", **done}, "put": done},
        "/c": {
            "get": {"operationId": "GET /d", **done},
            "put": {"operationId": " ", **done},
            "patch": {"operationId": 5, **done},
        },
        "/d": {"get": done},
    }
    graph = graph_of(api(paths=paths))
    assert set(graph.operations) == {
        "issues/list",
        "POST /a",
        "orders:list#1",
        "POST /b",
        "PUT /b",
        "GET /c",
        "PUT /c",
        "PATCH /c",
        "GET /d",
    }
    slugs = [operation.slug for operation in graph.operations.values()]
    assert len(set(slugs)) == len(slugs)
    assert all(slug.replace("_", "").replace("-", "").isalnum() and len(slug) <= 64 for slug in slugs)
    assert "operation_id_unfit" in codes(graph)
    fewer = graph_of(api(paths={path: item for path, item in paths.items() if path != "/b"}))
    assert fewer.operations["issues/list"].slug == graph.operations["issues/list"].slug


def test_paths_told_apart_by_a_fragment_stay_apart() -> None:
    operations = graph_of(
        api(paths={"/#Action=A": {"post": answer(PET)}, "/#Action=B": {"post": answer(PET)}, "/?a=b": {"get": answer(PET)}})
    ).operations
    assert {name: operation.invoke["path"] for name, operation in operations.items()} == {
        "POST /#Action=A": "/",
        "POST /#Action=B": "/",
        "GET /?a=b": "/",
    }
    assert [name for name, operation in operations.items() if operation.unusable] == ["GET /?a=b"]


def test_effects_and_what_a_person_says() -> None:
    paths = {
        "/search": {
            "post": {**sends({"properties": {"q": TEXT}}), **answer(PET), "operationId": "search"},
            "get": answer(PET),
            "head": answer(PET),
            "delete": answer(PET),
        }
    }
    plain = graph_of(api(paths=paths)).operations
    assert {name: operation.effect for name, operation in plain.items()} == {
        "search": "write",
        "GET /search": "read",
        "HEAD /search": "read",
        "DELETE /search": "write",
    }
    told = graph_of(api(paths=paths), reads=frozenset({"search"})).operations["search"]
    assert (told.effect, told.arguments[0].role) == ("read", "filter")
    assert plain["search"].arguments[0].role == "value"


def test_reads_that_are_not_there_are_told_of() -> None:
    paths = {"/find": {"post": {"operationId": "search", "responses": {}}}}
    notes = graph_of(api(paths=paths), reads=frozenset({"search", "serch"})).notes
    assert [(note.code, note.place) for note in notes if note.code == "reads_unknown"] == [("reads_unknown", "serch")]


def test_parameters_of_the_path_and_of_the_operation() -> None:
    shared = [
        {"name": "id", "in": "path", "required": True, "schema": TEXT},
        {"name": "v", "in": "query", "schema": {"type": "integer"}},
    ]
    own = [
        {"name": "v", "in": "query", "required": True, "schema": TEXT},
        {"name": "id", "in": "query", "schema": TEXT},
        {"name": "X-Tenant", "in": "header", "schema": TEXT},
        {"name": "Accept", "in": "header", "schema": TEXT},
    ]
    graph = graph_of(api(paths={"/t/{id}/{gone}": {"parameters": shared, "get": {"parameters": own, "responses": {}}}}))
    (operation,) = graph.operations.values()
    held = arguments(operation)
    assert {name: (a.role, a.type, a.required) for name, a in held.items()} == {
        "id": ("key", "string", True),
        "v": ("filter", "string", True),
        "query.id": ("filter", "string", False),
        "X-Tenant": ("filter", "string", False),
        "gone": ("key", "string", True),
    }
    assert operation.invoke["arguments"]["query.id"] == {"place": "query", "name": "id"}
    assert codes(graph) == {"path_parameter_undeclared"}


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ({"schema": {"type": "array", "items": TEXT}}, {"p": {"place": "query", "name": "p", "style": "form", "explode": True}}),
        (
            {"schema": {"type": "array", "items": TEXT}, "style": "pipeDelimited"},
            {"p": {"place": "query", "name": "p", "style": "pipeDelimited", "explode": False}},
        ),
        (
            {"schema": {"properties": {"a": TEXT, "b": TEXT}}, "style": "deepObject"},
            {"p.a": {"place": "query", "name": "p[a]"}, "p.b": {"place": "query", "name": "p[b]"}},
        ),
        ({"schema": {"properties": {"a": TEXT}}}, {"p.a": {"place": "query", "name": "a"}}),
        (
            {"schema": {"properties": {"a": TEXT}}, "explode": False},
            {"p": {"place": "query", "name": "p", "style": "form", "explode": False}},
        ),
        (
            {"content": {"application/json": {"schema": {"properties": {"a": TEXT}}}}},
            {"p": {"place": "query", "name": "p", "content": "application/json"}},
        ),
        (
            {"schema": TEXT, "allowReserved": True},
            {"p": {"place": "query", "name": "p", "style": "form", "explode": True, "allowReserved": True}},
        ),
    ],
)
def test_styles_of_parameters(parameter: dict[str, Any], expected: dict[str, Any]) -> None:
    operation = only_operation({**answer(PET), "parameters": [{"name": "p", "in": "query", **parameter}]})
    assert operation.invoke["arguments"] == expected


def test_swagger_forms_collections_and_servers() -> None:
    form = [
        {"name": "file", "in": "formData", "type": "file"},
        {"name": "tags", "in": "formData", "type": "array", "items": TEXT, "collectionFormat": "multi"},
    ]
    query = [
        {"name": "ids", "in": "query", "type": "array", "items": {"type": "integer"}},
        {"name": "key", "in": "query", "type": "string"},
    ]
    document = {
        "swagger": "2.0",
        "host": "api.example",
        "basePath": "/v2",
        "schemes": ["http", "https"],
        "info": {},
        "consumes": ["application/json"],
        "securityDefinitions": {"k": {"type": "apiKey", "in": "query", "name": "key"}},
        "definitions": {"Pet": PET},
        "paths": {
            "/up": {
                "post": {
                    "consumes": ["multipart/form-data"],
                    "parameters": form,
                    "responses": {"200": {"schema": {"$ref": "#/definitions/Pet"}}},
                }
            },
            "/pets": {
                "get": {
                    "parameters": query,
                    "responses": {"default": {"schema": {"type": "array", "items": {"$ref": "#/definitions/Pet"}}}},
                },
                "post": {
                    "parameters": [{"name": "pet", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Pet"}}],
                    "responses": {"201": {}},
                },
            },
        },
    }
    made = read(document)
    assert made.described.servers == ("https://api.example/v2", "http://api.example/v2")
    upload, listing, adding = (made.graph.operations[name] for name in ("POST /up", "GET /pets", "POST /pets"))
    assert upload.invoke["contentType"] == "multipart/form-data"
    assert upload.invoke["arguments"]["tags"] == {
        "place": "multipart",
        "name": "tags",
        "path": ["tags"],
        "style": "form",
        "explode": True,
    }
    assert arguments(upload)["file"].type == "bytes"
    assert set(arguments(listing)) == {"ids"}  # the key is the connection's
    assert listing.invoke["arguments"]["ids"] == {"place": "query", "name": "ids", "style": "form", "explode": False}
    assert (listing.object, listing.many) == ("Pet", True)
    assert {name: argument.required for name, argument in arguments(adding).items()} == {"body.id": True, "body.name": False}


def test_of_a_list_of_rows_one_row_is_given() -> None:
    rows = {"type": "object", "properties": {"values": {"type": "array", "items": {"type": "array", "items": TEXT}}}}
    held = only_operation(sends(rows), method="post")
    (given,) = held.arguments
    assert (given.name, given.type, given.item_type) == ("body.values", "array", "string")
    assert held.invoke["arguments"]["body.values"]["path"] == ["values", "[]"]
    whole = {"type": "object", "properties": {"values": {"type": "array", "items": {"type": "array", "items": {"items": TEXT}}}}}
    deeper = only_operation(sends(whole), method="post")
    assert deeper.arguments[0].item_type == "array"


@pytest.mark.parametrize(
    ("kinds", "sent", "place"),
    [
        (["application/xml", "application/x-www-form-urlencoded", "application/json"], "application/json", "json"),
        (["multipart/form-data", "application/x-www-form-urlencoded"], "application/x-www-form-urlencoded", "form"),
        (["multipart/form-data"], "multipart/form-data", "multipart"),
        (["application/vnd.api+json; ext=x"], "application/vnd.api+json; ext=x", "json"),
    ],
)
def test_json_before_a_form_before_parts(kinds: list[str], sent: str, place: str) -> None:
    content = {kind: {"schema": {"properties": {"a": TEXT}}} for kind in kinds}
    operation = only_operation({"requestBody": {"content": content}, "responses": {"204": {}}}, method="post")
    assert operation.invoke["contentType"] == sent
    assert operation.invoke["arguments"]["body.a"]["place"] == place


def test_members_that_a_parent_demands() -> None:
    line = {"properties": {"sku": TEXT, "note": TEXT}, "required": ["sku"]}
    address = {
        "properties": {"city": TEXT, "geo": {"properties": {"lat": {"type": "number"}}, "required": ["lat"]}},
        "required": ["city", "geo"],
    }
    body = {
        "properties": {"name": TEXT, "address": address, "lines": {"type": "array", "items": line}},
        "required": ["name", "lines"],
    }
    held = only_operation(sends(body), method="post")
    assert {a.name: (a.required, a.demanded_by) for a in held.arguments} == {
        "body.name": (True, None),
        "body.address.city": (False, "body.address"),
        "body.address.geo.lat": (False, "body.address"),
        "body.lines.sku": (True, None),
        "body.lines.note": (False, None),
    }
    assert held.invoke["arguments"]["body.lines.sku"]["path"] == ["lines", "[]", "sku"]
    optional = only_operation(sends(body, required=False), method="post")
    assert arguments(optional)["body.name"].demanded_by == "body"


def test_recursion_in_a_body_is_cut() -> None:
    node = {"properties": {"name": TEXT, "children": {"type": "array", "items": ref("Node")}, "parent": ref("Node")}}
    graph = graph_of(api({"Node": node}, {"/n": {"post": sends(ref("Node"))}}))
    held = arguments(graph.operations["POST /n"])
    assert {name: a.type for name, a in held.items()} == {"body.name": "string", "body.children": "array", "body.parent": "json"}
    assert "input_recursive" in codes(graph)


def test_a_body_of_several_forms_takes_the_members_of_all() -> None:
    one, other = (
        {"properties": {"a": TEXT, "x": TEXT}, "required": ["a", "x"]},
        {"properties": {"a": TEXT, "y": TEXT}, "required": ["a"]},
    )
    held = arguments(only_operation(sends({"oneOf": [one, other]}), method="post"))
    assert {name: argument.required for name, argument in held.items()} == {"body.a": True, "body.x": False, "body.y": False}


def test_a_body_that_cannot_be_sent() -> None:
    operation = only_operation(sends(TEXT, "application/octet-stream"), method="post")
    assert operation.unusable is not None
    assert "octet-stream" in operation.unusable


# --- answers


@pytest.mark.parametrize(
    ("schema", "path", "found"),
    [
        ({"type": "array", "items": ref("Pet")}, "/pets", ("Pet", None, True)),
        (ref("Pet"), "/pets/{id}", ("Pet", None, False)),
        (
            {"properties": {"data": {"type": "array", "items": ref("Pet")}, "has_more": {"type": "boolean"}}},
            "/x",
            ("Pet", ["data"], True),
        ),
        (
            {
                "properties": {
                    "pets": {"type": "array", "items": ref("Pet")},
                    "cursor": TEXT,
                    "errors": {"type": "array", "items": ref("Error")},
                }
            },
            "/pets",
            ("Pet", ["pets"], True),
        ),
        (
            {"properties": {"pet": ref("Pet"), "errors": {"type": "array", "items": ref("Error")}}},
            "/pets/{id}",
            ("Pet", ["pet"], False),
        ),
        (
            {
                "properties": {
                    "data": {"properties": {"items": {"type": "array", "items": ref("Pet")}, "total": {"type": "integer"}}}
                }
            },
            "/p",
            ("Pet", ["data", "items"], True),
        ),
        (
            {"properties": {"_embedded": {"properties": {"pets": {"type": "array", "items": ref("Pet")}}}, "_links": {}}},
            "/pets",
            ("Pet", ["_embedded", "pets"], True),
        ),
        (
            {"properties": {"id": TEXT, "name": TEXT, "pets": {"type": "array", "items": ref("Pet")}}},
            "/owners/{id}",
            ("GET /owners/{id} response", None, False),
        ),
        ({"properties": {"ok": {"type": "boolean"}, "pet": ref("Pet")}}, "/pets.get", ('"GET /pets.get response"', None, False)),
        ({"type": "array", "items": {"properties": {"a": TEXT}}}, "/list", ("GET /list response", None, True)),
    ],
)
def test_where_the_records_are(schema: dict[str, Any], path: str, found: tuple[str, list[str] | None, bool]) -> None:
    schemas = {"Pet": PET, "Error": {"properties": {"message": TEXT}}}
    graph = graph_of(api(schemas, {path: {"get": answer(schema)}}))
    (operation,) = graph.operations.values()
    assert (operation.object, operation.invoke.get("record"), operation.many) == found
    assert found[0] in graph.objects


@pytest.mark.parametrize(
    ("parameters", "beside", "page"),
    [
        (
            {"cursor": {}, "limit": {"maximum": 50}},
            {"next_cursor": TEXT},
            {"style": "cursor", "size": "limit", "sizeMost": 50, "more": ["next_cursor"]},
        ),
        ({"offset": {}, "limit": {}}, {"total": {"type": "integer"}}, {"style": "offset", "size": "limit"}),
        (
            {"page": {}, "per_page": {"description": "Results per page (max 100)"}},
            {},
            {"style": "number", "size": "per_page", "sizeMost": 100},
        ),
        (
            {"pageToken": {}, "maxResults": {"maximum": 2500}},
            {"nextPageToken": TEXT},
            {"style": "token", "size": "maxResults", "sizeMost": 2500, "more": ["nextPageToken"]},
        ),
        ({}, {"links": {"properties": {"next": TEXT}}}, {"style": "cursor", "more": ["links", "next"]}),
        ({"q": {}}, {}, None),
    ],
)
def test_how_pages_are_asked_for(parameters: dict[str, Any], beside: dict[str, Any], page: dict[str, Any] | None) -> None:
    listed = [{"name": name, "in": "query", "schema": {"type": "integer", **said}} for name, said in parameters.items()]
    schema = {"properties": {"items": {"type": "array", "items": PET}, **beside}}
    operation = only_operation({**answer(schema), "parameters": listed})
    assert operation.invoke.get("page") == page


def test_a_search_that_is_sent_pages_by_its_body() -> None:
    answers = answer({"properties": {"pets": {"type": "array", "items": PET}, "cursor": TEXT}})
    operation = only_operation(
        {**sends({"properties": {"limit": {"type": "integer"}, "cursor": TEXT}}), **answers}, method="post", path="/pets/search"
    )
    assert operation.invoke["page"] == {"style": "cursor", "size": "body.limit", "more": ["cursor"]}


def test_a_list_of_values_too_long_to_keep_limits_nothing() -> None:
    assert field({"type": "string", "enum": [f"v{n}" for n in range(1_000)]}).type == "enum"
    long = field({"type": "string", "enum": [f"v{n}" for n in range(1_001)]})
    assert (long.type, long.enum) == ("string", ())


def test_a_head_request_answers_with_nothing() -> None:
    operation = only_operation(answer(PET), method="head")
    assert (operation.effect, operation.object, operation.unusable) == ("read", None, None)


def test_link_headers_are_pages() -> None:
    operation = answer({"type": "array", "items": PET})
    operation["responses"]["200"]["headers"] = {"Link": {"schema": TEXT}}
    assert only_operation(operation).invoke["page"] == {"style": "link"}


def test_which_response_counts() -> None:
    def response(name: str, kind: str = "application/json") -> dict[str, Any]:
        return {"description": "", "content": {kind: {"schema": {"properties": {name: TEXT}}}}}

    def fields(responses: dict[Any, Any]) -> tuple[list[str], str | None]:
        graph = graph_of(api(paths={"/r": {"get": {"responses": responses}}}))
        operation = graph.operations["GET /r"]
        return [f.name for f in graph.objects[operation.object].fields] if operation.object else [], operation.unusable

    assert fields({"400": response("no"), "202": response("later"), "201": response("yes")}) == (["yes"], None)
    assert fields({"204": {"description": ""}, "206": response("part")}) == (["part"], None)
    assert fields({"2XX": response("any"), "default": response("error")}) == (["any"], None)
    assert fields({"default": response("all")}) == (["all"], None)
    assert fields({"204": {"description": ""}}) == ([], None)
    assert "redirect" in (fields({"302": {"description": ""}})[1] or "")
    assert "text/csv" in (fields({"200": response("x", "text/csv")})[1] or "")


# --- the document


def test_servers_variables_and_other_hosts() -> None:
    server = {
        "url": "https://{region}.example/{base}",
        "variables": {"region": {"default": "api", "enum": ["api", "eu"]}, "base": {"default": "v1"}},
    }
    document = api(
        paths={
            "/same": {"get": {**answer(PET), "servers": [{"url": f"{BASE[:-3]}/v2/"}]}},
            "/other": {"servers": [{"url": "https://files.example"}], "get": answer(PET)},
            "/open": {"get": {**answer(PET), "servers": [{"url": "https://{shop}.example"}]}},
        }
    )
    document["servers"] = [{"url": "/relative"}, server]
    made = read(document)
    assert made.described.servers == ("https://api.example/v1",)
    assert made.graph.operations["GET /same"].invoke["server"] == "https://api.example/v2"
    assert "files.example" in (made.graph.operations["GET /other"].unusable or "")
    assert made.graph.operations["GET /open"].unusable
    assert read(document, url="https://docs.example/openapi.json").described.servers[0] == "https://docs.example/relative"


@pytest.mark.parametrize(
    ("server", "asked", "usable"),
    [
        ("https://api.example:8443/v2", None, False),
        ("https://user:secret@api.example/v2", "https://api.example/v2", True),
        ("http://api.example/v2", "https://api.example/v2", True),
        ("https://api.example:443/v2", "https://api.example/v2", True),
        ("https://api.example:port/v2", None, False),
    ],
)
def test_a_server_on_another_port_is_another_one(server: str, asked: str | None, usable: bool) -> None:
    """A call is sent where the credentials are for, or it is not bound: never bound and then refused to every caller."""
    paths = {"/plain": {"get": answer(PET)}, "/own": {"get": {**answer(PET), "servers": [{"url": server}]}}}
    operation = read(api(paths=paths), base_url=BASE).graph.operations["GET /own"]
    assert (operation.invoke.get("server"), operation.unusable is None) == (asked, usable)
    assert "secret" not in str(operation)


def test_a_connection_to_another_server_takes_the_operations_along() -> None:
    paths = {
        "/plain": {"servers": [{"url": BASE}], "get": answer(PET)},
        "/other": {"get": {**answer(PET), "servers": [{"url": "https://api.example/v2"}]}},
        "/away": {"get": {**answer(PET), "servers": [{"url": "https://files.example"}]}},
    }
    operations = graph_of(api(paths=paths), base_url="http://127.0.0.1:8080/sandbox").operations
    assert {name: (o.invoke.get("server"), o.unusable is None) for name, o in operations.items()} == {
        "GET /plain": (None, True),
        "GET /other": ("http://127.0.0.1:8080/v2", True),
        "GET /away": (None, False),
    }


def test_where_only_operations_say_where_they_are() -> None:
    paths: dict[str, Any] = {f"/{n}": {"servers": [{"url": "https://a.example"}], "get": answer(PET)} for n in range(2)}
    paths["/b"] = {"get": {**answer(PET), "servers": [{"url": "https://b.example"}]}}
    document = api(paths=paths)
    del document["servers"]
    made = read(document)
    assert made.described.servers == ("https://a.example", "https://b.example")
    assert [name for name, operation in made.graph.operations.items() if operation.unusable] == ["GET /b"]


def test_security_schemes_are_summarized() -> None:
    schemes = {
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "basic": {"type": "http", "scheme": "Basic"},
        "token": {"type": "http", "scheme": "bearer"},
        "machine": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://t.example", "scopes": None}}},
        "person": {
            "type": "oauth2",
            "flows": {
                "implicit": {},
                "authorizationCode": {
                    "tokenUrl": "https://t.example",
                    "authorizationUrl": "https://a.example",
                    "scopes": {"read": ""},
                },
            },
        },
        "strange": {"type": "mutualTLS"},
    }
    document = api(security=[{"token": []}])
    document["components"]["securitySchemes"] = schemes
    found = {scheme.key: scheme for scheme in read(document).described.security}
    assert next(iter(found)) == "token"
    assert {key: scheme.scheme for key, scheme in found.items()} == {
        "key": "api_key",
        "basic": "basic",
        "token": "bearer",
        "machine": "oauth2_client_credentials",
        "person": "oauth2_authorization_code",
        "strange": "other",
    }
    assert (found["key"].place, found["key"].name, found["person"].scopes) == ("header", "X-Key", ("read",))


def test_webhooks_and_callbacks_are_left_out_with_a_note() -> None:
    called = {**answer(PET), "callbacks": {"done": {"{$request.body#/url}": {"post": answer(PET)}}}}
    graph = graph_of(api(paths={"/c": {"post": called}}, version="3.1.0", webhooks={"new": {"post": answer(PET)}}))
    assert list(graph.operations) == ["POST /c"]
    assert codes(graph) == {"webhooks_ignored", "callbacks_ignored"}


def test_a_document_without_a_version_or_of_a_later_one_is_read_with_a_finding() -> None:
    unstated = {"paths": {"/p": {"get": answer(PET)}}, "servers": [{"url": BASE}]}
    assert codes(graph_of(unstated)) == {"version_missing"}
    later = api(paths={"/p": {"query": answer(PET), "additionalOperations": {"COPY": answer(PET)}}}, version="3.2.0")
    graph = graph_of(later)
    assert set(graph.operations) == {"QUERY /p", "COPY /p"}
    assert codes(graph) == {"version_newer"}
