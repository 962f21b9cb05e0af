"""What a caller is asked before a write: every argument, dates and times in words, nothing that words would hide."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from patchbay.agent_runtime.conversation.confirming import wording
from tests.agent_runtime.doubles import call_input, frozen_call, output
from tests.agent_runtime.gated import skill

BOOK = skill(
    "Book an appointment",
    frozen_call([call_input("starts_at", "datetime"), call_input("day", "date"), call_input("at", "time")], [output("status")]),
)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"starts_at": "2026-12-14T10:00:00-05:00"}, "starts at: Monday, December 14 at 10:00 AM"),
        ({"starts_at": "2026-12-14T15:00:00Z"}, "starts at: Monday, December 14 at 10:00 AM"),
        ({"starts_at": "2027-01-04T16:30"}, "starts at: Monday, January 4, 2027 at 4:30 PM"),
        ({"starts_at": "2026-12-14T10:00:30-05:00"}, "starts at: 2026-12-14T10:00:30-05:00"),
        ({"starts_at": "next Monday"}, "starts at: next Monday"),
        ({"day": "2026-12-14", "at": "09:15"}, "day: Monday, December 14 and at: 9:15 AM"),
        ({"day": None, "at": 7}, "at: 7"),
    ],
)
def test_moments_are_told_on_the_agents_clock(arguments: dict[str, Any], told: str) -> None:
    with time_machine.travel("2026-11-30T12:00:00Z"):
        question = wording(BOOK, arguments, "America/Toronto")
    assert question == f"Let me make sure I have this right. I'm about to book an appointment with {told}. Shall I go ahead?"


def test_what_nobody_could_hear_out_is_not_asked() -> None:
    assert wording(BOOK, {"note": "x" * 3_000}, "UTC") is None
