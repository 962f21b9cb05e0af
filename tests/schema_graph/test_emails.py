"""An address is looked for in the ways people write it, and never as another address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.schema_graph.emails import address_spellings


@pytest.mark.parametrize(
    "said", ["ada.lovelace@example.com", "ADA.LOVELACE@EXAMPLE.COM", "Ada.Lovelace@Example.Com", "aDA.lovelace@EXAMPLE.com"]
)
@pytest.mark.parametrize(
    "stored",
    [
        "ada.lovelace@example.com",
        "Ada.lovelace@example.com",
        "Ada.Lovelace@example.com",
        "ADA.LOVELACE@EXAMPLE.COM",
    ],
)
def test_however_it_is_said_the_usual_ways_to_store_it_are_tried(said: str, stored: str) -> None:
    assert stored in address_spellings(said)


@pytest.mark.parametrize("said", ["", "ada", "@", "a@b@c", "ada@", "ädä@example.com", "İ@example.com", "ada @example.com"])
def test_what_is_not_an_ascii_address_is_itself_alone(said: str) -> None:
    assert address_spellings(said) == (said,)


@given(st.text("abcXYZ.@+_-'ßéI ", max_size=30), st.text("abcXYZ.@+_-'ßéI ", max_size=30))
def test_spellings_are_the_address_itself_and_never_another(one: str, other: str) -> None:
    found = address_spellings(one)
    assert found[0] == one
    assert len(set(found)) == len(found) <= 6
    assert {spelling.lower() for spelling in found} == {one.lower()}
    if one.lower() != other.lower():
        assert set(found).isdisjoint(address_spellings(other))
