"""From a person's binding to a proven document on schemas that vendors wrote, each checked by graphql-core against the vendor's
own schema.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from graphql import GraphQLSchema, build_client_schema, build_schema, parse, validate

from patchbay.bindings.check import Target, check
from patchbay.bindings.compile import compile_plan
from patchbay.bindings.model import parse_binding
from patchbay.connectors.graphql.prove import prove_graphql
from patchbay.connectors.graphql.task import graph_of
from patchbay.schema_graph.call import FrozenCall, GraphqlCall
from patchbay.schema_graph.pack import pack, unpack
from patchbay.schema_graph.scoping import View
from tests.servers.datasets import shared_data

TARGET = Target(connection_id="con_1", kind="shop_api", time_zone="America/Toronto", default_country="CA")


@cache
def document(name: str) -> bytes:
    return (shared_data() / "graphql" / name).read_bytes()


def view_of(name: str, reads: tuple[str, ...] = ()) -> View:
    """The view of a stored graph, as bindings are made on."""
    return View(unpack(stored(name, reads)))


@cache
def stored(name: str, reads: tuple[str, ...]) -> bytes:
    return pack(graph_of(document(name), reads))


@cache
def vendors_own(name: str) -> GraphQLSchema:
    if name.endswith(".json"):
        answer: dict[str, Any] = json.loads(document(name))
        return build_client_schema(answer.get("data", answer), assume_valid=True)
    return build_schema(document(name).decode(), assume_valid=True, assume_valid_sdl=True)


def bound(view: View, operation: str, inputs: dict[str, str], fields: list[str]) -> FrozenCall:
    seen = view.operation(operation)
    assert seen is not None
    whole = {argument.name for argument in seen.arguments if "json" in (argument.type, argument.item_type)}
    fixed: dict[str, Any] = {"source": "constant", "value": []}
    binding = parse_binding(
        {
            "toolName": "Look it up",
            "operation": operation,
            "inputs": [
                {"param": param, "arg": arg, "required": True, **(fixed if arg in whole else {})} for param, arg in inputs.items()
            ],
            "projection": [{"path": path.split("."), "leaf": f"leaf_{n}"} for n, path in enumerate(fields)],
        }
    )
    return prove_graphql(compile_plan(check(binding, view, TARGET).plan, view), view).call


CASES = [
    ("saleor/schema.graphql", "query.orders", {"number": "where.number.eq"},
     ["edges.node.number", "edges.node.status", "edges.node.fulfillments.trackingNumber"]),
    ("saleor/schema.graphql", "query.stocks", {"product": "filter.search"}, ["quantity", "warehouse.name"]),
    ("saleor/schema.graphql", "query.product", {"slug": "slug"},
     ["name", "variants.name", "media.url", "pricing.priceRange.start.gross.amount"]),
    ("saleor/schema.graphql", "query.user", {"email": "email"}, ["firstName", "addresses.city", "orders.number"]),
    ("shopify-storefront/storefront.schema.json", "query.products", {"words": "query"},
     ["nodes.title", "nodes.handle", "nodes.priceRange.minVariantPrice.amount"]),
    ("shopify-storefront/storefront.schema.json", "products", {"words": "query"},
     ["title", "variants.title", "variants.price.amount"]),
    ("shopify-storefront/storefront.schema.json", "query.search", {"words": "query"}, ["Product.title"]),
    ("shopify-storefront/storefront.schema.json", "query.node", {"id": "id"}, ["id", "Product.title"]),
    ("shopify-storefront/customer-account.schema.json", "query.order", {"id": "id"},
     ["name", "totalPrice.amount", "lineItems.title"]),
    ("github/schema.graphql", "query.repository", {"owner": "owner", "name": "name"},
     ["name", "licenseInfo.name", "issues.title", "issues.author.login", "primaryLanguage.name"]),
    ("github/schema.graphql", "query.search", {"words": "query", "kind": "type"}, ["Issue.title", "Issue.number"]),
    ("github-introspection/schema.json", "query.user", {"login": "login"},
     ["name", "repositories.name", "repositories.stargazers.login"]),
    ("swapi/schema.graphql", "query.allFilms", {"after": "after"}, ["title", "speciesConnection.name"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "operation", "inputs", "fields"), CASES)
def test_a_read(name: str, operation: str, inputs: dict[str, str], fields: list[str]):
    call = bound(view_of(name), operation, inputs, fields)
    assert isinstance(call.body, GraphqlCall)
    parsed = parse(call.body.document)
    assert validate(vendors_own(name), parsed) == []
    assert call.effect == "read"
    assert len(call.body.leaves) == len(fields)


def some_paths(view: View, record: str, *, hops: int = 2, most: int = 3) -> dict[tuple[str, ...], str]:
    """A few leaves of a record, its own and those of records around it: the written path by the names it has in the answer.

    Of members of a union that have a field in common, one is taken.
    """
    obj = view.object(record)
    assert obj is not None
    held = {edge.pairs[0][0] for edge in obj.edges if edge.embedded and not edge.narrows}
    own = [field.name for field in obj.fields if field.readable and field.name not in held]
    found = {(name,): name for name in own[:most]}
    around = [e for e in obj.edges if e.narrows or (e.embedded and (f := obj.field(e.pairs[0][0])) is not None and f.readable)]
    for edge in around[: most if hops else 0]:
        for names, path in some_paths(view, edge.target, hops=hops - 1, most=1).items():
            found.setdefault(names if edge.narrows else (edge.name, *names), f"{edge.name}.{path}")
    return found


@pytest.mark.parametrize("name", sorted({name for name, *_ in CASES}))
def test_every_operation(name: str):
    """Each usable operation, with what it demands and some of what it returns, is a document the vendor's own schema accepts."""
    every = view_of(name).operations(include_writes=True)
    # Writes are bound with more ceremony; as far as their documents go they are like reads.
    view = view_of(name, tuple(operation.name for operation in every))
    documents = 0
    for operation in every:
        if operation.unusable or operation.object is None:
            continue
        inputs = {f"param_{n}": argument.name for n, argument in enumerate(operation.arguments) if argument.required}
        call = bound(view, operation.name, inputs, list(some_paths(view, operation.object).values()))
        assert isinstance(call.body, GraphqlCall)
        assert validate(vendors_own(name), parse(call.body.document)) == [], call.body.document
        documents += 1
    assert documents >= len(every) - 2
