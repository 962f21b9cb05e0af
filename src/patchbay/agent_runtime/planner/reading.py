"""A result read out in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from patchbay.agent_runtime.conversation.model import ToolOutcome, ToolSpec
from patchbay.agent_runtime.planner.speaking import spoken
from patchbay.agent_runtime.planner.words import humanized, listed
from patchbay.schema_graph.call import Column, Output

_MOST = 5
_ORDINALS = ("First", "Second", "Third", "Fourth", "Fifth")


def read_out(tool: ToolSpec, outcome: ToolOutcome, *, now: datetime) -> str:
    """The rows of a result that is neither empty nor ambiguous. ``now`` is aware, in the agent's zone."""
    rows = outcome.rows[:_MOST]
    outputs = tool.outputs or _as_they_came(rows)
    if len(rows) == 1:
        told = _one(outputs, rows[0], now)
    elif len(outputs) == 1:
        only = outputs[0]
        values = [_value(only, row, now) or "one without it" for row in rows]
        told = f"I found {_count(outcome)}: {listed(values)}."
    else:
        each = [f"{_ORDINALS[i]}: {_line(outputs, row, now)}." for i, row in enumerate(rows)]
        told = f"I found {_count(outcome)}. {' '.join(each)}"
    return " ".join([told, *_more(outcome, len(rows)), *outcome.notes])


def _as_they_came(rows: Sequence[Mapping[str, Any]]) -> Sequence[Output]:
    """The leaves of a result that nobody declared: an endpoint answers what it answers."""
    return [Output(leaf, Column("", leaf, "json", "json")) for leaf in dict.fromkeys(leaf for row in rows for leaf in row)]


def _one(outputs: Sequence[Output], row: Mapping[str, Any], now: datetime) -> str:
    known = [_clause(o, value) for o in outputs if (value := _value(o, row, now))]
    absent = [humanized(o.leaf) for o in outputs if row.get(o.leaf) is None]
    if not known:
        return "I found a record, but there is nothing on file for that."
    told = f"{listed(known)}."
    told = told[:1].upper() + told[1:]
    return f"{told} There is no {listed(absent, last='or')} on file." if absent else told


def _clause(output: Output, value: str) -> str:
    name = humanized(output.leaf)
    return f"{name}: {value}" if output.said_type == "boolean" else f"the {name} is {value}"


def _line(outputs: Sequence[Output], row: Mapping[str, Any], now: datetime) -> str:
    known = [f"{humanized(o.leaf)} {value}" for o in outputs if (value := _value(o, row, now))]
    return ", ".join(known) or "nothing on file"


def _value(output: Output, row: Mapping[str, Any], now: datetime) -> str | None:
    value = row.get(output.leaf)
    zone = now.tzinfo if isinstance(now.tzinfo, ZoneInfo) else ZoneInfo("UTC")
    return None if value is None or value == "" else spoken(output, value, zone=zone, today=now.date())


def _count(outcome: ToolOutcome) -> str:
    return f"more than {outcome.row_count}" if outcome.truncated else str(outcome.row_count)


def _more(outcome: ToolOutcome, told: int) -> Sequence[str]:
    if outcome.truncated:
        return (
            "There are more than I can read out; those are the first ones." if told > 1 else "There is more than I could read.",
        )
    rest = outcome.row_count - told
    return (f"There {'is' if rest == 1 else 'are'} {rest} more.",) if rest > 0 else ()
