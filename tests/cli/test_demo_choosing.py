"""Which read the demo shows a user's database with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.bindings.model import parse_binding
from patchbay.cli.demo.choosing import NoSuchName, asked_for, choices


def field(name: str, type: str = "string", **others: Any) -> dict[str, Any]:
    plain = {"indexed": False, "readable": True, "unique": False, "primaryKey": False, "badges": [], "sensitive": False}
    return {"name": name, "type": type, "nativeType": type, "relationshipTarget": None, **plain, **others}


def edge(name: str, target: str, **others: Any) -> dict[str, Any]:
    return {"name": name, "target": target, "cardinality": "many_to_one", "inferred": False, **others}


def an_object(
    name: str, fields: list[dict[str, Any]], edges: list[dict[str, Any]] | None = None, **others: Any
) -> dict[str, Any]:
    root = name.rpartition(".")[2].rstrip("s")
    return {
        "name": name, "pathRoot": root, "fields": fields, "relationships": edges or [], "badges": [], "recordEstimate": 1000,
        "capabilities": {"read": True, "insert": False, "update": False}, **others,
    }  # fmt: skip


CUSTOMERS = an_object(
    "customers",
    [
        field("id", "integer", primaryKey=True, indexed=True, unique=True),
        field("name"),
        field("phone", indexed=True),
        field("ssn", sensitive=True, badges=["pii"]),
        field("region_id", "integer", indexed=True, relationshipTarget="regions"),
        field("status", "enum"),
        field("photo", "bytes"),
    ],
    [edge("region", "regions"), edge("orders", "orders", cardinality="one_to_many"), edge("guess", "regions", inferred=True)],
)
REGIONS = an_object("regions", [field("id", "integer", primaryKey=True, indexed=True), field("name")], recordEstimate=12)
ORDERS = an_object("sales.orders", [field("id", "integer", primaryKey=True, indexed=True), field("total", "decimal")])
SCHEMA = {"objects": [REGIONS, ORDERS, CUSTOMERS]}


def test_the_phone_of_the_customers_comes_first() -> None:
    best = choices(SCHEMA)[0]
    assert (best.object, best.filter) == ("customers", "phone")
    assert best.columns == (("name",), ("status",), ("region", "name"))


def test_nothing_sensitive_or_unreadable_is_chosen() -> None:
    told = {".".join(path) for choice in choices(SCHEMA) for path in choice.columns}
    assert "ssn" not in told
    assert "photo" not in told
    unreadable = an_object("secrets", [field("phone", indexed=True), field("name")], capabilities={"read": False})
    assert choices({"objects": [unreadable]}) == []


def test_a_time_without_a_zone_is_not_chosen_by_itself() -> None:
    fields = [
        field("phone", indexed=True),
        field("seen_at", "datetime", nativeType="timestamp without time zone"),
        field("due_at", "datetime", nativeType="timestamp with time zone"),
    ]
    assert choices({"objects": [an_object("visits", fields)]})[0].columns == (("due_at",),)


def test_tables_without_rows_or_without_an_index_are_left_out() -> None:
    empty = an_object("leads", [field("phone", indexed=True), field("name")], recordEstimate=0)
    unindexed = an_object("people", [field("phone"), field("name")])
    assert choices({"objects": [empty, unindexed]}) == []
    never_analyzed = an_object("leads", [field("phone", indexed=True), field("name")], recordEstimate=None)
    assert [choice.object for choice in choices({"objects": [never_analyzed]})] == ["leads"]


def test_the_binding_is_one_the_product_takes() -> None:
    for choice in choices(SCHEMA):
        binding = parse_binding(choice.binding())
        assert binding.operation == f"{choice.object}.read"
        assert binding.enabled
        assert len({projection.leaf for projection in binding.projection}) == len(binding.projection)


def test_people_are_asked_for_what_they_know() -> None:
    binding = choices(SCHEMA)[0].binding()
    assert binding["toolName"] == "Look up a customer"
    assert binding["inputs"] == [
        {"param": "caller_phone", "arg": "phone", "required": True, "description": "The caller's phone number"}
    ]
    assert asked_for(SCHEMA, "sales.orders", "total", []).binding()["toolName"] == "Look up an order"


def test_what_is_asked_for_is_taken() -> None:
    choice = asked_for(SCHEMA, "customers", "id", ["name", "region.name", "name"])
    assert (choice.filter, choice.columns) == ("id", (("name",), ("region", "name"), ("name",)))
    assert [p["leaf"] for p in choice.binding()["projection"]] == ["name", "region_name", "name_2"]
    assert asked_for(SCHEMA, "CUSTOMERS", None, []).filter == "phone"
    assert asked_for(SCHEMA, None, "total", []).object == "sales.orders"
    assert asked_for(SCHEMA, "customers", "region.name", []).filter == "region.name"


@pytest.mark.parametrize(
    ("table", "filter", "columns", "said"),
    [
        ("custmers", None, [], "customers"),
        ("customers", "fone", [], "phone"),
        ("customers", "regoin.name", [], "region"),
        ("customers", "region.nane", [], "name"),
        ("customers", None, ["nme"], "name"),
    ],
)
def test_a_name_that_is_not_there_brings_the_nearest(table: str, filter: str | None, columns: list[str], said: str) -> None:
    with pytest.raises(NoSuchName) as refused:
        asked_for(SCHEMA, table, filter, columns)
    assert said in (refused.value.hint or "")


def test_nothing_to_choose_says_so() -> None:
    with pytest.raises(NoSuchName, match="No readable table has an indexed column"):
        asked_for({"objects": []}, None, None, [])
    with pytest.raises(NoSuchName, match="No column of people is indexed"):
        asked_for({"objects": [an_object("people", [field("name")])]}, "people", None, [])


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=8, unique=True))
def test_any_column_names_make_a_binding_with_distinct_leaves(names: list[str]) -> None:
    found = an_object("t", [field("phone", indexed=True), *(field(name) for name in names)])
    columns = [name for name in names if "." not in name]
    binding = asked_for({"objects": [found]}, "t", "phone", columns).binding()
    leaves = [projection["leaf"] for projection in binding["projection"]]
    assert len(set(leaves)) == len(leaves)
