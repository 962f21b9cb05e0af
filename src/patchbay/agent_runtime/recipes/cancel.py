"""``cancel``: calls an appointment of the caller's own off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from patchbay.agent_runtime.recipes.appointments import CANCEL, MINE, Entry, diary_of, given, in_doubt
from patchbay.agent_runtime.recipes.book import booked, booked_outputs
from patchbay.agent_runtime.recipes.owners import Owner, appointments_of, prove_owner, the_one
from patchbay.agent_runtime.recipes.recipe import PartNeeded, Parts, RecipeSettings
from patchbay.agent_runtime.recipes.reschedule import CURRENT
from patchbay.agent_runtime.recipes.slots import Diary, ZonedSettings
from patchbay.connectors.refusals import AlreadyExists, OutcomeUnknown, RecordNotFound, WriteRefused
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, FrozenCall, Output
from patchbay.schema_graph.model import Effect

_WHICH = msgspec.structs.replace(CURRENT, param="starts_at", arg="starts_at")


class CancelSettings(ZonedSettings, frozen=True, kw_only=True):
    """As for booking: the same zone, and the same ``owner``."""

    owner: Owner = Owner()


class Cancel:
    """Calls an appointment off. Which one is meant follows from who is calling."""

    name: ClassVar[str] = "cancel"
    effect: ClassVar[Effect] = "write"
    settings: ClassVar[type[RecipeSettings]] = CancelSettings
    parts: ClassVar[Mapping[str, PartNeeded]] = {"mine": MINE, "cancel": CANCEL}

    def inputs(self, settings: CancelSettings, parts: Mapping[str, FrozenCall]) -> tuple[CallInput, ...]:
        """Which one is meant, where there are several. Raises OwnerUnproven."""
        prove_owner(parts["mine"])
        return (_WHICH, settings.owner.input(required=True))

    def outputs(self, settings: CancelSettings, parts: Mapping[str, FrozenCall]) -> tuple[Output, ...]:
        """When it would have been."""
        return booked_outputs()

    async def run(self, settings: CancelSettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext) -> CallResult:
        """Call it off. Raises AppointmentNotFound, MissingArguments (which one is meant?) and OutcomeUnknown."""
        diary = diary_of(settings, context)
        owner = settings.owner.kept(arguments["owner"])
        entry = the_one(await appointments_of(parts, diary, settings.owner, owner), arguments["starts_at"], _WHICH)
        try:
            await _called_off(parts, entry)
        except OutcomeUnknown:
            with in_doubt():
                now = await self._found(parts, diary, settings, owner, entry)
                if now is not None:
                    await _called_off(parts, now)
        return booked(diary, entry.span)

    async def _found(self, parts: Parts, diary: Diary, settings: CancelSettings, owner: str | None, entry: Entry) -> Entry | None:
        """The appointment, if it is still there after the answer was lost."""
        mine = await appointments_of(parts, diary, settings.owner, owner)
        return next((one for one in mine if one.reference == entry.reference), None)


async def _called_off(parts: Parts, entry: Entry) -> None:
    try:
        await parts.run("cancel", given(parts, "cancel", {"reference": entry.reference, "version": entry.version}))
    except RecordNotFound:
        return  # somebody did so already
    except AlreadyExists:
        raise WriteRefused from None  # a conflict: it is not as it was when it was found
