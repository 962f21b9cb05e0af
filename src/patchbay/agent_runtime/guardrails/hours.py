"""Business hours: whether it is open at a moment, in the hours' own time zone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from patchbay.agent_runtime.guardrails.policies import Interval, Week

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = 24 * 60


class Hours(msgspec.Struct, frozen=True):
    """Open minutes of each weekday (from, to; past 1440 is the next day), and the days it is closed all day."""

    zone: ZoneInfo
    week: tuple[tuple[tuple[int, int], ...], ...]
    holidays: frozenset[date]

    def open_at(self, moment: datetime) -> bool:
        """Whether it is open at ``moment`` (aware). Hours that run past midnight belong to the day they began on."""
        local = moment.astimezone(self.zone)
        minute, day = local.hour * 60 + local.minute, local.date()
        before = day - timedelta(days=1)
        return self._within(day, minute) or self._within(before, minute + _DAY)

    def _within(self, day: date, minute: int) -> bool:
        if day in self.holidays:
            return False
        return any(start <= minute < end for start, end in self.week[day.weekday()])


def compile_hours(week: Week, holidays: Iterable[date], zone: str) -> Hours:
    """The hours of a policy, in ``zone`` (IANA)."""
    days = tuple(tuple(_minutes(one) for one in getattr(week, name)) for name in _DAYS)
    return Hours(ZoneInfo(zone), days, frozenset(holidays))


def _minutes(interval: Interval) -> tuple[int, int]:
    start, end = _minute(interval.from_), _minute(interval.to)
    return start, end if end > start else end + _DAY


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)
