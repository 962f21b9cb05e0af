"""Dates and times as people say them, read against the day it is in the agent's zone."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH = "|".join([*_MONTHS, *(m[:3] for m in _MONTHS), "sept"])
_DAY = "|".join([*_DAYS, *(d[:3] for d in _DAYS), "tues", "thurs"])

_ISO = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b")
_SLASHED = re.compile(r"\b(\d{1,2})[/.](\d{1,2})[/.](\d{4}|\d{2})\b")
_DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH})\b\.?(?:,? (\d{{4}}))?", re.I)
_MONTH_DAY = re.compile(rf"\b({_MONTH})\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (\d{{4}}))?", re.I)
_RELATIVE = re.compile(r"\b(day after tomorrow|today|tonight|tomorrow|yesterday)\b", re.I)
_WEEKDAY = re.compile(rf"\b(next |last |this |on )?({_DAY})\b", re.I)
_IN_DAYS = re.compile(r"\bin (\d{1,3}|a|an|one|two|three) (day|week)s?\b", re.I)
_CLOCK = re.compile(r"\b(?:at )?(\d{1,2})(?::(\d{2}))?\s*(a\.?m\.?|p\.?m\.?)(?![a-z])", re.I)
_CLOCK_24 = re.compile(r"\b(?:at )?([01]?\d|2[0-3]):([0-5]\d)\b")
_NAMED_TIME = re.compile(r"\b(noon|midday|midnight)\b", re.I)

Span = tuple[int, int]


def find_date(text: str, today: date, *, day_first: bool = False) -> tuple[date, Span] | None:
    """The first date in ``text`` and where it stands. ``day_first`` reads 3/4/2026 as the third of April."""
    for pattern in (_ISO, _SLASHED, _DAY_MONTH, _MONTH_DAY, _RELATIVE, _IN_DAYS, _WEEKDAY):
        for match in pattern.finditer(text):
            found = _date(pattern, match, today, day_first)
            if found is not None:
                return found, match.span()
    return None


def find_time(text: str) -> tuple[time, Span] | None:
    """The first time of day in ``text`` and where it stands."""
    if match := _CLOCK.search(text):
        hour, minute = int(match[1]), int(match[2] or 0)
        if 1 <= hour <= 12 and minute < 60:
            return time(hour % 12 + (12 if match[3].lower().startswith("p") else 0), minute), match.span()
    if match := _CLOCK_24.search(text):
        return time(int(match[1]), int(match[2])), match.span()
    if match := _NAMED_TIME.search(text):
        return time(0 if match[1].lower() == "midnight" else 12), match.span()
    return None


def find_datetime(text: str, now: datetime, *, day_first: bool = False) -> tuple[datetime, Span] | None:
    """The first date with its time of day (midnight when none is said), in the zone of ``now``."""
    day = find_date(text, now.date(), day_first=day_first)
    if day is None:
        return None
    clock = find_time(text[: day[1][0]] + " " * (day[1][1] - day[1][0]) + text[day[1][1] :])
    moment = datetime.combine(day[0], clock[0] if clock else time(0), tzinfo=now.tzinfo)
    spans = [day[1], *([clock[1]] if clock else [])]
    return moment, (min(s[0] for s in spans), max(s[1] for s in spans))


def _date(pattern: re.Pattern[str], match: re.Match[str], today: date, day_first: bool) -> date | None:
    if pattern is _ISO:
        return _valid(int(match[1]), int(match[2]), int(match[3]))
    if pattern is _SLASHED:
        return _slashed(int(match[1]), int(match[2]), match[3], day_first)
    if pattern is _DAY_MONTH:
        return _yearless(int(match[1]), match[2], match[3], today)
    if pattern is _MONTH_DAY:
        return _yearless(int(match[2]), match[1], match[3], today)
    if pattern is _RELATIVE:
        ahead = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1, "day after tomorrow": 2}
        return today + timedelta(days=ahead[match[1].lower()])
    if pattern is _IN_DAYS:
        count = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3}.get(match[1].lower()) or int(match[1])
        return today + timedelta(days=count * (7 if match[2].lower() == "week" else 1))
    return _weekday((match[1] or "").strip().lower(), match[2].lower(), today)


def _slashed(first: int, second: int, year: str, day_first: bool) -> date | None:
    full = int(year) if len(year) == 4 else (1900 if int(year) > 40 else 2000) + int(year)
    month, day = (second, first) if day_first or first > 12 else (first, second)
    return _valid(full, month, day)


def _yearless(day: int, month: str, year: str | None, today: date) -> date | None:
    number = next(i for i, name in enumerate(_MONTHS, 1) if name.startswith(month.lower()[:3]))
    return _valid(int(year) if year else today.year, number, day)


def _weekday(which: str, name: str, today: date) -> date:
    wanted = next(i for i, day in enumerate(_DAYS) if day.startswith(name[:3]))
    ahead = (wanted - today.weekday()) % 7
    if which == "last":
        return today - timedelta(days=(today.weekday() - wanted) % 7 or 7)
    return today + timedelta(days=ahead or (7 if which == "next" else 0))


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
