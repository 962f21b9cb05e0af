"""The forms of a number are exactly those of its candidates that read as it, in every region."""

from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from patchbay.schema_graph.numbering import home_forms, main_plan, parts, plan_of
from patchbay.schema_graph.phone_forms import read, written_forms
from patchbay.schema_graph.phones import spellings

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
CODES: dict[int, tuple[str, ...]] = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
EXAMPLES = [
    phonenumbers.format_number(number, PhoneNumberFormat.E164)
    for region in REGIONS
    for kind in range(11)
    if (number := phonenumbers.example_number_for_type(region, kind)) is not None
]


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """An example of a plan with other last digits, perhaps one more or fewer; assigned or not, possible or not."""
    example = draw(st.sampled_from(EXAMPLES))
    kept = max(4, len(example) - draw(st.integers(0, 6)))  # the plus and the country code, of three digits at most, stay
    size = len(example) - kept
    return example[:kept] + draw(st.text("0123456789", min_size=max(0, size - 1), max_size=size + 1))


def _regions(e164: str) -> tuple[str, ...]:
    """The number's own regions."""
    return tuple(region for region in CODES[int(parts(e164)[0])] if region != "001")


def _candidates(e164: str, country: str) -> Iterator[tuple[bool, str]]:
    code, national = parts(e164)
    for form in home_forms(code, national):
        yield True, code + form
        yield False, form
        for prefix in ("", "00", plan_of(country).dialling_prefix):
            yield False, prefix + code + form


@given(numbers(), st.sampled_from(REGIONS), st.integers(0, 40), st.booleans())
@settings(max_examples=600, deadline=None)
def test_forms_are_the_candidates_that_read_as_the_number(e164: str, elsewhere: str, which: int, abroad: bool):
    own = _regions(e164)
    country = elsewhere if abroad else own[which % len(own)]
    possible = read(True, e164[1:], None) == e164
    expected = {form for form in _candidates(e164, country) if possible and read(*form, country) == e164}
    behind_plus, alone = written_forms(e164, country)
    assert {(True, digits) for digits in behind_plus} | {(False, digits) for digits in alone} == expected
    assert behind_plus[:1] == ([e164[1:]] if possible else [])
    assert written_forms(e164, None) == (behind_plus, [])


@given(numbers())
@settings(max_examples=300, deadline=None)
def test_a_number_rewritten_at_home_is_among_its_forms(e164: str):
    code, national = parts(e164)
    assert main_plan(code).at_home(national) in home_forms(code, national)


@pytest.mark.parametrize("text", ["+", "+0", "+999", "+1", "+16135550", "6135550142"])
def test_what_is_not_a_full_number_has_no_forms(text: str):
    assert written_forms(text, "CA") == ([], [])
    assert spellings(text, ["9999999999"], "CA") == ()
