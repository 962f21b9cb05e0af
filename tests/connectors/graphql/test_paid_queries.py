"""A server whose queries are paid for says when one will be affordable; a client believes it only where it makes sense."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.graphql.answers import read_answer, read_mutation
from patchbay.connectors.http.answers import Decoder
from patchbay.egress.http import Answered

DECODER = Decoder()


def answered(cost: Any, code: str = "THROTTLED") -> Answered:
    errors = [{"message": "Throttled", "extensions": {"code": code}}]
    body = json.dumps({"errors": errors, "extensions": {"cost": cost}}).encode()
    return Answered(200, {"Content-Type": "application/json"}, body, "https://api.example.com")


def cost(requested: Any = 600, available: Any = 100, rate: Any = 500, most: Any = 10_000) -> dict[str, Any]:
    return {
        "requestedQueryCost": requested,
        "actualQueryCost": None,
        "throttleStatus": {"maximumAvailable": most, "currentlyAvailable": available, "restoreRate": rate},
    }


def test_it_is_affordable_when_enough_is_restored() -> None:
    for read in (read_answer(answered(cost()), DECODER), read_mutation(answered(cost()), DECODER, ())):
        assert (read.status, read.again_s) == (429, 1.0)
    assert read_answer(answered(cost(available=900)), DECODER).again_s == 0.0


@pytest.mark.parametrize(
    "told",
    [
        None, [], "soon", {}, cost(requested=10_001), cost(rate=0), cost(rate=-1), cost(rate="fast"), cost(requested=True),
        cost(available=None),
    ],
)  # fmt: skip
def test_what_makes_no_sense_says_nothing(told: Any) -> None:
    read = read_answer(answered(told), DECODER)
    assert (read.status, read.again_s) == (429, None)


@given(
    st.recursive(
        st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda v: st.dictionaries(st.text(), v),
    )
)
def test_no_cost_breaks_the_reading(value: Any) -> None:
    for told in (value, cost(requested=value), cost(rate=value), {"throttleStatus": value}):
        again = read_answer(answered(told), DECODER).again_s
        assert again is None or again >= 0
