"""Inferred relationships, from the names and types of columns alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.schema_graph.inference import MOST_INFERRED, with_inferred
from patchbay.schema_graph.model import Edge, Field, FieldType, Graph, Key, Object
from patchbay.schema_graph.naming import path_roots, split_name
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.pack import pack, unpack
from patchbay.schema_graph.reference_names import naming_of


def table(name: str, *columns: str, key: str | None = "id", schema: str = "shop", alike: FieldType = "integer") -> Object:
    """A table of ``column`` or ``column:type`` or ``column!`` (unique); ``key`` is its primary key."""
    fields = [Field(key, alike, alike, nullable=False, primary_key=True, unique=True)] if key else []
    keys = [Key("PRIMARY", (key,), True)] if key else []
    for column in columns:
        text = column.removesuffix("!")
        bare, _, kind = text.partition(":")
        fields.append(Field(bare, kind or alike, kind or alike, unique=column != text))
        keys += [Key(bare, (bare,))] if column != text else []
    bare = split_name(name)[-1]
    return Object(name, bare, "table", native_schema=schema, native_name=bare, fields=tuple(fields), keys=tuple(keys))


def inferred(*tables: Object, declaring: frozenset[str] = frozenset()) -> dict[str, Object]:
    objects = {obj.name: obj for obj in tables}
    return with_inferred(objects, path_roots((name, split_name(name)[-1]) for name in objects), declaring)


def references(*tables: Object, declaring: frozenset[str] = frozenset()) -> dict[str, tuple[str, float]]:
    """By ``table.column``: ``table.column`` it refers to, and how sure that is."""
    found = inferred(*tables, declaring=declaring)
    return {
        f"{obj.name}.{edge.pairs[0][0]}": (f"{edge.target}.{edge.pairs[0][1]}", edge.confidence)
        for obj in found.values()
        for edge in obj.edges
        if edge.cardinality == "many_to_one"
    }


@pytest.mark.parametrize(
    ("column", "target", "key", "confidence"),
    [
        ("customer_id", "customers", "customer_id", 0.95),
        ("customerid", "customer", "customerid", 0.95),
        ("CustomerId", "Customers", "Id", 0.9),
        ("customer_id", "customers", "id", 0.9),
        ("customerId", "customer", "pk", 0.9),
        ("CUSTOMER_ID", "CUSTOMERS", "ID", 0.9),
        ("customer_ref", "customers", "id", 0.9),
        ("customer_key", "customer", "id", 0.9),
        ("id_customer", "customer", "id", 0.9),
        ("fk_customer_id", "customer", "id", 0.9),
        ("customer_fk", "customer", "id", 0.9),
        ("order_item_id", "order_items", "id", 0.9),
        ("person_id", "people", "id", 0.9),
        ("billing_customer_id", "customers", "customer_id", 0.85),
        ("billing_address_id", "addresses", "id", 0.75),
        ("address_id_2", "addresses", "id", 0.9),
        ("customer", "customers", "id", 0.6),
        ("cust_ref", "customers", "id", 0.55),
    ],
)
def test_spellings(column: str, target: str, key: str, confidence: float) -> None:
    found = references(table("log", column), table(target, "name:string", key=key))
    assert found == {f"log.{column}": (f"{target}.{key}", confidence)}


@pytest.mark.parametrize(
    "column",
    ["id", "paid", "count", "cu_id", "customer_count", "customers_seen", "supplier_id", "customer_name:string", "customer:string",
     "customer_id:string", "customer_id:boolean", "customer_id:datetime", "customer_code", "custom_ids:array", "name:string"],
)  # fmt: skip
def test_what_is_no_reference(column: str) -> None:
    assert references(table("log", column, key=None), table("customers", "name:string")) == {}


def test_a_key_of_another_kind_is_found_by_its_ending() -> None:
    country = table("countries", "code:string!", "uuid:uuid!", "name:string!")
    found = references(table("log", "country_code:string", "country_uuid:uuid", "country_no:string"), country)
    assert {name: aim for name, (aim, _) in found.items()} == {
        "log.country_code": "countries.code",
        "log.country_uuid": "countries.uuid",
    }


def test_what_many_names_begin_with_is_left_out() -> None:
    tables = [table(f"app_{name}", "app_id") for name in ("customers", "invoices", "visits")]
    found = references(*tables, table("app_orders", "customer_id", "app_visit_id"), table("tblStaff"), table("x", "staff_id"))
    assert {name: aim for name, (aim, _) in found.items()} == {
        "app_orders.customer_id": "app_customers.id", "app_orders.app_visit_id": "app_visits.id", "x.staff_id": "tblStaff.id",
    }  # fmt: skip


def test_a_table_may_refer_to_itself() -> None:
    found = references(table("categories", "parent_id", "root_category_id"), table("employee", "reports_to", "manager_id"))
    assert found == {
        "categories.parent_id": ("categories.id", 0.7), "categories.root_category_id": ("categories.id", 0.75),
        "employee.reports_to": ("employee.id", 0.7), "employee.manager_id": ("employee.id", 0.6),
    }  # fmt: skip
    assert references(table("managers"), table("employee", "manager_id"))["employee.manager_id"][0] == "managers.id"


def test_a_table_that_extends_another_is_one_to_one_with_it() -> None:
    profile = table("customer_details", "note:string", key="customer_id")
    edge = inferred(profile, table("customers", key="customer_id"))["customer_details"].edges[0]
    assert (edge.name, edge.target, edge.cardinality, edge.pairs) == (
        "customer", "customers", "one_to_one", (("customer_id", "customer_id"),),
    )  # fmt: skip
    # Of several tables with one key, only the one that bears its name is meant.
    found = references(profile, table("customers", key="customer_id"), table("log", "customer_id"))
    assert found == {"log.customer_id": ("customers.customer_id", 0.9)}
    assert references(table("a", key="thing_id"), table("b", key="thing_id"), table("log", "thing_id")) == {}


def test_doubts_lower_the_confidence() -> None:
    comment = table("comments", "post_id", "post_type:string")
    assert references(comment, table("posts"))["comments.post_id"] == ("posts.id", 0.65)
    assert references(table("cust_log", "cust_id", "cust_type:string"), table("customers")) == {}
    other = table('"b"."x"', schema="b")
    assert references(table("a.log", "x_id", schema="a"), other)["a.log.x_id"][1] == 0.8


def test_the_schema_decides_between_tables_of_one_name() -> None:
    tables = [table("a.users", schema="a"), table("b.users", schema="b")]
    assert references(*tables, table("b.log", "user_id", schema="b"))["b.log.user_id"][0] == "b.users.id"
    assert references(*tables, table("c.log", "user_id", schema="c")) == {}


def test_tables_that_declare_foreign_keys_are_left_alone() -> None:
    tables = [table("orders", "customer_id"), table("visits", "customer_id"), table("customers")]
    assert references(*tables, declaring=frozenset({"orders"})) == {"visits.customer_id": ("customers.id", 0.9)}
    objects = {obj.name: obj for obj in tables}
    assert with_inferred(objects, path_roots((name, name) for name in objects), set(objects)) is objects


def test_views_take_no_part() -> None:
    view = Object("customers", "customers", "view", fields=table("customers").fields)
    assert references(table("orders", "customer_id"), view) == {}
    seen = Object("orders", "orders", "view", fields=table("orders", "customer_id").fields)
    assert references(seen, table("customers")) == {}


def test_both_directions_are_marked_and_named_apart_from_others() -> None:
    declared = Edge("customer", "customers", "many_to_one", (("customer_id", "id"),), constraint="fk")
    orders = table("orders", "billing_customer_id", "customer_id")
    customers = table("customers", "first_order_id")
    kept = Edge("order", "audit", "one_to_many", (("id", "id"),), constraint="other")
    customers = Object(**{**{f: getattr(customers, f) for f in customers.__struct_fields__}, "edges": (kept,)})
    found = inferred(orders, customers)
    names = [edge.name for edge in found["customers"].edges]
    assert len(set(names)) == len(names) == 4
    assert found["customers"].edges[0] == kept
    forward = {edge.name: edge for edge in found["orders"].edges if edge.cardinality == "many_to_one"}
    assert sorted(forward) == ["billing_customer", declared.name]
    assert all(edge.inferred and edge.constraint is None and 0 < edge.confidence < 1 for edge in found["orders"].edges)
    graph = Graph("mysql", "shop", found, RecordOperations(found))
    assert unpack(pack(graph)).objects["orders"].edges == found["orders"].edges


def test_a_table_that_all_refer_to_does_not_get_an_edge_from_each() -> None:
    found = inferred(table("users"), *(table(f"log_{n:02}", "user_id") for n in range(60)))
    assert len(found["users"].edges) == MOST_INFERRED
    assert all(len(found[f"log_{n:02}"].edges) == 1 for n in range(60))


_WORDS = st.sampled_from(["user", "users", "order", "parent", "id", "ref", "code", "type", "a", "_", "Id", "fk", "1", "é", " "])
_NAMES = st.lists(_WORDS, min_size=1, max_size=4).map("_".join)
_COLUMNS = st.lists(st.tuples(_NAMES, st.sampled_from(["", ":string", "!", ":uuid", ":json"])), max_size=5)


@given(st.dictionaries(_NAMES, _COLUMNS, max_size=6), st.randoms(use_true_random=False))
def test_equal_schemas_give_equal_relationships_in_any_order(
    schema: dict[str, list[tuple[str, str]]], shuffle: random.Random
) -> None:
    tables = [
        table(name, *(f"{column}{kind}" for column, kind in dict(columns).items()), key="pk") for name, columns in schema.items()
    ]
    found = inferred(*tables)
    shuffled = list(tables)
    shuffle.shuffle(shuffled)
    again = inferred(*shuffled)
    assert {name: obj.edges for name, obj in found.items()} == {name: obj.edges for name, obj in again.items()}
    for obj in found.values():
        assert len({edge.name for edge in obj.edges}) == len(obj.edges)
        for edge in obj.edges:
            own, other = obj.field(edge.pairs[0][0]), found[edge.target].field(edge.pairs[0][1])
            assert own is not None
            assert other is not None
            assert own.type == other.type
            assert own.unique or other.unique
            assert 0.5 <= edge.confidence <= 0.95


@given(st.text(max_size=30))
def test_any_name_is_taken_apart(name: str) -> None:
    naming = naming_of(name)
    assert naming is None or all(naming.words)
