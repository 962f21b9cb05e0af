"""A withheld number is nobody's: callers without one are not taken for each other."""

from __future__ import annotations

import pytest

from patchbay.agent_runtime.channel_bodies import SessionFacts
from patchbay.agent_runtime.recipes.owners import Owner


@pytest.mark.parametrize(
    "number",
    [
        "anonymous", " Anonymous ", "sip:anonymous@anonymous.invalid", "SIPS:Restricted@carrier.example", "tel:unknown",
        "No Caller ID", "PRIVATE NUMBER", "+266696687", "266696687", "+7378742833", "+86282452253", "0", "+0000000000", "+", "-",
    ],
)  # fmt: skip
def test_what_stands_in_the_place_of_a_number_is_no_fact(number: str) -> None:
    assert SessionFacts(caller_number=number, caller_name="Ada").known() == {"caller_name": "Ada"}
    assert Owner().kept(number) is None


@pytest.mark.parametrize("number", ["+14155550132", "4155550132", "101", "sip:front.desk@pbx.example", "+2666966871", "0800100"])
def test_a_number_is_a_fact_however_it_is_written(number: str) -> None:
    assert SessionFacts(caller_number=number).known() == {"caller_number": number}
