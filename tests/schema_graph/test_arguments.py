"""What the inputs of a call are given becomes values of their columns' types, or is refused clearly."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.schema_graph.arguments import (
    ArgumentRefused,
    ArgumentsInvalid,
    MissingArguments,
    MissingFacts,
    prepare_inputs,
    prepare_slots,
    validate_arguments,
)
from patchbay.schema_graph.call import CallContext, CallInput, SqlSlot
from patchbay.schema_graph.coercion import Unfit, reader
from patchbay.schema_graph.model import FieldType

TORONTO = ZoneInfo("America/Toronto")
IDENTIFIER = UUID("8d3e1a52-0a55-4a5e-9a39-0d9f5f6f8f01")


def one_input(kind: FieldType = "string", **members: Any) -> CallInput:
    return CallInput(**{"param": "x", "arg": "x", "native_type": "", **members, "type": kind})


def read(kind: FieldType, value: Any, zone: str = "America/Toronto", **members: Any) -> Any:
    return validate_arguments([one_input(kind, **members)], CallContext(arguments={"x": value}, time_zone=zone))["x"]


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("string", "  Ada ", "Ada"),
        ("string", 1234, "1234"),
        ("string", 1234.0, "1234"),
        ("integer", "42", 42),
        ("integer", " -7 ", -7),
        ("integer", 42.0, 42),
        ("decimal", "10.50", Decimal("10.50")),
        ("decimal", 0.1, Decimal("0.1")),
        ("number", "2.5", 2.5),
        ("boolean", "Yes", True),
        ("boolean", 0, False),
        ("boolean", False, False),
        ("date", "2026-03-05", date(2026, 3, 5)),
        ("date", "5 March 2026", date(2026, 3, 5)),
        ("date", "5th of March 2026", date(2026, 3, 5)),
        ("date", "March 5, 2026", date(2026, 3, 5)),
        ("date", "Sept 5 2026", date(2026, 9, 5)),
        ("date", "25/12/2026", date(2026, 12, 25)),
        ("date", "12/25/2026", date(2026, 12, 25)),
        ("date", "2026-03-05T23:30:00-08:00", date(2026, 3, 6)),
        ("time", "14:30", time(14, 30)),
        ("time", "2:30 pm", time(14, 30)),
        ("time", "12am", time(0)),
        ("time", "12 p.m.", time(12)),
        ("time", "noon", time(12)),
        ("duration", "P1DT2H30M", timedelta(days=1, hours=2, minutes=30)),
        ("uuid", str(IDENTIFIER).upper(), IDENTIFIER),
        ("bytes", "aGk=", b"hi"),
    ],
)
def test_reads(kind: FieldType, value: Any, wanted: Any):
    found = read(kind, value)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("string", True, "type_invalid"),
        ("string", ["a"], "type_invalid"),
        ("string", "a" * 2001, "too_long"),
        ("string", "a\0b", "text_invalid"),
        ("string", "\ud800", "text_invalid"),
        ("integer", "4.5", "type_invalid"),
        ("integer", "1,234", "type_invalid"),
        ("integer", True, "type_invalid"),
        ("integer", "9" * 19, "out_of_range"),
        ("integer", "9" * 400, "type_invalid"),
        ("integer", float("inf"), "type_invalid"),
        ("decimal", "NaN", "type_invalid"),
        ("decimal", "1e999999999", "type_invalid"),
        ("number", float("nan"), "type_invalid"),
        ("boolean", "maybe", "type_invalid"),
        ("date", "05/03/2026", "date_ambiguous"),
        ("date", "5/3/26", "type_invalid"),
        ("date", "31 February 2026", "type_invalid"),
        ("date", "tomorrow", "type_invalid"),
        ("time", "25:00", "type_invalid"),
        ("time", "2", "type_invalid"),
        ("time", "14:30+01:00", "type_invalid"),
        ("datetime", "soon", "type_invalid"),
        ("datetime", "0001-01-01T00:00:00+14:00", "out_of_range"),
        ("duration", "PT", "type_invalid"),
        ("duration", "P1Y", "type_invalid"),
        ("uuid", "12", "type_invalid"),
        ("bytes", "not base64!", "type_invalid"),
        ("bytes", "näh=", "type_invalid"),
    ],
)
def test_refuses(kind: FieldType, value: Any, code: str):
    with pytest.raises(ArgumentsInvalid) as refused:
        read(kind, value)
    assert [(f.field, f.code) for f in refused.value.errors] == [("x", code)]


def test_integers_keep_to_their_column():
    assert read("integer", "32767", native_type="smallint") == 32767
    with pytest.raises(ArgumentsInvalid) as refused:
        read("integer", "32768", native_type="smallint")
    assert refused.value.errors[0].code == "out_of_range"


def test_enum_values_are_found_as_people_write_them():
    labels = ("in_progress", "Done", "NEW")
    assert read("enum", "In Progress", enum=labels) == "in_progress"
    assert read("enum", "done", enum=labels) == "Done"
    with pytest.raises(ArgumentsInvalid) as refused:
        read("enum", "lost", enum=labels)
    assert refused.value.errors[0].message == "This must be one of: in_progress, Done, NEW."


def test_enum_values_that_differ_only_by_case_need_the_exact_one():
    assert read("enum", "A", enum=("a", "A")) == "A"
    with pytest.raises(ArgumentsInvalid):
        read("enum", "Ä", enum=("ä", "Ä ", "Ä_"))


def test_a_local_time_is_the_agents():
    moment = read("datetime", "2026-07-01T14:30", zoned=True)
    assert moment == datetime(2026, 7, 1, 18, 30, tzinfo=UTC)
    assert read("datetime", "July 1, 2026 at 2:30 pm", zoned=True) == moment
    assert read("datetime", "2026-07-01T18:30:00Z", zoned=True) == moment


def test_a_column_without_zone_gets_the_wall_clock_of_its_own_zone():
    assert read("datetime", "2026-07-01T14:30", time_zone="Europe/Berlin") == datetime(2026, 7, 1, 20, 30)
    assert read("datetime", "2026-07-01T18:30:00Z", time_zone="Europe/Berlin") == datetime(2026, 7, 1, 20, 30)
    assert read("datetime", "2026-07-01T14:30", time_zone="America/Toronto") == datetime(2026, 7, 1, 14, 30)


def test_a_time_the_clocks_skip_is_refused():
    with pytest.raises(ArgumentsInvalid) as refused:
        read("datetime", "2026-03-08T02:30", zoned=True)
    assert refused.value.errors[0].code == "time_does_not_exist"


def test_a_phone_becomes_its_spellings():
    found = read("string", "613 555 0142", codec="phone", formats=("(999) 999-9999",), country="CA")
    assert "(613) 555-0142" in found
    assert "+16135550142" in found
    assert read("integer", "+1 613 555 0142", codec="phone", formats=("9999999999",), country="CA")[:2] == (
        6135550142,
        16135550142,
    )


def test_a_phone_that_cannot_be_read_says_what_is_missing():
    with pytest.raises(ArgumentsInvalid) as refused:
        read("string", "613 555 0142", codec="phone")
    assert refused.value.errors[0].code == "phone_unreadable"
    assert "country code" in refused.value.errors[0].message


INPUTS = (
    one_input(param="number", required=True, description="The order number"),
    one_input(param="note"),
    one_input(param="caller", source="session", key="caller_number", required=True),
    one_input(param="account", source="verified", key="account_id", required=True),
    one_input("integer", param="shop", source="constant", constant=7),
)
FACTS = {"session": {"caller_number": "1"}, "verified": {"account_id": "A1"}}


def test_each_source_supplies_its_own():
    values = validate_arguments(INPUTS, CallContext(arguments={"number": 5, "note": ""}, **FACTS))
    assert values == {"number": "5", "note": None, "caller": "1", "account": "A1", "shop": 7}


@pytest.mark.parametrize("name", ["caller", "account", "shop", "nubmer", "caller_number"])
def test_the_model_may_not_send_what_is_not_its_own(name: str):
    with pytest.raises(ArgumentRefused) as refused:
        validate_arguments(INPUTS, CallContext(arguments={"number": 5, name: "x"}, **FACTS))
    assert [f.field for f in refused.value.errors] == [name]


def test_what_is_missing_is_asked_for_only_when_asking_helps():
    with pytest.raises(MissingArguments) as missing:
        validate_arguments(INPUTS, CallContext(arguments={"number": " "}, **FACTS))
    assert missing.value.params == ("number",)
    with pytest.raises(MissingFacts) as absent:
        validate_arguments(INPUTS, CallContext(arguments={}, session={}, verified={}))
    assert (absent.value.session, absent.value.verified) == (("caller_number",), ("account_id",))


def test_findings_come_before_questions():
    inputs = [one_input("integer", param="a", required=True), one_input("integer", param="b"), one_input("date", param="c")]
    with pytest.raises(ArgumentsInvalid) as refused:
        validate_arguments(inputs, CallContext(arguments={"b": "x", "c": "y"}))
    assert [f.field for f in refused.value.errors] == ["b", "c"]


def test_prepared_inputs_are_kept():
    assert prepare_inputs(INPUTS) is prepare_inputs(list(INPUTS))
    assert prepare_inputs([one_input(source="constant", constant=["a"])]) is not None


def test_slots_are_filled_in_order():
    slots = [
        SqlSlot(native_type="text", type="string", param="p", many=True),
        SqlSlot(native_type="integer", type="integer", value=3),
        SqlSlot(native_type="date", type="date", value=["2026-01-01", "2026-01-02"], many=True),
        SqlSlot(native_type="timestamp with time zone", type="datetime", now=True, zoned=True),
        SqlSlot(native_type="timestamp without time zone", type="datetime", now=True, time_zone="Europe/Berlin"),
        SqlSlot(native_type="date", type="date", now=True),
    ]
    now = datetime(2026, 7, 1, 20, 0, tzinfo=TORONTO)
    assert prepare_slots(slots)({"p": ("a", "b")}, now) == [
        ["a", "b"],
        3,
        [date(2026, 1, 1), date(2026, 1, 2)],
        now,
        datetime(2026, 7, 2, 2, 0),
        date(2026, 7, 1),
    ]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
KINDS: list[FieldType] = [
    "string",
    "integer",
    "decimal",
    "number",
    "boolean",
    "date",
    "time",
    "datetime",
    "duration",
    "uuid",
    "bytes",
]


@given(st.sampled_from(KINDS), ANYTHING, st.booleans(), st.sampled_from(["UTC", "America/Toronto", "Pacific/Apia"]))
def test_any_value_is_read_or_refused(kind: FieldType, value: Any, zoned: bool, zone: str):
    try:
        found = reader(kind, zoned=zoned)(value, zone)
    except Unfit:
        return
    again = {"string": str, "integer": int, "decimal": Decimal, "number": float, "boolean": bool}.get(kind, object)
    assert isinstance(found, again)
    if isinstance(found, datetime):
        assert (found.tzinfo is not None) == zoned


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)), st.sampled_from(["UTC", "Europe/Paris"]))
def test_an_instant_survives_its_writing(moment: datetime, zone: str):
    aware = moment.replace(tzinfo=UTC)
    assert reader("datetime", zoned=True)(aware.isoformat(), zone) == aware
