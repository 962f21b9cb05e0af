"""Documents that are made to break their reader get a typed refusal or a bounded graph."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from typing import Any

import pytest

from patchbay.connectors.documents import DocumentNotReadable
from patchbay.connectors.rest.documents.archive import MOST_FILES, read_archive
from patchbay.connectors.rest.documents.files import open_document
from patchbay.connectors.rest.documents.parsing import MOST_BYTES, parse
from patchbay.connectors.rest.normalize.arguments import MOST_LISTED
from patchbay.connectors.rest.normalize.texts import FIELD_MOST
from tests.connectors.rest.apis import answer, api, codes, graph_of, only_operation, sends


def reason(content: bytes | dict[str, bytes], name: str = "api.json") -> tuple[Any, Any]:
    files = content if isinstance(content, dict) else {name: content}
    with pytest.raises(DocumentNotReadable) as caught:
        open_document(files)
    return caught.value.extensions["reason"], caught.value.extensions.get("line")


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"", "api.json", ("empty", None)),
        (b"\xef\xbb\xbf  \n", "api.json", ("empty", None)),
        (b"# nothing but a remark\n", "api.yaml", ("not_an_api", None)),
        (b"<!DOCTYPE html><html></html>", "api.json", ("not_an_api", None)),
        (b'{"openapi": "3.0.0",\n "paths": {\n  "/a" {}}}', "api.json", ("malformed", 3)),
        (b'{"openapi": "3.0.0",\n "info": {', "api.json", ("malformed", 2)),
        (b'{"openapi": "3.0.0"}\n{}', "api.json", ("malformed", 2)),
        (b'{"openapi": "3.0.0",\n "x": "\xff"}', "api.json", ("not_text", 2)),
        (b"openapi: 3.0.0\npaths:\n\t/a: {}\n", "api.yaml", ("malformed", 3)),
        (b"openapi: 3.0.0\ninfo:\n  title: a\n  title: b\n", "api.yaml", ("malformed", 4)),
        (b"openapi: 3.0.0\nx: 'never closed\n", "api.yaml", ("malformed", 3)),
        (b"openapi: 3.0.0\n---\nopenapi: 3.0.0\n", "api.yaml", ("malformed", None)),
        (b"openapi: 3.0.0\n? [a, b]\n: c\n", "api.yaml", ("malformed", None)),
        (b"openapi: 3.0.0\nx: &x [*x]\n", "api.yaml", ("too_deep", None)),
        (laughs(9).encode(), "api.yaml", ("too_large", None)),
        (b"[" * 100_000 + b"]" * 100_000, "api.json", ("too_deep", None)),
        (b"[" * 100_000 + b"]" * 100_000, "api.yaml", ("too_deep", None)),
        (b'{"openapi": "4.0.0"}', "api.json", ("version", None)),
        (b'{"swagger": "1.2"}', "api.json", ("version", None)),
        (b'{"swaggerVersion": "1.2", "apis": []}', "api.json", ("not_an_api", None)),
        (b'{"asyncapi": "3.0.0"}', "api.json", ("not_an_api", None)),
        (b'{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}', "a.json", ("not_an_api", None)),
        (b"[1, 2]", "api.json", ("not_an_api", None)),
        (b'"openapi"', "api.json", ("not_an_api", None)),
        (b" " * (MOST_BYTES + 1), "api.json", ("too_large", None)),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(content: bytes, name: str, expected: tuple[str, int | None]) -> None:
    assert reason(content, name) == expected


def test_a_refusal_says_where() -> None:
    with pytest.raises(DocumentNotReadable) as caught:
        parse(b'{"a": 1\n "b": 2}', "api.json")
    assert "refused at line 2" in caught.value.detail
    assert caught.value.code == "document_not_readable"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", ['{"openapi": "3.0.0", "x": "é"}', "openapi: 3.0.0\nx: é\n"])
def test_every_unicode_encoding_is_read(encoding: str, text: str) -> None:
    assert parse(text.encode(encoding), "api")["x"] == "é"


def test_what_other_programs_write_into_json_is_read() -> None:
    assert parse(b'{"a": NaN, "b": "\\ud800", "c": [1e999]}', "api.json")["a"] is None


def test_yaml_reads_as_json_would() -> None:
    text = b"""
responses: {200: ok, default: {a: 1}}
when: 2001-02-03
yes: on
true: 1
null: 2
base: &base {a: 1, b: 2}
more: {<<: *base, b: 3}
both: {<<: [*base, {c: 4}]}
tagged: !thing {a: 1}
big: 123456789012345678901234567890
1.5: x
"""
    read = parse(text, "api.yaml")
    assert list(read["responses"]) == ["200", "default"]
    assert (read["when"], read["yes"], read["true"], read["null"], read["1.5"]) == ("2001-02-03", "on", 1, 2, "x")
    assert (read["more"], read["both"]) == ({"b": 3, "a": 1}, {"a": 1, "b": 2, "c": 4})
    assert (read["tagged"], read["big"]) == ({"a": 1}, "123456789012345678901234567890")


@pytest.mark.parametrize("more", ["", "null: 1", "a: !tag 1", "b: {<<: {c: 1}}"])
def test_keys_are_texts_whichever_way_yaml_is_read(more: str) -> None:
    read = parse(f"responses: {{200: a, 1.5: b, -3: c, 0x10: d}}\nlist: [{{404: x}}]\nnan: .nan\n{more}".encode(), "api.yaml")
    assert list(read["responses"]) == ["200", "1.5", "-3", "16"]
    assert list(read["list"][0]) == ["404"]


def zipped(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name) if not content else name, content)
    return held.getvalue()


@pytest.mark.parametrize("name", ["../api.json", "/api.json", "a/../../api.json", "a\\..\\api.json", "C:/api.json"])
def test_a_path_out_of_a_zip_is_refused(name: str) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        entry = zipfile.ZipInfo("x")
        entry.filename = name
        archive.writestr(entry, b"{}")
    if "\\" not in name:  # zipfile itself turns those round on reading
        assert reason(held.getvalue(), "api.zip") == ("archive", None)
    assert reason(zipped({"../x.json": b"{}"}), "api.zip") == ("archive", None)


def test_a_zip_that_unpacks_to_too_much_is_refused() -> None:
    assert reason(zipped({"api.json": b" " * (20 << 20)}), "api.zip") == ("archive", None)
    assert reason(zipped({f"{n}.json": b"" for n in range(MOST_FILES + 1)}), "api.zip") == ("archive", None)
    assert reason(b"PK\x03\x04 and then nothing of the kind", "api.zip") == ("archive", None)


def test_links_and_other_files_in_a_zip_are_left_alone() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        link = zipfile.ZipInfo("secret.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, b"/etc/passwd")
        archive.writestr("notes.md", b"# hello")
        archive.writestr("__MACOSX/api.json", b"junk")
        archive.writestr(".git/config.json", b"junk")
        archive.writestr("api.json", b"{}")
    assert list(read_archive(held.getvalue())) == ["api.json"]


def test_of_several_files_the_one_nothing_refers_to_is_the_document() -> None:
    part = {"openapi": "3.0.0", "components": {"schemas": {"Pet": {"properties": {"name": {"type": "string"}}}}}}
    whole = api(paths={"/pets": {"get": answer({"$ref": "shared/part.json#/components/schemas/Pet"})}})
    files = {"shared/part.json": json.dumps(part).encode(), "main.json": json.dumps(whole).encode()}
    assert open_document({"upload.zip": zipped(files)}).root == "main.json"
    two = {"a.json": json.dumps(api()).encode(), "b.json": json.dumps(api()).encode()}
    assert reason(two) == ("ambiguous", None)
    assert open_document(two, root="b.json").root == "b.json"
    assert reason({"a.json": b"{}", "b.json": b"{}"}) == ("not_an_api", None)


# --- schemas that lie


def test_a_schema_of_a_hundred_thousand_properties_is_read() -> None:
    wide = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(100_000)}}
    graph = graph_of(api({"Wide": wide}, {"/wide": {"get": answer({"$ref": "#/components/schemas/Wide"}), "post": sends(wide)}}))
    assert len(graph.objects["Wide"].fields) == 100_000
    assert len(graph.operations["POST /wide"].arguments) <= MOST_LISTED


def test_nesting_is_cut_where_no_name_would_help() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(60):
        deep = {"type": "object", "properties": {"in": deep}}
    graph = graph_of(api(paths={"/deep": {"get": answer(deep), "post": sends(deep)}}))
    assert {"nested_too_deep", "input_cut"} <= codes(graph)
    assert [a.type for a in graph.operations["POST /deep"].arguments] == ["json"]


def test_cycles_of_all_of_end() -> None:
    schemas = {
        "A": {"allOf": [{"$ref": "#/components/schemas/B"}, {"properties": {"a": {"type": "string"}}}]},
        "B": {"allOf": [{"$ref": "#/components/schemas/A"}, {"properties": {"b": {"type": "string"}}}]},
        "Self": {"allOf": [{"$ref": "#/components/schemas/Self"}]},
        "Loop": {"$ref": "#/components/schemas/Pool"},
        "Pool": {"$ref": "#/components/schemas/Loop"},
        "List": {"type": "array", "items": {"$ref": "#/components/schemas/List"}},
        "Any": {"oneOf": [{"$ref": "#/components/schemas/Any"}, {"$ref": "#/components/schemas/List"}]},
    }
    paths = {
        f"/{name}": {
            "get": answer({"$ref": f"#/components/schemas/{name}"}),
            "post": sends({"$ref": f"#/components/schemas/{name}"}),
        }
        for name in schemas
    }
    graph = graph_of(api(schemas, paths))
    assert {"schema_circular", "reference_circular"} <= codes(graph)
    assert {"a", "b"} <= {field.name for field in graph.objects["A"].fields}


def test_all_of_that_doubles_at_every_step_is_merged_once_each() -> None:
    schemas: dict[str, Any] = {"S0": {"properties": {"p": {"type": "string"}}}}
    for n in range(1, 40):
        ref = {"$ref": f"#/components/schemas/S{n - 1}"}
        schemas[f"S{n}"] = {"allOf": [ref, ref], "properties": {f"p{n}": {"anyOf": [ref, ref, {"type": "null"}]}}}
    graph = graph_of(
        api(
            schemas,
            {"/s": {"get": answer({"$ref": "#/components/schemas/S39"}), "post": sends({"$ref": "#/components/schemas/S39"})}},
        )
    )
    assert len(graph.objects["S39"].fields) == 40


def test_merging_without_end_is_refused() -> None:
    wide = {"properties": {f"p{n}": {"type": "string"} for n in range(20_000)}}
    schemas: dict[str, Any] = {"Wide": wide}
    schemas |= {
        f"S{n}": {"allOf": [{"$ref": "#/components/schemas/Wide"}], "required": ["p1"], "properties": {"own": {}}}
        for n in range(300)
    }
    with pytest.raises(DocumentNotReadable) as caught:
        graph_of(api(schemas))
    assert caught.value.extensions["reason"] == "too_large"


def test_alternatives_without_end_are_cut() -> None:
    many = [{"type": "object", "properties": {"same": {"type": "string", "enum": [f"v{n}"]}}} for n in range(5_000)]
    graph = graph_of(api({"Many": {"oneOf": many}}, {"/m": {"get": answer({"$ref": "#/components/schemas/Many"})}}))
    field = graph.objects["Many"].field("same")
    assert field is not None
    assert 100 < len(field.enum) <= 300


def test_texts_are_trimmed() -> None:
    long = {"properties": {"a": {"type": "string", "description": "<p>word</p>\n" * 10_000}}, "description": "x" * 10_000}
    thing = graph_of(api({"Thing": long}, {"/t": {"get": answer({"$ref": "#/components/schemas/Thing"})}})).objects["Thing"]
    assert len(thing.description or "") == FIELD_MOST
    assert (thing.fields[0].description or "").startswith("word word")


def test_members_of_the_wrong_kind_are_passed_over() -> None:
    strange = {
        "openapi": 3.0,
        "info": [],
        "servers": {"url": "x"},
        "paths": {"/a": None, "b": {}, "/c": {"get": 5, "post": {"responses": 7, "parameters": {"x": 1}, "requestBody": []}}},
        "components": {
            "schemas": {"A": 1, "B": None, "C": {"properties": [1]}, "D": {"properties": {"x": 5, "y": True}}, "E": {"type": 5}}
        },
        "security": "none",
    }
    graph = graph_of(strange)
    assert graph.operations["GET /c"].unusable
    assert {"operation_unclear", "path_unclear"} <= codes(graph)
    assert [field.type for field in graph.objects["D"].fields] == ["json", "json"]


def test_a_reference_that_is_no_text_refers_to_nothing() -> None:
    operation = only_operation(answer({"type": "object", "properties": {"a": {"$ref": None}, "b": {"$ref": 5}}}))
    assert operation.object == "GET /things response"


@pytest.mark.parametrize("servers", [5, True, "https://x.example", {"url": "https://x.example"}, [None, 5, {"url": 5}]])
def test_servers_of_the_wrong_kind_leave_the_operation_where_the_api_is(servers: object) -> None:
    assert (
        "server"
        not in only_operation(answer({"type": "object", "properties": {"a": {"type": "string"}}}) | {"servers": servers}).invoke
    )
