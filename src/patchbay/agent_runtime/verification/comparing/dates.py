"""Dates of birth as people say them.

A date in figures is read in the order of the place: the day first where ``day_first`` is True, the month first where it is False.
Where the place is not known (None) and both orders give a date, it is :class:`AmbiguousDate`: the caller is asked to say the
month as a word, because accepting either would accept two answers. An order that gives no date is not a reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from patchbay.agent_runtime.verification.comparing.spoken import Word, without_endings, words

_MONTHS = (
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"],
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
)
MONTHS: dict[str, int] = {name: number for names in _MONTHS for number, name in enumerate(names, 1)} | {"sept": 9}
MONTH_FIRST = frozenset({"US", "PH", "FM", "MH", "PW", "PR", "GU", "AS", "VI", "MP"})
"""Countries where the month is written first."""
_SKIPPED = frozenset({"the", "of", "in", "and", "on", "day", "month", "year"})


class AmbiguousDate(ValueError):
    """The day and the month can be read either way, and nothing says which is meant."""


def day_first_in(country: str | None, language: str) -> bool | None:
    """Whether the day is said before the month where the agent is: by its country, else its language's region, else unknown."""
    region = country or next((part for part in language.split("-")[1:] if len(part) == 2), None)
    return None if region is None else region.upper() not in MONTH_FIRST


def read_date(text: str, *, day_first: bool | None, today: date) -> tuple[date, tuple[int, int]] | None:
    """The date in ``text`` that is not after ``today``, and where it stands; None when there is none or more than one.

    Raises :class:`AmbiguousDate`.
    """
    said = [w for w in without_endings(words(text)) if w.text not in _SKIPPED]
    for at in range(len(said)):
        for reading in (_with_month(said, at, today), _in_figures(said, at, day_first, today)):
            if reading is not None:
                found, last = reading
                return found, (said[at].start, last.end)
    return None


def stored_date(value: str, *, day_first: bool | None, today: date) -> date | None:
    """A date as a system stores it: ISO 8601 (a time of day after it is not looked at), else as people write it."""
    try:
        return date.fromisoformat(value.strip()[:10])
    except ValueError:
        pass
    try:
        found = read_date(value, day_first=day_first, today=today)
    except AmbiguousDate:
        return None
    return found[0] if found else None


def _with_month(said: Sequence[Word], at: int, today: date) -> tuple[date, Word] | None:
    """``3 may 1980`` or ``may 3 1980``; the year may be two numbers (``19 80``)."""
    if at + 2 >= len(said):
        return None
    first, second = said[at], said[at + 1]
    if first.number and second.text in MONTHS:
        day, month = first.text, MONTHS[second.text]
    elif first.text in MONTHS and second.number:
        day, month = second.text, MONTHS[first.text]
    else:
        return None
    year = _year(said, at + 2, today)
    if year is None or len(day) > 2:
        return None
    made = _made(year[0], month, int(day), today)
    return (made, year[1]) if made else None


def _in_figures(said: Sequence[Word], at: int, day_first: bool | None, today: date) -> tuple[date, Word] | None:
    """``1980-05-03``, ``3/5/80``, ``03 05 19 80``, ``03051980``."""
    first = said[at]
    if not first.number:
        return None
    if len(first.text) == 8:
        return _run(first, day_first, today)
    parts = said[at : at + 3]
    if len(parts) < 3 or not all(p.number for p in parts):
        return None
    if len(first.text) == 4 and max(len(parts[1].text), len(parts[2].text)) <= 2:
        made = _made(int(first.text), int(parts[1].text), int(parts[2].text), today)
        return (made, parts[2]) if made else None
    run = _digit_by_digit(said, at, day_first, today)
    if run is not None:
        return run
    if max(len(first.text), len(parts[1].text)) > 2:
        return None
    led = _joined_zeros(said, at)
    if led is None:
        return None
    one, other, after = led
    year = _year(said, after, today)
    if year is None:
        return None
    made = _ordered(one, other, year[0], day_first, today)
    return (made, year[1]) if made else None


def _joined_zeros(said: Sequence[Word], at: int) -> tuple[int, int, int] | None:
    """Two numbers of at most two digits, an ``oh`` before a digit belonging to it, and where the next word is."""
    read: list[int] = []
    while len(read) < 2:
        if at >= len(said) or not said[at].number or len(said[at].text) > 2:
            return None
        if said[at].text == "0" and at + 1 < len(said) and said[at + 1].number and len(said[at + 1].text) == 1:
            at += 1
        read.append(int(said[at].text))
        at += 1
    return read[0], read[1], at


def _digit_by_digit(said: Sequence[Word], at: int, day_first: bool | None, today: date) -> tuple[date, Word] | None:
    """Eight digits said one after the other."""
    run = list(_single_digits(said, at))
    if len(run) != 8:
        return None
    whole = Word("".join(w.text for w in run), run[0].start, run[-1].end)
    return _run(whole, day_first, today)


def _single_digits(said: Sequence[Word], at: int) -> Iterator[Word]:
    for word in said[at:]:
        if not word.number or len(word.text) != 1:
            return
        yield word


def _run(word: Word, day_first: bool | None, today: date) -> tuple[date, Word] | None:
    figures = word.text
    if figures[:2] in ("19", "20") and (made := _made(int(figures[:4]), int(figures[4:6]), int(figures[6:]), today)):
        return made, word
    made = _ordered(int(figures[:2]), int(figures[2:4]), int(figures[4:]), day_first, today)
    return (made, word) if made else None


def _year(said: Sequence[Word], at: int, today: date) -> tuple[int, Word] | None:
    """The year that begins at ``at``: ``1980``, ``19 80``, ``19 oh 5``, ``2 thousand 5``, ``80``."""
    if at >= len(said) or not said[at].number:
        return _after_thousand(said, at)
    first = said[at]
    thousand = _after_thousand(said, at)
    if thousand is not None:
        return thousand
    if len(first.text) == 4:
        return int(first.text), first
    digits = _digits_of_year(said, at)
    if digits is not None:
        return digits
    if len(first.text) != 2:
        return None
    if first.text in ("18", "19", "20"):
        rest = _tail(said, at + 1)
        if rest is not None:
            return int(first.text + rest[0]), rest[1]
    short = int(first.text)
    return (2000 + short if 2000 + short <= today.year else 1900 + short), first


def _digits_of_year(said: Sequence[Word], at: int) -> tuple[int, Word] | None:
    run = list(_single_digits(said, at))
    return (int("".join(w.text for w in run)), run[-1]) if len(run) == 4 and run[0].text in "12" else None


def _tail(said: Sequence[Word], at: int) -> tuple[str, Word] | None:
    """The last two digits of a year: ``80``, ``0 5``."""
    if at < len(said) and said[at].number and len(said[at].text) == 2:
        return said[at].text, said[at]
    if at + 1 < len(said) and said[at].number and said[at + 1].number:
        pair = said[at].text + said[at + 1].text
        return (pair, said[at + 1]) if len(pair) == 2 else None
    if at < len(said) and said[at].text == "hundred":
        return "00", said[at]
    return None


def _after_thousand(said: Sequence[Word], at: int) -> tuple[int, Word] | None:
    if at + 1 >= len(said) or said[at].text not in ("1", "2") or said[at + 1].text != "thousand":
        return None
    base, last = int(said[at].text) * 1000, said[at + 1]
    if at + 2 < len(said) and said[at + 2].number and len(said[at + 2].text) <= 2:
        return base + int(said[at + 2].text), said[at + 2]
    return base, last


def _ordered(one: int, other: int, year: int, day_first: bool | None, today: date) -> date | None:
    as_day_first, as_month_first = _made(year, other, one, today), _made(year, one, other, today)
    if day_first is not None:
        return (as_day_first or as_month_first) if day_first else (as_month_first or as_day_first)
    if as_day_first and as_month_first and as_day_first != as_month_first:
        raise AmbiguousDate
    return as_day_first or as_month_first


def _made(year: int, month: int, day: int, today: date) -> date | None:
    try:
        made = date(year, month, day)
    except ValueError:
        return None
    return made if year >= 1850 and made <= today else None


def date_forms(value: date) -> set[str]:
    """The ways to write ``value`` without separators, as they are looked for in a text to mask."""
    day, month, year = value.day, value.month, value.year
    forms: set[str] = set()
    for years in (f"{year:04}", f"{year % 100:02}"):
        for d in {f"{day:02}", str(day)}:
            for m in {f"{month:02}", str(month)}:
                forms |= {d + m + years, m + d + years, years + m + d}
            for names in _MONTHS:
                name = names[month - 1]
                forms |= {d + name + years, name + d + years}
    return {form for form in forms if len(form) >= 5}
