"""What an account calls itself: the system's word, shown as one line, and nothing that could not be shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.definition import parse_definition
from patchbay.connectors.http.account import LONGEST, name_in
from patchbay.errors import Finding


def test_the_first_place_that_holds_a_text_counts() -> None:
    body = json.dumps({"shop": {"name": "  Corner\n Bakery\u202e "}, "email": "a@example.com", "n": 7, "l": ["x"]}).encode()
    assert name_in(body, ("shop.title", "n", "l", "shop", "shop.name.first", "shop.name", "email")) == "Corner Bakery"
    assert name_in(body, ("shop.title", "n")) is None
    assert name_in(json.dumps({"a": "x" * 500}).encode(), ("a",)) == "x" * LONGEST
    assert name_in(json.dumps({"a": " \u200b\x07 ", "b": "Bo"}).encode(), ("a", "b")) == "Bo"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"<html>", b"\xff", b'"name"', b"[" * 90_000])
def test_what_is_no_object_tells_nothing(body: bytes) -> None:
    assert name_in(body, ("name", "a.b")) is None


@given(st.recursive(st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)), st.text())
def test_a_name_is_always_one_short_line(answer: Any, place: str) -> None:
    for body in (answer, {place: answer}):
        name = name_in(json.dumps(body).encode(), (place,))
        assert name is None or (0 < len(name) <= LONGEST and name.isprintable() and name == " ".join(name.split()))


@pytest.mark.parametrize(
    ("type_", "account", "field"),
    [
        ("rest", {}, "definition.account.label"),
        ("rest", {"label": []}, "definition.account.label"),
        ("rest", {"label": "name"}, "definition.account.label"),
        ("rest", {"label": ["name"], "path": "//elsewhere.example"}, "definition.account.path"),
        ("rest", {"label": ["name"], "query": "{ me }"}, "definition.account.query"),
        ("graphql", {"label": ["name"], "path": "/me"}, "definition.account.path"),
    ],
)
def test_an_account_is_described_as_the_system_can_be_asked(type_: str, account: dict[str, Any], field: str) -> None:
    raw = {"type": type_, "displayName": "Acme", "baseUrl": "https://api.example.com", "document": {"inline": "{}"}}
    findings: list[Finding] = []
    assert parse_definition({**raw, "account": account}, findings) is None
    assert [one.field for one in findings] == [field]
