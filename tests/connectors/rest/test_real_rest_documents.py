"""Every document of the shared data comes to what is written down, and its graph holds together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from patchbay.connectors.rest.documents.files import needed_references
from patchbay.connectors.rest.task import DocumentSettings, described, graph_packed, read_graph
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.pack import unpack
from tests.connectors.rest.apis import unfilled
from tests.connectors.rest.real_documents import EXPECTATIONS, current, files_of
from tests.servers.datasets import shared_data


@pytest.fixture(scope="module")
def openapi() -> Path:
    return shared_data() / "openapi"


def graph(openapi: Path, path: str) -> Graph:
    files, root = files_of(openapi, path)
    return read_graph(files, DocumentSettings(root=root)).graph


def test_every_document_comes_to_what_is_expected(openapi: Path) -> None:
    expected: dict[str, Any] = json.loads(EXPECTATIONS.read_text())
    found = current(openapi)
    differing = {path: (expected.get(path), found.get(path)) for path in expected.keys() | found.keys()}
    assert {path: pair for path, pair in differing.items() if pair[0] != pair[1]} == {}


def test_the_deliberately_broken_ones_are_refused_at_their_line() -> None:
    expected: dict[str, Any] = json.loads(EXPECTATIONS.read_text())
    assert expected["google-discovery/calendar-api.json"] == {"outcome": "refused", "reason": "malformed", "line": 2433}
    assert expected["ref-parser-specs/invalid/invalid.json"]["reason"] == "malformed"
    assert expected["ref-parser-specs/invalid/invalid.yaml"]["line"] == 2
    assert expected["ref-parser-specs/blank/files/blank.json"] == {"outcome": "refused", "reason": "empty"}


@pytest.mark.parametrize(
    "path",
    [
        "github/api.github.com.json",
        "kubernetes/swagger.json",
        "polar/2026-04.openapi.json",
        "square/api.json",
        "stripe/spec3.json",
        "slack/slack_web_openapi_v2.json",
        "xero/xero_accounting.yaml",
        "twilio/twilio_api_v2010.json",
        "google-discovery/people-api.json",
        "digitalocean/DigitalOcean-public.v2.yaml",
    ],
)
def test_the_graph_of_a_real_document_holds_together(openapi: Path, path: str) -> None:
    whole = graph(openapi, path)
    assert len({obj.slug for obj in whole.objects.values()}) == len(whole.objects)
    assert len({operation.slug for operation in whole.operations.values()}) == len(whole.operations)
    for obj in whole.objects.values():
        assert obj.fields
        assert all(edge.target in whole.objects for edge in obj.edges)
        assert len({edge.name for edge in obj.edges}) == len(obj.edges)
        assert len({field.name for field in obj.fields}) == len(obj.fields)
    for operation in whole.operations.values():
        assert operation.object is None or operation.object in whole.objects
        names = [argument.name for argument in operation.arguments]
        assert len(set(names)) == len(names)
        assert set(names) == set(operation.invoke.get("arguments", {}))
        demanding = {argument.demanded_by for argument in operation.arguments} - {None}
        assert all(any(name.startswith(f"{parent}.") for name in names) for parent in demanding)


def test_every_placeholder_of_a_path_is_filled_by_an_argument(openapi: Path) -> None:
    found: dict[str, set[str]] = {}
    for path, expected in json.loads(EXPECTATIONS.read_text()).items():
        if expected.get("operations") and not path.endswith(" as an answer"):
            for name, operation in graph(openapi, path).operations.items():
                if operation.unusable is None and unfilled(operation):
                    found[f"{path} {name}"] = unfilled(operation)
    assert found == {}
    alerts = graph(openapi, "github/api.github.com.json").operations["code-scanning/get-alert"]
    assert {a.name: a.required for a in alerts.arguments} == {"owner": True, "repo": True, "alert_number": True}


def test_operation_ids_stay_as_they_are(openapi: Path) -> None:
    assert "issues/list-for-repo" in graph(openapi, "github/api.github.com.json").operations
    assert "orders:list" in graph(openapi, "polar/2026-04.openapi.json").operations
    tied = graph(openapi, "digitalocean/DigitalOcean-public.v2.yaml").operations
    assert {"droplets_list", "account_get"} <= set(tied)


def test_stripe_speaks_forms_and_expands(openapi: Path) -> None:
    stripe = graph(openapi, "stripe/spec3.json")
    invoice = stripe.objects["invoice"]
    customer, edge = invoice.field("customer"), invoice.edge("customer")
    assert customer is not None
    assert edge is not None
    assert (customer.type, customer.nullable) == ("string", True)
    assert (edge.target, edge.embedded, edge.to_one, edge.nullable) == ("customer", True, True, True)
    lines = invoice.edge("lines")
    assert lines is not None
    assert (lines.cardinality, lines.wrapper) == ("one_to_many", ("data",))
    listing = stripe.operations["GetCustomers"]
    assert (listing.object, listing.many, listing.invoke["record"]) == ("customer", True, ["data"])
    assert listing.invoke["page"] == {"style": "cursor", "size": "limit", "sizeMost": 100, "more": ["has_more"]}
    assert listing.invoke["arguments"]["created.gte"] == {"place": "query", "name": "created[gte]"}
    refund = stripe.operations["PostRefunds"]
    assert refund.invoke["contentType"] == "application/x-www-form-urlencoded"
    assert refund.invoke["arguments"]["body.charge"]["place"] == "form"
    assert stripe.operations["GetCustomersCustomer"].object == "customer"


def test_parameters_named_like_comparisons(openapi: Path) -> None:
    listing = graph(openapi, "twilio/twilio_api_v2010.json").operations["ListMessage"]
    assert {"DateSent", "DateSent<", "DateSent>"} <= {argument.name for argument in listing.arguments}
    assert (listing.object, listing.invoke["record"]) == ('"api.v2010.account.message"', ["messages"])


def test_slack_takes_forms_and_not_its_token(openapi: Path) -> None:
    posting = graph(openapi, "slack/slack_web_openapi_v2.json").operations["chat_postMessage"]
    assert posting.invoke["contentType"] == "application/x-www-form-urlencoded"
    assert {a.name for a in posting.arguments if a.required} == {"channel"}
    assert posting.invoke["arguments"]["text"]["place"] == "form"


def test_kubernetes_lists_and_recursion(openapi: Path) -> None:
    whole = graph(openapi, "kubernetes/swagger.json")
    pods = whole.operations["listCoreV1NamespacedPod"]
    assert (pods.object, pods.invoke["record"], pods.invoke["page"]["style"]) == ('"io.k8s.api.core.v1.Pod"', ["items"], "token")
    assert {"namespace", "pretty"} <= {argument.name for argument in pods.arguments}  # both stand at the path
    props = whole.objects['"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"']
    assert any(edge.target == props.name for edge in props.edges)


def test_nothing_is_fetched_for_references_in_examples(openapi: Path) -> None:
    for path in ("square/api.json", "github/api.github.com.json"):
        files, root = files_of(openapi, path)
        assert needed_references(files, root=root, url="https://api.github.com/docs/api.json") == []


def test_a_document_of_many_files_is_asked_for_file_by_file(openapi: Path) -> None:
    every, root = files_of(openapi, "digitalocean/DigitalOcean-public.v2.yaml")
    have, fresh = {root: every[root]}, [root]
    while fresh := needed_references(have, root=root, fresh=fresh):
        have |= {path: every[path] for path in fresh}
    whole = read_graph(have, DocumentSettings(root=root)).graph
    assert whole == read_graph(every, DocumentSettings(root=root)).graph
    assert len(whole.operations) == 659
    assert not any(path.endswith(".md") or "/examples/" in path for path in have)
    alone = read_graph({root: every[root]}, DocumentSettings(root=root)).graph
    assert all(operation.unusable for operation in alone.operations.values())


def test_what_a_document_says_of_its_api(openapi: Path) -> None:
    files, root = files_of(openapi, "slack/slack_web_openapi_v2.json")
    slack = described(files, DocumentSettings(root=root))
    assert (slack.title, slack.format, slack.servers) == ("Slack Web API", "swagger", ("https://slack.com/api",))
    (scheme,) = slack.security
    assert (scheme.scheme, scheme.token_url) == ("oauth2_authorization_code", "https://slack.com/api/oauth.access")
    files, root = files_of(openapi, "google-discovery/gmail-api.json")
    assert described(files, DocumentSettings(root=root)).servers == ("https://www.googleapis.com/gmail/v1/users",)


def test_a_packed_discovery_opens_again(openapi: Path) -> None:
    files, root = files_of(openapi, "xero/xero_accounting.yaml")
    settings = DocumentSettings(root=root)
    first = graph_packed(files, settings, {})
    assert unpack(first.body).operations["getInvoices"].invoke["record"] == ["Invoices"]
    assert first.counts["operationCount"] > 150
    assert graph_packed(files, settings, {}).fingerprint == first.fingerprint
