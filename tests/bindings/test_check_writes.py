"""What may be bound of an insert and of an update, and every reason why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bindings.bookshop import bind, bookshop, compiled, refused

UPDATE = "orders.update"
INSERT = "customers.insert"


def model(param: str, arg: str | None = None, *, required: bool = True, **more: Any) -> dict[str, Any]:
    return {"param": param, "arg": arg or param, "required": required, **more}


def fixed(param: str, value: Any, arg: str | None = None) -> dict[str, Any]:
    return {"param": param, "arg": arg or param, "source": "constant", "value": value}


def by(name: str) -> list[dict[str, Any]]:
    return [{"arg": name, "param": name}]


BY_ID = [model("id"), model("note")]


@pytest.mark.parametrize(
    ("members", "field", "code"),
    [
        ({"inputs": [model("note")]}, "inputs", "key_incomplete"),
        ({"operation": "lines.update", "inputs": [model("order_id"), model("amount")]}, "inputs", "key_incomplete"),
        ({"inputs": [model("id", required=False), model("note")]}, "inputs.0.arg", "key_optional"),
        ({"inputs": [model("id")]}, "inputs", "nothing_to_write"),
        ({"inputs": [*BY_ID, model("other", "note")]}, "inputs.2.arg", "assigned_twice"),
        ({"inputs": [*BY_ID, model("doc")]}, "inputs.2.arg", "not_writable"),
        ({"inputs": [*BY_ID, model("who", "customer.name")]}, "inputs.2.arg", "not_of_the_record"),
        ({"inputs": [*BY_ID, model("nothing")]}, "inputs.2.arg", "unknown_argument"),
        ({"inputs": [*BY_ID, model("shout")]}, "inputs.2.arg", "match_from_model"),
        ({"inputs": [*BY_ID, model("total")], "filters": by("total")}, "filters.0.arg", "match_from_model"),
        ({"inputs": BY_ID, "filters": [{"arg": "state", "op": "ne", "value": "open"}]}, "filters.0.op", "operator_not_for_type"),
        ({"inputs": BY_ID, "filters": [{"arg": "state", "value": "gone"}]}, "filters.0.value", "value_invalid"),
        ({"inputs": BY_ID, "filters": [{"arg": "state"}]}, "filters.0", "value_missing"),
        ({"inputs": BY_ID, "filters": [{"arg": "state", "param": "state"}]}, "filters.0.param", "param_invalid"),
        ({"inputs": BY_ID, "filters": [{"arg": "total", "param": "note"}]}, "filters.0.param", "param_invalid"),
        ({"inputs": BY_ID, "filters": [{"arg": "doc", "value": "x"}]}, "filters.0.arg", "not_filterable"),
        (
            {"inputs": [model("number"), model("again", "number"), model("note")], "filters": by("number")},
            "inputs.1.arg", "key_changed",
        ),
        ({"inputs": BY_ID, "limit": 1}, "limit", "not_for_writes"),
        ({"inputs": BY_ID, "orderBy": [{"path": ["id"]}]}, "orderBy", "not_for_writes"),
        ({"inputs": BY_ID, "projection": [{"path": "customer.name", "leaf": "n"}]}, "projection.0.path", "not_of_the_record"),
        (
            {"inputs": BY_ID, "projection": [{"path": "note", "leaf": "n", "transform": {
                "type": "join_name", "familyPath": ["customer", "name"]}}]},
            "projection.0.transform.familyPath", "not_of_the_record",
        ),
        (
            {"inputs": [model("id"), model("note") | {"transform": {"type": "split_name", "familyArg": "number"}},
                        model("again", "number")]},
            "inputs.2.arg", "assigned_twice",
        ),
        (
            {"inputs": [model("id"), model("note") | {"transform": {"type": "split_name", "familyArg": "total"}}]},
            "inputs.1.transform.familyArg", "transform_not_for_type",
        ),
        (
            {"inputs": [model("number") | {"transform": {"type": "split_name", "familyArg": "note"}}, model("state")],
             "filters": by("number")},
            "inputs.0.transform", "transform_not_compared",
        ),
        ({"inputs": [*BY_ID, fixed("total", {"now": True})]}, "inputs.2.value", "value_invalid"),
        ({"inputs": [*BY_ID, fixed("state", "gone")]}, "inputs.2.value", "value_invalid"),
        ({"operation": "heap.update", "inputs": [model("value")]}, "operation", "write_not_offered"),
        ({"operation": INSERT, "inputs": [model("caller_phone", "phone")]}, "inputs", "required_field_missing"),
        ({"operation": INSERT, "inputs": []}, "inputs", "nothing_to_write"),
        ({"operation": INSERT, "inputs": [model("name", required=False)]}, "inputs.0.arg", "required_field_optional"),
        ({"operation": INSERT, "inputs": [model("name")], "filters": by("name")}, "filters.0", "not_for_inserts"),
        (
            {"operation": "orders.insert", "inputs": [model("number"), model("customer_id"), model("state", required=False)]},
            "inputs.2.arg", "optional_has_default",
        ),
        ({"operation": "orders.insert", "inputs": [model("number"), model("customer_id"), model("shout")]},
         "inputs.2.arg", "not_insertable"),
        ({"operation": "orders.read", "inputs": [model("id")]}, "projection", "projection_empty"),
        ({"operation": "orders.delete", "inputs": [model("id")]}, "operation", "unknown_operation"),
    ],
)  # fmt: skip
def test_what_cannot_be_bound_is_told(members: dict[str, Any], field: str, code: str) -> None:
    assert (field, code) in refused(**({"operation": UPDATE} | members))


def test_what_is_not_read_back_cannot_be_projected_on_mysql() -> None:
    body: dict[str, Any] = {
        "operation": "heap.insert",
        "inputs": [model("value")],
        "projection": [{"path": "value", "leaf": "v"}],
    }
    assert refused("mysql", **body) == [("projection", "cannot_read_back")]
    assert bind("postgres", **body).plan.guarantee == "none"
    assert compiled("mysql", **(body | {"projection": []})).read_back is None


def test_an_update_is_kept_from_happening_twice_and_an_insert_by_its_key() -> None:
    assert bind(operation=UPDATE, inputs=BY_ID).plan.guarantee == "unique_key"
    assert bind(operation=INSERT, inputs=[model("name"), model("email")]).plan.guarantee == "unique_key"
    assert bind(operation=INSERT, inputs=[model("name"), model("email", required=False)]).plan.guarantee == "none"


def test_the_key_is_the_one_beside_which_the_model_says_nothing() -> None:
    inputs = [model("number"), {"param": "id", "arg": "id", "source": "verified"}, model("note")]
    plan = bind(operation=UPDATE, inputs=inputs, filters=[{"arg": "number", "param": "number"}]).plan
    assert plan.key == ("number",)
    assert [one.column.field for one in plan.assigned] == ["note"]


def test_what_is_touched_is_what_is_set_compared_and_returned() -> None:
    plan = bind(operation=UPDATE, inputs=BY_ID, projection=[{"path": "total", "leaf": "t"}]).plan
    assert [(touch.object, touch.fields) for touch in plan.touches] == [("orders", ("id", "note", "total"))]


def test_who_it_is_about_is_warned_of() -> None:
    said = bind(operation="customers.update", inputs=[model("caller_email", "email"), model("name")],
                filters=[{"arg": "email", "param": "caller_email"}])  # fmt: skip
    assert ("filters.0.arg", "model_chosen_identity") in [(w.field, w.code) for w in said.warnings]
    known = bind(operation="customers.update", inputs=[{"param": "id", "arg": "id", "source": "verified"}, model("name")])
    assert "model_chosen_identity" not in [w.code for w in known.warnings]
    added = bind(operation="orders.insert", inputs=[model("number"), model("customer_id")])
    assert "model_chosen_identity" in [w.code for w in added.warnings]


def test_a_phone_is_written_in_one_form_and_compared_in_all() -> None:
    checked = bind(operation=INSERT, inputs=[model("name"), model("caller_phone", "phone")])
    (_, phone) = checked.plan.inputs
    assert (phone.codec, phone.formats) == ("e164", ("999-999-9999",))
    assert ("inputs.1.arg", "phone_written_as") in [(w.field, w.code) for w in checked.warnings]
    inputs = [model("id"), model("name"), model("caller_phone", "phone", source="session")]
    plan = bind(operation="customers.update", inputs=inputs, filters=[{"arg": "phone", "param": "caller_phone"}]).plan
    assert plan.inputs[2].codec == "phone"


def test_a_wall_clock_needs_its_zone() -> None:
    body: dict[str, Any] = {"operation": UPDATE, "inputs": [model("id"), model("at", "wall")]}
    assert "time_zone_required" in [w.code for w in bind(zone=None, **body).warnings]


def test_an_insert_is_not_offered_without_what_every_record_needs() -> None:
    hidden = bookshop(blocked_columns={"customers": ["name"]})
    assert refused(view=hidden, operation=INSERT, inputs=[model("email")]) == [("operation", "write_not_offered")]
    assert "name" in [a.name for a in bookshop().arguments(bookshop().operation(INSERT))]  # type: ignore[arg-type]


def test_the_documents_example_is_accepted() -> None:
    text = (Path(__file__).parents[2] / "docs" / "writes.md").read_text()
    body = json.loads(text.split("```json\n")[1].split("```")[0])
    plan = bind(**body).plan
    assert (plan.key, plan.guarantee) == (("number",), "unique_key")
    assert [one.column.field for one in plan.assigned] == ["state", "changed_at", "note"]
