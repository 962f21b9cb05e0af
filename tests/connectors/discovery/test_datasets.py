"""Databases that no one here wrote come out right: counted against the catalogue, with facts looked up by hand."""

from __future__ import annotations

from functools import cache

import psycopg
import pytest

from patchbay.connectors.sql.postgres.discovery import discover_graph
from patchbay.schema_graph.model import Edge, Graph, Object
from patchbay.schema_graph.scoping import Scoping, View
from tests.servers.postgres import PostgresServer


@pytest.fixture(scope="module")
def discovered(tls_postgres: PostgresServer):
    @cache
    def discover(name: str) -> Graph:
        with psycopg.connect(tls_postgres.superuser_dsn(tls_postgres.dataset(name)), autocommit=True) as connection:
            return discover_graph(connection)

    return discover


def tables(graph: Graph) -> list[Object]:
    return [obj for obj in graph.objects.values() if obj.kind == "table"]


def declared(graph: Graph) -> float:
    """The number of foreign keys: each is one many-to-one, or a one-to-one in both directions."""
    found = [e.cardinality for o in graph.objects.values() for e in o.edges if e.via is None and not e.inferred]
    return found.count("many_to_one") + found.count("one_to_one") / 2


def edge(graph: Graph, name: str, called: str) -> Edge:
    found = graph.objects[name].edge(called)
    assert found is not None, [e.name for e in graph.objects[name].edges]
    return found


@pytest.mark.parametrize(
    ("name", "table_count", "columns", "foreign_keys", "indexes", "views"),
    [
        ("chinook", 11, 64, 11, 22, 0),
        ("sakila", 21, 165, 40, 44, 7),
        ("northwind", 14, 92, 13, 14, 0),
        ("adventureworks", 68, 1236, 90, 71, 89),
        ("omop-cdm", 39, 432, 176, 98, 0),
        ("umami", 17, 170, 0, 95, 0),
    ],
)
def test_counts(discovered, name: str, table_count: int, columns: int, foreign_keys: int, indexes: int, views: int) -> None:
    graph = discovered(name)
    assert len(tables(graph)) == table_count
    assert len(graph.objects) - table_count == views
    assert sum(len(obj.fields) for obj in graph.objects.values()) == columns
    assert declared(graph) == foreign_keys
    assert sum(len(obj.indexes) for obj in graph.objects.values()) == indexes


def test_chinook(discovered) -> None:
    graph = discovered("chinook")
    customer = graph.objects["customer"]
    support = edge(graph, "customer", "support_rep")
    assert (support.target, support.pairs, support.cardinality) == (
        "employee",
        (("support_rep_id", "employee_id"),),
        "many_to_one",
    )
    assert edge(graph, "employee", "reports_to").target == "employee"
    assert edge(graph, "playlist", "track").via == "playlist_track"
    phone = customer.field("phone")
    assert phone.max_length == 24
    assert "+9 (999) 999-9999" in phone.formats
    assert all(not any(c in "12345678" for c in form) for form in phone.formats)
    assert phone.badges == ("pii",)
    assert graph.objects["track"].field("unit_price").type == "decimal"
    assert graph.objects["customer"].field("customer_id").primary_key


def test_sakila(discovered) -> None:
    graph = discovered("sakila")
    assert graph.objects["film"].field("rating").enum == ("G", "PG", "PG-13", "R", "NC-17")
    assert graph.objects["film"].field("release_year").type == "integer"
    assert graph.objects["film"].field("release_year").native_type == "year"
    assert graph.objects["film"].field("special_features").item_type == "string"
    assert graph.objects["film"].field("fulltext").native_type == "tsvector"
    assert edge(graph, "film", "actor").via == "film_actor"
    assert {edge(graph, "film", "language").pairs, edge(graph, "film", "original_language").pairs} == {
        (("language_id", "language_id"),), (("original_language_id", "language_id"),),
    }  # fmt: skip
    assert graph.objects["payment"].partitions == tuple(f"payment_p2007_0{n}" for n in range(1, 7))
    assert "payment" not in View(graph, Scoping(("payment_p2007_03",))).object_names()
    assert edge(graph, "staff", "store").cardinality == "many_to_one"
    hidden = set(View(graph).object_names()) - set(View(graph, Scoping(("customer",))).object_names())
    assert {"customer", "customer_list"} <= hidden
    assert "staff_list" not in hidden


def test_northwind_composite_keys_and_junctions(discovered) -> None:
    graph = discovered("northwind")
    assert {key.fields for key in graph.objects["order_details"].keys} == {("order_id", "product_id")}
    products = next(e for e in graph.objects["orders"].edges if e.cardinality == "many_to_many")
    assert (products.target, products.via) == ("products", "order_details")


def test_adventureworks_schemas_domains_and_comments(discovered) -> None:
    graph = discovered("adventureworks")
    person = graph.objects["person.person"]
    assert person.field("firstname").native_type == '"Name"'
    assert person.field("firstname").type == "string"
    assert person.field("namestyle").type == "boolean"
    assert person.description
    assert graph.objects["person.person"].field("additionalcontactinfo").filterable is False
    composite = [e for o in graph.objects.values() for e in o.edges if e.cardinality == "many_to_one" and len(e.pairs) > 1]
    assert [(e.target, e.pairs) for e in composite] == [
        ("sales.specialofferproduct", (("specialofferid", "specialofferid"), ("productid", "productid")))
    ]
    assert edge(graph, "sales.salesorderheader", "customer").target == "sales.customer"
    view = View(graph, Scoping(("person.emailaddress",)))
    assert view.object("humanresources.vemployee") is None
    assert view.object("sales.vstorewithdemographics") is not None


def test_umami_unique_indexes_are_keys(discovered) -> None:
    graph = discovered("umami")
    assert any(len(key.fields) == 1 and not key.primary for obj in graph.objects.values() for key in obj.keys)
    assert all(edge.inferred for obj in graph.objects.values() for edge in obj.edges)
    assert graph.objects["session"].field("created_at").zoned


def test_torture(discovered) -> None:
    graph = discovered("torture")
    store = graph.objects["t.store"]
    fields = {f.name: f for f in store.fields}
    assert fields["id"].identity == "always"
    assert fields["m"].enum == ("sad", "ok", "happy")
    assert (fields["e"].type, fields["e"].native_type, fields["e"].description) == ("string", "t.email", "contact mail")
    assert (fields["tags"].type, fields["tags"].item_type) == ("array", "string")
    assert [f.name for f in fields["a"].fields] == ["street", "zip"]
    assert fields["doc"].type == "json"
    assert fields["full_name"].computed_from == ("code", "country")
    assert not fields["full_name"].insertable
    region = edge(graph, "t.store", "region")
    assert region.pairs == (("country", "country"), ("code", "code"))
    assert edge(graph, "t.store", "boss").target == "t.store"
    assert edge(graph, "t.addr_order", "billing").pairs == (("billing", "id"),)
    assert edge(graph, "t.addr_order", "shipping").pairs == (("shipping", "id"),)
    assert edge(graph, "t.store", "product").via == "t.store_product"
    weird = graph.objects["t.Weird Table"]
    assert [f.name for f in weird.fields] == ["Id Col", "select", "store_id"]
    assert edge(graph, "t.Weird Table", "store").cardinality == "one_to_one"
    assert graph.objects["t.ev"].partitions == ("t.ev_2025", "t.ev_2026")
    assert "t.ev_2025" not in graph.objects
    assert graph.objects["t.mv"].kind == "materialized_view"
    happy = graph.objects["t.happy_store"]
    assert {d.object: d.fields for d in happy.reads}["t.region"] == ("code", "country", "name")
    assert happy.opaque is None
    assert sum(name.startswith("big.") for name in graph.objects) == 500
