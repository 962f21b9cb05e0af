"""Phone numbers match only when their full numbers are equal, in whatever way either is written."""

import re

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from patchbay.schema_graph.phones import needs_country, shape, spellings, to_e164, unreadable_shapes

COUNTRIES = ["US", "CA", "GB", "DE", "FR", "IT", "RU", "AR", "MX", "BR", "AU", "JP", "IN", "ES", "NZ", "ZA", "HU", "SG"]


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("(613) 555-0142", "CA", "+16135550142"),
        ("613.555.0142", "US", "+16135550142"),
        ("1-613-555-0142", "US", "+16135550142"),
        ("16135550142", "CA", "+16135550142"),
        ("+1 613 555 0142", None, "+16135550142"),
        ("+1 613 555 0142", "DE", "+16135550142"),
        ("5550100200", "US", "+15550100200"),  # an area code nobody has yet is still this country's number
        ("020 7946 0018", "GB", "+442079460018"),
        ("+44 (0)20 7946 0018", None, "+442079460018"),
        ("0044 20 7946 0018", "FR", "+442079460018"),
        ("0044 20 7946 0018", "US", "+442079460018"),
        ("011 44 20 7946 0018", "US", "+442079460018"),
        ("442079460018", "US", "+442079460018"),
        ("8 (495) 123-45-67", "RU", "+74951234567"),
        ("06 1234567", "IT", "+39061234567"),
        ("\u202a+1 613\u00a0555\u20110142\u202c", None, "+16135550142"),
    ],
)
def test_reads(text: str, country: str | None, number: str):
    assert to_e164(text, country) == number


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("613 555 0142", None),
        ("0044 20 7946 0018", None),
        ("442079460018", None),
        ("555-0142", "US"),  # a local number: the area code is unknown
        ("613 555 0142 x12", "US"),
        ("1-800-FLOWERS", "US"),
        ("613 555 0142 / 613 555 0143", "US"),
        ("", "US"),
        ("+", "US"),
        ("call Bob", "US"),
        ("613 555 0142", "XX"),
        ("٦١٣٥٥٥٠١٤٢", "US"),
        ("+1613555014299999999", None),
        ("6" * 200, "US"),
    ],
)
def test_does_not_guess(text: str, country: str | None):
    assert to_e164(text, country) is None


def test_shape_keeps_the_writing_and_nothing_of_the_value():
    assert shape("+1 (613) 555-0142") == "+9 (999) 999-9999"
    assert shape("613.555.0142 ext. 12") == "999.999.9999 ext. 99"
    assert shape("613.555.0142x12") == "999.999.9999x99"
    assert shape("Max 613") == "AAA 999"
    assert shape("Alexis") == "AAAAAA"


def test_spellings_of_a_messy_column():
    shapes = ["999-999-9999", "(999) 999-9999", "+9 999 999 9999", "9.999.999.9999", "99999999999", "999 999 9999 x99"]
    found = spellings("+16135550142", shapes, "CA")
    wanted = ["613-555-0142", "(613) 555-0142", "+1 613 555 0142", "1.613.555.0142", "16135550142", "6135550142", "+16135550142"]
    assert set(wanted) <= set(found)
    assert not any("x" in one for one in found)


def test_another_countrys_number_has_no_national_spelling():
    found = spellings("+442079460018", ["999 9999 9999", "(999) 999-9999"], "US")
    assert "020 7946 0018" not in found
    assert "+442079460018" in found
    assert "020 7946 0018" in spellings("+442079460018", ["999 9999 9999"], "GB")


def test_without_a_country_only_plus_spellings_are_made():
    assert all(one.startswith("+") for one in spellings("+16135550142", ["999-999-9999", "+9 999 999 9999"], None))


def test_shape_characters_are_never_format_directives():
    assert "{}613-555-0142" not in spellings("+16135550142", ["{}999-999-9999", "{0.__class__}9999999999"], "US")


def test_unreadable_shapes_are_told():
    shapes = ["999-999-9999", "999-9999", "999-999-9999 x99", "+9 999 999 9999", "AAA"]
    assert unreadable_shapes(shapes, "US") == ("999-9999", "999-999-9999 x99", "AAA")
    assert unreadable_shapes(shapes, "CA") == ("999-9999", "999-999-9999 x99", "AAA")
    assert unreadable_shapes(shapes, None) == ("999-999-9999", "999-9999", "999-999-9999 x99", "AAA")


def test_needs_country():
    assert needs_country([])
    assert needs_country(["+9 999", "999-999-9999"])
    assert not needs_country(["+9 999 999 9999", "+99 99 9999 9999"])


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """A valid number: an example of a plan with its last digits varied."""
    region = draw(st.sampled_from(COUNTRIES))
    kind = draw(st.sampled_from([phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE]))
    example = phonenumbers.example_number_for_type(region, kind)
    assert example is not None
    tail = draw(st.text("0123456789", min_size=3, max_size=3))
    number = phonenumbers.parse(phonenumbers.format_number(example, PhoneNumberFormat.E164)[:-3] + tail)
    assume(phonenumbers.is_valid_number(number))
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


KNOWN_SHAPES = """
9999999999|99999999999|999999999999|(999) 999-9999|099 9999|+99 (9)99 9999 9999|9 (999) 999-99-99|+99999999999
9999 999999|99 99 99 99 99|009 999 999 9999|00999999999999|99999999|999999999
"""
SHAPES = st.lists(st.sampled_from(KNOWN_SHAPES.strip().replace("\n", "|").split("|")), max_size=8)
DEFAULTS = st.sampled_from([None, *COUNTRIES])


@given(one=numbers(), other=numbers(), shapes=SHAPES, country=DEFAULTS)
@settings(max_examples=300, deadline=None)
def test_no_spelling_belongs_to_two_numbers(one: str, other: str, shapes: list[str], country: str | None):
    assume(one != other)
    assert not set(spellings(one, shapes, country)) & set(spellings(other, shapes, country))


@given(number=numbers(), shapes=SHAPES, country=DEFAULTS)
@settings(max_examples=200, deadline=None)
def test_every_spelling_reads_as_its_number(number: str, shapes: list[str], country: str | None):
    found = spellings(number, shapes, country)
    assert number in found
    assert {to_e164(one, country) for one in found} == {number}


WRITINGS = [PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL]


@given(number=numbers(), form=st.sampled_from([*WRITINGS, "00", "bare", "abroad"]), country=DEFAULTS)
@settings(max_examples=400, deadline=None)
def test_a_number_stored_in_a_sampled_shape_is_found(number: str, form: int | str, country: str | None):
    parsed = phonenumbers.parse(number)
    if form == "00":
        stored = "00" + number[1:]
    elif form == "bare":
        stored = number[1:]
    elif form == "abroad":
        stored = phonenumbers.format_out_of_country_calling_number(parsed, country or "DE")
    else:
        stored = phonenumbers.format_number(parsed, int(form))
    assume(to_e164(stored, country) == number)
    assert stored in spellings(number, [shape(stored)], country)


@given(number=numbers())
@settings(max_examples=100, deadline=None)
def test_home_spellings_are_found_with_the_country_set(number: str):
    region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    stored = phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.NATIONAL)
    assert to_e164(stored, region) == number
    assert stored in spellings(number, [shape(stored)], region)


@given(st.text(max_size=60), DEFAULTS)
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_and_its_shape_tells_nothing_of_it(text: str, country: str | None):
    read = to_e164(text, country)
    assert read is None or read[1:].isdecimal()
    left = re.sub("extension|extn?|x", "", shape(text))
    assert not any(c.isalnum() and c not in "9A" for c in left)
