"""Strict reading: what is not JSON, what cannot be stored, and what is not expected."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from patchbay.api.bodies import Body, is_json, known_members, parse_json
from patchbay.errors import ValidationFailed

plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain, inner, max_size=4),
    max_leaves=12,
)


@given(documents)
def test_what_is_json_is_read_as_the_standard_library_reads_it(document: object) -> None:
    raw = json.dumps(document).encode()
    assert parse_json(raw) == json.loads(raw)


@given(st.binary())
def test_any_bytes_are_json_or_a_refusal(raw: bytes) -> None:
    with suppress(ValidationFailed):
        parse_json(raw)


@pytest.mark.parametrize("raw", [b"NaN", b"[Infinity]", b'"\\ud800"', b"{'a': 1}", b'{"a": 1,}', b"\xff", b"[" * 5000])
def test_what_only_looks_like_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ValidationFailed) as caught:
        parse_json(raw)
    assert caught.value.errors[0].code == "json_invalid"


@pytest.mark.parametrize(
    ("raw", "field"), [(b'{"name": "a\\u0000b"}', "name"), (b'{"x": [1, {"y": "\\u0000"}]}', "x.1.y"), (b'{"a\\u0000": 1}', "?")]
)
def test_nul_is_refused_with_its_place(raw: bytes, field: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        parse_json(raw)
    assert (caught.value.errors[0].code, caught.value.errors[0].field) == ("invalid_text", field)


def test_an_escaped_backslash_before_u0000_is_text() -> None:
    assert parse_json(b'{"a": "\\\\u0000"}') == {"a": "\\u0000"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("application/merge-patch+json", True),
        ("text/json", False),
        ("application/x-www-form-urlencoded", False),
        (None, False),
        ("", False),
    ],
)
def test_which_content_types_are_json(header: str | None, expected: bool) -> None:
    assert is_json(header) is expected


class Inner(Body):
    starts_at: str


class Outer(Body):
    tool_name: str
    inner: Inner | None = None
    several: list[Inner] = Field(default_factory=list[Inner])
    named: dict[str, Inner] = Field(default_factory=dict[str, Inner])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([], ["toolName", "inner", "several", "named"]),
        (["inner"], ["startsAt"]),
        (["several", 3], ["startsAt"]),
        (["named", "x"], ["startsAt"]),
        (["toolName"], []),
        (["nothing"], []),
    ],
)
def test_the_members_known_at_a_place(path: list[str | int], expected: list[str]) -> None:
    assert known_members(Outer | None, path) == expected
