"""JSON laid out for reading stays the same JSON, and fits where it can."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from patchbay.cli.demo.laid_out import laid_out

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)


@given(values, st.integers(min_value=10, max_value=120))
def test_it_is_the_same_value(value: object, width: int) -> None:
    assert json.loads(laid_out(value, width)) == value


@given(st.lists(st.dictionaries(st.text("abc", max_size=4), st.integers(0, 99), max_size=8), max_size=8), st.integers(30, 100))
def test_short_members_never_leave_the_width(value: object, width: int) -> None:
    assert max(len(line) for line in laid_out(value, width).split("\n")) <= width


def test_what_fits_stays_on_its_line() -> None:
    value = {"operation": "appointments.read", "filters": [{"arg": "starts_at", "op": "ge", "value": {"now": True}}], "limit": 1}
    lines = laid_out(value, 80).split("\n")
    assert lines[0] == "{"
    assert lines[1:3] == [
        '  "operation": "appointments.read",',
        '  "filters": [{"arg": "starts_at", "op": "ge", "value": {"now": true}}],',
    ]
    assert laid_out(value, 62).split("\n")[2:5] == [
        '  "filters": [',
        '    {"arg": "starts_at", "op": "ge", "value": {"now": true}}',
        "  ],",
    ]
    assert laid_out(value, 200) == json.dumps(value)
