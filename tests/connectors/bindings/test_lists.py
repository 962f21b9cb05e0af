"""Lists through a relationship to many records, on both kinds of database."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from patchbay.bindings.check import BindingInvalid
from patchbay.connectors.proof import CallNotProvable
from patchbay.connectors.refusals import SchemaChanged
from patchbay.schema_graph.blocking import Scoping
from patchbay.schema_graph.call import SqlCall, statement_of
from tests.connectors.bound import Bound

pytestmark = pytest.mark.anyio
BY_ID: dict[str, Any] = {
    "operation": "customers.read",
    "inputs": [{"param": "customer", "arg": "id", "required": True}],
}


def listing(*fields: str, **members: Any) -> dict[str, Any]:
    projection = [{"path": ["first_name"], "leaf": "name"}] + [{"path": ["orders", f], "leaf": f} for f in fields]
    return BY_ID | {"projection": projection} | members


async def test_every_type_keeps_its_form_and_all_leaves_are_in_step(bound: Bound) -> None:
    fields = ("id", "number", "total_cents", "total", "status", "placed_on", "seen_at", "paid", "weight")
    result = await bound.run(await bound.frozen(listing(*fields)), arguments={"customer": 1})
    assert result.rows == [
        {
            "name": "Ada",
            "id": ["12", "13", "9007199254740993"],
            "number": [None, "ünï '\"\\", "A-1"],
            "total_cents": [None, "-5", "1999"],
            "total": [None, "0.10", "19.99"],
            "status": [2, 7, 1],
            "placed_on": [None, "2031-03-05", "2031-03-04"],
            "seen_at": [None, "2031-07-04T09:30:00-04:00", "2031-03-04T09:30:00-05:00"],
            "paid": [None, False, True],
            "weight": [None, 0.1, 1.5],
        }
    ]
    assert result.notes == ()


async def test_none_is_an_empty_list(bound: Bound) -> None:
    result = await bound.run(await bound.frozen(listing("number")), arguments={"customer": 3})
    assert result.rows == [{"name": "Cid", "number": []}]


async def test_a_list_goes_on_to_one_and_over_a_junction(bound: Bound) -> None:
    body = {
        "operation": "orders.read",
        "inputs": [{"param": "number", "arg": "id", "required": True}],
        "projection": [
            {"path": ["customer", "first_name"], "leaf": "who"},
            {"path": ["items", "quantity"], "leaf": "quantities"},
            {"path": ["items", "product", "name"], "leaf": "products"},
        ],
    }
    call = await bound.frozen(body)
    twelve = await bound.run(call, arguments={"number": 12})
    assert twelve.rows == [{"who": "Ada", "quantities": [2, 1], "products": ['Stove; "hot", {a}', "Pan"]}]
    thirteen = await bound.run(call, arguments={"number": 13})
    assert thirteen.rows == [{"who": "Ada", "quantities": [5], "products": [None]}]


async def test_a_list_behind_a_neighbour(bound: Bound) -> None:
    body = {
        "operation": "orders.read",
        "inputs": [{"param": "number", "arg": "id", "required": True}],
        "projection": [{"path": ["customer", "orders", "id"], "leaf": "all"}],
    }
    result = await bound.run(await bound.frozen(body), arguments={"number": 12})
    assert result.rows == [{"all": ["12", "13", "9007199254740993"]}]


async def test_the_newest_first_and_what_is_more_is_cut_and_said(bound: Bound) -> None:
    bound.execute("DELETE FROM items WHERE id > 100")
    values = ", ".join(f"({n}, 13, 2, {n})" for n in range(101, 140))
    bound.execute(f"INSERT INTO items VALUES {values}")
    body = {
        "operation": "orders.read",
        "inputs": [{"param": "number", "arg": "id", "required": True}],
        "projection": [{"path": ["items", "quantity"], "leaf": "quantities"}],
        "orderBy": [{"path": ["item", "id"], "direction": "desc"}],
    }
    result = await bound.run(await bound.frozen(body), arguments={"number": 13})
    assert result.rows == [{"quantities": list(range(139, 119, -1))}]
    assert result.notes == ("'quantities' has more values than the first 20, which are here.",)
    body.pop("orderBy")
    result = await bound.run(await bound.frozen(body), arguments={"number": 13})
    assert result.rows == [{"quantities": [5, *range(101, 120)]}]
    bound.execute("DELETE FROM items WHERE id > 100")


def test_what_can_be_read_as_the_record_and_as_a_list_is_refused(bound: Bound) -> None:
    body = {"operation": "orders.read", "inputs": [{"param": "number", "arg": "id", "required": True}]}
    with pytest.raises(BindingInvalid) as refused:
        bound.checked(body | {"projection": [{"path": ["items", "id"], "leaf": "ids"}]})  # `items` may also wrap the orders
    assert [(f.code, f.hint) for f in refused.value.errors] == [
        ("ambiguous_path", "Write 'item.id' or 'id', one name a segment and names with dots in double quotes.")
    ]


async def test_a_blocked_column_or_table_is_in_no_list(bound: Bound) -> None:
    for scoping in (Scoping(blocked_columns={"orders": frozenset({"number"})}), Scoping(blocked_tables=frozenset({"orders"}))):
        with pytest.raises(BindingInvalid) as refused:
            bound.checked(listing("number"), scoping=scoping)
        assert [finding.code for finding in refused.value.errors] == ["unknown_path"]
        assert "orders" not in str(refused.value.errors) or scoping.blocked_columns


async def test_what_a_list_is_of_has_to_be_proven(bound: Bound) -> None:
    view, candidate = bound.compiled(listing("number"))
    quote = '"' if bound.kind == "postgres" else "`"
    for other in ("secret", "status", "nothing"):
        sql = statement_of(candidate).sql.replace(f"{quote}number{quote}", f"{quote}{other}{quote}")
        body = msgspec.structs.replace(candidate.body, sql=sql)
        with pytest.raises(CallNotProvable) as refused:
            await bound.proven(msgspec.structs.replace(candidate, body=body), view)
        assert refused.value.reason == "provenance_unproven"


async def test_a_list_that_the_server_cuts_is_not_taken_for_a_whole_one(bound: Bound) -> None:
    if bound.kind != "mysql":
        pytest.skip("only MariaDB and MySQL cut lists")
    bound.execute("CREATE TABLE texts (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers (id), body mediumtext)")
    bound.execute("CREATE INDEX by_customer ON texts (customer_id)")
    bound.execute("INSERT INTO texts SELECT seq, 1, repeat('x', 9000) FROM seq_1_to_12")
    bound.graph = bound.discovered()
    call = await bound.frozen(BY_ID | {"projection": [{"path": ["texts", "body"], "leaf": "bodies"}]})
    result = await bound.run(call, arguments={"customer": 1})
    assert result.rows == [{"bodies": None}]
    assert result.notes == ("'bodies' is a list longer than the server gives and is given as null.",)


async def test_a_column_that_became_another_type_is_noticed(bound: Bound) -> None:
    bound.execute("CREATE TABLE marks (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers (id), mark int)")
    bound.execute("CREATE INDEX by_marked ON marks (customer_id)")
    bound.execute("INSERT INTO marks VALUES (1, 1, 5), (2, 1, 6)")
    bound.graph = bound.discovered()
    call = await bound.frozen(BY_ID | {"projection": [{"path": ["marks", "mark"], "leaf": "marks"}]})
    assert (await bound.run(call, arguments={"customer": 1})).rows == [{"marks": [5, 6]}]
    verb = "ALTER COLUMN mark TYPE text" if bound.kind == "postgres" else "MODIFY mark varchar(20)"
    bound.execute(f"ALTER TABLE marks {verb}")
    if bound.kind == "postgres":
        assert (await bound.run(call, arguments={"customer": 1})).rows == [{"marks": ["5", "6"]}], "the type is in the answer"
    else:
        with pytest.raises(SchemaChanged):
            await bound.run(call, arguments={"customer": 1})


def test_a_list_has_its_own_subquery_and_no_value_in_the_text(bound: Bound) -> None:
    _, candidate = bound.compiled(listing("number", "total"))
    assert isinstance(candidate.body, SqlCall)
    assert [one.path for one in candidate.plan.lists] == [("order",)]
    assert candidate.plan.joins == ()
    assert {t.object: t.fields for t in candidate.plan.touches} == {
        "customers": ("first_name", "id"),
        "orders": ("customer_id", "id", "number", "total"),
    }
