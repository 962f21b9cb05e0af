"""Whose appointment it is: by what the channel or a verification knows of the caller, never by what the model says."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec

from patchbay.agent_runtime.recipes.appointments import AppointmentNotFound, CalendarTooFull, Entry, answers, read_entry
from patchbay.agent_runtime.recipes.recipe import Parts, RecipeSettings
from patchbay.agent_runtime.recipes.slots import Diary
from patchbay.agent_runtime.withheld import is_withheld
from patchbay.errors import Unprocessable
from patchbay.schema_graph.arguments import MissingArguments, MissingFacts
from patchbay.schema_graph.call import CallInput, FrozenCall
from patchbay.schema_graph.phones import to_e164

AHEAD = timedelta(days=400)
"""Appointments further away are not looked for."""
OWNER = "owner"


class OwnerUnproven(Unprocessable):
    """Whose appointment is meant would be left to the model (recipe_invalid)."""

    code, title = "recipe_invalid", "Recipe not valid"


class Owner(RecipeSettings, frozen=True, kw_only=True):
    """How appointments know whose they are: by a fact of the session (``key`` names it) or by a verified field.

    A phone number is kept and looked for as E.164; ``country`` (ISO 3166-1 alpha-2) is for numbers without a country code.
    ``form`` is how the part ``mine`` wants to be asked, with ``{owner}`` in it.
    """

    source: Literal["session", "verified"] = "session"
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "caller_number"
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] | None = None
    form: Annotated[str, msgspec.Meta(pattern=r"\{owner\}", max_length=200)] = "{owner}"

    def input(self, *, required: bool) -> CallInput:
        """The input that brings the owner."""
        return CallInput(OWNER, OWNER, "string", "text", source=self.source, key=self.key, required=required, tidy=True)

    def kept(self, value: Any) -> str | None:
        """The owner as it is kept with an appointment; None for nobody in particular. What a carrier says of a caller who
        withholds their number is the same for all of them, so it owns nothing.
        """
        text = " ".join(str(value).split()) if value is not None else ""
        number = to_e164(text, self.country)
        if (number is not None and is_withheld(number)) or (number is None and self.key == "caller_number"):
            return None
        return number or text or None


def prove_owner(mine: FrozenCall) -> None:
    """Raises :class:`OwnerUnproven` for a part that finds appointments whoever they belong to."""
    if not any(one.source in ("session", "verified") or one.param == OWNER for one in mine.inputs):
        raise OwnerUnproven(hint="Let the part 'mine' take the owner, or bind an input of it to the session or a verified field.")


async def appointments_of(parts: Parts, diary: Diary, owned: Owner, owner: str | None) -> list[Entry]:
    """The appointments that are still to come, of the owner alone, earliest first. Raises MissingFacts without an owner, and
    CalendarTooFull where there may be some that were not read: the only one that was is not the only one there is.
    """
    if owner is None:
        raise MissingFacts([owned.input(required=True)])
    minute = diary.now.replace(second=0, microsecond=0)
    found = await answers(parts, "mine", (minute, minute + AHEAD), {OWNER: owned.form.replace("{owner}", owner)})
    if any(result.truncated for _, result in found):
        raise CalendarTooFull
    entries = [entry for _, result in found for row in result.rows if (entry := read_entry(row, diary)) is not None]
    # What a system says it found is looked at again: another's appointment is none of this caller's.
    kept = [
        entry
        for entry in entries
        if entry.reference is not None and entry.start > diary.now and owned.kept(entry.owner) in (None, owner)
    ]
    return sorted({entry.reference: entry for entry in kept}.values(), key=lambda entry: entry.start)


def the_one(entries: list[Entry], wanted: Any, asked: CallInput) -> Entry:
    """The appointment that is meant: the one at that time, or the only one.

    Raises :class:`AppointmentNotFound`, or MissingArguments when the caller has to say which.
    """
    if wanted is not None:
        entries = [entry for entry in entries if entry.start == wanted]
    if not entries:
        raise AppointmentNotFound
    if len(entries) > 1:
        raise MissingArguments([msgspec.structs.replace(asked, description="The date and time of the appointment that is meant")])
    return entries[0]
