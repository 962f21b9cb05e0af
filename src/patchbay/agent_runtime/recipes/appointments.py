"""What the recipes about appointments have in common: the parts they are made of, in one place, and how their rows are read.

A calendar and a table of appointments serve alike. What a part is given, and what it has to return (in brackets: where it takes
it, or has it):

- ``busy`` reads what overlaps ``window_start`` to ``window_end``, that is ends after the one and starts before the other:
  ``starts_at``, ``ends_at`` (``starts_on``, ``ends_on`` of what takes whole days, the last one not part of it; ``status``,
  ``shown_as``, ``reference``).
- ``mine`` reads the caller's own (``window_start``, ``window_end``, ``owner``): ``reference``, ``starts_at`` (``ends_at``,
  ``status``, ``version``, ``owner``).
- ``insert`` writes ``starts_at``, ``ends_at`` (``reference``, ``owner``, ``title``, ``details``; for whatever else it takes the
  caller is asked), and returns nothing (``reference``).
- ``move`` writes ``starts_at`` and ``ends_at`` of ``reference`` (``version``).
- ``cancel`` takes ``reference`` away (``version``).

A ``status`` of ``cancelled`` (or ``canceled``) or ``declined`` and a ``shown_as`` of ``free`` keep nobody from booking.
``reference`` names one appointment for good: given to ``insert``, it has to be refused a second time (``already_exists``).
``version`` changes with each change of an appointment, and ``move`` and ``cancel`` are refused with one that is over.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from patchbay.agent_runtime.recipes.recipe import PartNeeded, Parts
from patchbay.agent_runtime.recipes.slots import Diary, SlotSettings, Span, Week, ZonedSettings
from patchbay.connectors.http.results import MORE, NO_RECORD
from patchbay.connectors.refusals import CallRefused, OutcomeUnknown, TimeZoneMissing
from patchbay.errors import PatchbayError
from patchbay.schema_graph.call import CallContext, CallResult
from patchbay.schema_graph.coercion import Unfit, zone_info

BUSY = PartNeeded(effect="read", arguments=("window_start", "window_end"), leaves=("starts_at", "ends_at"))
MINE = PartNeeded(effect="read", offered=("window_start", "window_end", "owner"), leaves=("reference", "starts_at"))
INSERT = PartNeeded(
    effect="write", arguments=("starts_at", "ends_at"), offered=("reference", "owner", "title", "details"), asks=True
)
MOVE = PartNeeded(effect="write", arguments=("reference", "starts_at", "ends_at"), offered=("version",))
CANCEL = PartNeeded(effect="write", arguments=("reference",), offered=("version",))

SMALLEST = timedelta(minutes=15)
MOST_LOOKS = 24
"""Reads of one run: a calendar so full that more were needed is not read to its end."""
_CANCELLED = frozenset({"cancelled", "canceled", "declined"})


class SlotNotOffered(CallRefused):
    """The time is outside the hours, too soon, too far away, or not one at which appointments begin."""

    code, title = "slot_not_offered", "Slot not offered"
    layer = "arguments"
    next_step = "Look for open times and offer one of those."
    say = "I can't book that time. Shall I look for one that is open?"


class SlotTaken(CallRefused):
    """The time is taken. Nothing was booked."""

    code, title = "slot_taken", "Slot taken"
    layer = "source"
    next_step = "Look for open times and offer another one."
    say = "That time is taken. Shall I look for another one?"


class CalendarTooFull(CallRefused):
    """There is more in the calendar than can be read while a caller waits."""

    code, title = "calendar_too_full", "Calendar too full"
    layer = "limits"
    next_step = "Ask for one day, or let the skill look less far ahead."
    say = "There is a lot in the calendar. Which day would suit you?"


class AppointmentNotFound(CallRefused):
    """The caller has no such appointment. Nothing was changed."""

    code, status, title = "appointment_not_found", 404, "Appointment not found"
    layer = "source"
    next_step = "Ask for the date and time of the appointment, or hand over to a person."
    say = "I couldn't find an appointment of yours for that, so I haven't changed anything."


class Entry(msgspec.Struct, frozen=True):
    """One thing in a calendar: from ``start`` until ``end``, in UTC."""

    start: datetime
    end: datetime
    reference: str | None = None
    version: str | None = None
    owner: str | None = None

    @property
    def span(self) -> Span:
        """Its time."""
        return self.start, self.end

    def overlaps(self, span: Span) -> bool:
        """Whether it takes any of that time."""
        return self.start < span[1] and span[0] < self.end


def diary_of(settings: ZonedSettings, context: CallContext) -> Diary:
    """The rules of a run that begins now, without hours where there are none in the settings. Raises TimeZoneMissing."""
    slots = settings if isinstance(settings, SlotSettings) else SlotSettings(working_hours=Week())
    try:
        zone = zone_info(settings.time_zone or context.time_zone)
    except Unfit:
        raise TimeZoneMissing("The agent's time zone is not an IANA name.") from None
    return Diary(slots, zone, datetime.now(UTC).replace(microsecond=0))


async def busy(parts: Parts, diary: Diary, span: Span) -> list[Entry]:
    """Everything that takes time within ``span``. What is still cut when it is asked for by very short spans counts as taken, and
    so does what cannot be read. Raises :class:`CalendarTooFull`.
    """
    found: list[Entry] = []
    for window, result in await answers(parts, "busy", span):
        doubtful = any(note != MORE for note in result.notes)
        found += [entry for row in result.rows if (entry := _taken(row, diary, window, doubtful=doubtful)) is not None]
        if result.truncated or NO_RECORD in result.notes:
            found.append(Entry(*window))
    return found


async def answers(parts: Parts, part: str, span: Span, more: Mapping[str, Any] | None = None) -> list[tuple[Span, CallResult]]:
    """What a part says of ``span``: an answer that was cut is asked for again by halves, where the part takes a window. Raises
    :class:`CalendarTooFull`.
    """
    found: list[tuple[Span, CallResult]] = []
    windowed = {"window_start", "window_end"} <= parts.takes(part)
    todo, looks = [span], 0
    while todo:
        start, end = todo.pop()
        looks += 1
        if looks > MOST_LOOKS:
            raise CalendarTooFull
        asked = {"window_start": start.isoformat(), "window_end": end.isoformat(), **(more or {})}
        result = await parts.run(part, given(parts, part, asked))
        if not result.truncated or end - start <= SMALLEST or not windowed:
            found.append(((start, end), result))
        else:
            middle = start + (end - start) / 2
            todo += [(start, middle), (middle, end)]
    return found


def _taken(row: Mapping[str, Any], diary: Diary, window: Span, *, doubtful: bool) -> Entry | None:
    """What a row takes of ``window``. A time that cannot be read, or that is missing where a note says that something could not
    be (``doubtful``), may be any: then it is taken to the border.
    """
    entry = read_entry(row, diary)
    start, end = _moment(row, "starts_at", "starts_on", diary), _moment(row, "ends_at", "ends_on", diary)
    if takes_nothing(row) or (start is not None and end is not None):
        return entry
    if (
        doubtful
        or (start is None and _tells(row, "starts_at", "starts_on"))
        or (end is None and _tells(row, "ends_at", "ends_on"))
    ):
        return Entry(window[0] if start is None else start, window[1] if end is None else end, _text(row.get("reference")))
    return entry


def _tells(row: Mapping[str, Any], *leaves: str) -> bool:
    return any(row.get(leaf) is not None for leaf in leaves)


def takes_nothing(row: Mapping[str, Any]) -> bool:
    """Whether a row keeps nobody from booking."""
    return str(row.get("status") or "").lower() in _CANCELLED or str(row.get("shown_as") or "").lower() == "free"


def read_entry(row: Mapping[str, Any], diary: Diary) -> Entry | None:
    """What a row takes of the calendar; None for what takes nothing. Without an end it takes as long as one appointment, or the
    whole day; days are those where the hours are.
    """
    start = None if takes_nothing(row) else _moment(row, "starts_at", "starts_on", diary)
    if start is None:
        return None
    alone = diary.length if row.get("starts_at") is not None else timedelta(days=1)
    end = _moment(row, "ends_at", "ends_on", diary) or start + alone
    return Entry(start, end, _text(row.get("reference")), _text(row.get("version")), _text(row.get("owner")))


def _moment(row: Mapping[str, Any], at: str, on: str, diary: Diary) -> datetime | None:
    """A moment in UTC; None where there is none that can be read."""
    told, day = row.get(at), row.get(on)
    try:
        if told is not None:
            moment = datetime.fromisoformat(str(told))
            return (moment if moment.tzinfo else moment.replace(tzinfo=diary.zone)).astimezone(UTC)
        return diary.midnight(date.fromisoformat(str(day))) if day is not None else None
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


@contextmanager
def in_doubt() -> Generator[None]:
    """After a write whose answer was lost: whatever refuses what follows leaves its outcome unknown."""
    try:
        yield
    except PatchbayError:
        raise OutcomeUnknown from None


@asynccontextmanager
async def days_held(parts: Parts, span: Span) -> AsyncGenerator[None]:
    """Hold the calendar for every day the time touches: nobody else, in any process, books on them meanwhile. They are held in
    their order, so that two who need the same days never wait for each other. Raises Busy.
    """
    day, last = span[0].astimezone(UTC).date(), span[1].astimezone(UTC).date()
    async with AsyncExitStack() as stack:
        while day <= last:
            await stack.enter_async_context(parts.held(f"calendar {day.isoformat()}"))
            day += timedelta(days=1)
        yield


def given(parts: Parts, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Of ``values``, what the part takes."""
    taken = parts.takes(name)
    return {param: value for param, value in values.items() if param in taken}
