"""How many messages a text is sent as."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.sms.segments import segments


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 1), ("x" * 160, 1), ("x" * 161, 2), ("x" * 306, 2), ("x" * 307, 3), ("€" * 80, 1), ("€" * 81, 2), ("ж" * 70, 1),
     ("ж" * 71, 2), ("😀" * 35, 1), ("😀" * 36, 2),
     ("x" * 152 + "{" + "x" * 151, 2), ("x" * 152 + "{" + "x" * 152, 3), ("😀" * 66, 2), ("😀" * 67, 3)],
)  # fmt: skip
def test_the_lengths_of_the_alphabets(text: str, count: int) -> None:
    assert segments(text) == count


@given(st.text(max_size=600), st.text(max_size=50))
def test_more_text_is_never_fewer_messages(text: str, more: str) -> None:
    assert 1 <= segments(text) <= segments(text + more)
