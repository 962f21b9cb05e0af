"""``book``: looks again whether a time is open, books it once, and gives way when somebody outside booked it in between."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from patchbay.agent_runtime.planner.words import humanized
from patchbay.agent_runtime.recipes.appointments import (
    BUSY,
    CANCEL,
    INSERT,
    Entry,
    SlotNotOffered,
    SlotTaken,
    busy,
    days_held,
    diary_of,
    given,
    in_doubt,
)
from patchbay.agent_runtime.recipes.availability import time_output
from patchbay.agent_runtime.recipes.owners import Owner
from patchbay.agent_runtime.recipes.recipe import PartNeeded, Parts, RecipeSettings
from patchbay.agent_runtime.recipes.slots import Diary, SlotSettings, Span
from patchbay.connectors.refusals import AlreadyExists, CallRefused, OutcomeUnknown, RecordNotFound
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, FrozenCall, Output
from patchbay.schema_graph.model import Effect

UNSEEN = "It is booked, but it could not be checked that nobody else booked the same time at the same moment."
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_OWN = frozenset({*INSERT.arguments, *INSERT.offered})
_STARTS_AT = CallInput(
    "starts_at", "starts_at", "datetime", "date-time", required=True, zoned=True,
    description="The date and time the appointment begins: one that was found to be open.",
)  # fmt: skip


class BookSettings(SlotSettings, frozen=True, kw_only=True):
    """``owner`` is who may move it or call it off later: whoever is calling, else the ``caller_phone`` they give. ``title`` is
    what the appointment is called; ``{param}`` in it stands for what the caller said for that parameter.
    """

    owner: Owner = Owner()
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = "Appointment"


class Book:
    """Books one appointment of the settings' length. The caller is asked for what else the part ``insert`` takes."""

    name: ClassVar[str] = "book"
    effect: ClassVar[Effect] = "write"
    settings: ClassVar[type[RecipeSettings]] = BookSettings
    parts: ClassVar[Mapping[str, PartNeeded]] = {
        "busy": BUSY,
        "insert": INSERT,
        "cancel": msgspec.structs.replace(CANCEL, optional=True),
    }

    def inputs(self, settings: BookSettings, parts: Mapping[str, FrozenCall]) -> tuple[CallInput, ...]:
        """When it begins, whose it is, and what else ``insert`` takes from the model."""
        owner = settings.owner.input(required=settings.owner.source == "verified")
        return (_STARTS_AT, *(one for one in parts["insert"].inputs if _asked(one)), owner)

    def outputs(self, settings: BookSettings, parts: Mapping[str, FrozenCall]) -> tuple[Output, ...]:
        """When it begins."""
        return booked_outputs()

    async def run(self, settings: BookSettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext) -> CallResult:
        """Book it. Raises SlotNotOffered, SlotTaken, and OutcomeUnknown when it may be booked, or booked twice."""
        diary = diary_of(settings, context)
        start = arguments["starts_at"]
        reference = reference_of(parts.key())
        said = {name: value for name, value in context.arguments.items() if name in parts.takes("insert") - _OWN}
        wide = diary.wide(start)
        span = (wide[0] + diary.buffer, wide[1] - diary.buffer)
        values = {
            **said,
            "starts_at": diary.local(span[0]),
            "ends_at": diary.local(span[1]),
            "reference": reference,
            "owner": settings.owner.kept(arguments["owner"]) or settings.owner.kept(arguments.get("caller_phone")),
            "title": _filled(settings.title, said),
            "details": _details(said),
        }
        async with days_held(parts, wide):
            there = [entry for entry in await busy(parts, diary, wide) if entry.overlaps(wide)]
            if any(entry.reference == reference for entry in there):
                return booked(diary, span)  # by an earlier attempt of this very run
            if not diary.offers(start):
                raise SlotNotOffered
            if there:
                raise SlotTaken
            made = await _inserted(parts, diary, given(parts, "insert", values), wide)
            return await _alone(parts, diary, span, made)

    async def found_done(self, settings: BookSettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext) -> bool:
        """Whether the appointment of this run is there at its time, and nobody else's."""
        diary, reference = diary_of(settings, context), reference_of(parts.key())
        wide = diary.wide(arguments["starts_at"])
        span = (wide[0] + diary.buffer, wide[1] - diary.buffer)
        there = await busy(parts, diary, span)
        own = any(entry.reference == reference and entry.span == span for entry in there)
        return own and not others(there, span, reference)


class _Inserted(msgspec.Struct, frozen=True):
    """An appointment that was inserted: its reference, where it has one. ``said``: the answer was one that says so, and not just
    any that is no refusal.
    """

    reference: str | None
    said: bool = True


async def _inserted(parts: Parts, diary: Diary, values: Mapping[str, Any], wide: Span) -> _Inserted:
    """Insert once. With a reference of ours a lost answer can be asked for again."""
    reference: str | None = values.get("reference")
    try:
        result = await parts.run("insert", values)
    except AlreadyExists:
        return await _still_there(parts, diary, reference, wide)
    except OutcomeUnknown:
        if reference is None:
            raise
        with in_doubt():
            if any(entry.reference == reference for entry in await busy(parts, diary, wide)):
                return _Inserted(reference)
            try:
                result = await parts.run("insert", values)
            except AlreadyExists:
                return await _still_there(parts, diary, reference, wide)
    row: Mapping[str, Any] = result.rows[0] if result.rows else {}
    told = row.get("reference")
    said = not result.notes and (told is not None or "reference" not in row)
    return _Inserted(str(told) if told is not None else reference, said)


async def _still_there(parts: Parts, diary: Diary, reference: str | None, wide: Span) -> _Inserted:
    """What was there already is this very appointment; one that has since been moved or called off is not booked any more."""
    if reference is None:
        raise AlreadyExists
    with in_doubt():
        there = await busy(parts, diary, wide)
    if all(entry.reference != reference for entry in there):
        raise OutcomeUnknown
    return _Inserted(reference)


async def _alone(parts: Parts, diary: Diary, span: Span, made: _Inserted) -> CallResult:
    """Booked, unless somebody who holds no lock of ours booked the same time meanwhile: then it is called off again. Where not
    even the answer said so, it is booked when it is seen to be.
    """
    reference = made.reference
    try:
        there = await busy(parts, diary, span)
    except CallRefused:
        if not made.said:
            raise OutcomeUnknown from None
        return booked(diary, span, UNSEEN)
    if not made.said and (reference is None or all(entry.reference != reference for entry in there)):
        raise OutcomeUnknown
    rivals = others(there, span, reference)
    if not rivals:
        return booked(diary, span)
    if "cancel" not in parts or reference is None:
        raise OutcomeUnknown
    try:
        await parts.run("cancel", given(parts, "cancel", {"reference": reference}))
    except RecordNotFound:
        pass
    except CallRefused:
        raise OutcomeUnknown from None
    raise SlotTaken


def others(entries: list[Entry], span: Span, reference: str | None) -> list[Entry]:
    """What takes any of ``span`` beside our own: that of our reference, which may have been read twice, else one that has
    exactly this time.
    """
    there = [entry for entry in entries if entry.overlaps(span)]
    if reference is not None and any(entry.reference == reference for entry in there):
        return [entry for entry in there if entry.reference != reference]
    own = next((entry for entry in there if entry.reference is None and entry.span == span), None)
    return [entry for entry in there if entry is not own]


def booked(diary: Diary, span: Span, *notes: str) -> CallResult:
    """What is said of an appointment that is booked."""
    row = {"appointment_time": diary.local(span[0])}
    return CallResult(rows=[row], row_count=1, outcome="done", notes=notes)


def booked_outputs() -> tuple[Output, ...]:
    """When an appointment begins."""
    return (time_output("appointment_time", "appointment"),)


def reference_of(key: str) -> str:
    """The reference of what one run books: the same however often it is repeated. Letters a to f and p, and digits alone, which
    every system takes for an id.
    """
    return "pb" + hashlib.sha256(key.encode()).hexdigest()[:40]


def _asked(one: CallInput) -> bool:
    return one.source == "model" and one.param not in _OWN


def _filled(template: str, said: Mapping[str, Any]) -> str:
    """The template with what was said; what was not said leaves no gap behind."""
    return " ".join(_PLACE.sub(lambda found: str(said.get(found[1]) or ""), template).split()).strip(" -:,–") or "Appointment"


def _details(said: Mapping[str, Any]) -> str:
    """One line for each thing the caller said."""
    told = {name: " ".join(str(value).split()) for name, value in said.items() if value is not None}
    lines = [f"{humanized(name).capitalize()}: {value}" for name, value in told.items() if value]
    return "\n".join([*lines, "Booked by the agent."])
