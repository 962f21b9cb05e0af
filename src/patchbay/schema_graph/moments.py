"""Times told from that of the call: now, the start of today, of this week, and so long before or after them.

Calendar steps (years to days) are taken on the wall clock of the zone and hours to seconds on the time line, so that a day later
is the same time of day, and an hour later an hour, across a change of the clocks.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from patchbay.schema_graph.coercion import zone_info

Start = Literal["day", "week", "month", "year"]
MOST_DAYS = 36_600
"""How far from now a moment may lie: about a century."""
_OFFSET = re.compile(
    r"(?P<sign>[+-]?)P(?=[0-9T])(?:(?P<years>[0-9]{1,3})Y)?(?:(?P<months>[0-9]{1,4})M)?(?:(?P<weeks>[0-9]{1,4})W)?"
    r"(?:(?P<days>[0-9]{1,5})D)?(?:T(?=[0-9])(?:(?P<hours>[0-9]{1,6})H)?(?:(?P<minutes>[0-9]{1,8})M)?(?:(?P<seconds>[0-9]{1,9})S)?)?"
)


class Moment(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The start of the day, week (Monday, ISO 8601), month or year that now lies in, or now itself; then ``offset`` added, an
    ISO 8601 duration of whole numbers with a sign (``P7D``, ``-P1M``, ``PT2H``). ``time_zone`` (IANA) is the agent's unless said.
    """

    start_of: Start | None = None
    offset: str | None = None
    time_zone: str | None = None


class _Offset(msgspec.Struct, frozen=True):
    months: int
    days: int
    time: timedelta


def read_offset(text: str) -> _Offset:
    """A duration with its sign, taken apart. Raises ValueError for one that is none or too long."""
    found = _OFFSET.fullmatch(text)
    if found is None:
        raise ValueError("not an offset such as P7D or -PT2H")
    sign = -1 if found["sign"] == "-" else 1
    part: Mapping[str, int] = {name: int(found[name] or 0) for name in found.groupdict() if name != "sign"}
    offset = _Offset(
        sign * (part["years"] * 12 + part["months"]),
        sign * (part["weeks"] * 7 + part["days"]),
        sign * timedelta(hours=part["hours"], minutes=part["minutes"], seconds=part["seconds"]),
    )
    if abs(offset.months) * 31 + abs(offset.days) + abs(offset.time.days) > MOST_DAYS:
        raise ValueError("too far from now")
    return offset


def moment_at(asked: bool | Moment, now: datetime) -> datetime:
    """The time that is asked for, aware. ``now`` is aware, in the agent's zone, and so is what comes back."""
    if not isinstance(asked, Moment):
        return now
    zone = zone_info(asked.time_zone) if asked.time_zone is not None else now.tzinfo
    local = now.astimezone(zone)
    if asked.start_of is not None:
        local = _started(local, asked.start_of)
    if asked.offset is not None:
        local = _moved(local, read_offset(asked.offset))
    # By way of UTC: of a time that the clocks skip, the moment that they are put forward to.
    return local.astimezone(UTC).astimezone(zone)


def _started(local: datetime, start: Start) -> datetime:
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    match start:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "year":
            return day.replace(month=1, day=1)


def _moved(local: datetime, offset: _Offset) -> datetime:
    if offset.months:
        year, month = divmod(local.year * 12 + local.month - 1 + offset.months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        local = local.replace(year=year, month=month + 1, day=min(local.day, last), fold=0)
    if offset.days:
        local = local.replace(fold=0) + timedelta(days=offset.days)
    if offset.time:
        local = (local.astimezone(UTC) + offset.time).astimezone(local.tzinfo)
    return local
