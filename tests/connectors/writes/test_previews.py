"""Previews: what a call would do, and with execute what it did and undid."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.connectors.preview import PreviewRefused
from patchbay.connectors.refusals import AlreadyExists, RecordNotFound, SchemaChanged
from patchbay.connectors.sql.preview import NOT_FOUND, ROLLED_BACK
from tests.connectors.writes.places import Place, back, fixed, model, verified

pytestmark = pytest.mark.anyio
CANCEL: dict[str, Any] = {
    "operation": "orders.update",
    "inputs": [
        model("order_number", "number"), verified("customer_id"), fixed("state", "cancelled"),
        fixed("changed_at", {"now": True}), model("total", required=False),
    ],
    "filters": [{"arg": "number", "param": "order_number"}, {"arg": "customer_id", "param": "customer_id"}],
    "projection": back("state", "total"),
}  # fmt: skip
WHO: dict[str, Any] = {"verified": {"customer_id": 101}}


async def test_a_write_is_shown_with_the_record_as_it_is(place: Place) -> None:
    before = place.all("orders")
    shown = await place.preview(await place.call(**CANCEL), {"order_number": " A-2 ", "total": 12}, **WHO)
    assert (shown.effect, shown.executed, shown.result) == ("write", False, None)
    assert shown.statement is not None
    assert shown.statement.startswith("UPDATE")
    assert shown.current_row is not None
    assert (shown.current_row["number"], shown.current_row["state"], shown.current_row["total"]) == ("A-2", "open", "10.00")
    values = {one["name"]: (one["value"], one["sent"]) for one in shown.parameters if one["name"]}
    assert values == {
        "order_number": (" A-2 ", "A-2"), "customer_id": (101, 101), "state": ("cancelled", "cancelled"), "total": (12, "12"),
    }  # fmt: skip
    assert [one["value"] for one in shown.parameters if one["name"] is None] == [{"now": True}]
    assert place.all("orders") == before


async def test_a_write_that_is_tried_is_rolled_back(place: Place) -> None:
    before = place.all("orders")
    shown = await place.preview(await place.call(**CANCEL), {"order_number": "A-2", "total": "12"}, execute=True, **WHO)
    assert shown.executed
    assert shown.result is not None
    assert (shown.result.rows, shown.result.outcome) == ([{"state": "cancelled", "total": "12.00"}], None)
    assert ROLLED_BACK in shown.notes
    assert place.all("orders") == before


async def test_what_would_be_refused_is_refused(place: Place) -> None:
    call = await place.call(**CANCEL)
    shown = await place.preview(call, {"order_number": "B-1"}, **WHO)
    assert (shown.current_row, shown.notes) == (None, (NOT_FOUND,))
    with pytest.raises(RecordNotFound):
        await place.preview(call, {"order_number": "B-1"}, execute=True, **WHO)
    insert = await place.call(operation="orders.insert", inputs=[model("number"), model("customer_id")], projection=back("id"))
    with pytest.raises(AlreadyExists):
        await place.preview(insert, {"number": "A-1", "customer_id": 101}, execute=True)
    tried = await place.preview(insert, {"number": "N-1", "customer_id": 101}, execute=True)
    assert any("'id'" in note for note in tried.notes), "the number is used up"
    assert len(place.all("orders")) == 3


async def test_triggers_are_run_only_when_named(place: Place) -> None:
    call = await place.call(operation="audited.insert", inputs=[model("id"), model("value")], projection=back("value"))
    with pytest.raises(PreviewRefused) as refused:
        await place.preview(call, {"id": 1, "value": "x"}, execute=True, accept=["another"])
    assert refused.value.extensions["sideEffects"] == ["audit_values"]
    shown = await place.preview(call, {"id": 1, "value": "x"}, execute=True, accept=["audit_values"])
    assert (shown.executed, shown.side_effects) == (True, ("audit_values",))
    assert (place.all("audited"), place.all("log")) == ([], [])


async def test_what_cannot_be_undone_is_not_tried(place: Place) -> None:
    if place.kind == "postgres":
        pytest.skip("PostgreSQL undoes every write to a table")
    place.execute("ALTER TABLE plain ENGINE = InnoDB")
    try:
        call = await place.call(operation="plain.insert", inputs=[model("id"), model("value")])
        await place.preview(call, {"id": 1, "value": "x"}, execute=True)
    finally:
        place.execute("ALTER TABLE plain ENGINE = MyISAM")
    with pytest.raises(PreviewRefused):
        await place.preview(call, {"id": 1, "value": "x"}, execute=True)
    assert not (await place.preview(call, {"id": 1, "value": "x"})).executed
    assert place.all("plain") == []


async def test_a_read_runs_with_few_rows(place: Place) -> None:
    call = await place.call(
        operation="orders.read", projection=back("number"), orderBy=[{"path": ["number"]}], limit=10,
    )  # fmt: skip
    place.execute("INSERT INTO orders (number, customer_id) VALUES ('C-1', 102), ('C-2', 102)")
    shown = await place.preview(call, {})
    assert shown.result is not None
    assert (shown.executed, [row["number"] for row in shown.result.rows]) == (True, ["A-1", "A-2", "B-1"])


async def test_the_record_is_shown_only_as_far_as_it_is_in_view(place: Place) -> None:
    call = await place.call(**CANCEL)
    try:
        place.discover(blocked_columns={"orders": ["note"]})
        shown = await place.preview(call, {"order_number": "A-1"}, **WHO)
        assert shown.current_row is not None
        assert "note" not in shown.current_row
        place.discover(blocked_columns={"orders": ["total"]})
        with pytest.raises(SchemaChanged):
            await place.preview(call, {"order_number": "A-1"}, **WHO)
    finally:
        place.discover()
