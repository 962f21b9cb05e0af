"""Comparison forgives how people say things, never what they say."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from patchbay.agent_runtime.verification.comparing import fields
from patchbay.agent_runtime.verification.comparing.dates import AmbiguousDate, date_forms, day_first_in, read_date
from patchbay.agent_runtime.verification.comparing.fields import Place, kind_of, may_hold, read, same
from patchbay.agent_runtime.verification.comparing.names import same_name
from patchbay.agent_runtime.verification.comparing.postcodes import canonical_postcode, same_postcode
from patchbay.agent_runtime.verification.comparing.spoken import digits

TODAY = date(2026, 11, 30)
BRITISH = Place("GB", True, TODAY)
AMERICAN = Place("US", False, TODAY)
NOWHERE = Place(None, None, TODAY)
UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
    " nineteen"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NTH = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth"
    " seventeenth eighteenth nineteenth twentieth"
)
births = st.dates(date(1911, 1, 1), TODAY)


def in_words(number: int) -> str:
    if number < 20:
        return UNITS.split()[number]
    ten, unit = TENS.split()[number // 10 - 2], number % 10
    return ten if not unit else f"{ten}-{UNITS.split()[unit]}"


def nth(number: int) -> str:
    if number <= 20:
        return NTH.split()[number - 1]
    return "thirtieth" if number == 30 else f"{TENS.split()[number // 10 - 2]} {NTH.split()[number % 10 - 1]}"


def year_said(year: int) -> str:
    if 2000 <= year < 2010:
        return f"two thousand {'and ' if year % 10 else ''}{in_words(year % 10)}" if year % 10 else "two thousand"
    rest = year % 100
    return f"{in_words(year // 100)} {'hundred' if rest == 0 else 'oh ' + in_words(rest) if rest < 10 else in_words(rest)}"


def ways_to_say(d: date, place: Place) -> list[str]:
    month, short = d.strftime("%B"), d.strftime("%b")
    a, b = (d.day, d.month) if place.day_first else (d.month, d.day)
    suffix = "th" if 11 <= d.day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(d.day % 10, "th")
    return [
        d.isoformat(),
        f"it's {a}/{b}/{d.year}",
        f"{a:02}.{b:02}.{d.year}",
        f"{a:02}{b:02}{d.year}",
        f"{a:02} {b:02} {d.year}",
        f"{d.day} {month} {d.year}",
        f"the {d.day}{suffix} of {month.upper()}, {d.year}",
        f"{short} {d.day}, {d.year} please",
        f"I was born on {month} {d.day}{suffix} {d.year}",
        f"the {nth(d.day)} of {month} {year_said(d.year)}",
        f"{month} {nth(d.day)}, {year_said(d.year)}",
        " ".join(in_words(int(c)) for c in f"{a:02}{b:02}{d.year}"),
    ]


@given(births, st.sampled_from([BRITISH, AMERICAN]))
def test_a_date_is_read_however_it_is_said(d: date, place: Place) -> None:
    for said in ways_to_say(d, place):
        assert read(said, "date", place).value == d.isoformat(), said
        assert same(d.isoformat(), d.isoformat(), "date", place)


@given(births, births, st.sampled_from([BRITISH, AMERICAN]), st.integers(0, 11))
def test_no_way_of_saying_it_makes_it_another_date(said: date, stored: date, place: Place, way: int) -> None:
    heard = read(ways_to_say(said, place)[way], "date", place).value
    assert heard is not None
    for form in (stored.isoformat(), f"{stored.isoformat()}T00:00:00", stored.strftime("%d %B %Y")):
        assert same(heard, form, "date", place) == (said == stored)


@given(births)
def test_where_the_order_is_not_known_a_date_in_figures_is_asked_for_again(d: date) -> None:
    heard = read(f"{d.day}/{d.month}/{d.year}", "date", NOWHERE)
    try:
        other = date(d.year, d.day, d.month)
    except ValueError:
        other = d
    if other == d or other > TODAY:
        assert heard.value == d.isoformat()
    else:
        assert heard.ambiguous
        assert heard.value is None


@pytest.mark.parametrize("said", ["31 February 1980", "tomorrow", "3 May", "12", "nineteen eighty", "30/11/2031", "3 May 2031"])
def test_what_is_no_date_of_birth_is_not_read_as_one(said: str) -> None:
    assert read(said, "date", BRITISH).value is None


def test_years_of_two_digits_are_never_in_the_future() -> None:
    assert read("3 May 80", "date", BRITISH).value == "1980-05-03"
    assert read("3 May 26", "date", BRITISH).value == "2026-05-03"
    assert read("3 May 27", "date", BRITISH).value == "1927-05-03"


def test_the_place_decides_the_order() -> None:
    assert day_first_in("US", "en") is False
    assert day_first_in(None, "en-GB") is True
    assert day_first_in(None, "en") is None
    with pytest.raises(AmbiguousDate):
        read_date("3/5/1980", day_first=None, today=TODAY)


pins = st.text("0123456789", min_size=3, max_size=8)


@given(pins, st.data())
def test_digits_are_read_however_they_are_said(pin: str, data: st.DataObject) -> None:
    parts: list[str] = []
    rest = pin
    while rest:
        if len(rest) > 1 and rest[0] == rest[1] and data.draw(st.booleans()):
            parts.append(f"double {in_words(int(rest[0]))}")
            rest = rest[2:]
            continue
        parts.append(data.draw(st.sampled_from([rest[0], "oh" if rest[0] == "0" else in_words(int(rest[0]))])))
        rest = rest[1:]
    said = data.draw(st.sampled_from([" ", "-", ", "])).join(parts)
    assert digits(f"my pin is {said} thanks") == pin
    assert read(said, "digits", NOWHERE).value == pin


@given(pins, pins)
def test_other_digits_are_never_the_same(one: str, other: str) -> None:
    assert same(one, other, "digits", NOWHERE) == (one == other)
    number = int(other)
    assert same(one, number, "digits", NOWHERE) == (one == str(number).zfill(len(one)))


GB_CODES = ["SW1A 1AA", "M1 1AE", "B33 8TH", "CR2 6XH", "DN55 1PT", "W1A 0AX", "OX1 1OO", "IO1 0II"]
SPOKEN = {
    "0": "zero",
    "1": "one",
    "2": "two",
    "3": "three",
    "4": "four",
    "5": "five",
    "6": "six",
    "7": "seven",
    "8": "eight",
    "9": "nine",
}


@pytest.mark.parametrize("code", GB_CODES[:6])
def test_a_postcode_is_read_however_it_is_said(code: str) -> None:
    bare = code.replace(" ", "")
    spelled = " ".join(SPOKEN.get(c, c) for c in bare)
    confused = bare.replace("0", "O").replace("1", "I")
    for said in (code, code.lower(), bare, f"it's {code.lower()} please", spelled, f"my postcode is {spelled}", confused):
        assert read(said, "postcode", BRITISH).value == bare, said
        assert same_postcode(read(said, "postcode", BRITISH).value or "", code, "GB")


@given(
    st.from_regex(r"[A-Z]{2}[0-9]{2}[0-9][A-Z]{2}", fullmatch=True),
    st.from_regex(r"[A-Z]{2}[0-9]{2}[0-9][A-Z]{2}", fullmatch=True),
)
def test_another_postcode_is_never_the_same(one: str, other: str) -> None:
    assert same_postcode(one, other, "GB") == (one == other)


@given(
    st.from_regex(r"[0-9]{5}", fullmatch=True),
    st.from_regex(r"[0-9]{4}", fullmatch=True),
    st.from_regex(r"[0-9]{5}", fullmatch=True),
)
def test_a_zip_is_the_same_with_and_without_its_extension(code: str, more: str, other: str) -> None:
    assert same_postcode(code, f"{code}-{more}", "US")
    assert same_postcode(f"{other}-{more}", code, "US") == (code == other)
    assert same_postcode(" ".join(SPOKEN[c] for c in code), code, "US")


def test_letters_and_figures_are_only_swapped_where_the_format_decides() -> None:
    assert canonical_postcode("OX1 0AA", "GB") == "OX10AA"
    assert canonical_postcode("O2139", "US") == "02139"
    assert canonical_postcode("K1A OB1", "CA") == "K1A0B1"
    assert canonical_postcode("no such", "GB") == "NOSUCH"


names = st.lists(
    st.sampled_from(["Ada", "José", "O'Brien", "Müller", "Smith-Jones", "Łukasz", "de", "Cruz", "Byron"]), min_size=2, max_size=3
)


@given(names)
def test_a_name_is_the_same_however_it_is_spelled(parts: list[str]) -> None:
    stored = " ".join(parts)
    plainly = stored.replace("é", "e").replace("'", "").replace("-", " ").replace("ü", "u").replace("Ł", "L")
    for said in (stored.upper(), plainly, f"Dr. {stored}", stored.replace("ü", "ue"), f"{parts[-1]}, {' '.join(parts[:-1])}"):
        assert same_name(said, stored), said


@given(names, names)
def test_another_name_is_never_the_same(one: list[str], other: list[str]) -> None:
    rotations = [one[n:] + one[:n] for n in range(len(one))]
    assume(other not in rotations)
    assert not same_name(" ".join(one), " ".join(other))


def test_nicknames_and_missing_parts_are_other_names() -> None:
    assert not same_name("Bob Smith", "Robert Smith")
    assert not same_name("Ada King", "Ada Lovelace King")
    assert not same_name("", "")
    assert not same_name("Mr", "Mrs")


@pytest.mark.parametrize(
    ("said", "stored", "is_same"),
    [
        ("It's Fluffy!", "fluffy", True),
        ("my first pet was called Fluffy", "Fluffy", True),
        ("The Red Lion", "red lion", True),
        ("well, it is number four Privet Drive", "Number 4, Privet Drive", True),
        ("Fluffy two", "Fluffy", False),
        ("", "", False),
    ],
)
def test_free_answers(said: str, stored: str, is_same: bool) -> None:
    heard = read(said, "answer", BRITISH).value or ""
    assert same(heard, stored, "answer", BRITISH) is is_same


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("it's AC-1001", "AC1001"),
        ("A C one double oh one", "AC1001"),
        ("my account number is 10 01", "1001"),
        ("I don't have one", None),
    ],
)
def test_account_numbers(said: str, value: str | None) -> None:
    assert read(said, "code", BRITISH).value == value


def test_addresses_and_numbers() -> None:
    assert read("ada dot byron at example dot com", "email", BRITISH).value == "ada.byron@example.com"
    assert same("ada@example.com", "Ada@Example.com", "email", BRITISH)
    heard = read("oh seven seven double oh, nine hundred... 900 123", "phone", BRITISH).value
    assert heard is not None
    assert same(read("07700 900123", "phone", BRITISH).value or "", "+447700900123", "phone", BRITISH)
    assert not same(read("07700 900124", "phone", BRITISH).value or "", "+447700900123", "phone", BRITISH)


KINDS: list[Any] = ["date", "postcode", "digits", "code", "name", "email", "phone", "answer"]


@given(st.text(max_size=60), st.sampled_from(KINDS), st.sampled_from([BRITISH, AMERICAN, NOWHERE]))
def test_nothing_anybody_says_breaks_a_reading(said: str, kind: Any, place: Place) -> None:
    heard = read(said, kind, place)
    if heard.value is not None:
        fields.mask_forms(heard.value, kind)
    assert same(said, None, kind, place) is False
    assert same(said, "", kind, place) is False


@given(st.text(max_size=40), st.sampled_from(["date", "postcode", "digits", "code", "phone"]))
def test_what_holds_a_figure_may_always_be_a_secret(said: str, kind: Any) -> None:
    if digits(said):
        assert may_hold(said, kind)


def test_what_cannot_hold_the_field() -> None:
    assert not may_hold("what do you need that for?", "digits")
    assert may_hold("Fluffy", "answer")
    assert may_hold("one two", "digits")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("date_of_birth", "date"), ("dob", "date"), ("postcode", "postcode"), ("zipCode", "postcode"), ("pin", "digits"),
        ("accountNumber", "code"), ("customer_name", "name"), ("mothers_maiden_name", "answer"), ("email", "email"),
        ("caller_phone", "phone"), ("first_pet", "answer"), ("code", "digits"),
    ],
)  # fmt: skip
def test_kinds(name: str, kind: str) -> None:
    assert kind_of(name) == kind


@given(births)
def test_a_date_is_masked_in_every_form(d: date) -> None:
    forms = date_forms(d)
    assert {f"{d:%Y%m%d}", f"{d:%d%m%Y}", f"{d:%m%d%Y}", f"{d.day}{d:%B}{d.year}".lower()} <= forms
