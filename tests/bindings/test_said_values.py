"""Transforms, told times, lists of values and lists of records in a binding: what is accepted, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from patchbay.bindings.check import Target
from patchbay.bindings.tool_schema import tool_schema
from patchbay.errors import ValidationFailed
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.moments import Moment
from patchbay.schema_graph.naming import unique_slugs
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.transform import EnumWords, JoinName, MoneyMinor, PhoneForm, SplitName, TimeForm
from tests.bindings.clinic import OBJECTS, TARGET, bind, codes, compiled, project, refused, to_one, warned

ORDER = {"operation": "orders.read", "inputs": [{"param": "order_number", "arg": "order_number", "required": True}]}
NO_ONE = Target(connection_id="con_1", kind="postgres")


def shown(transform: dict[str, Any], path: str = "total", **members: Any) -> dict[str, Any]:
    return ORDER | {"projection": [{"path": [path], "leaf": "x", "transform": transform}]} | members


NUMBER = "order_number"


@pytest.mark.parametrize(
    ("transform", "path", "at", "code"),
    [
        ({"type": "trim"}, "total", "", "transform_not_for_type"),
        ({"type": "scale", "digits": 0}, "total", ".digits", "scale_invalid"),
        ({"type": "scale", "digits": 13}, "total", ".digits", "scale_invalid"),
        ({"type": "money_minor", "currency": "CAN"}, "total", ".currency", "currency_unknown"),
        ({"type": "date_time", "format": "iso_local"}, "total", "", "transform_not_for_type"),
        ({"type": "date_time", "format": "iso_local", "timeZone": "Mars/X"}, NUMBER, ".timeZone", "time_zone_unknown"),
        ({"type": "date_time", "format": "iso", "timeZone": "UTC"}, NUMBER, ".timeZone", "time_zone_unused"),
        ({"type": "phone", "format": "national", "country": "ZZ"}, NUMBER, ".country", "country_unknown"),
        ({"type": "join_name", "familyPath": ["nothing"]}, NUMBER, ".familyPath", "unknown_path"),
        ({"type": "join_name", "familyPath": ["total"]}, NUMBER, ".familyPath", "transform_not_for_type"),
        ({"type": "enum_words", "words": {"a": "x", "b": "X"}}, NUMBER, ".words", "words_invalid"),
        ({"type": "enum_words", "words": {"a": "--"}}, NUMBER, ".words", "words_invalid"),
        ({"type": "enum_words", "words": {"a": "x"}}, "total", "", "transform_not_for_type"),
    ],
)
def test_a_transform_has_to_fit_what_it_is_on(transform: dict[str, Any], path: str, at: str, code: str) -> None:
    assert codes(refused(**shown(transform, path))) == [(f"projection.0.transform{at}", code)]


@pytest.mark.parametrize(
    ("transform", "at"),
    [
        ({"type": "rot13"}, "projection.0.transform.type"),
        ({"type": "trim", "cases": "lower"}, "projection.0.transform"),
        ({"type": "date_time", "format": "%d/%m"}, "projection.0.transform.format"),
        ({"type": "split_name", "familyArg": "x"}, "projection.0.transform.type"),
        ({"type": "enum_words", "words": {}}, "projection.0.transform.words"),
        ("trim", "projection.0.transform"),
    ],
)
def test_what_is_no_transform_is_a_matter_of_shape(transform: Any, at: str) -> None:
    with pytest.raises(ValidationFailed) as invalid:
        bind(**shown(transform))
    assert [finding.field for finding in invalid.value.errors] == [at]


def test_a_zone_and_a_country_come_from_the_connection_or_are_needed() -> None:
    local = shown({"type": "date_time", "format": "iso_local"}, "order_number")
    assert bind(**local).plan.outputs[0].transform == TimeForm("iso_local", "America/Toronto")
    assert codes(refused(target=NO_ONE, **local)) == [("projection.0.transform", "time_zone_required")]
    phone = shown({"type": "phone", "format": "national"}, "order_number")
    assert bind(**phone).plan.outputs[0].transform == PhoneForm("national", "CA")
    assert codes(refused(target=NO_ONE, **phone)) == [("projection.0.transform", "default_country_required")]


def test_words_are_for_the_labels_there_are_and_say_which_are_left_out() -> None:
    words = {"type": "enum_words", "words": {"open": "booked", "done": "over"}}
    made = bind(projection=[{"path": ["status"], "leaf": "state", "transform": words}])
    assert made.plan.outputs[0].transform == EnumWords((("open", "booked"), ("done", "over")))
    assert ("projection.0.transform.words", "enum_words_incomplete") in warned(made)
    words["words"] = {"opne": "booked"}
    (finding,) = refused(projection=[{"path": ["status"], "leaf": "state", "transform": words}])
    assert (finding.code, finding.hint) == ("value_invalid", "Did you mean 'open' or 'done'?")


def test_the_tool_shows_the_agents_side() -> None:
    made = bind(
        inputs=[
            {"param": "caller_phone", "arg": "phone", "required": True},
            {"param": "state", "arg": "status", "transform": {"type": "enum_words", "words": {"open": "booked"}}},
            {"param": "fee", "arg": "fee", "required": True, "transform": {"type": "money_minor", "currency": "cad"}},
            {"param": "note", "arg": "note", "transform": {"type": "date_time", "format": "date_dmy"}},
            {
                "param": "customer_name",
                "arg": "customer.name",
                "transform": {"type": "split_name", "familyArg": "customer.country"},
            },
        ]
    )
    properties = tool_schema("x", "d", made.plan.inputs)["function"]["parameters"]["properties"]
    assert properties.keys() == {"caller_phone", "state", "fee", "note", "customer_name"}
    assert properties["state"]["enum"] == ["booked"]
    assert properties["fee"]["description"] == "Fee. An amount in CAD, such as 12.34."
    assert properties["note"]["pattern"] == r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    assert [(one.param, one.source, one.transform) for one in made.plan.inputs][-2:] == [
        ("customer_name", "model", SplitName("given")),
        ("customer_name.family", "derived", SplitName("family")),
    ]
    assert made.plan.inputs[2].transform == MoneyMinor("CAD", 2)


def test_a_constant_and_an_order_that_would_change_take_no_transform() -> None:
    dmy = {"type": "date_time", "format": "date_dmy"}
    constant = {"param": "x", "arg": "order_number", "source": "constant", "value": "1", "transform": {"type": "trim"}}
    assert codes(refused(**ORDER | {"inputs": [constant], "projection": project("total")})) == [
        ("inputs.0.transform", "transform_unused")
    ]
    ranged = {
        "inputs": [{"param": "day", "arg": "order_number", "required": True, "transform": dmy}],
        "filters": [{"arg": "order_number", "op": "ge", "param": "day"}],
        "projection": project("total"),
    }
    assert codes(refused(**ORDER | ranged)) == [("filters.0.op", "operator_not_for_transform")]
    ranged["inputs"][0]["transform"] = {"type": "date_time", "format": "date_basic"}
    assert bind(**ORDER | ranged).plan.filters[0].op == "ge"


def test_a_name_of_two_columns_takes_a_hidden_leaf_along() -> None:
    join = {"type": "join_name", "familyPath": ["country"]}
    made = bind(operation="customers.read", projection=[{"path": ["name"], "leaf": "who", "transform": join}])
    assert [(one.leaf, one.hidden, one.transform) for one in made.plan.outputs] == [
        ("who", False, JoinName("0.family")),
        ("0.family", True, None),
    ]


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ({"now": True}, True),
        ({"now": True, "startOf": "day"}, Moment("day")),
        ({"now": True, "offset": "-P30D", "timeZone": "UTC"}, Moment(None, "-P30D", "UTC")),
    ],
)
def test_a_time_told_from_now(value: Any, moment: Any) -> None:
    made = bind(filters=[{"arg": "starts_at", "op": "ge", "value": value}])
    assert made.plan.filters[-1].now == moment


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"now": True, "startOf": "hour"}, "filters.0.value"),
        ({"now": True, "start": "day"}, "filters.0.value"),
        ({"now": True, "offset": "7 days"}, "filters.0.value.offset"),
        ({"now": True, "offset": "P300Y"}, "filters.0.value.offset"),
        ({"now": True, "timeZone": "Mars/X"}, "filters.0.value.timeZone"),
    ],
)
def test_what_is_no_time_is_said(value: Any, field: str) -> None:
    assert [f.field for f in refused(filters=[{"arg": "starts_at", "op": "ge", "value": value}])] == [field]


def test_a_list_of_values_is_one_parameter() -> None:
    made = compiled(
        **ORDER | {"filters": [{"arg": "order_number", "op": "in", "param": "order_number"}], "projection": project("total")}
    )
    assert '"r"."order_number" = ANY(CAST($1 AS TEXT[]))' in made.sql
    assert made.slots[0].many
    people = bind(filters=[{"arg": "customer.name", "op": "in", "param": "names"}], limit=5)
    assert ("filters.0.arg", "model_chosen_identity") in warned(people)
    assert tool_schema("x", "", people.plan.inputs)["function"]["parameters"]["properties"]["names"]["type"] == "array"
    both = [{"arg": "order_number", "op": "in", "param": "n"}, {"arg": "order_number", "param": "n"}]
    assert codes(refused(**ORDER | {"filters": both, "projection": project("total")})) == [("filters.1.param", "param_invalid")]


OF_A_CUSTOMER = {"operation": "customers.read", "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}]}


@pytest.mark.parametrize(
    ("members", "finding"),
    [
        ({"projection": project("appointments/tags")}, ("projection.0.path", "path_not_listable")),
        ({"projection": project("appointments/hidden")}, ("projection.0.path", "not_readable")),
        ({"projection": project("appointments/customer/appointments/fee")}, ("projection.0.path", "path_through_many")),
        ({"projection": project("appointments/nothing")}, ("projection.0.path", "unknown_path")),
        (
            {"projection": project("name"), "orderBy": [{"path": ["appointments", "id"]}]},
            ("orderBy.0.path", "order_not_available"),
        ),
        (
            {"projection": project("appointments/fee"), "orderBy": [{"path": ["appointments", "fee"]}]},
            ("orderBy.0.path", "order_not_available"),
        ),
        ({"projection": [{"path": ["appointments", 0, "fee"], "leaf": "x"}]}, ("projection.0.path", "pick_not_a_list")),
        ({"projection": [{"path": [0, "name"], "leaf": "x"}]}, ("projection.0.path", "path_invalid")),
        ({"projection": project(*["appointments/fee"] * 17)}, ("projection", "too_many_lists")),
    ],
)
def test_what_no_list_is_read_of(members: dict[str, Any], finding: tuple[str, str]) -> None:
    assert codes(refused(**OF_A_CUSTOMER | members)) == [finding]


def test_conditions_are_on_no_list() -> None:
    assert codes(
        refused(**OF_A_CUSTOMER | {"projection": project("name"), "filters": [{"arg": "appointments.fee", "value": 1}]})
    ) == [("filters.0.arg", "path_through_many")]


def test_a_list_without_an_index_is_refused_where_it_would_read_too_much() -> None:
    slugs = unique_slugs(obj.name for obj in OBJECTS)
    named = {obj.name: msgspec.structs.replace(obj, slug=slugs[obj.name]) for obj in OBJECTS}
    graph = Graph("postgres", "public", named, RecordOperations(named))
    customers = graph.objects["customers"]
    back = to_one("by_staff", "appointments", ("id", "staff_ref"), cardinality="one_to_many")
    objects = {**graph.objects, "customers": msgspec.structs.replace(customers, edges=(*customers.edges, back))}
    view = View(msgspec.structs.replace(graph, objects=objects, operations=RecordOperations(objects)))
    (finding,) = refused(view, TARGET, **OF_A_CUSTOMER | {"projection": project("by_staff/fee")})
    assert (finding.field, finding.code) == ("projection.0.path", "filter_not_indexed")
    assert finding.hint == 'CREATE INDEX CONCURRENTLY ON "public"."appointments" ("staff_ref");'
