"""What the slots of a request are given: JSON forms, nested places, and what must be asked for first."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.schema_graph.arguments import MissingArguments, prepare_inputs
from patchbay.schema_graph.call import CallContext, CallInput, Caps, FrozenCall, GraphqlCall, HttpCall, RequestSlot, SqlCall
from patchbay.schema_graph.coercion import zone_info
from patchbay.schema_graph.requests import Contradiction, nested, prepare_request, wire_value

TORONTO = zone_info("America/Toronto")
NOON = datetime(2026, 3, 5, 12, tzinfo=TORONTO)


def slot(type_: Any = "string", native: str = "string", **more: Any) -> RequestSlot:
    return RequestSlot(**{"place": "json", "name": "x", "type": type_, "native_type": native} | more)


def call(body: Any, *inputs: CallInput) -> FrozenCall:
    return FrozenCall(
        format_version=1, connection_id="con_1", kind="rest", operation="x", effect="read", body=body, inputs=inputs, outputs=(),
        touches=(), caps=Caps(), slice=(), slice_fingerprint="",
    )  # fmt: skip


def one(param: str, type_: Any = "string", native: str = "string", **more: Any) -> CallInput:
    return CallInput(**{"param": param, "arg": param, "type": type_, "native_type": native} | more)


@pytest.mark.parametrize(
    ("type_", "native", "value", "wire"),
    [
        ("datetime", "string(date-time)", NOON, "2026-03-05T12:00:00-05:00"),
        ("datetime", "string(date-time)", NOON.astimezone(UTC), "2026-03-05T17:00:00Z"),
        ("datetime", "DateTime", datetime(2026, 3, 5, 12, 0, 0, 250_000, TORONTO), "2026-03-05T12:00:00.250000-05:00"),
        ("datetime", "LocalDateTime!", NOON, "2026-03-05T12:00:00"),
        ("datetime", "integer(unix-time)", NOON, 1772730000),
        ("datetime", "integer(unix-time)", "2026-03-05T12:00:00-05:00", 1772730000),
        ("date", "string(date)", date(2026, 3, 5), "2026-03-05"),
        ("date", "string(date)", NOON, "2026-03-05"),
        ("time", "string(time)", time(14, 30), "14:30:00"),
        ("duration", "Duration", timedelta(hours=1, minutes=30), "PT5400S"),
        ("duration", "Duration", timedelta(0), "PT0S"),
        ("decimal", "string(decimal)", Decimal("10.50"), "10.50"),
        ("decimal", "Decimal", Decimal("1E+3"), "1000"),
        ("decimal", "number", Decimal("10.50"), Decimal("10.50")),
        ("decimal", "number", "10.50", Decimal("10.50")),
        ("integer", "integer", 7, 7),
        ("integer", "string(int64)", 7, "7"),
        ("integer", "integer(int64)", "9007199254740993", 9007199254740993),
        ("integer", "integer", "2", 2),
        ("enum", "integer", "2", 2),
        ("enum", "string", "2", "2"),
        ("enum", "boolean", "true", True),
        ("number", "number", 1.5, 1.5),
        ("boolean", "boolean", True, True),
        ("boolean", "boolean", "false", False),
        ("uuid", "string(uuid)", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("bytes", "string(byte)", b"hi", "aGk="),
        ("string", "string", "12", "12"),
        ("json", "object", {"a": [1, None]}, {"a": [1, None]}),
        ("string", "string", None, None),
    ],
)
def test_values_have_the_form_their_slot_takes(type_: Any, native: str, value: Any, wire: Any):
    found = wire_value(slot(type_, native), value)
    assert (found, type(found)) == (wire, type(wire))


def test_lists_are_lists_of_such_forms():
    assert wire_value(slot("array", "[DateTime!]", item_type="datetime"), [NOON]) == ["2026-03-05T12:00:00-05:00"]
    assert wire_value(slot("array", "array of integer", item_type="integer"), (1, 2)) == [1, 2]
    assert wire_value(slot("array", "array", item_type="string"), "a") == ["a"]
    assert wire_value(slot("bytes", "binary", place="multipart"), b"hi") == b"hi"


def test_a_run_fills_the_slots_in_order():
    slots = (
        slot(param="a"),
        slot("datetime", "string", now=True),
        slot("integer", "integer", value=6),
        slot(param="b"),
    )
    fill = prepare_request(call(HttpCall("GET", "/x", slots), one("a"), one("b")))
    assert fill({"a": "x", "b": None}, NOON) == ["x", "2026-03-05T12:00:00-05:00", 6, None]
    with pytest.raises(TypeError):
        prepare_request(call(SqlCall("SELECT 1")))


def test_nothing_given_is_asked_for_where_one_is_demanded():
    slots = (slot(param="a"), slot(param="b"))
    fill = prepare_request(call(HttpCall("GET", "/x", slots, demand_one=True), one("a"), one("b")))
    with pytest.raises(MissingArguments) as caught:
        fill({"a": None, "b": None}, NOON)
    assert caught.value.params == ("a", "b")
    assert fill({"a": None, "b": "x"}, NOON) == [None, "x"]


def test_a_parent_is_not_sent_without_what_it_must_have():
    where = {"place": "variable", "name": "where"}
    slots = (
        slot(param="a", path=("where", "total", "amount"), demanded_by=("where", "total"), **where),
        slot(param="b", path=("where", "total", "exact"), **where),
        slot(param="c", path=("where", "text"), **where),
    )
    fill = prepare_request(call(GraphqlCall("…", "X", slots), one("a"), one("b"), one("c")))
    with pytest.raises(MissingArguments) as caught:
        fill({"a": None, "b": True, "c": None}, NOON)
    assert caught.value.params == ("a",)
    assert fill({"a": None, "b": None, "c": "x"}, NOON) == [None, None, "x"]
    whole = (slot(param="a", path=("a",), demanded_by=()), slot(param="b", path=("b",)))
    with pytest.raises(MissingArguments):
        prepare_request(call(HttpCall("POST", "/x", whole), one("a"), one("b")))({"a": None, "b": "x"}, NOON)


def test_values_go_to_their_places():
    members = [
        (("where", "total", "gte"), 5),
        (("where", "tags", "[]", "name"), "x"),
        (("where", "tags", "[]", "kind"), "y"),
        (("where",), {"fixed": True, "total": {"unit": "m"}}),
        (("ids", "[]"), 1),
        (("gone",), None),
    ]
    assert nested(members) == {
        "where": {"fixed": True, "total": {"unit": "m", "gte": 5}, "tags": [{"name": "x", "kind": "y"}]},
        "ids": [1],
    }


def test_a_literal_is_not_added_to_twice():
    least: dict[str, Any] = {"fixed": {}}
    for number in (1, 2):
        assert nested([(("where",), least), (("where", "fixed", "n"), number)]) == {"where": {"fixed": {"n": number}}}
    assert least == {"fixed": {}}


@pytest.mark.parametrize(
    "members",
    [
        [(("a",), 1), (("a",), 2)],
        [(("a",), 1), (("a", "b"), 2)],
        [(("a", "[]"), 1), (("a", "b"), 2)],
        [(("a", "[]"), 1), (("a", "[]", "b"), 2)],
    ],
)
def test_two_values_for_one_place_are_refused(members: Any):
    with pytest.raises(Contradiction):
        nested(members)


@given(st.dictionaries(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple), st.integers(), max_size=6))
def test_what_is_put_somewhere_is_found_there(members: dict[tuple[str, ...], int]) -> None:
    try:
        made = nested(list(members.items()))
    except Contradiction:
        assert any(a != b and b[: len(a)] == a for a in members for b in members)
        return
    for path, value in members.items():
        at: Any = made
        for name in path:
            at = at[name]
        assert at == value


def test_inputs_of_a_call_are_read_as_lists_and_numbers():
    inputs = (
        one("tags", "array", "string", item_type="enum", enum=("open", "closed")),
        one("days", "array", "string(date)", item_type="date"),
        one("phone", codec="e164", country="CA"),
        one("since", "datetime", "string(date-time)", zoned=True),
        one("amount", "integer", "int53"),
        one("level", "enum", "integer", enum=("1", "2")),
        one("filter", "json", "object", source="constant", constant={"a": 1}),
    )
    prepare = prepare_inputs(inputs)

    def values(**arguments: Any) -> dict[str, Any]:
        return prepare(CallContext(arguments=arguments, time_zone="America/Toronto"))

    read = values(
        tags=["Open", "closed"], days="2026-03-05", phone="613 555 0142", since="2026-03-05T12:00", amount=2**40, level=2
    )
    assert read == {
        "tags": ["open", "closed"],
        "days": [date(2026, 3, 5)],
        "phone": "+16135550142",
        "since": NOON,
        "amount": 2**40,
        "level": "2",
        "filter": {"a": 1},
    }
    assert values(tags=[])["tags"] is None
    for wrong in ({"tags": ["lost"]}, {"tags": [["open"]]}, {"days": ["2026-03-05"] * 101}, {"phone": "555"}, {"amount": 2**60}):
        with pytest.raises(Exception, match="not valid"):
            values(**wrong)
