"""From JSON to rows: where records are, what a value may be, and what becomes of an answer that is not as its schema says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.http.answers import decoder_for
from patchbay.connectors.http.drift import Drift
from patchbay.connectors.http.json_forms import Mismatch, form_of
from patchbay.connectors.http.results import MOST_IN_A_LIST, Results, records_at
from patchbay.connectors.refusals import SourceRefused
from patchbay.schema_graph.call import CallResult, Caps, Column, HttpCall, Output
from tests.connectors.http.calls import ZONE, frozen, get_customer, output

TORONTO, UTC = ZoneInfo(ZONE), ZoneInfo("UTC")
BIG = "123456789012345678.123456789012345678"


def shown(payload: Any, outputs: list[Output], *, strict: bool = False, drift: Drift | None = None, **more: Any) -> CallResult:
    """The result of a payload in JSON."""
    call = get_customer(outputs, **more)
    body: Any = call.body
    results = Results(
        call, record=body.record, many=body.many, leaves=body.leaves, more=body.more, strict=strict, drift=drift or Drift()
    )
    raw = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    return results.result(decoder_for(call).decode(raw), zone_name=ZONE, zone=TORONTO, duration_ms=1.0)


@pytest.mark.parametrize(
    ("payload", "path", "records"),
    [
        ({"a": 1}, (), [{"a": 1}]),
        ([{"a": 1}, {"a": 2}], (), [{"a": 1}, {"a": 2}]),
        ({"data": [{"a": 1}]}, ("data",), [{"a": 1}]),
        ({"data": {"a": 1}}, ("data",), [{"a": 1}]),
        ([{"a": 1}], ("data",), [{"a": 1}]),
        ([{"data": {"a": 1}}, {"data": {"a": 2}}], ("data",), [{"a": 1}, {"a": 2}]),
        ({"edges": [{"node": {"a": 1}}, None, {"node": None}]}, ("edges", "node"), [{"a": 1}]),
        ({"data": None}, ("data",), []),
        ({}, ("data",), []),
        (None, ("data",), []),
        ("text", ("data",), []),
        ({"data": []}, ("data",), []),
    ],
)
def test_records_are_found_leniently(payload: Any, path: tuple[str, ...], records: list[Any]) -> None:
    assert records_at(payload, path) == records


@pytest.mark.parametrize(
    ("kind", "native", "given_json", "form"),
    [
        ("string", "string", b'"a"', "a"),
        ("string", "string", b"7", "7"),
        ("string", "string", b"true", "true"),
        ("enum", "string", b'"brand new"', "brand new"),
        ("integer", "integer", b"7", 7),
        ("integer", "integer(int32)", b'"7"', 7),
        ("integer", "integer", b"7.0", 7),
        ("integer", "integer(int64)", b"9007199254740993", "9007199254740993"),
        ("integer", "string(int64)", b'"9007199254740993"', "9007199254740993"),
        ("decimal", "number(decimal)", BIG.encode(), BIG),
        ("decimal", "number(decimal)", b"1.10", "1.10"),
        ("decimal", "string(decimal)", b'"1.10"', "1.10"),
        ("decimal", "number(decimal)", b"1e3", "1000"),
        ("number", "number", b"1.5", 1.5),
        ("number", "number", b'"1.5"', 1.5),
        ("boolean", "boolean", b"true", True),
        ("boolean", "boolean", b'"False"', False),
        ("boolean", "boolean", b"1", True),
        ("date", "string(date)", b'"2026-03-05"', "2026-03-05"),
        ("datetime", "string(date-time)", b'"2026-03-05T14:30:00Z"', "2026-03-05T09:30:00-05:00"),
        ("datetime", "integer(unix-time)", b"1772721000", "2026-03-05T09:30:00-05:00"),
        ("datetime", "integer(int64)", b"1772721000000", "2026-03-05T09:30:00-05:00"),
        ("time", "string(time)", b'"14:30:00"', "14:30:00"),
        ("duration", "string(duration)", b'"PT1H"', "PT1H"),
        ("uuid", "string(uuid)", b'"6f1c7c1e-2f0b-4f0e-9d0a-5c3b1a2d4e5f"', "6f1c7c1e-2f0b-4f0e-9d0a-5c3b1a2d4e5f"),
        ("bytes", "string(byte)", b'"aGk="', "aGk="),
        ("json", "object", b'{"a": [1.5]}', {"a": [1.5]}),
    ],
)
def test_a_value_has_the_form_of_its_type(kind: Any, native: str, given_json: bytes, form: Any) -> None:
    drift = Drift()
    outputs = [output("x", kind, native, zoned=True), output("d", "decimal")]
    result = shown(b'{"x": ' + given_json + b', "d": null}', outputs, drift=drift)
    assert (result.rows, result.notes, drift.counts("con_1")) == ([{"x": form, "d": None}], (), {})


@pytest.mark.parametrize(
    ("kind", "given_json"),
    [
        ("string", b'{"card": "secret"}'),
        ("string", b'["secret"]'),
        ("enum", b'{"card": "secret"}'),
        ("integer", b'{"card": "secret"}'),
        ("integer", b'"seven"'),
        ("integer", b"7.5"),
        ("integer", b"true"),
        ("integer", b"1e300"),
        ("decimal", b'["secret"]'),
        ("decimal", b'"1,50"'),
        ("number", b'"NaN"'),
        ("boolean", b'"maybe"'),
        ("boolean", b"2"),
        ("date", b'"yesterday"'),
        ("date", b"20260305"),
        ("datetime", b'"yesterday"'),
        ("datetime", b'{"card": "secret"}'),
        ("datetime", b"1e18"),
        ("time", b'"noon"'),
        ("duration", b'"long"'),
        ("uuid", b'"6f1c"'),
        ("bytes", b"7"),
        ("bytes", b'{"card": "secret"}'),
        ("array", b'{"card": "secret"}'),
        ("array", b'[{"card": "secret"}]'),
        ("array", b'[["secret"]]'),
        ("object", b'{"card": "secret"}'),
    ],
)
def test_what_is_not_of_its_type_is_null_with_a_note_and_told(kind: Any, given_json: bytes) -> None:
    drift = Drift()
    told: list[Any] = []
    drift.listen = told.append
    result = shown(b'{"x": ' + given_json + b', "y": 1}', [output("x", kind, zoned=True), output("y")], drift=drift)
    assert result.rows == [{"x": None, "y": "1"}]
    assert "'x'" in result.notes[0]
    assert "secret" not in repr(result)
    assert drift.counts("con_1") == {("getCustomer", "x"): 1}
    assert told == [("con_1", "getCustomer", "x")]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_SCALARS = ("string", "integer", "decimal", "number", "boolean", "date", "time", "datetime", "duration", "uuid", "bytes", "enum")


@given(_JSON, st.sampled_from(_SCALARS), st.booleans())
def test_no_scalar_leaf_ever_holds_more_than_a_scalar(value: Any, kind: Any, listed: bool) -> None:
    column = Column("Customer", "x", "array" if listed else kind, kind, item_type=kind if listed else None, zoned=True)
    try:
        read = form_of(column, UTC, UTC)(Decimal(str(value)) if isinstance(value, float) else value)
    except Mismatch:
        return
    items = read if listed else [read]
    assert all(item is None or isinstance(item, (str, int, float, bool)) for item in items)
    msgspec.json.encode(read)


def test_values_below_a_list_are_a_list() -> None:
    tags = Output("tags", Column("Tag", "name", "string", "string", via=("tags",), many=True))
    payload = {"tags": [{"name": "a"}, {"name": {"card": "secret"}}, {}, {"name": "b"}]}
    result = shown(payload, [tags], leaves=[("tags", "name")])
    assert result.rows == [{"tags": ["a", None, "b"]}]
    assert len(result.notes) == 1
    long = shown({"tags": [{"name": str(n)} for n in range(200)]}, [tags], leaves=[("tags", "name")])
    assert len(long.rows[0]["tags"]) == MOST_IN_A_LIST
    assert "first 50" in long.notes[0]


def test_what_was_not_expanded_holds_nothing_and_a_surprising_list_is_no_value() -> None:
    email = Output("email", Column("Customer", "email", "string", "string", via=("customer",)))
    for payload, value, notes in (
        ({"customer": {"email": "a"}}, "a", 0),
        ({"customer": "cus_1"}, None, 0),
        ({"customer": None}, None, 0),
        ({"customer": [{"email": "a"}]}, "a", 0),
        ({"customer": [{"email": "a"}, {"email": "b"}]}, None, 1),
    ):
        result = shown(payload, [email], leaves=[("customer", "email")])
        assert (result.rows, len(result.notes)) == ([{"email": value}], notes)


def test_rows_and_bytes_are_capped_and_said() -> None:
    records = [{"x": "y" * 100} for _ in range(9)]
    result = shown({"data": records}, [output("x")], record=("data",), many=True)
    assert (result.row_count, result.truncated, result.ambiguous) == (5, True, False)
    few = shown({"data": records}, [output("x")], record=("data",), many=True, caps=Caps(rows=9, bytes=350))
    assert (few.row_count, few.truncated) == (3, True)
    assert "350 bytes" in few.notes[0]


@pytest.mark.parametrize(
    ("more", "truncated"),
    [(True, True), (False, False), ("cursor", True), ("", False), (None, False), ([], False), ({"url": "x"}, True), (0, False)],
)
def test_further_pages_are_told(more: Any, truncated: bool) -> None:
    payload = {"data": [{"x": "y"}], "next": more}
    result = shown(payload, [output("x")], record=("data",), many=True, more=("next",))
    assert result.truncated is truncated


def test_several_records_for_one_are_ambiguous() -> None:
    one = shown({"data": [{"x": "a"}]}, [output("x")], record=("data",), many=True, identifying=True)
    two = shown({"data": [{"x": "a"}, {"x": "b"}]}, [output("x")], record=("data",), many=True, identifying=True)
    assert (one.ambiguous, two.ambiguous) == (False, True)


def test_a_record_that_is_none_is_left_out() -> None:
    drift = Drift()
    result = shown({"data": ["cus_1", {"x": "a"}]}, [output("x")], record=("data",), many=True, drift=drift)
    assert (result.rows, len(result.notes)) == ([{"x": "a"}], 1)
    assert drift.counts("con_1")


def test_a_scalar_can_be_the_record() -> None:
    result = shown({"data": ["a", "b"]}, [output("value")], leaves=[()], record=("data",), many=True)
    assert result.rows == [{"value": "a"}, {"value": "b"}]


def test_a_time_without_offset_is_in_the_connection_s_zone() -> None:
    payload = {"at": "2026-03-05T14:30:00"}
    local = output("at", "datetime", zoned=False)
    assert shown(payload, [local], time_zone="Europe/Berlin").rows == [{"at": "2026-03-05T08:30:00-05:00"}]
    with pytest.raises(LookupError):
        shown(payload, [local])
    assert shown(payload, [output("at", "datetime", zoned=True)]).rows == [{"at": None}]


def test_what_must_be_there_is_missed_only_where_that_is_promised() -> None:
    never_null = output("x", nullable=False)
    assert shown({}, [never_null]).rows == [{"x": None}]
    with pytest.raises(SourceRefused):
        shown({}, [never_null], strict=True)
    assert shown({}, [output("x")], strict=True).rows == [{"x": None}]


def test_one_element_of_a_list_is_that_very_one() -> None:
    column = Column("Customer", "sku", "string", "string", via=("items",), picks=((0, 1),))
    call = frozen(HttpCall("GET", "/c", leaves=(("items", 1, "sku"),)), [Output("sku", column)])
    results = Results(call, record=(), many=False, leaves=[("items", 1, "sku")], more=())

    def second(payload: Any) -> Any:
        return results.result(payload, zone_name="UTC", zone=UTC, duration_ms=0).rows[0]["sku"]

    assert second({"items": [{"sku": "a"}, {"sku": "b"}]}) == "b"
    assert second({"items": [{"sku": "a"}, {"other": 1}, {"sku": "c"}]}) is None, "an element that lacks it is not passed over"
    assert second({"items": [{"sku": "a"}, None, {"sku": "c"}]}) is None
    assert second({"items": [{"sku": "a"}]}) is None
    assert second({"items": {"sku": "a"}}) is None
    assert second({"items": None}) is None
    assert second({}) is None
