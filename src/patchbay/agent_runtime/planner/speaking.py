"""Values as they are said: dates and times in the agent's zone, amounts, yes and no, lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from patchbay.agent_runtime.planner.words import listed, named, split_words
from patchbay.schema_graph.call import Output

T = TypeVar("T")

_MONEY = named(
    """
    price total amount balance cost fee due charge paid payment subtotal tax refund rate deposit salary
    """
)


def spoken(output: Output, value: Any, *, zone: ZoneInfo, today: date) -> str:
    """One value of a leaf as part of a sentence. ``value`` is in the JSON form of its type; not None."""
    kind, column = output.said_type, output.column
    if isinstance(value, list):
        items = cast(list[Any], value)
        kind = (column.item_type or "string") if kind == "array" else kind if column.many else "string"
        return listed(_scalar(kind, item, output.leaf, zone, today) for item in items) or "none"
    return _scalar(kind, value, output.leaf, zone, today)


def spoken_moment(type: str | None, value: Any, zone: ZoneInfo) -> str | None:
    """A date, a time or both in words, on the clock of ``zone``; None for all else, and for what minutes do not tell."""
    if not isinstance(value, str) or type not in ("date", "time", "datetime"):
        return None
    try:
        read = {"date": date, "time": time, "datetime": datetime}[type].fromisoformat(value)
    except ValueError:
        return None
    if isinstance(read, (time, datetime)) and (read.second or read.microsecond):
        return None
    return _scalar(type, value, "", zone, datetime.now(zone).date())


def _scalar(type: str, value: Any, leaf: str, zone: ZoneInfo, today: date) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    match type:
        case "datetime":
            return _datetime(str(value), zone, today)
        case "date":
            return _parsed(date.fromisoformat, str(value), _on(today))
        case "time":
            return _parsed(time.fromisoformat, str(value), clock)
        case "integer" | "decimal" | "number":
            return _number(str(value), leaf)
        case "json" | "object":
            return _flat(value)
        case "enum":
            return str(value).replace("_", " ")
        case _:
            return " ".join(str(value).split())


def _on(today: date) -> Callable[[date], str]:
    return lambda value: day(value, today)


def day(value: date, today: date) -> str:
    """``Tuesday, November 24``, with the year when it is not this one."""
    year = f", {value.year}" if value.year != today.year else ""
    return f"{value:%A, %B} {value.day}{year}"


def clock(value: time) -> str:
    """``3:30 PM``."""
    return f"{value.hour % 12 or 12}:{value:%M} {'PM' if value.hour >= 12 else 'AM'}"


def _datetime(text: str, zone: ZoneInfo, today: date) -> str:
    def said(moment: datetime) -> str:
        local = moment.astimezone(zone) if moment.tzinfo else moment
        return f"{day(local.date(), today)} at {clock(local.time())}"

    return _parsed(datetime.fromisoformat, text, said)


def _parsed(parse: Callable[[str], T], text: str, said: Callable[[T], str]) -> str:
    try:
        return said(parse(text))
    except ValueError:
        return text


def _number(text: str, leaf: str) -> str:
    words = set(split_words(leaf))
    whole, _, fraction = text.partition(".")
    if words & _MONEY and whole.lstrip("-").isdigit() and (not fraction or fraction.isdigit()):
        cents = f".{(fraction + '00')[:2]}" if fraction.strip("0") or len(fraction) == 2 else ""
        cents += fraction[2:].rstrip("0") if cents else ""
        return f"{int(whole):,}{cents}"
    return f"{whole}.{fraction.rstrip('0')}" if fraction.strip("0") else whole


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        members = cast(dict[str, Any], value)
        return listed(f"{' '.join(split_words(k)) or k}: {_flat(v)}" for k, v in list(members.items())[:8]) or "nothing"
    if isinstance(value, list):
        items: Sequence[Any] = cast(list[Any], value)
        return listed(_flat(v) for v in items[:8]) or "nothing"
    return _scalar("string", value, "", ZoneInfo("UTC"), date.min)
