"""How a template becomes a request: OpenAPI's styles, the bodies, and what no value can do to a path or a header."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.http.request import Request, RequestTemplate
from patchbay.connectors.refusals import CallNotSupported, ValueNotAccepted
from patchbay.schema_graph.call import HttpCall, RequestSlot

COLORS = ["blue", "black", "br own"]
RGB = {"R": 100, "G": 200}


def slot(place: Any, name: str, *path: str, **more: Any) -> RequestSlot:
    return RequestSlot(place, name, "string", "string", path, param=name, **more)


def build(values: list[Any], *slots: RequestSlot, path: str = "/x", method: str = "GET", kind: str | None = None) -> Request:
    return RequestTemplate(HttpCall(method, path, slots, content_type=kind)).build(values)


@pytest.mark.parametrize(
    ("style", "explode", "value", "written"),
    [
        (None, None, "a b/ü?", "a%20b%2F%C3%BC%3F"),
        ("simple", False, COLORS, "blue,black,br%20own"),
        ("simple", True, COLORS, "blue,black,br%20own"),
        ("simple", False, RGB, "R,100,G,200"),
        ("simple", True, RGB, "R=100,G=200"),
        ("label", False, "blue", ".blue"),
        ("label", False, COLORS, ".blue,black,br%20own"),
        ("label", True, COLORS, ".blue.black.br%20own"),
        ("label", False, RGB, ".R,100,G,200"),
        ("label", True, RGB, ".R=100.G=200"),
        ("matrix", False, "blue", ";color=blue"),
        ("matrix", False, COLORS, ";color=blue,black,br%20own"),
        ("matrix", True, COLORS, ";color=blue;color=black;color=br%20own"),
        ("matrix", False, RGB, ";color=R,100,G,200"),
        ("matrix", True, RGB, ";R=100;G=200"),
        (None, None, True, "true"),
        (None, None, 7, "7"),
    ],
)
def test_styles_in_a_path(style: str | None, explode: bool | None, value: Any, written: str) -> None:
    request = build([value], slot("path", "color", style=style, explode=explode), path="/x/{color}/y")
    assert request.target == f"/x/{written}/y"


@pytest.mark.parametrize(
    ("style", "explode", "value", "written"),
    [
        (None, None, "a&b=c", "color=a%26b%3Dc"),
        (None, None, "", "color="),
        ("form", True, COLORS, "color=blue&color=black&color=br%20own"),
        ("form", False, COLORS, "color=blue,black,br%20own"),
        ("form", True, RGB, "R=100&G=200"),
        ("form", False, RGB, "color=R,100,G,200"),
        ("spaceDelimited", False, COLORS, "color=blue%20black%20br%20own"),
        ("tabDelimited", False, COLORS, "color=blue%09black%09br%20own"),
        ("pipeDelimited", False, COLORS, "color=blue%7Cblack%7Cbr%20own"),
        ("pipeDelimited", True, COLORS, "color=blue&color=black&color=br%20own"),
        ("deepObject", True, RGB, "color%5BR%5D=100&color%5BG%5D=200"),
        ("deepObject", True, {"a": {"b": [1, 2]}, "c": [{"d": 3}]}, "color%5Ba%5D%5Bb%5D%5B%5D=1&color%5Ba%5D%5Bb%5D%5B%5D=2"
         "&color%5Bc%5D%5B0%5D%5Bd%5D=3"),
        (None, None, {"a": 1}, "color=%7B%22a%22%3A1%7D"),
        ("form", False, [], ""),
        (None, None, None, ""),
    ],
)  # fmt: skip
def test_styles_in_a_query(style: str | None, explode: bool | None, value: Any, written: str) -> None:
    request = build([value], slot("query", "color", style=style, explode=explode))
    assert request.target == (f"/x?{written}" if written else "/x")


def test_headers_and_cookies() -> None:
    request = build(
        [COLORS, "1", "a;b c"],
        slot("header", "X-Colors"),
        slot("cookie", "one"),
        slot("cookie", "two"),
    )
    assert request.headers == {"X-Colors": "blue,black,br own"}
    assert request.cookies == "one=1; two=a%3Bb%20c"


def test_the_parts_of_an_object_are_sent_as_one() -> None:
    request = build(
        ["2026-01-01", None, "open"],
        slot("query", "filter", "filter", "from", style="deepObject"),
        slot("query", "filter", "filter", "to", style="deepObject"),
        slot("query", "filter", "filter", "status", style="deepObject"),
    )
    assert parse_qsl(request.target.partition("?")[2]) == [("filter[from]", "2026-01-01"), ("filter[status]", "open")]


def test_a_json_body() -> None:
    slots = (slot("json", "b", "a", "b"), slot("json", "c", "a", "c"), slot("json", "n", "list", "[]", "n"), slot("json", "d"))
    request = build([1, None, "x", None], *slots, method="POST", kind="application/json")
    assert (request.headers, msgspec.json.decode(request.body or b"")) == (
        {"Content-Type": "application/json"},
        {"a": {"b": 1}, "list": [{"n": "x"}]},
    )
    whole = build([["a", 1]], slot("json", "body"), method="POST", kind="application/vnd.acme+json; charset=utf-8")
    assert (whole.headers["Content-Type"], whole.body) == ("application/vnd.acme+json", b'["a",1]')
    assert build([None], slot("json", "b", "b"), method="POST", kind="application/json").body == b"{}"


def test_a_form_is_nested_in_brackets() -> None:
    deep = {"style": "deepObject", "explode": True}
    slots = (
        slot("form", "name", "name"),
        slot("form", "city", "address", "city", **deep),
        slot("form", "expand", "expand", **deep),
        slot("form", "price", "items", "[]", "price", **deep),
        slot("form", "tags", "tags"),
        slot("form", "left_out", "left_out"),
        slot("form", "extra", "extra"),
    )
    values = ["Ada & Co", "Zürich", ["a", "b"], "p_1", ["x", "y"], None, {"k": 1}]
    request = build(values, *slots, method="POST", kind="application/x-www-form-urlencoded")
    assert parse_qsl((request.body or b"").decode(), strict_parsing=True) == [
        ("name", "Ada & Co"),
        ("expand[]", "a"),
        ("expand[]", "b"),
        ("tags", "x"),
        ("tags", "y"),
        ("extra", '{"k":1}'),
        ("address[city]", "Zürich"),
        ("items[0][price]", "p_1"),
    ]


def test_a_multipart_body() -> None:
    slots = (slot("multipart", 'na"me\r\n', 'na"me\r\n'), slot("multipart", "file", "file"), slot("multipart", "meta", "meta"))
    request = build(["a\r\n--b", b"\x00\x01", {"k": 1}], *slots, method="POST", kind="multipart/form-data")
    boundary = request.headers["Content-Type"].partition("boundary=")[2].encode()
    parts = (request.body or b"").split(b"--" + boundary)
    assert parts[0] == b""
    assert parts[1] == b'\r\nContent-Disposition: form-data; name="na%22me%0D%0A"\r\n\r\na\r\n--b\r\n'
    assert parts[2].endswith(b'name="file"; filename="file"\r\nContent-Type: application/octet-stream\r\n\r\n\x00\x01\r\n')
    assert parts[3].endswith(b'Content-Type: application/json\r\n\r\n{"k":1}\r\n')
    assert parts[4] == b"--\r\n"


@pytest.mark.parametrize("value", ["", ".", "..", "../admin", "a/../b", "..\\admin", "a/.", None, ["a", ".."], [None]])
def test_a_value_takes_no_steps_in_a_path(value: Any) -> None:
    with pytest.raises(ValueNotAccepted):
        build([value], slot("path", "id"), path="/customers/{id}/orders")


def test_values_beside_each_other_make_no_steps_either() -> None:
    with pytest.raises(ValueNotAccepted):
        build([".", "."], slot("path", "a"), slot("path", "b"), path="/x/{a}{b}/y")


@pytest.mark.parametrize("value", ["a\r\nX-Admin: 1", "a\nb", "a\x00", "ü", " a", "a ", "\t", "a\x7f"])
def test_a_value_ends_no_header(value: str) -> None:
    with pytest.raises(ValueNotAccepted):
        build([value], slot("header", "X-Name"))


@pytest.mark.parametrize("name", ["Host", "Content-Length", "transfer-encoding", "Authorization", "Cookie", "X-Forwarded-For",
                                  "X-HTTP-Method-Override", "bad name", "a\r\nb", ""])  # fmt: skip
def test_a_document_cannot_take_over_a_header(name: str) -> None:
    with pytest.raises(CallNotSupported):
        RequestTemplate(HttpCall("GET", "/x", (slot("header", name),)))


@pytest.mark.parametrize(
    "call",
    [
        HttpCall("CONNECT", "/x"),
        HttpCall("GET", "x"),
        HttpCall("GET", "/a/../b"),
        HttpCall("GET", "/{id}"),
        HttpCall("GET", "/x", (slot("path", "id"),)),
        HttpCall("GET", "/x", (slot("query", "a", style="matrix"),)),
        HttpCall("GET", "/{a}", (slot("path", "a", style="deepObject"),)),
        HttpCall("POST", "/x", (slot("json", "a", "a"),)),
        HttpCall("POST", "/x", (slot("json", "a", "a"),), content_type="application/xml"),
        HttpCall("GET", "/x", (slot("variable", "a"),)),
    ],
)
def test_a_template_that_makes_no_request_is_refused(call: HttpCall) -> None:
    with pytest.raises(CallNotSupported):
        RequestTemplate(call)


def test_what_a_path_cannot_hold_is_encoded() -> None:
    for path, target in (
        ("/x?a=b", "/x%3Fa=b"),
        ("/a b#c", "/a%20b%23c"),
        ("/x\r\nHost: y", "/x%0D%0AHost:%20y"),
        ("/ü", "/%C3%BC"),
    ):
        assert build([], path=path).target == target


def test_two_values_for_one_place_are_refused() -> None:
    with pytest.raises(ValueNotAccepted):
        build(["x", "y"], slot("json", "a", "a"), slot("json", "b", "a", "b"), method="POST", kind="application/json")


def test_only_safe_methods_may_be_repeated() -> None:
    assert build([], method="GET").repeatable
    assert build([], method="HEAD").repeatable
    assert not any(build([], method=method).repeatable for method in ("POST", "PUT", "PATCH", "DELETE"))


@given(st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_whatever_is_said_stays_in_its_place(identifier: str, query: str) -> None:
    template = RequestTemplate(HttpCall("GET", "/a/{id}/b", (slot("path", "id"), slot("query", "q"))))
    try:
        request = template.build([identifier, query])
    except (ValueNotAccepted, UnicodeEncodeError):
        return
    path, _, sent = request.target.partition("?")
    assert request.target.isascii()
    assert not set(request.target) & set(' \r\n\t#\\"<>')
    assert [unquote(part) for part in path.split("/")] == ["", "a", identifier, "b"]
    assert parse_qsl(sent, keep_blank_values=True, encoding="utf-8") == [("q", query)]
