"""Our reading of plain digits is libphonenumber's own, in every region it knows."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType, ValidationResult

from patchbay.schema_graph.numbering import (
    home_forms,
    is_assigned,
    known_country,
    parts,
    read_international,
    read_national,
)

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
EXAMPLES = [
    phonenumbers.format_number(number, PhoneNumberFormat.E164)
    for region in REGIONS
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE)
    if (number := phonenumbers.example_number_for_type(region, kind)) is not None
] + [
    phonenumbers.format_number(number, PhoneNumberFormat.E164)
    for code in CODES
    if (number := phonenumbers.example_number_for_non_geo_entity(code)) is not None
]  # fmt: skip


def _theirs(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


@st.composite
def digits(draw: st.DrawFn) -> str:
    """What people dial: an example of a plan with other last digits, with some prefix or cut short; or anything."""
    if draw(st.booleans()):
        return draw(st.text("0123456789", min_size=1, max_size=20))
    code, national = parts(draw(st.sampled_from(EXAMPLES)))
    changed = draw(st.integers(0, 5))
    tail = draw(st.text("0123456789", min_size=changed, max_size=changed + draw(st.integers(0, 1))))
    national = national[: len(national) - changed] + tail
    before = draw(st.sampled_from(["", "0", "1", "8", "9", "00", "011", "15", "044", code, "0" + code, "00" + code, code + "0"]))
    return before + national


@given(digits(), st.sampled_from(REGIONS))
@settings(max_examples=600, deadline=None)
def test_digits_are_read_as_the_library_reads_them(text: str, region: str):
    assert read_national(text, region) == _theirs(text, region)


@given(digits(), st.sampled_from(CODES))
@settings(max_examples=400, deadline=None)
def test_digits_behind_a_plus_are_read_as_the_library_reads_them(text: str, code: int):
    for given_digits in (text, f"{code}{text}"):
        read = read_international(given_digits)
        assert read == _theirs("+" + given_digits, None)
        if read is not None:
            assert is_assigned(read) == phonenumbers.is_valid_number(phonenumbers.parse("+" + given_digits))


@pytest.mark.parametrize("e164", EXAMPLES)
def test_every_plan_is_written_at_home_as_the_library_writes_it(e164: str):
    number = phonenumbers.parse(e164)
    code, national = parts(e164)
    assert (code, national) == (str(number.country_code), phonenumbers.national_significant_number(number))
    at_home = phonenumbers.normalize_digits_only(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
    assert at_home in home_forms(code, national)
    assert is_assigned(e164)


def test_known_country():
    assert known_country("CA")
    assert not known_country("ca")
    assert not known_country("ZZ")
    assert not known_country("001")
