"""Bindings of called operations against the view: what is refused, with which code and hint, what is warned of, what it means."""

from typing import Any

import pytest

from patchbay.bindings.check import Target
from patchbay.schema_graph.call import Given
from tests.bindings import crm, shop
from tests.bindings.clinic import codes, project, warned

ABROAD = Target(connection_id="con_1", kind="rest")
PHONE = crm.FIND["inputs"][0]


def source(arg: str, **more: Any) -> dict[str, Any]:
    return {"param": "a", "arg": arg} | more


def test_the_guides_binding_as_it_is_written():
    checked = crm.bind()
    plan = checked.plan
    assert (plan.kind, plan.operation, plan.verb, plan.object) == ("rest", "findContact", "call", "Contact")
    (given,) = plan.inputs
    assert (given.param, given.arg, given.codec, given.country, given.required) == ("caller_phone", "phone", "e164", "CA", True)
    assert [output.column.field for output in plan.outputs] == ["name", "email"]
    assert plan.given == (Given("phone", param="caller_phone"),)
    assert plan.identifying
    assert {touch.object: touch.fields for touch in plan.touches} == {"Contact": ("email", "name", "phone")}
    (item,) = plan.slice
    assert (item.object, item.fields, item.arguments) == ("Contact", ("email", "name"), ("phone",))
    assert warned(checked) == [("inputs.0.arg", "model_chosen_identity")]


@pytest.mark.parametrize(
    ("operation", "code", "hint"),
    [
        ("findContcat", "unknown_operation", "'findContact'"),
        ("ping", "returns_nothing", None),
        ("export", "operation_unusable", None),
        ("nothing at all", "unknown_operation", "GET …/operations"),
        ("listcontacts", "unknown_operation", "'listContacts'"),
    ],
)
def test_operations_that_cannot_be_bound(operation: str, code: str, hint: str | None):
    (found,) = crm.refused(operation=operation)
    assert (found.field, found.code) == ("operation", code)
    assert hint is None or hint in (found.hint or "")
    if operation == "export":
        assert found.message == "It answers with a file."


@pytest.mark.parametrize(
    "operation",
    ["GET /contacts/{contact}/tickets", "/contacts/{contact}/tickets", "GET_contacts_contact_tickets",
     "GET%20%2Fcontacts%2F%7Bcontact%7D%2Ftickets"],
)  # fmt: skip
def test_an_operation_goes_by_name_slug_and_bare_name(operation: str):
    plan = crm.bind(operation=operation, inputs=[source("contact")], projection=project("number")).plan
    assert plan.operation == "GET /contacts/{contact}/tickets"
    assert plan.identifying is False
    assert shop.bind(operation="orders").plan.operation == "query.orders"


def test_a_bare_name_of_two_operations_is_asked_about():
    (found,) = shop.refused(operation="order", inputs=[source("id")], projection=project("id"))
    assert (found.code, found.hint) == ("ambiguous_operation", "Say which: 'mutation.order', 'query.order'.")
    assert shop.bind(operation="cancel", inputs=[source("id")], projection=project("id")).plan.operation == "mutation.cancel"


@pytest.mark.parametrize(
    ("operation", "arg", "name"),
    [
        ("searchTickets", "body.text", "body.text"),
        ("searchTickets", "text", "body.text"),
        ("searchTickets", "total.unit", None),
        ("searchTickets", "segments.kind", "body.segments.kind"),
        ("listContacts", '"created"."gte"', "created.gte"),
        ("listContacts", "gte", "created.gte"),
        ("listContacts", "created.gte", "created.gte"),
    ],
)
def test_an_argument_goes_by_the_end_of_its_name(operation: str, arg: str, name: str | None):
    if name is None:
        found = crm.refused(operation=operation, inputs=[source(arg)], projection=project("id"))
        assert codes(found) == [("inputs", "argument_required")] * 2
        assert "'body.total.amount'" in found[0].message
        return
    assert crm.bind(operation=operation, inputs=[source(arg)], projection=project("id")).plan.inputs[0].arg == name


def test_arguments_that_cannot_be_told():
    (found,) = crm.refused(
        operation="getTicket", inputs=[source("ticket"), {"param": "b", "arg": "expand"}], projection=project("id")
    )
    assert (found.field, found.code) == ("inputs.1.arg", "ambiguous_argument")
    assert found.hint == "Say which: 'query.expand', 'header.expand'."
    (found,) = crm.refused(inputs=[source("phnoe")])
    assert (found.code, found.hint) == ("unknown_argument", "Did you mean 'phone'?")


def test_what_is_required_is_named():
    (found,) = crm.refused(operation="getTicket", inputs=[], projection=project("id"))
    assert (found.field, found.code) == ("inputs", "argument_required")
    assert "'ticket'" in found.message
    found = shop.refused(inputs=[source("where.total.exact")])
    assert {f.message for f in found} == {
        "'where.total' needs 'where.total.amount' once anything in it is given.",
        "'where.total' needs 'where.total.currency' once anything in it is given.",
    }
    complete = [source("where.total.amount"), {"param": "b", "arg": "currency"}]
    assert len(shop.bind(inputs=complete).plan.given) == 3
    # What the operation must have is asked of the caller even where the binding does not say so.
    assert crm.bind(operation="getTicket", inputs=[source("ticket")], projection=project("id")).plan.inputs[0].required


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"filters": [{"arg": "email", "op": "ne", "value": "x"}]}, ("filters.0.op", "operator_not_for_calls")),
        ({"filters": [{"arg": "email", "op": "in", "value": ["x"]}]}, ("filters.0.op", "operator_not_for_calls")),
        ({"filters": [{"arg": "email"}]}, ("filters.0", "value_missing")),
        ({"filters": [{"arg": "active", "value": "perhaps"}]}, ("filters.0.value", "value_invalid")),
        ({"filters": [{"arg": "active", "value": {"now": True}}]}, ("filters.0.value", "value_invalid")),
        ({"filters": [{"arg": "active", "param": "caller_phone"}]}, ("filters.0.param", "param_invalid")),
        ({"filters": [{"arg": "phone", "value": "x"}]}, ("filters.0.arg", "argument_duplicate")),
        ({"orderBy": [{"path": ["name"]}]}, ("orderBy.0.path", "order_not_available")),
        ({"limit": 51}, ("limit", "limit_out_of_range")),
        ({"projection": [{"path": ["tickets"], "leaf": "t"}]}, ("projection.0.path", "path_not_scalar")),
        ({"inputs": [PHONE, {"param": "Caller_Phone", "arg": "email"}]}, ("inputs.1.param", "param_duplicate")),
        ({"inputs": [PHONE | {"source": "constant", "value": "5550142"}]}, ("inputs.0.value", "value_invalid")),
        ({"inputs": [PHONE | {"source": "session", "key": "x", "value": 1}]}, ("inputs.0.value", "value_unused")),
    ],
)
def test_what_is_refused(members: dict[str, Any], code: tuple[str, str]):
    assert codes(crm.refused(**members)) == [code]


def test_free_form_arguments_take_constants_only():
    search: dict[str, Any] = {"operation": "searchTickets", "projection": project("id")}
    (found,) = crm.refused(inputs=[source("filter")], **search)
    assert (found.field, found.code) == ("inputs.0.arg", "argument_needs_constant")
    fixed = crm.bind(inputs=[source("filter", source="constant", value={"any": [1, None]})], **search).plan
    assert fixed.inputs[0].constant == {"any": [1, None]}
    (found,) = crm.refused(inputs=[source("filter", source="constant", value={"n": 2**60})], **search)
    assert (found.field, found.code) == ("inputs.0.value", "value_invalid")
    (found,) = crm.refused(inputs=[source("filter", source="constant", value="x" * 20_000)], **search)
    assert "too long" in found.message


def test_constants_and_fixed_values_are_read_as_their_argument():
    listed: dict[str, Any] = {"operation": "listContacts", "projection": project("id"), "limit": 3}
    plan = crm.bind(
        inputs=[source("companies", source="constant", value=["a", "b"])],
        filters=[{"arg": "since", "value": "2026-03-05T14:30"}, {"arg": "created.gte", "value": "12"}],
        **listed,
    ).plan
    assert plan.inputs[0].constant == ["a", "b"]
    assert plan.given[1:] == (
        Given("since", value="2026-03-05T14:30:00-05:00"),
        Given("created.gte", value=12),
        Given("limit", value=4),
    )
    (found,) = crm.refused(filters=[{"arg": "since", "value": "2026-03-05T14:30"}], target=ABROAD, **listed | {"inputs": []})
    assert "offset" in found.message
    assert crm.bind(inputs=[], filters=[{"arg": "since", "value": {"now": True}}], **listed).plan.given[0].now


def test_one_record_more_than_wanted_is_asked_for():
    listed: dict[str, Any] = {"operation": "listContacts", "projection": project("id"), "inputs": [source("email")]}
    sizes = {limit: crm.bind(limit=limit, **listed).plan.given[-1] for limit in (1, 19, 20, 50)}
    assert {limit: given.value for limit, given in sizes.items()} == {1: 2, 19: 20, 20: 20, 50: 20}
    assert crm.bind(**listed).plan.caps.rows == 5
    chosen = crm.bind(filters=[{"arg": "limit", "value": 7}], **listed).plan
    assert [given.value for given in chosen.given if given.arg == "limit"] == [7]
    assert all(given.arg != "limit" for given in crm.bind().plan.given)


@pytest.mark.parametrize(
    ("members", "identifying", "demand_one"),
    [
        ({"inputs": [source("email")]}, True, True),
        ({"inputs": [source("email", required=True)]}, True, False),
        ({"inputs": [source("email")], "limit": 5}, True, True),
        ({"inputs": [source("since")]}, False, True),
        ({"inputs": [source("since")], "limit": 5}, False, False),
        ({"inputs": [source("since")], "filters": [{"arg": "companies", "value": "x"}]}, False, False),
        ({"inputs": [source("email", source="constant", value="x@example.com")]}, False, False),
    ],
)
def test_who_is_meant_and_what_must_be_given(members: dict[str, Any], identifying: bool, demand_one: bool):
    plan = crm.bind(operation="listContacts", projection=project("name"), **members).plan
    assert (plan.identifying, plan.demand_one) == (identifying, demand_one)


def test_whose_records_is_not_left_to_the_model_unnoticed():
    members: dict[str, Any] = {"operation": "GET /contacts/{contact}/tickets", "projection": project("subject")}
    chosen = crm.bind(inputs=[source("contact")], **members)
    assert ("inputs.0.arg", "model_chosen_identity") in warned(chosen)
    assert not chosen.plan.identifying
    known = crm.bind(inputs=[source("contact", source="verified", key="contact_id")], **members)
    assert warned(known) == []
    assert shop.bind().plan.identifying
    assert not shop.bind(inputs=[source("where.placed.gte")], limit=3).plan.identifying
    assert not shop.bind(inputs=[source("where.number.contains")], limit=3).plan.identifying


def test_a_read_of_everything_is_warned_of():
    assert ("inputs", "lists_records") in warned(crm.bind(operation="listNotes", inputs=[], projection=project("text")))
    assert ("inputs", "lists_records") in warned(shop.bind(operation="shop", inputs=[], projection=project("name")))


def test_phones_go_out_in_one_form():
    warnings = warned(crm.bind(target=ABROAD))
    assert ("inputs.0.arg", "default_country_unknown") in warnings
    named = Target(connection_id="con_1", kind="rest", default_country="Canada")
    assert ("inputs.0.arg", "default_country_invalid") in codes(crm.refused(target=named))
    fixed = crm.bind(inputs=[PHONE | {"source": "constant", "value": "613 555 0142"}]).plan
    assert fixed.inputs[0].constant == "+16135550142"
    assert (
        shop.bind(operation="customers", inputs=[source("filter.phone")], projection=project("id")).plan.inputs[0].codec == "e164"
    )


def test_card_data_is_warned_of_and_time_zones_are_not_needed():
    assert ("projection.0.path", "payment_card_projected") in warned(crm.bind(projection=project("card_number")))
    assert (
        crm.bind(operation="getTicket", inputs=[source("ticket")], projection=project("opened"), target=ABROAD).plan.time_zone
        is None
    )


def test_leaves_that_one_document_cannot_hold():
    search: dict[str, Any] = {"operation": "search", "inputs": [source("text")]}
    found = shop.refused(projection=project("Product/code", "Article/code"), **search)
    assert codes(found) == [("projection.1.path", "leaves_conflict")]
    found = shop.refused(projection=project("Product/title", "Page/title"), **search)
    assert codes(found) == [("projection.1.path", "leaves_conflict")]
    found = shop.refused(projection=project("Product/title", "Article/title"), **search)
    assert codes(found) == [("projection.1.path", "leaves_conflict")]
    assert shop.bind(projection=project("Product/title", "Article/body"), **search)
    warnings = warned(shop.bind(projection=project("lines/sku")))
    assert ("projection.0.path", "nested_list_capped") in warnings


def test_everything_that_is_used_is_touched_and_in_the_slice():
    plan = crm.bind(
        operation="getTicket",
        inputs=[source("ticket")],
        projection=project("number", "contact/name", "contact/address/geo/lat", "comments/author/User/login"),
    ).plan
    touched = {touch.object: set(touch.fields or ()) for touch in plan.touches}
    assert touched == {
        "Ticket": {"number", "contact", "comments"},
        "Contact": {"name", "address", "geo", "lat", "address.geo", "address.geo.lat"},
        "Comment": {"author"},
        "Author": {"login"},
        "User": {"login"},
    }
    items = {item.object: item for item in plan.slice}
    assert items["Ticket"].edges == ("comments", "contact")
    assert items["Contact"].inner == (("address", "geo", "lat"),)
    assert items["Contact"].fields == ("name",)
    assert items["Author"].edges == ("User",)


def test_nothing_blocked_can_be_given_or_named():
    view = crm.crm(blocked_columns={"Contact": ("phone", "email")})
    for name in ("phone", "email"):
        found = crm.refused(view, inputs=[source(name)], projection=project("name"))
        assert codes(found) == [("inputs.0.arg", "unknown_argument")]
        assert "email" not in str(found[0].hint)
        assert "phone" not in str(found[0].hint)
    assert crm.bind(view, inputs=[source("active")], projection=project("name"))
    blocked = crm.crm(blocked_tables=("Contact",))
    for operation in ("findContact", "GET /contacts/{contact}/tickets", "/contacts/{contact}/tickets"):
        (found,) = crm.refused(blocked, operation=operation)
        assert found.code == "unknown_operation"
        assert "ontact" not in str(found.hint)
