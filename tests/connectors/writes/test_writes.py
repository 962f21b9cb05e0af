"""Writes on real servers: exactly the one record and the named columns, or nothing at all and a reason."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from patchbay.bindings.report import BindingInvalid
from patchbay.connectors.refusals import (
    AlreadyExists,
    CallNotSupported,
    RecordLocked,
    RecordNotFound,
    ValueNotAccepted,
    WriteRefused,
)
from patchbay.schema_graph.arguments import ArgumentRefused, MissingArguments
from tests.connectors.writes.places import Place, back, fixed, model, verified

pytestmark = pytest.mark.anyio

CANCEL: dict[str, Any] = {
    "operation": "orders.update",
    "inputs": [
        model("order_number", "number"),
        verified("customer_id"),
        fixed("state", "cancelled"),
        fixed("changed_at", {"now": True}),
        model("note", required=False),
    ],
    "filters": [{"arg": "number", "param": "order_number"}, {"arg": "customer_id", "param": "customer_id"}],
    "projection": back("number", "state", "note"),
}
ADD: dict[str, Any] = {
    "operation": "customers.insert",
    "inputs": [model("name"), model("caller_phone", "phone"), model("email", required=False)],
    "projection": back("id", "name", "phone"),
}


async def test_an_update_changes_its_record_and_returns_it(place: Place) -> None:
    before = place.all("orders")
    result = await place.run(await place.call(**CANCEL), {"order_number": "A-2"}, verified={"customer_id": 101})
    assert (result.outcome, result.rows, result.row_count) == (
        "done", [{"number": "A-2", "state": "cancelled", "note": "note 202"}], 1,
    )  # fmt: skip
    after = place.all("orders")
    assert [row for row in after if row not in before] == [after[1]]
    assert after[1][3] == "cancelled"
    assert after[1][8] is not None
    assert after[1][:3] == before[1][:3]


async def test_an_optional_value_is_set_when_it_is_given_and_kept_when_not(place: Place) -> None:
    call = await place.call(**CANCEL)
    said = "O'Neil -- ; \\ \u00e9\U0001f4a5 %s $1 ?"
    for given in {"note": said}, {}, {"note": ""}, {"note": None}:
        result = await place.run(call, {"order_number": "A-1", **given}, verified={"customer_id": 101})
        assert result.rows[0]["note"] == said


async def test_what_does_not_match_is_not_found(place: Place) -> None:
    call, before = await place.call(**CANCEL), place.all("orders")
    for number, customer in ("A-1", 102), ("nothing", 101), ("A-1' OR '1'='1", 101):
        with pytest.raises(RecordNotFound):
            await place.run(call, {"order_number": number}, verified={"customer_id": customer})
    with pytest.raises(ArgumentRefused):
        await place.run(call, {"order_number": "B-1", "customer_id": 102}, verified={"customer_id": 101})
    assert place.all("orders") == before


async def test_an_insert_returns_the_record_the_server_numbered(place: Place) -> None:
    call = await place.call(**ADD)
    assert call.guarantee == "none"
    result = await place.run(call, {"name": "Eve", "caller_phone": "(416) 555 0199"})
    (row,) = result.rows
    assert (row["name"], row["phone"], result.outcome) == ("Eve", "416-555-0199", "done")
    (stored,) = place.execute("SELECT id, name, phone, email FROM customers WHERE name = 'Eve'")
    assert stored == (row["id"], "Eve", "416-555-0199", None)


async def test_a_composite_key_finds_one_line(place: Place) -> None:
    insert = await place.call(
        operation="lines.insert", inputs=[model("order_id"), model("line"), model("sku")], projection=back("amount")
    )
    assert insert.guarantee == "unique_key"
    for line in (1, 2, 3):
        result = await place.run(insert, {"order_id": 201, "line": line, "sku": f"s{line}"})
        assert result.rows == [{"amount": 1}]
    with pytest.raises(AlreadyExists):
        await place.run(insert, {"order_id": 201, "line": 1, "sku": "again"})
    update = await place.call(operation="lines.update", inputs=[model("order_id"), model("line"), model("amount")])
    done = await place.run(update, {"order_id": 201, "line": 2, "amount": 7})
    assert (done.rows, done.outcome) == ([], "done")
    assert [row[3] for row in place.all("lines")] == [1, 7, 1]
    again = await place.run(update, {"order_id": 201, "line": 2, "amount": 7})
    assert again.outcome == "done", "what is as it should be has been found all the same"


async def test_the_database_s_own_rules_refuse_and_nothing_stays(place: Place) -> None:
    orders = await place.call(
        operation="orders.insert", inputs=[model("number"), model("customer_id"), model("total", required=False)]
    )
    before = place.all("orders")
    for wrong, refusal in (
        ({"number": "A-1", "customer_id": 101}, AlreadyExists),
        ({"number": "N-1", "customer_id": 999}, WriteRefused),
        ({"number": "N-1", "customer_id": 101, "total": "-1"}, WriteRefused),
        ({"number": "N-1", "customer_id": 101, "total": "1.005"}, ValueNotAccepted),
        ({"number": "N-1", "customer_id": 101, "total": "123456789012.00"}, ValueNotAccepted),
    ):
        with pytest.raises(refusal) as refused:
            await place.run(orders, wrong)
        assert type(refused.value) is refusal
    audited = await place.call(operation="audited.insert", inputs=[model("id"), model("value")])
    with pytest.raises(WriteRefused):
        await place.run(audited, {"id": 1, "value": "forbidden"})
    assert place.all("orders") == before
    assert (place.all("audited"), place.all("log")) == ([], [])


async def test_nothing_to_write_is_asked_for(place: Place) -> None:
    call = await place.call(
        operation="orders.update",
        inputs=[model("id"), model("note", required=False), model("total", required=False), fixed("changed_at", {"now": True})],
    )
    before = place.all("orders")
    with pytest.raises(MissingArguments) as missing:
        await place.run(call, {"id": 201})
    assert missing.value.params == ("note", "total")
    assert place.all("orders") == before
    await place.run(call, {"id": 201, "total": "99.99"})
    assert place.execute("SELECT note, total FROM orders WHERE id = 201") == [("note 201", place.all("orders")[0][4])]


async def test_a_record_that_another_holds_is_left_alone(place: Place) -> None:
    call, before = await place.call(**CANCEL), place.all("orders")
    with place.server.connect(place.raw["database"]) as other:
        cursor = other.cursor()
        cursor.execute("BEGIN")
        cursor.execute("UPDATE orders SET note = 'held' WHERE id = 201")
        began = asyncio.get_running_loop().time()
        with pytest.raises(RecordLocked):
            await place.run(call, {"order_number": "A-1"}, verified={"customer_id": 101})
        assert asyncio.get_running_loop().time() - began < 3
        cursor.execute("ROLLBACK")
    assert place.all("orders") == before


async def test_writes_at_once_leave_each_record_whole(place: Place) -> None:
    call = await place.call(operation="orders.update", inputs=[model("id"), model("note"), model("total")])
    source = place.source("write")
    runs = [place.run(call, {"id": 201, "note": f"n{n}", "total": str(n)}, source=source) for n in range(20)]
    results = await asyncio.gather(*runs, return_exceptions=True)
    await source.close()
    assert all(isinstance(one, RecordLocked) or getattr(one, "outcome", None) == "done" for one in results)
    ((note, total),) = place.execute("SELECT note, total FROM orders WHERE id = 201")
    assert note == f"n{int(total)}"


async def test_reads_and_writes_keep_to_their_roles(place: Place) -> None:
    write = await place.call(**CANCEL)
    read = await place.call(operation="orders.read", inputs=[model("id")], projection=back("note"))
    for call, role, arguments in ((write, "read", {"order_number": "A-1"}), (read, "write", {"id": 201})):
        source = place.source(role)
        with pytest.raises(CallNotSupported):
            await place.run(call, arguments, source=source, verified={"customer_id": 101})
        await source.close()


async def test_a_blocked_column_is_in_no_write(place: Place) -> None:
    hidden = place.discover(blocked_columns={"customers": ["phone"], "codes": ["must"], "orders": ["number"]})
    try:
        for body, code in (
            (ADD, "unknown_argument"),
            ({"operation": "codes.insert", "inputs": [model("code")]}, "write_not_offered"),
            (CANCEL, "unknown_argument"),
        ):
            with pytest.raises(BindingInvalid) as invalid:
                place.candidate(hidden, **body)
            assert code in [finding.code for finding in invalid.value.errors]
            shown = str([(finding.message, finding.hint) for finding in invalid.value.errors])
            assert "must" not in shown
    finally:
        place.discover()


async def test_a_name_that_is_split_is_written_whole(place: Place) -> None:
    split = {"transform": {"type": "split_name", "familyArg": "secret"}}
    add = await place.call(
        operation="customers.insert", inputs=[model("caller_name", "name") | split], projection=back("name", "secret")
    )
    assert (await place.run(add, {"caller_name": "Ada Byron"})).rows == [{"name": "Ada", "secret": "Byron"}]
    change = await place.call(
        operation="customers.update", inputs=[model("id"), model("caller_name", "name", required=False) | split],
        projection=back("name", "secret"),
    )  # fmt: skip
    shown = await place.preview(change, {"id": 102, "caller_name": "Byron, Ada"}, execute=True)
    assert [(one["value"], one["sent"]) for one in shown.parameters[1:]] == [("Byron, Ada", "Ada"), ("Byron, Ada", "Byron")]
    assert (await place.run(change, {"id": 102, "caller_name": "Byron, Ada"})).rows == [{"name": "Ada", "secret": "Byron"}]
    with pytest.raises(MissingArguments) as missing:
        await place.run(change, {"id": 102})
    assert missing.value.params == ("caller_name",)


async def test_what_goes_wrong_after_the_commit_is_not_told_as_if_nothing_was_done(place: Place) -> None:
    call = await place.call(
        operation="orders.insert", inputs=[model("number"), model("customer_id")], projection=back("id", "state")
    )
    source = place.source("write")
    commit = source._commit

    async def commit_and_retire(backend: Any, deadline: float) -> None:
        await commit(backend, deadline)
        source.retire()

    source._commit = commit_and_retire
    result = await place.run(call, {"number": "R-1", "customer_id": 101}, source=source)
    await source.close()
    assert (result.outcome, result.rows[0]["state"]) == ("done", "open")
