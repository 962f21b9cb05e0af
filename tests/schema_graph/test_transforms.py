"""Transforms: forward then back is the same value, and what does not fit is refused or null with a note."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from patchbay.schema_graph.arguments import ArgumentsInvalid, MissingArguments, validate_arguments
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, Column, Output
from patchbay.schema_graph.currencies import EXPONENTS
from patchbay.schema_graph.said_times import Unfit
from patchbay.schema_graph.shaping import shape_of
from patchbay.schema_graph.transform import (
    Affix,
    EnumWords,
    JoinName,
    MoneyMinor,
    PhoneForm,
    PhoneFormat,
    Scale,
    SplitName,
    TextForm,
    TimeForm,
    TimeFormat,
    Transform,
)
from patchbay.schema_graph.transforming import join_name, split_name, to_agent, to_system

ZONE = "America/Toronto"
ZONES = st.sampled_from([ZONE, "UTC", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns"])
FORMS: list[Any] = list(get_args(TimeFormat))
MOMENTS = st.datetimes(datetime(1000, 1, 2), datetime(9998, 12, 30), timezones=st.just(UTC))
NUMBERS = st.sampled_from(["+16135550142", "+442079460018", "+4930901820", "+390612345678", "+5491123456789", "+33123456789"])
JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.lists(st.integers(), max_size=2)
WORDS = EnumWords((("1", "open"), ("2", "in progress"), ("x", "Closed for good")))
TRANSFORMS: st.SearchStrategy[Transform] = st.one_of(
    st.builds(PhoneForm, st.sampled_from(get_args(PhoneFormat)), st.sampled_from([None, "CA", "GB", "AR"])),
    st.builds(TimeForm, st.sampled_from(FORMS), ZONES),
    st.sampled_from(sorted(EXPONENTS.items())).map(lambda one: MoneyMinor(*one)),
    st.just(WORDS),
    st.builds(TextForm, st.sampled_from(["keep", "lower", "upper"])),
    st.builds(Scale, st.integers(-12, 12).filter(bool)),
    st.just(SplitName("given")),
    st.sampled_from([Affix('name:"', '"'), Affix("#"), Affix("", "/x", ".")]),
)


def forth(transform: Transform, value: Any, zone: str = ZONE) -> Any:
    return to_system(transform)(value, zone)


def back(transform: Transform, value: Any, zone: str = ZONE) -> Any:
    return to_agent(transform, ZoneInfo(zone))(value)


@given(TRANSFORMS, JSON, ZONES)
def test_whatever_is_given_goes_forward_and_back_the_same_or_is_refused(transform: Transform, value: Any, zone: str) -> None:
    try:
        kept = forth(transform, value, zone)
    except Unfit:
        return
    if isinstance(transform, SplitName):
        return  # one part of two
    said = back(transform, kept, zone)
    assert forth(transform, said, zone) == kept
    assert back(transform, forth(transform, said, zone), zone) == said


@given(TRANSFORMS, JSON)
def test_whatever_a_system_sends_is_told_or_refused(transform: Transform, value: Any) -> None:
    if value is None:
        return
    try:
        said = back(transform, value)
    except Unfit:
        return
    assert isinstance(said, str)


@given(st.sampled_from([form for form in FORMS if not form.startswith("date_")]), MOMENTS, ZONES, ZONES)
@example("iso_local", datetime(2031, 11, 2, 6, 30, tzinfo=UTC), ZONE, "UTC")  # the second half past one of that night
def test_a_moment_comes_back_to_the_second_or_is_refused(form: Any, moment: datetime, kept_in: str, zone: str) -> None:
    transform = TimeForm(form, kept_in)
    try:
        kept = forth(transform, moment.isoformat(), zone)
    except Unfit:
        return
    assert datetime.fromisoformat(back(transform, kept, zone)) == moment


@given(MOMENTS.map(lambda moment: moment.replace(microsecond=0)), ZONES)
def test_seconds_since_1970_hold_every_whole_second(moment: datetime, zone: str) -> None:
    kept = forth(TimeForm("epoch_seconds"), moment.isoformat(), zone)
    assert kept == round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1))
    assert datetime.fromisoformat(back(TimeForm("epoch_seconds"), str(kept), zone)) == moment


@given(st.sampled_from([form for form in FORMS if form.startswith("date_")]), st.dates(date(1000, 1, 1)))
def test_a_day_comes_back(form: Any, day: date) -> None:
    assert back(TimeForm(form), forth(TimeForm(form), day.isoformat())) == day.isoformat()


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("epoch_seconds", 1930055400),
        ("epoch_milliseconds", 1930055400000),
        ("iso_basic", "20310228T143000Z"),
        ("iso_local", "2031-02-28T09:30:00"),
        ("sql_local", "2031-02-28 09:30:00"),
        ("compact_local", "20310228093000"),
        ("dmy_local", "28/02/2031 09:30"),
        ("mdy_local", "02/28/2031 09:30"),
        ("date_basic", "20310228"),
        ("date_dmy", "28/02/2031"),
        ("date_mdy", "02/28/2031"),
        ("date_dots", "28.02.2031"),
        ("date_dashes", "28-02-2031"),
    ],
)
def test_the_forms_of_times(form: Any, written: Any) -> None:
    said = "2031-02-28" if form.startswith("date_") else "2031-02-28T09:30"
    assert forth(TimeForm(form, ZONE), said) == written


@pytest.mark.parametrize("kept", ["2031-03-09T02:30:00", "2031-02-30T10:00:00", "31-1-1", "", "now", 5, True])
def test_a_time_that_there_is_not_is_refused(kept: Any) -> None:
    with pytest.raises(Unfit):
        back(TimeForm("iso_local", ZONE), kept)


@given(NUMBERS, st.sampled_from(get_args(PhoneFormat)), st.sampled_from(["CA", "GB", "DE", "IT", "AR", "FR"]))
def test_a_number_comes_back_or_is_of_another_country(number: str, form: Any, country: str) -> None:
    transform = PhoneForm(form, country)
    try:
        kept = forth(transform, number)
    except Unfit:
        assert form == "national"
        return
    assert back(transform, kept) == number


@given(st.sampled_from(sorted(EXPONENTS)), st.integers(-(10**30), 10**30))
def test_an_amount_in_minor_units_comes_back_to_the_unit(currency: str, minor: int) -> None:
    money = MoneyMinor(currency, EXPONENTS[currency])
    said = back(money, str(minor))
    assert Decimal(said.split()[0]).scaleb(EXPONENTS[currency]) == minor if abs(minor) < 10**25 else True
    assert said.endswith(f" {currency}")
    if abs(minor) < 10**20:
        assert forth(money, said) == minor
        assert forth(money, said.split()[0]) == minor


@pytest.mark.parametrize("said", ["12.345", "12 USD", "USD 12", "12,50", "$12", "twelve", "1e3", "", True, float("nan"), [1]])
def test_what_is_no_amount_of_the_currency_is_refused(said: Any) -> None:
    with pytest.raises(Unfit):
        forth(MoneyMinor("CAD", 2), said)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.integers(-12, 12).filter(bool))
def test_a_scaled_number_comes_back(number: Decimal, digits: int) -> None:
    if abs(number) < 10**30:
        assert Decimal(back(Scale(digits), forth(Scale(digits), str(number)))) == number


@given(st.text(max_size=30))
def test_joining_what_was_split_gives_the_name_again(full: str) -> None:
    try:
        given_name, family = split_name(full)
    except Unfit:
        return
    assert given_name
    assert family
    if "," not in full:
        assert join_name(given_name, family) == " ".join(full.split())
    if "," not in given_name + family and " " not in family:
        assert split_name(join_name(given_name, family) or "") == (given_name, family)


def one(param: str = "x", **members: Any) -> CallInput:
    return CallInput(**({"param": param, "arg": param, "type": "string", "native_type": "text", "required": True} | members))


def values(*inputs: CallInput, **arguments: Any) -> dict[str, Any]:
    return validate_arguments(inputs, CallContext(arguments=arguments, time_zone=ZONE))


def test_an_input_is_transformed_and_then_held_to_its_column() -> None:
    money = one(type="integer", native_type="smallint", transform=MoneyMinor("CAD", 2))
    assert values(money, x="12.34") == {"x": 1234}
    with pytest.raises(ArgumentsInvalid) as refused:
        values(money, x="12345.00")
    assert [(f.field, f.code) for f in refused.value.errors] == [("x", "out_of_range")]
    assert values(one(type="array", item_type="integer", native_type="int", transform=WORDS), x=["Open", "in_progress"]) == {
        "x": [1, 2]
    }


def test_both_parts_of_a_name_come_from_one_argument() -> None:
    first = one("full_name", transform=SplitName("given"))
    last = one("full_name.family", source="derived", key="full_name", transform=SplitName("family"))
    assert values(first, last, full_name="Ada King Byron") == {"full_name": "Ada King", "full_name.family": "Byron"}
    with pytest.raises(ArgumentsInvalid) as refused:
        values(first, last, full_name="Ada")
    assert [(f.field, f.code) for f in refused.value.errors] == [("full_name", "name_incomplete")]
    with pytest.raises(MissingArguments) as missing:
        values(first, last)
    assert missing.value.params == ("full_name",)
    with pytest.raises(Exception, match="argument"):
        values(first, last, **{"full_name": "Ada Byron", "full_name.family": "Other"})


def leaf(name: str, transform: Transform | None = None, **members: Any) -> Output:
    return Output(name, Column("o", name, "string", "text"), transform=transform, **members)


def shaped(outputs: list[Output], *rows: dict[str, Any]) -> CallResult:
    shape = shape_of(outputs)
    assert shape is not None
    return shape(CallResult(rows=list(rows), row_count=len(rows), notes=("before",)), ZoneInfo(ZONE))


def test_a_result_is_shaped_leaf_by_leaf() -> None:
    outputs = [leaf("total", MoneyMinor("CAD", 2)), leaf("state", WORDS), leaf("plain")]
    result = shaped(outputs, {"total": "1234", "state": [1, None, "2"], "plain": "a"}, {"total": None, "state": None, "plain": 1})
    assert result.rows == [
        {"total": "12.34 CAD", "state": ["open", None, "in progress"], "plain": "a"},
        {"total": None, "state": None, "plain": 1},
    ]
    assert result.notes == ("before",)


def test_what_does_not_fit_is_null_and_said_once() -> None:
    result = shaped([leaf("state", WORDS)], {"state": 9}, {"state": [1, 9]})
    assert result.rows == [{"state": None}, {"state": ["open", None]}]
    assert result.notes == ("before", "'state' is not of the form declared for it in some records and is given as null there.")


def test_a_joined_name_takes_its_other_part_along_and_hides_it() -> None:
    outputs = [leaf("who", JoinName("0.family")), leaf("0.family", hidden=True)]
    result = shaped(
        outputs,
        {"who": "Ada ", "0.family": "Byron"},
        {"who": None, "0.family": None},
        {"who": ["Ada", "Ben"], "0.family": ["Byron", None]},
        {"who": ["Ada"], "0.family": ["Byron", None]},
    )
    assert [row["who"] for row in result.rows] == ["Ada Byron", None, ["Ada Byron", "Ben"], None]
    assert all(row.keys() == {"who"} for row in result.rows)


def test_without_transforms_nothing_is_done() -> None:
    assert shape_of([leaf("a")]) is None
