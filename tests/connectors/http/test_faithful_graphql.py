"""Bindings on vendors' own GraphQL schemas, from the schema to the answer of a server that validates and executes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors.graphql.prove import prove_graphql
from patchbay.connectors.graphql.ready import ReadyDocument
from patchbay.connectors.graphql.task import graph_of
from patchbay.connectors.refusals import (
    CallRefused,
    CredentialsRefused,
    PermissionMissing,
    SchemaChanged,
    SourceBusy,
    SourceRefused,
    SourceUnavailable,
    ValueNotAccepted,
)
from patchbay.schema_graph.call import CallResult
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.scoping import View
from tests.connectors.http.calls import run, source_at
from tests.servers.certificates import Authority
from tests.servers.datasets import shared_data
from tests.servers.upstreams.faithful import bearer, serving
from tests.servers.upstreams.faithful_graphql import FaithfulGraphql, failing, schema_of
from tests.servers.upstreams.tls import server_context

AUTHORITY = Authority()
FILES = {
    "shopify": "shopify-storefront/storefront.schema.json",
    "saleor": "saleor/schema.graphql",
    "github": "github/schema.graphql",
}


@dataclass
class Case:
    """A binding (parameter → argument, leaf → path), what it is called with, the variables sent, and what comes back."""

    vendor: str
    operation: str
    inputs: dict[str, str]
    arguments: dict[str, Any]
    projection: dict[str, str]
    variables: dict[str, Any]
    row: dict[str, Any]
    constants: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


CASES = [
    Case(
        "shopify",
        "query.product",
        {"handle": "handle"},
        {"handle": 'red "shirt"'},
        {"title": "title", "price": "priceRange.minVariantPrice.amount", "pictures": "images.url", "at": "createdAt"},
        {"handle": 'red "shirt"'},
        {
            "title": "title text",
            "price": "12.50",
            "pictures": ["url text", "url text"],
            "at": "2026-03-05T09:30:00-05:00",
        },
    ),
    Case(
        "shopify",
        "query.products",
        {"words": "query"},
        {"words": "shirt"},
        {"title": "title", "sold": "availableForSale"},
        {"query": "shirt", "first": 6},
        {"title": "title text", "sold": True},
    ),
    Case(
        "saleor",
        "query.orders",
        {"number": "where.number.eq", "from_total": "where.totalGross.amount.range.gte"},
        {"number": 12, "from_total": "10.50"},
        {"number": "number", "status": "status", "total": "total.gross.amount", "lines": "lines.productName"},
        {"where": {"number": {"eq": 12}, "totalGross": {"amount": {"range": {"gte": "10.50"}}}}, "first": 6},
        {"number": "number text", "status": "DRAFT", "total": 12.5, "lines": ["productName text", "productName text"]},
    ),
    Case(
        "saleor",
        "query.user",
        {"email": "email"},
        {"email": "ada@example.com"},
        {"first": "firstName", "orders": "orders.number", "cities": "addresses.city"},
        {"email": "ada@example.com"},
        {
            "first": "firstName text",
            "orders": ["number text", "number text"],
            "cities": ["city text", "city text"],
        },
    ),
    Case(
        "github",
        "query.repository",
        {"owner": "owner", "name": "name"},
        {"owner": "octo-org", "name": "hello"},
        {"description": "description", "disk": "diskUsage", "license": "licenseInfo.name"},
        {"owner": "octo-org", "name": "hello"},
        {"description": "description text", "disk": 7, "license": "name text"},
    ),
    Case(
        "github",
        "query.search",
        {"words": "query"},
        {"words": "is:open"},
        {"title": "Issue.title", "number": "Issue.number"},
        {"query": "is:open", "type": "ISSUE", "first": 6},
        {"title": "title text", "number": 7},
        {"type": "ISSUE"},
        {"SearchResultItem": "Issue"},
    ),
]


@cache
def graph(vendor: str) -> Graph:
    return graph_of((shared_data() / "graphql" / FILES[vendor]).read_bytes())


def ready(case: Case) -> ReadyDocument:
    """The case's binding, all the way to a call that can run."""
    view = View(graph(case.vendor))
    operation = view.operation(case.operation)
    assert operation is not None
    required = {argument.name for argument in view.arguments(operation) if argument.required}
    body = {
        "toolName": "Look it up",
        "operation": case.operation,
        "inputs": [
            *({"param": param, "arg": arg, "required": arg in required} for param, arg in case.inputs.items()),
            *(
                {"param": f"fixed_{n}", "arg": arg, "source": "constant", "value": value, "required": arg in required}
                for n, (arg, value) in enumerate(case.constants.items())
            ),
        ],
        "projection": [{"path": path.split("."), "leaf": leaf} for leaf, path in case.projection.items()],
    }
    plan = check(parse_binding(body), view, Target(connection_id="con_1", kind="acme")).plan
    return ReadyDocument(prove_graphql(compile_plan(plan, view), view).call)


async def answered(case: Case, upstream: FaithfulGraphql) -> CallResult:
    async with (
        serving(upstream, server_context(AUTHORITY.issue())),
        source_at(upstream.url, type="graphql", authorities=AUTHORITY.pem) as source,
    ):
        return await run(source, ready(case), case.arguments)


def upstream_of(case: Case, token: str = "t0k", **values: Any) -> FaithfulGraphql:
    schema = schema_of(shared_data() / "graphql" / FILES[case.vendor])
    given = {name.replace("__", "."): value for name, value in values.items()}
    return FaithfulGraphql(schema, bearer(token), kinds=case.kinds, values=given)


@pytest.mark.anyio
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.vendor}: {case.operation}")
async def test_a_binding_on_a_real_schema_is_executed(case: Case) -> None:
    upstream = upstream_of(case)
    result = await answered(case, upstream)
    assert upstream.problems == []
    (asked,) = upstream.seen
    assert asked["variables"] == case.variables
    assert result.rows[0] == case.row
    assert not any("schema" in note for note in result.notes)


USER = CASES[3]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("UNAUTHENTICATED", CredentialsRefused),
        ("FORBIDDEN", PermissionMissing),
        ("THROTTLED", SourceBusy),
        ("BAD_USER_INPUT", ValueNotAccepted),
        ("GRAPHQL_VALIDATION_FAILED", SchemaChanged),
        ("INTERNAL_SERVER_ERROR", SourceUnavailable),
        ("SOMETHING_ELSE", SourceRefused),
    ],
)
async def test_an_error_without_data_is_a_refusal_by_its_code(code: str, refusal: type[CallRefused]) -> None:
    upstream = upstream_of(USER, Query__user=failing("secret-message", code))
    with pytest.raises(CallRefused) as refused:
        await answered(USER, upstream)
    assert type(refused.value) is refusal
    assert "secret" not in f"{refused.value}{refused.value.extensions}"


@pytest.mark.anyio
async def test_what_does_not_exist_has_no_rows() -> None:
    for value in (None, failing("secret-message", "NOT_FOUND")):
        result = await answered(USER, upstream_of(USER, Query__user=value))
        assert (result.rows, result.notes) == ([], ())


@pytest.mark.anyio
async def test_an_error_beside_data_leaves_a_null_and_a_note() -> None:
    result = await answered(USER, upstream_of(USER, User__orders=failing("secret-message", "FORBIDDEN")))
    assert result.rows == [{**USER.row, "orders": []}]
    (note,) = result.notes
    assert "secret" not in note


@pytest.mark.anyio
async def test_an_error_where_null_is_not_allowed_takes_the_record_with_it() -> None:
    with pytest.raises(PermissionMissing):
        await answered(USER, upstream_of(USER, User__firstName=failing("secret-message", "FORBIDDEN")))


@pytest.mark.anyio
async def test_a_refused_token_is_told_as_that() -> None:
    with pytest.raises(CredentialsRefused):
        await answered(USER, upstream_of(USER, "another"))


@pytest.mark.anyio
async def test_further_records_are_told() -> None:
    products = CASES[1]
    result = await answered(products, upstream_of(products, PageInfo__hasNextPage=True))
    assert (result.row_count, result.truncated) == (2, True)
    result = await answered(products, upstream_of(products, PageInfo__hasNextPage=False))
    assert (result.row_count, result.truncated) == (2, False)
