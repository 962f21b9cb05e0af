"""Schemas that no one here wrote: what each becomes, with every number explained.

Objects are the object, interface and union types of the document without its roots and without what only carries a list:
connections, the edges and the page information of these. Fields are those of the objects, with ``__typename`` for each interface
and union, and once where a field is defined twice. The raw numbers are counted here from the document itself.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from patchbay.connectors.graphql.task import graph_of
from patchbay.schema_graph.fingerprint import graph_fingerprint
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.pack import pack, unpack
from tests.servers.datasets import shared_data


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """``raw``: object and interface types, unions, and the fields of both, without the roots; the numbers of the field notes."""

    raw: tuple[int, int, int]
    queries: int
    mutations: int
    connections: int
    edges: int
    page_info: int
    values: int = 0
    dropped: int = 0
    graph: tuple[int, int, int, int]
    unusable: int = 0
    unreadable: int
    notes: dict[str, int]


DOCUMENTS = {
    "github-introspection/schema.json": Expected(
        raw=(694, 31, 4753), queries=28, mutations=155, connections=113, edges=103, page_info=1, graph=(508, 4120, 1988, 183),
        unusable=1, unreadable=45, notes={"field_needs_arguments": 1},
    ),
    "github/schema.graphql": Expected(
        raw=(967, 43, 6042), queries=31, mutations=247, connections=148, edges=137, page_info=1, values=1, dropped=2,
        graph=(725, 5216, 2492, 278), unusable=1, unreadable=62, notes={"duplicate_field": 2, "field_needs_arguments": 1},
    ),
    "saleor/schema.graphql": Expected(
        raw=(903, 13, 4276), queries=89, mutations=332, connections=38, edges=38, page_info=1, values=2,
        graph=(841, 4106, 2561, 421), unusable=2, unreadable=116,
        notes={"field_needs_arguments": 1, "subscriptions_ignored": 1},
    ),
    "shopify-storefront/customer-account.schema.json": Expected(
        raw=(328, 15, 1537), queries=11, mutations=40, connections=35, edges=35, page_info=1, graph=(272, 1389, 711, 51),
        unreadable=22, notes={"field_needs_arguments": 1},
    ),
    "shopify-storefront/storefront.schema.json": Expected(
        raw=(270, 16, 1146), queries=34, mutations=41, connections=27, edges=27, page_info=0, graph=(232, 1032, 606, 75),
        unreadable=41, notes={"field_needs_arguments": 1},
    ),
    "swapi/schema.graphql": Expected(
        raw=(52, 0, 230), queries=13, mutations=0, connections=22, edges=22, page_info=1, graph=(7, 95, 25, 13), unreadable=0,
        notes={},
    ),
}  # fmt: skip


@cache
def document(name: str) -> bytes:
    path = shared_data() / "graphql" / name
    assert path.is_file(), path
    return path.read_bytes()


@cache
def graph(name: str) -> Graph:
    return graph_of(document(name))


@cache
def types_of(name: str) -> dict[str, tuple[str, list[str]]]:
    """The kind and field names of each type with fields or members, read without any of our own code."""
    if Path(name).suffix == ".json":
        answer: dict[str, Any] = json.loads(document(name))
        types = answer.get("data", answer)["__schema"]["types"]
        return {
            t["name"]: (t["kind"], [f["name"] for f in t["fields"] or ()])
            for t in types
            if t["kind"] in ("OBJECT", "INTERFACE", "UNION") and not t["name"].startswith("__")
        }
    from graphql import parse

    kinds = {"object_type_definition": "OBJECT", "interface_type_definition": "INTERFACE", "union_type_definition": "UNION"}
    return {
        node.name.value: (kinds[node.kind], [f.name.value for f in getattr(node, "fields", None) or ()])
        for node in parse(document(name).decode(), no_location=True).definitions
        if node.kind in kinds
    }


def test_there_is_an_expectation_for_every_document():
    folder = shared_data() / "graphql"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*schema*")} == set(DOCUMENTS)


ROOTS = frozenset({"Query", "Mutation", "Subscription", "QueryRoot", "Root"})


@pytest.mark.parametrize("name", DOCUMENTS)
def test_counts(name: str):
    expected, found = DOCUMENTS[name], graph(name)
    fields = sum(len(obj.fields) for obj in found.objects.values())
    edges = sum(len(obj.edges) for obj in found.objects.values())
    assert (len(found.objects), fields, edges, len(found.operations)) == expected.graph
    assert Counter(o.invoke["kind"] for o in found.operations.values()) == Counter(
        query=expected.queries, mutation=expected.mutations
    )
    assert sum(o.unusable is not None for o in found.operations.values()) == expected.unusable
    assert sum(not f.readable for obj in found.objects.values() for f in obj.fields) == expected.unreadable
    assert Counter(note.code for note in found.notes) == Counter(expected.notes)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_count_is_explained(name: str):
    expected, found, types = DOCUMENTS[name], graph(name), types_of(name)
    records = {n: t for n, t in types.items() if n not in ROOTS}
    unions = {n for n, (kind, _) in records.items() if kind == "UNION"}
    assert (len(records) - len(unions), len(unions), sum(len(f) for _, f in records.values())) == expected.raw
    gone = set(records) - set(found.objects)
    by_role = Counter("connection" if n.endswith("Connection") else "edge" if n.endswith("Edge") else n for n in gone)
    assert by_role == Counter(connection=expected.connections, edge=expected.edges, PageInfo=expected.page_info) + Counter()
    values = set(found.objects) - set(records)
    assert len(values) == expected.values
    assert all(n.endswith(" result") for n in values)
    abstract = [n for n, (kind, _) in records.items() if kind != "OBJECT"]
    of_objects = sum(len(f) for n, (_, f) in records.items() if n not in gone)
    to_roots = sum(
        1 for n, (_, f) in records.items() if n not in gone for one in f if one == "query" and found.objects[n].field(one) is None
    )
    counted = of_objects + len(abstract) + len(values) - expected.dropped - to_roots
    assert sum(len(obj.fields) for obj in found.objects.values()) == counted


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_graph_holds_together(name: str):
    found = graph(name)
    for obj in found.objects.values():
        names = [f.name for f in obj.fields]
        assert len(names) == len(set(names))
        assert len({e.name for e in obj.edges}) == len(obj.edges)
        assert all(e.target in found.objects for e in obj.edges), obj.name
        embedded = {e.name for e in obj.edges if e.embedded and not e.narrows}
        assert embedded == {f.name for f in obj.fields if "object" in (f.type, f.item_type)}
    for operation in found.operations.values():
        assert operation.object in found.objects or operation.unusable
        arguments = [a.name for a in operation.arguments]
        assert len(arguments) == len(set(arguments))
        assert set(operation.invoke["arguments"]) == set(arguments)
        assert {a.partition(".")[0] for a in arguments} <= set(operation.invoke["variables"])
    assert len({o.slug for o in found.operations.values()}) == len(found.operations)
    assert len({o.slug for o in found.objects.values()}) == len(found.objects)
    assert graph_fingerprint(unpack(pack(found))) == graph_fingerprint(found)


def test_github():
    found = graph("github/schema.graphql")
    assert [note.place for note in found.notes if note.code == "duplicate_field"] == ["line 15150", "line 15155"]
    repository = found.objects["Repository"]
    issues = repository.edge("issues")
    assert issues is not None
    assert (issues.target, issues.wrapper, issues.size_argument) == ("Issue", ("nodes",), "first")
    actor = found.objects["Actor"]
    assert {e.name for e in actor.edges if e.narrows} == {"Bot", "EnterpriseUserAccount", "Mannequin", "Organization", "User"}
    issue = found.operations["mutation.createIssue"]
    assert {a.name for a in issue.arguments if a.required} == {"input.repositoryId", "input.title"}
    assert found.operations["query.repository"].object == "Repository"
    search = found.operations["query.search"]
    assert (search.object, search.many) == ("SearchResultItem", True)
    assert search.invoke["more"] == ["pageInfo", "hasNextPage"]
    size = found.objects["ReleaseAsset"].field("size")
    assert size is not None
    assert (size.type, size.native_type) == ("integer", "Int")


def test_saleor():
    found = graph("saleor/schema.graphql")
    orders = found.operations["query.orders"]
    assert (orders.object, orders.many, orders.invoke["record"]) == ("Order", True, ["edges", "node"])
    arguments = {a.name: a for a in orders.arguments}
    assert arguments["where.number.eq"].type == "integer"
    assert arguments["filter.search"].type == "string"
    tracking = found.objects["Fulfillment"].field("trackingNumber")
    assert tracking is not None
    assert tracking.type == "string"
    refund = found.operations["mutation.orderRefund"]
    assert {a.name: (a.type, a.required, a.role) for a in refund.arguments} == {
        "id": ("string", True, "key"),
        "amount": ("decimal", True, "value"),
    }
    assert refund.object == "OrderRefund"
    assert {e.name: e.target for e in found.objects["OrderRefund"].edges}["order"] == "Order"


def test_storefront():
    found = graph("shopify-storefront/storefront.schema.json")
    products = found.operations["query.products"]
    assert (products.object, products.many, products.invoke["record"]) == ("Product", True, ["nodes"])
    assert {a.name for a in products.arguments} >= {"query", "sortKey", "reverse", "first"}
    price = found.objects["MoneyV2"].field("amount")
    assert price is not None
    assert price.type == "decimal"
    # A list of texts in a connection has no records: its type stays an object.
    assert found.objects["StringConnection"].edge("edges") is not None
