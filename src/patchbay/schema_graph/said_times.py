"""Dates and times as people and models write them.

ISO forms, and the common ones that every reader reads alike: ``5 March 2026``, ``25/12/2026``, ``2:30 pm``, ``noon``. A date
such as ``05/03/2026``, where day and month may be swapped, is refused rather than guessed.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH_NAMES = {name: n for n, full in enumerate(_MONTHS, 1) for name in (full, full[:3])} | {"sept": 9}
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?(?: of)?[ -]([a-z]+)\.?,?[ -](\d{4})")
_MONTH_FIRST = re.compile(r"([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_SLASHED = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?(?::(\d{2}))? ?(?:([ap])\.?m\.?)?", re.IGNORECASE)


class Unfit(ValueError):
    """A value that is not one of the type asked for. ``code`` is stable; the message is a sentence without the value."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def said_date(text: str) -> date | None:
    """A date, or None where the text (in lower case) is not written as one. Raises :class:`Unfit` for one that is none."""
    if match := _YEAR_FIRST.fullmatch(text):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if match := _DAY_FIRST.fullmatch(text):
        return _day(int(match[3]), _MONTH_NAMES.get(match[2], 0), int(match[1]))
    if match := _MONTH_FIRST.fullmatch(text):
        return _day(int(match[3]), _MONTH_NAMES.get(match[1], 0), int(match[2]))
    if match := _SLASHED.fullmatch(text):
        first, second, year = int(match[1]), int(match[2]), int(match[3])
        if first <= 12 and second <= 12 and first != second:
            raise Unfit("date_ambiguous", "It is not clear which is the day and which the month: write it as 2026-03-05.")
        return _day(year, second, first) if first > 12 else _day(year, first, second)
    return None


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise Unfit("type_invalid", "There is no such day.") from error


def said_time(text: str) -> time:
    """A time of day. Raises :class:`Unfit`."""
    word = {"noon": time(12), "midday": time(12), "midnight": time(0)}.get(text.lower())
    if word is not None:
        return word
    match = _CLOCK.fullmatch(text)
    half = (match[4] or "").lower() if match else ""
    if match and (match[2] or half):
        hour = int(match[1])
        if half and 1 <= hour <= 12:
            return _clock(hour % 12 + (12 if half == "p" else 0), match)
        if not half:
            return _clock(hour, match)
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise Unfit("type_invalid", "This must be a time such as 14:30.") from error


def _clock(hour: int, match: re.Match[str]) -> time:
    try:
        return time(hour, int(match[2] or 0), int(match[3] or 0))
    except ValueError as error:
        raise Unfit("type_invalid", "There is no such time of day.") from error


def said_moment(text: str) -> datetime:
    """A date and time; a date alone is its midnight. Raises :class:`Unfit`."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    day_text, separator, clock_text = text.partition(" at ")
    if not separator:
        day_text, separator, clock_text = text.rpartition(" ")
    day = said_date((day_text if separator else text).rstrip(",").lower())
    if day is not None:
        return datetime.combine(day, said_time(clock_text))
    whole = said_date(text.lower())
    if whole is None:
        raise Unfit("type_invalid", "This must be a date and time such as 2026-03-05T14:30.")
    return datetime.combine(whole, time())
