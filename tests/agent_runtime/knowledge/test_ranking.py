"""Which passages answer a question, without a store."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.agent_runtime.knowledge.facts import days
from patchbay.agent_runtime.knowledge.ranking import COVERED, Passage, Prepared, search
from patchbay.agent_runtime.knowledge.sentences import sentences
from patchbay.agent_runtime.knowledge.terms import fold, terms
from tests.agent_runtime.knowledge.shelf import MENU


def prepared(passages: tuple[tuple[str, str], ...] = MENU, language: str = "en") -> Prepared:
    return Prepared([Passage(number, heading, body) for number, (heading, body) in enumerate(passages)], language)


def best(question: str, index: Prepared) -> tuple[str, float]:
    hits = search(question, {"src": index}, limit=3)
    return (hits[0].passage.heading, hits[0].score) if hits else ("", 0.0)


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("what's on the supreme?", "Menu > Pizzas > Supreme"),
        ("Hi there, could you tell me what comes on the suprme please", "Menu > Pizzas > Supreme"),
        ("how much is a large margherita", "Menu > Pizzas > Margherita"),
        ("are you open on Thursdays", "Hours"),
        ("what's the delivery charge", "Delivery"),
        ("do you deliver", "Delivery"),
    ],
)
def test_a_callers_question_finds_its_passage(question: str, heading: str) -> None:
    found, score = best(question, prepared())
    assert found == heading
    assert score >= COVERED


@pytest.mark.parametrize(
    "question",
    [
        "do you have sushi",
        "can you fix my furnace",
        "what is the wifi password",
        "hello",
        "thank you very much",
        "how much is it?",
        "?",
    ],
)
def test_what_is_not_there_is_not_covered(question: str) -> None:
    assert best(question, prepared())[1] < COVERED


@pytest.mark.parametrize(
    ("language", "passage", "question"),
    [
        ("de", ("Öffnungszeiten", "Montag bis Freitag von 9 bis 18 Uhr."), "Wann haben Sie am Mittwoch geöffnet?"),
        ("fr", ("Horaires", "Ouvert du lundi au samedi de 9 h à 19 h."), "Êtes-vous ouverts le jeudi ?"),
        ("es", ("Envíos", "El envío cuesta 4,95 € y tarda tres días."), "¿Cuánto cuesta el envio?"),
    ],
)
def test_other_languages_are_stemmed_and_folded(language: str, passage: tuple[str, str], question: str) -> None:
    other = ("Kontakt", "info@example.com")
    assert best(question, prepared((other, passage), language))[0] == passage[0]


def test_a_question_that_is_asked_the_same_way_is_covered_entirely() -> None:
    index = prepared((("Do you offer same-day appointments?", "Yes, call before ten."), *MENU))
    assert best("Do you offer same-day appointments?", index) == ("Do you offer same-day appointments?", 1.0)


def test_words_of_a_name_count_by_how_rare_they_are() -> None:
    index = prepared((("Team", "Dr. Nguyen does implants."), ("Team", "Dr. Okafor sees children."), ("Fees", "Implants $2,000.")))
    assert search("does Dr Nguyn do implants", {"src": index}, limit=1)[0].passage.number == 0


def test_sources_are_ranked_together() -> None:
    one, other = prepared(MENU[:2]), prepared((("Parking", "Free parking behind the building."),))
    hits = search("is there parking", {"a": one, "b": other}, limit=5)
    assert [hit.source for hit in hits] == ["b"]


def test_days_between_two_are_meant_as_well() -> None:
    assert days(fold("Mon-Thu and Saturday")) == {0, 1, 2, 3, 5}
    assert days(fold("Freitag bis Montag")) == {4, 5, 6, 0}
    assert days(fold("open every day")) == set(range(7))


def test_numbers_have_one_form() -> None:
    assert terms("$14.50", "en")[0] == terms("14,50 €", "de")[0] == "14.5"
    assert "1200" in terms("1,200 miles", "en")


def test_points_in_prices_and_times_end_no_sentence() -> None:
    text = "Open until 9 p.m. on Fridays. A slice is $4.50. Ask for Dr. Raman.\nClosed on Mondays"
    assert sentences(text) == ["Open until 9 p.m. on Fridays.", "A slice is $4.50.", "Ask for Dr. Raman.", "Closed on Mondays"]


@given(st.text(max_size=200), st.lists(st.tuples(st.text(max_size=40), st.text(max_size=200)), max_size=4))
def test_whatever_is_asked_scores_are_bounded_and_in_order(question: str, passages: list[tuple[str, str]]) -> None:
    hits = search(question, {"src": prepared(tuple(passages))}, limit=10)
    assert all(0 <= hit.score <= 1 for hit in hits)
    assert search(question, {"src": prepared(tuple(passages))}, limit=10) == hits


@given(
    st.sampled_from(["what's on the supreme?", "how much is delivery", "are you open on Tuesday"]),
    st.text("abcdefgh", min_size=9),
)
def test_asking_for_more_that_is_not_there_covers_less(question: str, unknown: str) -> None:
    index = prepared()
    assert best(f"{question} {unknown}", index)[1] <= best(question, index)[1] + 1e-9


def test_a_question_of_many_unknown_words_is_read_in_good_time() -> None:
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(20_000)]
    index = prepared(tuple(("", " ".join(words[at : at + 50])) for at in range(0, len(words), 50)))
    asked = " ".join("".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(400))
    started = time.process_time()
    search(asked, {"src": index}, limit=5)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "text", ["a" * 60_000, "a-" * 30_000, "1" * 60_000, "1 " * 30_000, "ab, " * 15_000, "$" * 60_000, ". " * 30_000]
)
def test_a_hostile_text_is_read_in_good_time(text: str) -> None:
    started = time.process_time()
    index = prepared((("x", text), *MENU))
    search(text, {"src": index}, limit=5)
    assert time.process_time() - started < 5
