"""What is no GraphQL schema is refused with the reason and the line, whatever the bytes are."""

from __future__ import annotations

import json
import pickle
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay.connectors.documents import DocumentNotReadable
from patchbay.connectors.graphql.documents import MOST_BYTES, read_document
from patchbay.connectors.graphql.task import graph_of, graph_packed
from patchbay.connectors.worker import run_heavy
from patchbay.schema_graph.pack import unpack
from tests.connectors.graphql.schemas import SHOP, introspected_bytes


def refused(document: bytes) -> tuple[object, object]:
    with pytest.raises(DocumentNotReadable) as caught:
        graph_of(document)
    assert caught.value.status == 422
    assert caught.value.code in caught.value.detail
    assert caught.value.hint
    return caught.value.extensions["reason"], caught.value.extensions.get("line")


@pytest.mark.parametrize(
    ("document", "reason", "line"),
    [
        (b"", "empty", None),
        (b"\xef\xbb\xbf  \n", "empty", None),
        (b"<!doctype html>\n<title>GraphiQL</title>", "not_graphql", None),
        (b"This is not what you are looking for.", "not_graphql", 1),
        (b"openapi: 3.0.0\ninfo:\n  title: x", "not_graphql", 1),
        (b"type Query {\n  a: Int\n  b Int\n}", "malformed", 3),
        (b"\n\n\ntype Query {\n  a: Int", "malformed", 5),
        (b"type Query { a: Int }\n\ntype { b: Int }", "malformed", 3),
        (b"query { a }", "no_schema", None),
        (b"{ a { b } }", "no_schema", None),
        (b"directive @x on FIELD", "no_schema", None),
        (b"type Query { a: Int }\n# caf\xe9\n", "not_text", 2),
        (b'{"openapi": "3.0.0", "paths": {}}', "no_schema", None),
        (b'{"data": null, "errors": [{"message": "no"}]}', "no_schema", None),
        (b'{"data": {"__schema": null}}', "no_schema", None),
        (b'{"data": {"__schema": {"types": "all"}}}', "no_schema", None),
        (b"[1, 2]", "no_schema", None),
        (b'{"data": {"__schema":\n {"types": [\n', "malformed", 3),
        (b'{"data": {"__schema":\n {"types": [], \n}}}', "malformed", 3),
        (b"{\xff}", "not_text", 1),
    ],
)  # fmt: skip
def test_wrong_documents(document: bytes, reason: str, line: int | None):
    assert refused(document) == (reason, line)


@pytest.mark.parametrize("lines", [7, 60, 100])
def test_a_truncated_document_is_refused_where_it_ends(lines: int):
    kept = SHOP.splitlines(keepends=True)[:lines]
    kept[-1] = "type Cut { a: [Int\n"
    reason, line = refused("".join(kept).encode())
    assert reason == "malformed"
    assert line is not None
    pretty = json.dumps(json.loads(introspected_bytes(SHOP)), indent=1).encode().splitlines(keepends=True)
    assert refused(b"".join(pretty[:lines])) == ("malformed", lines + 1)


def test_what_is_refused_is_not_repeated():
    for document in (b"type Query { secret_word! }", b'{"secret_word": 1}', b'{"__schema": {"types": [{"secret_word": 1}]}}'):
        with pytest.raises(DocumentNotReadable) as caught:
            graph_of(document)
        assert "secret_word" not in f"{caught.value.detail}{caught.value.hint}{caught.value.extensions}"


@pytest.mark.parametrize(
    "document",
    [
        b"type Query { a: " + b"[" * 200_000,
        b"type Query { a: " + b"[" * 200_000 + b"Int" + b"]" * 200_000 + b" }",
        b"type Query { a(b: I = " + b"[" * 200_000 + b"): Int }",
        b"type Query { a(b: I = " + b"{x:" * 200_000 + b"): Int }",
        b'{"__schema":' * 100_000,
        b'{"__schema": {"types": [{"kind": "OBJECT", "name": "A", "fields": [{"name": "b", "type": '
        + b'{"kind": "LIST", "ofType": ' * 100_000,
    ],
    ids=["open", "closed", "lists", "objects", "members", "types"],
)
def test_nesting_without_end_is_refused(document: bytes):
    reason, _ = refused(document)
    assert reason in ("too_deep", "malformed", "no_schema")


def test_too_many_lists_in_lists_are_an_unknown_type():
    graph = graph_of(b"type Query { ok: T }\ntype T { a: Int  b: " + b"[" * 50 + b"Int" + b"]" * 50 + b" }")
    assert [f.name for f in graph.objects["T"].fields] == ["a"]
    assert [note.code for note in graph.notes] == ["unknown_type"]


def test_too_large_a_document_is_not_read():
    assert refused(b"#" * (MOST_BYTES + 1)) == ("too_large", None)


def test_a_refusal_survives_the_way_out_of_the_worker():
    with pytest.raises(DocumentNotReadable) as caught:
        graph_of(b"type Query {")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.detail, again.extensions, again.hint) == (caught.value.detail, caught.value.extensions, caught.value.hint)


@pytest.mark.anyio
async def test_in_the_worker():
    found = await run_heavy(graph_packed, SHOP.encode(), ("search",), {"blockedTables": ["Invoice"]})
    graph = unpack(found.body)
    assert graph.operations["mutation.search"].effect == "read"
    assert "Invoice" in graph.objects
    assert found.counts["objectCount"] == len(graph.objects) - 1
    with pytest.raises(DocumentNotReadable):
        await run_heavy(graph_packed, b"<html>", (), {})


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(document: bytes):
    with suppress(DocumentNotReadable):
        graph_of(document)


@settings(max_examples=50)
@given(st.data())
def test_a_document_with_a_hole_does_no_harm(data: st.DataObject):
    whole = data.draw(st.sampled_from([SHOP.encode(), introspected_bytes(SHOP)]))
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 300))
    try:
        graph = graph_of(whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + cut :])
    except DocumentNotReadable:
        return
    assert all(edge.target in graph.objects for obj in graph.objects.values() for edge in obj.edges)


def test_members_that_nobody_asked_for_are_passed_over():
    answer = json.loads(introspected_bytes(SHOP))
    answer["extensions"] = {"cost": 1}
    answer["data"]["__schema"]["appliedDirectives"] = [{"name": "x"}]
    assert read_document(json.dumps(answer).encode()) == read_document(introspected_bytes(SHOP))
