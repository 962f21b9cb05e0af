"""``reschedule``: moves an appointment of the caller's own to a time that is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from patchbay.agent_runtime.recipes.appointments import (
    BUSY,
    MINE,
    MOVE,
    AppointmentNotFound,
    Entry,
    SlotNotOffered,
    SlotTaken,
    busy,
    days_held,
    diary_of,
    given,
    in_doubt,
)
from patchbay.agent_runtime.recipes.book import UNSEEN, booked, booked_outputs, others
from patchbay.agent_runtime.recipes.owners import Owner, appointments_of, prove_owner, the_one
from patchbay.agent_runtime.recipes.recipe import PartNeeded, Parts, RecipeSettings
from patchbay.agent_runtime.recipes.slots import Diary, SlotSettings, Span
from patchbay.connectors.refusals import CallRefused, OutcomeUnknown, RecordNotFound
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, FrozenCall, Output
from patchbay.schema_graph.model import Effect

_NEW = CallInput(
    "new_time", "new_time", "datetime", "date-time", required=True, zoned=True,
    description="The date and time the appointment is moved to: one that was found to be open.",
)  # fmt: skip
CURRENT = CallInput(
    "current_time", "current_time", "datetime", "date-time", zoned=True,
    description="The date and time the appointment has now; only when the caller has several.",
)  # fmt: skip


class RescheduleSettings(SlotSettings, frozen=True, kw_only=True):
    """As for booking: a moved appointment keeps to the same rules, and belongs to the same ``owner``."""

    owner: Owner = Owner()


class Reschedule:
    """Moves an appointment. Which one is meant follows from who is calling."""

    name: ClassVar[str] = "reschedule"
    effect: ClassVar[Effect] = "write"
    settings: ClassVar[type[RecipeSettings]] = RescheduleSettings
    parts: ClassVar[Mapping[str, PartNeeded]] = {"busy": BUSY, "mine": MINE, "move": MOVE}

    def inputs(self, settings: RescheduleSettings, parts: Mapping[str, FrozenCall]) -> tuple[CallInput, ...]:
        """The new time, and which one is meant where there are several. Raises OwnerUnproven."""
        prove_owner(parts["mine"])
        return (_NEW, CURRENT, settings.owner.input(required=True))

    def outputs(self, settings: RescheduleSettings, parts: Mapping[str, FrozenCall]) -> tuple[Output, ...]:
        """When it begins now."""
        return booked_outputs()

    async def run(
        self, settings: RescheduleSettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext
    ) -> CallResult:
        """Move it. Raises :class:`AppointmentNotFound`, :class:`SlotNotOffered`, :class:`SlotTaken`, MissingArguments when it is
        not clear which one is meant, and OutcomeUnknown.
        """
        diary = diary_of(settings, context)
        owner = settings.owner.kept(arguments["owner"])
        mine = await appointments_of(parts, diary, settings.owner, owner)
        there = next((entry for entry in mine if entry.start == arguments["new_time"]), None)
        if there is not None:
            return booked(diary, there.span)  # by an earlier attempt: it is there already
        entry = the_one(mine, arguments["current_time"], CURRENT)
        length = entry.end - entry.start
        wide = diary.wide(arguments["new_time"], length)
        span = (wide[0] + diary.buffer, wide[1] - diary.buffer)
        if not diary.offers(arguments["new_time"], length):
            raise SlotNotOffered
        async with days_held(parts, wide):
            if _rivals(await busy(parts, diary, wide), wide, entry):
                raise SlotTaken
            await _move(parts, diary, settings, owner, entry, span)
            return await _alone(parts, diary, entry, span)

    async def found_done(
        self, settings: RescheduleSettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext
    ) -> bool:
        """Whether an appointment of the caller's is at the new time, and nobody else's."""
        diary = diary_of(settings, context)
        mine = await appointments_of(parts, diary, settings.owner, settings.owner.kept(arguments["owner"]))
        there = next((entry for entry in mine if entry.start == arguments["new_time"]), None)
        return there is not None and not others(await busy(parts, diary, there.span), there.span, there.reference)


async def _move(parts: Parts, diary: Diary, settings: RescheduleSettings, owner: str | None, entry: Entry, span: Span) -> None:
    """Move it to ``span``. After a lost answer the appointment itself tells whether it moved; if it did not, once more."""
    try:
        await _moved(parts, diary, entry, span)
    except OutcomeUnknown:
        with in_doubt():
            mine = await appointments_of(parts, diary, settings.owner, owner)
        now = next((one for one in mine if one.reference == entry.reference), None)
        if now is None or now.start not in (entry.start, span[0]):
            raise
        if now.start != span[0]:
            with in_doubt():
                await _moved(parts, diary, now, span)


async def _moved(parts: Parts, diary: Diary, entry: Entry, span: Span) -> None:
    values = {"reference": entry.reference, "starts_at": diary.local(span[0]), "ends_at": diary.local(span[1])}
    try:
        await parts.run("move", given(parts, "move", {**values, "version": entry.version}))
    except RecordNotFound:
        raise AppointmentNotFound from None


async def _alone(parts: Parts, diary: Diary, entry: Entry, span: Span) -> CallResult:
    """Moved, unless somebody else booked the new time meanwhile: then it goes back to where it was."""
    try:
        rivals = others(await busy(parts, diary, span), span, entry.reference)
    except CallRefused:
        return booked(diary, span, UNSEEN)
    if not rivals:
        return booked(diary, span)
    before = msgspec.structs.replace(entry, version=None)
    try:
        await _moved(parts, diary, before, entry.span)
        if others(await busy(parts, diary, entry.span), entry.span, entry.reference):
            raise OutcomeUnknown
    except CallRefused:
        raise OutcomeUnknown from None
    raise SlotTaken


def _rivals(entries: list[Entry], wide: Span, own: Entry) -> list[Entry]:
    """What keeps an appointment from moving there: everything but itself."""
    return [
        entry
        for entry in entries
        if entry.overlaps(wide) and not (entry.span == own.span if entry.reference is None else entry.reference == own.reference)
    ]
