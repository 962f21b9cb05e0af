"""Which times are open: working hours by weekday on a wall clock, less what is busy. Pure: no I/O, no clock of its own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from patchbay.agent_runtime.recipes.recipe import RecipeSettings

PartOfDay = Literal["morning", "afternoon", "evening"]
PARTS_OF_DAY: tuple[PartOfDay, ...] = ("morning", "afternoon", "evening")
_NOON, _EVENING = time(12), time(17)
_DAY = timedelta(days=1)
Clock = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Minutes = Annotated[int, msgspec.Meta(ge=0, le=1440)]
Span = tuple[datetime, datetime]
"""From when (inclusive) until when (exclusive), both in UTC."""


class Interval(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Open from one time of day to another; ``to`` at or before ``from`` is on the next day."""

    from_: Clock = msgspec.field(name="from")
    to: Clock


Intervals = Annotated[tuple[Interval, ...], msgspec.Meta(max_length=10)]


class Week(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """When it is open; a day that is not named is closed. The form is that of the ``business_hours`` policy."""

    monday: Intervals = ()
    tuesday: Intervals = ()
    wednesday: Intervals = ()
    thursday: Intervals = ()
    friday: Intervals = ()
    saturday: Intervals = ()
    sunday: Intervals = ()

    def on(self, day: date) -> tuple[Interval, ...]:
        """The hours that begin on ``day``."""
        days = (self.monday, self.tuesday, self.wednesday, self.thursday, self.friday, self.saturday, self.sunday)
        return days[day.weekday()]


class TimeZoneUnknown(ValueError):
    """There is no such IANA time zone."""


class ZonedSettings(RecipeSettings, frozen=True, kw_only=True):
    """``time_zone`` (IANA) is the one appointments are made and told in; None: the agent's."""

    time_zone: str | None = None

    def __post_init__(self) -> None:
        if self.time_zone is not None:
            try:
                ZoneInfo(self.time_zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise TimeZoneUnknown("timeZone must be an IANA name such as America/Toronto") from None


class SlotSettings(ZonedSettings, frozen=True, kw_only=True):
    """What an operator decides about appointments. Minutes and days are whole numbers.

    Slots begin every ``step_minutes`` from when it opens (None:
    one behind the other). ``buffer_minutes`` are kept free on both sides, ``notice_minutes`` from now on; nothing is offered
    later than ``horizon_days`` from today. On ``closed_days`` it is closed.
    """

    working_hours: Week
    slot_minutes: Annotated[int, msgspec.Meta(ge=5, le=1440)] = 30
    step_minutes: Annotated[int, msgspec.Meta(ge=5, le=1440)] | None = None
    buffer_minutes: Minutes = 0
    notice_minutes: Annotated[int, msgspec.Meta(ge=0, le=60 * 24 * 60)] = 60
    horizon_days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 30
    closed_days: Annotated[tuple[date, ...], msgspec.Meta(max_length=400)] = ()


class Diary(msgspec.Struct, frozen=True):
    """The rules of one run: the settings, the zone their hours are in, and the moment it is (aware)."""

    settings: SlotSettings
    zone: ZoneInfo
    now: datetime

    @property
    def length(self) -> timedelta:
        """How long one appointment takes."""
        return timedelta(minutes=self.settings.slot_minutes)

    @property
    def buffer(self) -> timedelta:
        """What is kept free on either side."""
        return timedelta(minutes=self.settings.buffer_minutes)

    @property
    def earliest(self) -> datetime:
        """Nothing begins before."""
        return self.now.astimezone(UTC) + timedelta(minutes=self.settings.notice_minutes)

    @property
    def today(self) -> date:
        """The day it is where the hours are."""
        return self.now.astimezone(self.zone).date()

    @property
    def last_day(self) -> date:
        """The last day anything is offered on."""
        return self.today + _DAY * self.settings.horizon_days

    def open_spans(self, day: date) -> list[Span]:
        """When it is open, of the hours that begin on ``day``. An hour that the clocks skip is not there; a time that comes twice
        is the first.
        """
        if day in self.settings.closed_days:
            return []
        spans: list[Span] = []
        for hours in self.settings.working_hours.on(day):
            begins, ends = time.fromisoformat(hours.from_), time.fromisoformat(hours.to)
            start = self._instant(day, begins)
            end = self._instant(day if ends > begins else day + _DAY, ends)
            if start < end:
                spans.append((start, end))
        return spans

    def _instant(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)

    def midnight(self, day: date) -> datetime:
        """When a day begins, in UTC."""
        return self._instant(day, time())

    def starts(self, day: date, length: timedelta | None = None) -> Iterator[datetime]:
        """When appointments (of another ``length`` than usual) may begin, of the hours that begin on ``day``, whether or not
        anything is busy.
        """
        step = timedelta(minutes=self.settings.step_minutes or self.settings.slot_minutes)
        for opens, closes in self.open_spans(day):
            at = opens
            while at + (length or self.length) <= closes:
                if at >= self.earliest:
                    yield at
                at += step

    def offers(self, start: datetime, length: timedelta | None = None) -> bool:
        """Whether an appointment may begin then at all: within the hours, on the grid, neither too soon nor too far."""
        day = start.astimezone(self.zone).date()
        wanted = start.astimezone(UTC)
        # Hours that run past midnight belong to the day they begin on; what is over is sorted out by the notice.
        return any(wanted in self.starts(one, length) for one in (day - _DAY, day) if one <= self.last_day)

    def wide(self, start: datetime, length: timedelta | None = None) -> Span:
        """What has to be free for an appointment at ``start``: its own time and the buffer on either side."""
        begins = start.astimezone(UTC)
        return begins - self.buffer, begins + (length or self.length) + self.buffer

    def local(self, moment: datetime) -> str:
        """A moment as a result has it: RFC 3339 where the hours are."""
        return moment.astimezone(self.zone).isoformat()


class Taken:
    """Busy times, merged, to be asked whether a time is free."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._starts: list[datetime] = []
        self._ends: list[datetime] = []
        for start, end in sorted(span for span in spans if span[0] < span[1]):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def free(self, span: Span) -> bool:
        """Whether nothing busy overlaps ``span``; what only touches it does not."""
        start, end = span
        behind = bisect_left(self._starts, end)
        return behind == 0 or self._ends[behind - 1] <= start


def open_starts(diary: Diary, days: Sequence[date], taken: Taken, part: PartOfDay | None = None) -> Iterator[datetime]:
    """When appointments can begin on these days (in their order), in UTC."""
    for day in days:
        for start in diary.starts(day):
            if taken.free(diary.wide(start)) and (part is None or part_of_day(start.astimezone(diary.zone).time()) == part):
                yield start


def part_of_day(clock: time) -> PartOfDay:
    """What people call a time of day: the morning ends at noon, the afternoon at five."""
    return "morning" if clock < _NOON else "afternoon" if clock < _EVENING else "evening"
