"""A conversation in one line, and its outcome. Deterministic: made from what happened, by no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

Outcome = Literal["answered", "handed_off", "unresolved", "failed", "abandoned", "agent_deleted"]
OUTCOMES: tuple[Outcome, ...] = ("answered", "handed_off", "unresolved", "failed", "abandoned", "agent_deleted")
"""``answered``: every turn got its answer. ``handed_off``: a person was asked for. ``unresolved``: the agent could not help with
the last thing asked. ``failed``: something of ours broke. ``abandoned``: the caller was gone before the answer.
``agent_deleted``: the agent was taken away."""

_ENDINGS: dict[str, str] = {
    "answered": "answered",
    "handed_off": "asked for a person",
    "unresolved": "left unresolved",
    "failed": "ended by a failure",
    "abandoned": "abandoned by the caller",
}


def remember_turn(state: dict[str, Any], *, said: str, skills: Sequence[str], outcome: Outcome, turn: int) -> str:
    """Note a turn in ``state`` (the first utterance, the skills used) and give the summary of the conversation so far."""
    state.setdefault("first", _shortened(said))
    used: list[str] = state.setdefault("skills", [])
    used.extend(s for s in dict.fromkeys(skills) if s not in used)
    return summarize(first=state["first"], skills=used, outcome=outcome, turns=turn)


def summarize(*, first: str, skills: Sequence[str], outcome: str, turns: int) -> str:
    """For instance: ``“When is my appointment?”; used Look up an appointment; answered, 2 turns.``"""
    used = f"; used {', '.join(skills)}" if skills else ""
    counted = "1 turn" if turns == 1 else f"{turns} turns"
    return f"“{first}”{used}; {_ENDINGS.get(outcome, outcome)}, {counted}."


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:117].rstrip() + "…"
