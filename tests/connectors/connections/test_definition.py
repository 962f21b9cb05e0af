"""What a definition may say, told all at once when it may not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.agent_runtime.skill_types import skill_types
from patchbay.connectors.catalog import PROVIDERS, UnknownKind, check_kind
from patchbay.connectors.connecting import Known, parse_connect
from patchbay.connectors.definition import INLINE_MOST, Definition, parse_definition, stored_definition
from patchbay.connectors.http.credentials import parse_http_credentials
from patchbay.errors import Finding, Reserved, ValidationFailed

REST: dict[str, Any] = {
    "type": "rest",
    "displayName": "Acme CRM",
    "baseUrl": "https://api.acme.example/v1/",
    "document": {"url": "https://api.acme.example/openapi.json"},
    "auth": {"scheme": "api_key", "in": "header", "name": "X-Api-Key", "prefix": "Token "},
    "headers": {"Accept": "application/vnd.acme+json", "X-Version": "2"},
    "verify": {"path": "/me", "expect": 200},
    "reads": ["searchContacts"],
}


def read(raw: Any) -> tuple[Definition | None, dict[str, str]]:
    findings: list[Finding] = []
    made = parse_definition(raw, findings)
    assert (made is None) == bool(findings)
    return made, {one.field: one.code for one in findings}


def test_a_definition_survives_being_stored() -> None:
    made, _ = read(REST)
    assert made is not None
    assert made.base_url == "https://api.acme.example/v1"
    assert stored_definition(made.to_json()) == made


def test_a_graphql_endpoint_is_kept_as_it_is_written() -> None:
    made, _ = read({"type": "graphql", "displayName": "Shop", "baseUrl": "https://shop.example/graphql/"})
    assert made is not None
    assert made.base_url == "https://shop.example/graphql/"


def test_a_graphql_api_is_verified_by_a_query() -> None:
    shop = {"type": "graphql", "displayName": "Shop", "baseUrl": "https://shop.example/graphql"}
    made, _ = read(shop | {"verify": {"query": "{ shop { name } }"}})
    assert made is not None
    assert stored_definition(made.to_json()) == made
    both = {"query": "{ shop { name } }", "path": "/me"}
    assert read(shop | {"verify": both})[1] == {"definition.verify.path": "unknown_field"}
    assert read(shop | {"verify": {"query": 7}})[1] == {"definition.verify.query": "type"}
    assert read(REST | {"verify": {"path": "/me", "query": "{ x }"}})[1] == {"definition.verify.query": "unknown_field"}


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"type": "soap"}, "definition.type", "enum"),
        ({"displayName": ""}, "definition.displayName", "empty"),
        ({"baseUrl": "file:///etc/passwd"}, "definition.baseUrl", "url_invalid"),
        ({"baseUrl": "https://user:pw@api.acme.example"}, "definition.baseUrl", "url_invalid"),
        ({"baseUrl": "https://2130706433/"}, "definition.baseUrl", "url_invalid"),
        ({"baseUrl": "https://api.acme.example/?a=1"}, "definition.baseUrl", "url_invalid"),
        ({"document": {}}, "definition.document", "document_ambiguous"),
        ({"document": {"url": "https://a.example/x", "inline": "{}"}}, "definition.document", "document_ambiguous"),
        ({"document": {"inline": "x" * (INLINE_MOST + 1)}}, "definition.document.inline", "too_long"),
        ({"document": None}, "definition.document", "required"),
        ({"auth": {"scheme": "api_key"}}, "definition.auth.name", "required"),
        ({"auth": {"scheme": "digest"}}, "definition.auth.scheme", "enum"),
        ({"auth": {"scheme": "api_key", "name": "X-Key\r\nX-Evil"}}, "definition.auth.name", "control_character"),
        ({"auth": {"scheme": "oauth2_client_credentials"}}, "definition.auth.tokenUrl", "required"),
        ({"headers": {"Authorization": "Bearer x"}}, "definition.headers", "header_invalid"),
        ({"headers": {"X-Forwarded-For": "10.0.0.1"}}, "definition.headers", "header_invalid"),
        ({"headers": {"X-A": "a\r\nb"}}, "definition.headers", "control_character"),
        ({"verify": {"path": "//evil.example"}}, "definition.verify.path", "path_invalid"),
        ({"verify": {"path": "/a/../b"}}, "definition.verify.path", "path_invalid"),
        ({"verify": {"path": "/me", "expect": 99}}, "definition.verify.expect", "status_invalid"),
        ({"caPem": "nonsense"}, "definition.caPem", "pem"),
        ({"reads": "searchContacts"}, "definition.reads", "type"),
        ({"secret": "x"}, "definition.secret", "unknown_field"),
    ],
)
def test_what_a_definition_may_not_say(change: dict[str, Any], field: str, code: str) -> None:
    _, findings = read({**REST, **change})
    assert findings.get(field) == code


def test_everything_wrong_is_told_at_once() -> None:
    _, findings = read({"type": "rest", "displayName": 3, "baseUrl": "nope", "auth": {"scheme": "x"}, "verify": {}})
    assert findings == {
        "definition.displayName": "type",
        "definition.baseUrl": "url_invalid",
        "definition.document": "required",
        "definition.auth.scheme": "enum",
        "definition.verify.path": "required",
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*REST, "scheme", "in", "url", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_body_is_a_surprise(raw: Any) -> None:
    read(raw)


def test_the_secrets_are_those_of_the_scheme() -> None:
    made, _ = read(REST)
    assert made is not None
    assert parse_http_credentials({"apiKey": "k-1"}, made).secrets == {"apiKey": "k-1"}
    for raw, field in (({}, "apiKey"), ({"apiKey": "a\nb"}, "apiKey"), ({"apiKey": "k", "token": "t"}, "token")):
        with pytest.raises(ValidationFailed) as refused:
            parse_http_credentials(raw, made)
        assert [one.field for one in refused.value.errors] == [field]


@pytest.mark.parametrize("kind", ["Acme", "1crm", "a", "acme-crm", "x" * 41, "acme crm", "../etc"])
def test_what_a_kind_may_not_be_called(kind: str) -> None:
    with pytest.raises(UnknownKind):
        check_kind(kind)


@pytest.mark.parametrize(
    "kind", ["catalog", "oauth", *(one["type"] for one in skill_types()), *(one["family"] for one in skill_types())]
)
def test_a_kind_is_no_word_of_the_api(kind: str) -> None:
    """A skill's type is its kind, and policies name types and families."""
    if kind not in PROVIDERS:
        with pytest.raises(Reserved):
            check_kind(kind)


def test_kinds_that_are_taken() -> None:
    with pytest.raises(Reserved):
        check_kind("hubspot")
    with pytest.raises(ValidationFailed) as refused:
        parse_connect("postgres", {"definition": REST, "credentials": {}}, Known())
    assert "definition" in {one.field for one in refused.value.errors}


def test_kept_secrets_serve_only_where_they_were_given_for() -> None:
    made, _ = read(REST)
    assert made is not None
    known = Known(made, {"type": "rest", "baseUrl": made.base_url}, {"read": {"apiKey": "k-1"}})
    kept = parse_connect("acme_crm", {"definition": {**REST, "reads": []}}, known)
    assert kept.credentials.secrets == {"apiKey": "k-1"}
    for change in (
        {"baseUrl": "https://evil.example"},
        {"auth": {"scheme": "bearer"}},
        {"auth": {**REST["auth"], "in": "query"}},
    ):
        with pytest.raises(ValidationFailed) as refused:
            parse_connect("acme_crm", {"definition": {**REST, **change}}, known)
        assert [one.field for one in refused.value.errors] == ["credentials"]
