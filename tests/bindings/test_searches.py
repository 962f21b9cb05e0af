"""Arguments that are a search language: what a binding writes around values, what it is about, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.schema_graph.call import Given
from tests.bindings import clinic, crm
from tests.bindings.clinic import codes, project, warned

TEXT = {"operation": "searchTickets", "projection": project("status")}


def part(param: str, before: str = 'number:"', after: str = '"', **more: Any) -> dict[str, Any]:
    return {"param": param, "arg": "body.text", "transform": {"type": "affix", "before": before, "after": after}} | more


def test_parts_are_given_together_in_their_order() -> None:
    plan = crm.bind(**TEXT, inputs=[part("a", required=True), part("b"), part("c")]).plan
    assert plan.given == (Given("body.text", param="a", parts=("b", "c")),)
    assert not plan.demand_one
    assert crm.bind(**TEXT, inputs=[part("a"), part("b")]).plan.demand_one


@pytest.mark.parametrize(
    "other",
    [
        {"param": "b", "arg": "body.text"},
        {"param": "b", "arg": "body.text", "source": "constant", "value": "state:open"},
        {"param": "b", "arg": "body.text", "transform": {"type": "trim"}},
    ],
)
def test_what_is_no_part_does_not_stand_beside_one(other: dict[str, Any]) -> None:
    for inputs in ([part("a"), other], [other, part("a")]):
        assert [code for _, code in codes(crm.refused(**TEXT, inputs=inputs))] == ["argument_duplicate"]


@pytest.mark.parametrize(
    ("affix", "code"),
    [
        ({}, "affix_invalid"),
        ({"before": 'a:"'}, "affix_invalid"),
        ({"before": "a:'", "after": '"'}, "affix_invalid"),
        ({"after": '" b'}, "affix_invalid"),
        ({"before": "a\n", "after": "b"}, "affix_invalid"),
        ({"before": "a" * 201}, "affix_invalid"),
    ],
)
def test_affixes_that_would_let_a_value_out(affix: dict[str, str], code: str) -> None:
    given = {"param": "a", "arg": "body.text", "transform": {"type": "affix"} | affix}
    assert codes(crm.refused(**TEXT, inputs=[given])) == [("inputs.0.transform", code)]


def test_only_a_text_has_something_around_it() -> None:
    given = {"param": "a", "arg": "body.opened", "transform": {"type": "affix", "before": "a"}}
    assert codes(crm.refused(**TEXT, inputs=[given])) == [("inputs.0.transform", "transform_not_for_type")]


def test_who_is_searched_for_is_told_by_the_name_before_the_value() -> None:
    who = part("who", "email:'", "'")
    made = crm.bind(operation="searchTickets", inputs=[who], projection=project("status"))
    assert warned(made) == [("inputs.0.arg", "model_chosen_identity")]
    verified = crm.bind(operation="searchTickets", inputs=[who | {"source": "verified"}], projection=project("status"))
    assert warned(verified) == []
    by_number = crm.bind(operation="searchTickets", inputs=[part("a")], projection=project("status"))
    assert by_number.plan.identifying
    by_state = crm.bind(operation="searchTickets", inputs=[part("a", 'status:"')], projection=project("status"))
    assert not by_state.plan.identifying


def test_a_search_is_about_the_fields_it_names() -> None:
    plan = crm.bind(**TEXT, inputs=[part("a", 'subject:"')]).plan
    assert {touch.object: touch.fields for touch in plan.touches}["Ticket"] == ("status", "subject")
    hidden = crm.crm(blocked_columns={"Ticket": frozenset({"subject"})})
    (found,) = crm.refused(hidden, **TEXT, inputs=[part("a", 'subject:"')])
    assert (found.field, found.code) == ("inputs.0.transform", "affix_invalid")
    assert "subject" not in found.message
    assert crm.bind(hidden, **TEXT, inputs=[part("a")]).plan


def test_a_column_of_a_database_may_keep_texts_so() -> None:
    given = {"param": "order_number", "arg": "name", "required": True, "transform": {"type": "affix", "before": "#"}}
    made = clinic.bind(operation="products.read", inputs=[given], projection=project("name"))
    assert made.plan.inputs[0].transform is not None
