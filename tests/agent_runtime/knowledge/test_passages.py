"""Passages: all text is in some passage, in order, none is too long, no word is cut, and each knows what it stands under."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from patchbay.agent_runtime.knowledge.content.blocks import Block, shown, tidy, written
from patchbay.agent_runtime.knowledge.content.passages import (
    LONGEST_PATH,
    MOST_CHARACTERS,
    MOST_WORDS,
    PATH,
    Passage,
    cut,
    words_in,
)
from patchbay.agent_runtime.knowledge.content.prose import prose_blocks
from patchbay.agent_runtime.knowledge.content.task import read_faqs, read_text

words = st.text(st.sampled_from("abcdefgé$5.,:;!?ü"), min_size=1, max_size=12)
long_words = st.builds(lambda c, n: c * n, st.sampled_from("xé界"), st.integers(150, 4_000))
wide = st.text(st.sampled_from("日本語の店。、"), min_size=1, max_size=900)
sentences = st.lists(st.one_of(words, words, words, long_words, wide), min_size=1, max_size=90).map(" ".join)
lines = st.one_of(sentences, st.integers(100, 700).map(lambda n: "word " * n + "end."))
texts = st.lists(lines, min_size=1, max_size=4).map("\n".join)
blocks = st.one_of(
    st.builds(Block, st.just("heading"), st.one_of(sentences, st.just("Prices")), st.integers(1, 6)),
    st.builds(Block, st.sampled_from(["paragraph", "item", "row"]), texts),
    st.builds(Block, st.just("close"), st.just(""), st.integers(1, 6)),
)


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(st.lists(blocks, max_size=12))
def test_all_text_is_in_some_passage_in_order_and_none_is_too_long(found: list[Block]) -> None:
    passages = cut(found)
    for passage in passages:
        assert 0 < len(passage.body) <= MOST_CHARACTERS
        assert words_in(passage.body) <= MOST_WORDS
        assert len(passage.heading) <= LONGEST_PATH
    told = iter(squeezed("\n".join(passage.body for passage in passages)))
    headings = [squeezed(passage.heading) for passage in passages]
    for block in found:
        text = squeezed(shown(block) if block.kind != "heading" else block.text)
        if block.kind == "heading" and any(text in heading for heading in headings):
            continue
        assert all(character in told for character in text), block


@given(st.lists(st.lists(words, min_size=1, max_size=400).map(" ".join), max_size=5))
def test_no_word_is_cut(paragraphs: list[str]) -> None:
    passages = cut([Block("paragraph", text) for text in paragraphs])
    assert [word for passage in passages for word in passage.body.split()] == [
        word for text in paragraphs for word in text.split()
    ]


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    found = prose_blocks(text)
    assert tidy(tidy(text)) == tidy(text)
    assert all(block.text for block in found)
    told = "".join(f"{passage.heading} {passage.body}" for passage in cut(found))
    assert {c for c in written(found) if c.isalnum()} == {c for c in told if c.isalnum()}


def test_what_stands_under_a_heading_knows_it() -> None:
    text = "# Menu\n\nAll day.\n\n## Pizza\n\n### Margherita\n\n$12\n\n## Salad\n\nGreen: $6\n\n# Contact\n\nCall us."
    assert read_text(text).passages == [
        Passage("Menu", "All day."),
        Passage(f"Menu{PATH}Pizza{PATH}Margherita", "$12"),
        Passage(f"Menu{PATH}Salad", "Green: $6"),
        Passage("Contact", "Call us."),
    ]


def test_a_heading_with_nothing_under_it_is_text() -> None:
    blocks = [Block("heading", f"{size} pizza ${price}", 3) for size, price in (("Small", 12), ("Large", 18))]
    assert cut([Block("heading", "Menu", 2), *blocks]) == [Passage("Menu", "Small pizza $12\nLarge pizza $18")]


def test_after_a_part_has_ended_its_headings_are_over() -> None:
    found = [
        Block("heading", "Do you deliver?", 6),
        Block("paragraph", "Yes."),
        Block("close", level=6),
        Block("paragraph", "Map"),
    ]
    assert cut([Block("heading", "Help", 1), *found]) == [Passage(f"Help{PATH}Do you deliver?", "Yes."), Passage("Help", "Map")]


def test_a_long_part_is_cut_into_passages_of_about_one_length() -> None:
    paragraphs = [Block("paragraph", " ".join(f"w{n}" for n in range(60)) + ".") for _ in range(8)]
    lengths = [words_in(passage.body) for passage in cut(paragraphs)]
    assert sum(lengths) == 480
    assert all(120 <= length <= 200 for length in lengths)


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    text = " ".join(f"Sentence {n} has seven words in it." for n in range(60))
    passages = cut([Block("paragraph", text)])
    assert len(passages) == 3
    assert all(passage.body.startswith("Sentence") and passage.body.endswith("it.") for passage in passages)


def test_what_announces_a_list_stays_with_it() -> None:
    filling = Block("paragraph", "word " * 189 + "end.")
    items = [Block("item", "word " * 29 + "end") for _ in range(5)]
    passages = cut([filling, Block("paragraph", "These are our prices:"), *items])
    assert passages[1].body.startswith("These are our prices:\n\n- word")


def test_a_question_is_the_heading_of_its_answer_and_of_nothing_else() -> None:
    faqs = [("Do you deliver?", "Yes.\n\n# Within five miles\n- for $4"), ("Sundays?", "Closed."), ("Sundays?", "word " * 300)]
    passages = read_faqs(faqs).passages
    assert passages[:2] == [
        Passage("Do you deliver?", "Yes.\n\nWithin five miles\n\n- for $4"),
        Passage("Sundays?", "Closed."),
    ]
    assert [passage.heading for passage in passages[2:]] == ["Sundays?", "Sundays?"]


def test_what_cannot_be_seen_is_not_kept() -> None:
    hidden = "Pri\u00adces\u200b: \u202e$18\U000e0041\U000e0042\ue000\x07 a\u0301"
    assert tidy(f"  {hidden}\r\n\x0b\u2028next\u00a0line ") == "Prices: $18 á\n\n\nnext line"
    assert tidy("Large .......... $18") == "Large … $18"
    assert tidy("می\u200cخواهم 👩\u200d🍳") == "می\u200cخواهم 👩\u200d🍳"
