"""What of a passage is said."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.agent_runtime.knowledge.quoting import relevant

MENU = "Pizza Margherita: Small $12; Large $18\nPizza Marinara: Large $15\nPizza Truffle: Small $19; Large $24.50"
ABOUT = " ".join(f"Sentence number {n} tells something else about our long history." for n in range(12))
HOURS = "We are open from 9 a.m. to 5:30 p.m. on weekdays."


def said(question: str, heading: str, body: str, most: int = 360) -> str:
    return relevant(question, heading, body, "en", most=most)


def test_a_short_passage_is_given_as_it_is() -> None:
    assert said("are you open", "Hours", f"{HOURS} Closed on Sundays.") == f"{HOURS} Closed on Sundays."


def test_of_a_list_of_prices_only_the_lines_that_are_asked_for() -> None:
    assert said("how much is a large truffle?", "Menu > Pizza", MENU) == "Pizza Truffle: Small $19; Large $24.50."
    assert said("how much is a large pizza?", "Menu > Pizza", MENU).count("Pizza") == 3


def test_of_a_long_passage_the_sentence_that_answers_with_its_neighbours() -> None:
    told = said("what time are you open on weekdays", "About us", f"{ABOUT} {HOURS} {ABOUT}")
    assert HOURS in told
    assert len(told) <= 360


def test_lines_become_sentences_and_prices_stay_whole() -> None:
    assert said("delivery", "Delivery", "- Delivery: $3.99\n- Minimum order: $20") == "Delivery: $3.99. Minimum order: $20."


@pytest.mark.parametrize("body", ["", "\n", " - \n * "])
def test_nothing_is_said_of_nothing(body: str) -> None:
    assert said("anything", "Heading", body) == ""


@given(st.text(max_size=60), st.text(max_size=30), st.text(max_size=900), st.integers(40, 400))
def test_what_is_said_is_bounded(question: str, heading: str, body: str, most: int) -> None:
    assert len(said(question, heading, body, most)) <= most


@given(
    st.lists(st.sampled_from(["Soup $6.50", "Bread is $1,200.75 a ton", "Tea costs $3"]), min_size=1, max_size=30),
    st.integers(40, 200),
)
def test_no_price_is_cut(lines: list[str], most: int) -> None:
    body = ". ".join(lines) + "."
    told = said("how much is soup", "", body, most)
    assert set(re.findall(r"\$[\d,.]*\d", told)) <= {"$6.50", "$1,200.75", "$3"}
