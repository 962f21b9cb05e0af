"""``availability``: the next open times, of working hours less what is in the calendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Annotated, Any, ClassVar

import msgspec

from patchbay.agent_runtime.recipes.appointments import BUSY, busy, diary_of
from patchbay.agent_runtime.recipes.recipe import PartNeeded, Parts, RecipeSettings
from patchbay.agent_runtime.recipes.slots import PARTS_OF_DAY, Diary, PartOfDay, SlotSettings, Taken, open_starts
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, Column, FrozenCall, Output
from patchbay.schema_graph.model import Effect

AT_ONCE_DAYS = 7
"""So many days are looked at with one read, and the next ones only when they have too little."""
LATER = "Nothing is open on the days asked for; these are the next open times after them."
TOO_FAR = "Appointments can be made until {last}."


class AvailabilitySettings(SlotSettings, frozen=True, kw_only=True):
    """``most`` open times are told, the earliest ones."""

    most: Annotated[int, msgspec.Meta(ge=1, le=10)] = 4


class Availability:
    """Finds open times. It changes nothing, so an open time may be gone by the time it is booked."""

    name: ClassVar[str] = "availability"
    effect: ClassVar[Effect] = "read"
    settings: ClassVar[type[RecipeSettings]] = AvailabilitySettings
    parts: ClassVar[Mapping[str, PartNeeded]] = {"busy": BUSY}

    def inputs(self, settings: AvailabilitySettings, parts: Mapping[str, FrozenCall]) -> tuple[CallInput, ...]:
        """The day the caller wants, a range of days, or neither."""
        return (
            CallInput(
                "preferred_date", "preferred_date", "date", "date",
                description="The day that suits the caller, when they named one: the first one of a range.",
            ),
            CallInput(
                "latest_date", "latest_date", "date", "date",
                description="The last day that suits the caller, when they named a range of days such as this week.",
            ),
            CallInput(
                "part_of_day", "part_of_day", "enum", "text", enum=PARTS_OF_DAY,
                description="When the caller prefers the morning, the afternoon or the evening.",
            ),
        )  # fmt: skip

    def outputs(self, settings: AvailabilitySettings, parts: Mapping[str, FrozenCall]) -> tuple[Output, ...]:
        """When an appointment could begin."""
        return (time_output("open_time", "calendar"),)

    async def run(
        self, settings: AvailabilitySettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext
    ) -> CallResult:
        """The earliest open times on the days that were asked for; without any, those after them, which a note says."""
        diary = diary_of(settings, context)
        first = max(arguments["preferred_date"] or diary.today, diary.today)
        last = arguments["latest_date"] or arguments["preferred_date"] or diary.last_day
        part: PartOfDay | None = arguments["part_of_day"]
        if first > diary.last_day:
            return _told(diary, settings, [], (TOO_FAR.format(last=diary.last_day.isoformat()),))
        last = min(max(last, first), diary.last_day)
        found = await self._look(diary, settings, parts, first, last, part)
        if found or last == diary.last_day:
            return _told(diary, settings, found, ())
        found = await self._look(diary, settings, parts, last + timedelta(days=1), diary.last_day, part)
        return _told(diary, settings, found, (LATER,) if found else ())

    async def _look(
        self, diary: Diary, settings: AvailabilitySettings, parts: Parts, first: date, last: date, part: PartOfDay | None
    ) -> list[str]:
        """Open times from ``first`` to ``last``: one more than are told, where there is one."""
        wanted = settings.most + 1
        found: list[str] = []
        # Yesterday's hours may run past midnight.
        begins = first - timedelta(days=1) if first == diary.today else first
        days = [begins + timedelta(days=n) for n in range((last - begins).days + 1)]
        for week in (days[n : n + AT_ONCE_DAYS] for n in range(0, len(days), AT_ONCE_DAYS)):
            spans = [span for day in week for span in diary.open_spans(day) if span[1] > diary.earliest]
            if not spans:
                continue
            window = min(s for s, _ in spans) - diary.buffer, max(e for _, e in spans) + diary.buffer
            taken = Taken(entry.span for entry in await busy(parts, diary, window))
            found += [diary.local(start) for start in islice(open_starts(diary, week, taken, part), wanted - len(found))]
            if len(found) == wanted:
                break
        return found


def _told(diary: Diary, settings: AvailabilitySettings, found: Sequence[str], notes: tuple[str, ...]) -> CallResult:
    rows = [{"open_time": start} for start in found[: settings.most]]
    return CallResult(rows=rows, row_count=len(rows), truncated=len(found) > settings.most, notes=notes)


def time_output(leaf: str, of: str) -> Output:
    """When something begins, under names that can be said."""
    return Output(leaf, Column(of, "starts_at", "datetime", "date-time", zoned=True))
