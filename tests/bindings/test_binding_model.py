"""The shape of a binding: everything wrong with it is told at once, with the nearest names."""

from typing import Any

import pytest

from patchbay.bindings.model import Binding, parse_binding
from patchbay.errors import ValidationFailed

GUIDE = {
    "toolName": "Look up an appointment",
    "description": "Find the caller's appointment by phone and read back the time and status.",
    "operation": "appointments.read",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True}],
    "projection": [
        {"path": ["appointment", "starts_at"], "leaf": "appointment_time"},
        {"path": ["appointment", "status"], "leaf": "appointment_status"},
    ],
    "enabled": True,
}


def findings(body: Any) -> set[tuple[str, str]]:
    with pytest.raises(ValidationFailed) as refused:
        parse_binding(body)
    assert refused.value.status == 400
    return {(f.field, f.code) for f in refused.value.errors}


def test_the_guides_body_comes_back_as_it_was():
    binding = parse_binding(GUIDE)
    assert binding.inputs[0].source == "model"
    assert binding.limit is None
    assert binding.to_json() == GUIDE


def test_every_additive_member_is_read():
    body = GUIDE | {
        "inputs": [
            {"param": "caller_phone", "arg": "phone", "source": "session", "key": "caller_number", "description": "d"},
            {"param": "shop", "arg": "shop_id", "source": "constant", "value": 0},
        ],
        "filters": [
            {"arg": "starts_at", "op": "ge", "value": {"now": True}},
            {"arg": "cancelled_at", "op": "is_null"},
            {"arg": "note", "value": None},
            {"arg": "starts_at", "op": "lt", "param": "until"},
        ],
        "orderBy": [{"path": ["starts_at"], "direction": "desc"}],
        "limit": 1,
        "requiresVerifiedIdentity": True,
        "verificationLevel": "step_up",
        "allowedFields": ["appointment_time"],
    }
    assert parse_binding(body).to_json() == body


def test_a_path_may_be_one_dotted_text():
    body = GUIDE | {"projection": [{"path": "appointment.customer.name", "leaf": "name"}]}
    assert parse_binding(body).projection[0].path == ["appointment.customer.name"]


def test_everything_wrong_is_told_at_once():
    body = {
        "toolname": "x",
        "operation": 5,
        "inputs": [{"param": "p", "args": "a", "source": "modle"}, "phone"],
        "projection": [{"path": [], "leaf": "a"}, {"path": ["a", 33]}],
        "filters": {"arg": "x"},
        "limit": "5",
        "enabled": "yes",
    }
    assert findings(body) == {
        ("toolname", "unknown_member"),
        ("toolName", "required"),
        ("operation", "type_invalid"),
        ("inputs.0.args", "unknown_member"),
        ("inputs.0.arg", "required"),
        ("inputs.0.source", "type_invalid"),
        ("inputs.1", "type_invalid"),
        ("projection.0.path", "type_invalid"),
        ("projection.1.path.1", "type_invalid"),
        ("projection.1.leaf", "required"),
        ("filters", "type_invalid"),
        ("limit", "type_invalid"),
        ("enabled", "type_invalid"),
    }


def test_an_unknown_member_is_met_with_the_nearest():
    with pytest.raises(ValidationFailed) as refused:
        parse_binding(GUIDE | {"orderby": []})
    assert refused.value.errors[0].hint == "Did you mean 'orderBy'?"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("inputs", [{"param": f"p{n}", "arg": "a"} for n in range(33)]),
        ("projection", [{"path": ["a"], "leaf": f"l{n}"} for n in range(65)]),
        ("filters", [{"arg": "a", "value": 1}] * 17),
        ("orderBy", [{"path": ["a"]}] * 5),
        ("toolName", ""),
        ("toolName", "x" * 101),
        ("description", "x" * 1001),
    ],
)
def test_sizes_are_bounded(member: str, value: Any):
    assert findings(GUIDE | {member: value}) == {(member, "type_invalid")}


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_body_is_an_object(body: Any):
    assert findings(body) == {("body", "type_invalid")}


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_database_holds_is_refused(text: str):
    assert findings(GUIDE | {"toolName": text}) == {("body", "text_invalid")}
    assert findings(GUIDE | {"filters": [{"arg": "a", "value": {text: 1}}]}) == {("body", "text_invalid")}


def test_stored_bindings_are_read_again():
    binding = parse_binding(GUIDE)
    assert isinstance(binding, Binding)
    assert parse_binding(binding.to_json()) == binding
