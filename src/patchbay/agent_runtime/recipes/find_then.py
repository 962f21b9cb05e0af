"""Find one record, then go on with it: the jobs of the client who rings, a ticket for a contact, the caller's own booking.

The part ``find`` returns the leaf ``found``, and the part ``then`` takes it as its input ``found``: no model says which record
that is. None or several, and nothing is read out or done. ``same`` keeps of what was found only what is exactly the caller's:
many systems search by parts of a number, and a record that the model names must be among the caller's own.

A write may take more of what was read (``passes``), such as the version that the record must still have. Where it takes a time
that somebody else could take too, the part ``check`` asks the system for open times, and nobody else of ours writes meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from patchbay.agent_runtime.recipes.appointments import SlotTaken, days_held, given
from patchbay.agent_runtime.recipes.recipe import PartNeeded, Parts, RecipeInvalid, RecipeSettings
from patchbay.agent_runtime.recipes.slots import Span
from patchbay.connectors.refusals import OutcomeUnknown, RecordNotFound, SeveralRecords, SourceRefused
from patchbay.errors import Finding
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, FrozenCall, Output
from patchbay.schema_graph.canonical import canonical_json, sha256_hex
from patchbay.schema_graph.model import Effect
from patchbay.schema_graph.phones import to_e164

FOUND = "found"
WINDOW = ("window_start", "window_end")
_LOCKED = timedelta(hours=12)
"""Whatever is written at times that are less than this apart is written one after the other."""
_LONGEST = 500
SEVERAL = "Several records match; ask which one is meant."


class Same(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """A leaf of what was found that must be the same as an input of the whole. A ``phone`` is compared as a number, with
    ``country`` (ISO 3166-1) for those without a country code; a ``time`` as a moment; an ``email`` and a ``text`` without regard
    to capitals. ``asks`` is what the caller is asked for where no part takes it: which of their own records they mean.
    """

    leaf: str
    param: str
    how: Literal["text", "phone", "email", "time"] = "text"
    country: str | None = None
    asks: str | None = None

    def holds(self, row: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
        """Whether it does of one row."""
        kept, wanted = self._read(row.get(self.leaf)), self._read(given.get(self.param))
        return kept is not None and kept == wanted

    def _read(self, value: Any) -> str | None:
        if self.how == "time":
            return _moment(value)
        text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
        if self.how == "phone":
            return to_e164(text, self.country)
        return text.casefold() or None


class FindThenSettings(RecipeSettings, frozen=True, kw_only=True):
    """``same`` must all hold of the record that is meant."""

    same: tuple[Same, ...] = ()


class Slot(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """The time that the caller chose (``param``). The part ``check`` is asked for what is open from then on for ``hours``, and
    has to return a row whose ``leaf`` is that very time.
    """

    param: str
    leaf: str
    hours: Annotated[int, msgspec.Meta(ge=1, le=744)] = 24


class FindThenWriteSettings(FindThenSettings, frozen=True, kw_only=True):
    """``passes`` are leaves of what was found, or of the open time, that ``then`` is given under the same names."""

    passes: tuple[str, ...] = ()
    slot: Slot | None = None


FINDING: Mapping[str, PartNeeded] = {
    "find": PartNeeded(effect="read", leaves=(FOUND,), asks=True),
    "otherwise": PartNeeded(effect="write", leaves=(FOUND,), asks=True, optional=True),
}
"""The parts of whoever finds the record that something is for, or makes it."""


class FindThen:
    """Reads what belongs to the one record that is found; without ``then``, the record itself."""

    name: ClassVar[str] = "find_then"
    effect: ClassVar[Effect] = "read"
    settings: ClassVar[type[RecipeSettings]] = FindThenSettings
    parts: ClassVar[Mapping[str, PartNeeded]] = {
        "find": PartNeeded(effect="read", leaves=(FOUND,), asks=True),
        "then": PartNeeded(effect="read", arguments=(FOUND,), asks=True, optional=True),
    }

    def inputs(self, settings: FindThenSettings, parts: Mapping[str, FrozenCall]) -> tuple[CallInput, ...]:
        """What either part asks of the caller. Raises RecipeInvalid for a comparison of what is not there."""
        return asked_for(settings, parts)

    def outputs(self, settings: FindThenSettings, parts: Mapping[str, FrozenCall]) -> tuple[Output, ...]:
        """Those of the second part; else of the first, without what only says which record it is."""
        if "then" in parts:
            return parts["then"].outputs
        telling = {FOUND, *(one.leaf for one in settings.same)}
        return tuple(output for output in parts["find"].outputs if output.leaf not in telling)

    async def run(
        self, settings: FindThenSettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext
    ) -> CallResult:
        """The second part's result; an empty one when nothing is found, an ambiguous one when several are."""
        found = await _find(settings, arguments, parts, context)
        if not found.records:
            return CallResult(rows=[], row_count=0, truncated=found.cut)
        if found.several:
            return CallResult(rows=[], row_count=len(found.records), ambiguous=True, notes=(SEVERAL,))
        ((record, row),) = found.records.items()
        if "then" in parts:
            return await parts.run("then", _said(parts, "then", context) | {FOUND: record})
        telling = {FOUND, *(one.leaf for one in settings.same)}
        kept = {leaf: value for leaf, value in row.items() if leaf not in telling}
        return CallResult(rows=[kept], row_count=1, notes=found.notes)


class FindThenWrite:
    """Writes something for the one record that is found. Where there is none, the part ``otherwise`` may make it first."""

    name: ClassVar[str] = "find_then_write"
    effect: ClassVar[Effect] = "write"
    settings: ClassVar[type[RecipeSettings]] = FindThenWriteSettings
    parts: ClassVar[Mapping[str, PartNeeded]] = {
        **FINDING,
        "then": PartNeeded(effect="write", arguments=(FOUND,), asks=True),
        "check": PartNeeded(effect="read", offered=(FOUND, *WINDOW), asks=True, optional=True),
    }

    def inputs(self, settings: FindThenWriteSettings, parts: Mapping[str, FrozenCall]) -> tuple[CallInput, ...]:
        """What any part asks of the caller. Raises RecipeInvalid for a comparison of what is not there."""
        asked = asked_for(settings, parts, handed=(*WINDOW, *settings.passes))
        findings = [*_of_passes(settings, parts), *_of_slot(settings, parts, asked)]
        if findings:
            raise RecipeInvalid("The recipe cannot be made of this (recipe_invalid).", errors=findings)
        return asked

    def outputs(self, settings: FindThenWriteSettings, parts: Mapping[str, FrozenCall]) -> tuple[Output, ...]:
        """Those of the part that is for the record."""
        return parts["then"].outputs

    async def run(
        self, settings: FindThenWriteSettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext
    ) -> CallResult:
        """The result of ``then``. Two callers at once do not make the same record twice: the one who waits finds it.

        Raises RecordNotFound, SeveralRecords and SlotTaken, with nothing changed (but the record, where it was made);
        OutcomeUnknown where a record was made and cannot be told.
        """
        record = await found_or_made(settings, arguments, parts, context)
        said = _said(parts, "then", context)
        if settings.slot is None:
            return await parts.run("then", said | _handed(settings, parts, record))
        start: datetime = arguments[settings.slot.param]
        async with days_held(parts, _around(start, settings.slot)):
            open_time = await _open(settings.slot, start, record, parts, context)
            return await parts.run("then", said | _handed(settings, parts, {**record, **open_time, FOUND: record[FOUND]}))


class _Found(msgspec.Struct, frozen=True):
    """The records that are meant, each once, by what they are known as. ``cut``: there may be another one."""

    records: Mapping[Any, Mapping[str, Any]]
    cut: bool
    notes: tuple[str, ...]

    @property
    def several(self) -> bool:
        return len(self.records) + self.cut > 1


async def found_or_made(
    settings: FindThenSettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext
) -> Mapping[str, Any]:
    """The one record that is meant; where there is none, the one that ``otherwise`` makes, where there is that part. Two at once
    do not make it twice: the one who waits finds it. Raises RecordNotFound, SeveralRecords and OutcomeUnknown.
    """
    if "otherwise" not in parts:
        return _one(await _find(settings, arguments, parts, context))
    async with parts.held(f"find_then_write/{_whom(arguments, parts, context)}"):
        found = await _find(settings, arguments, parts, context)
        return _one(found) if found.records or found.cut else await _make(parts, context)


async def _find(settings: FindThenSettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext) -> _Found:
    result = await parts.run("find", _said(parts, "find", context))
    records: dict[Any, Mapping[str, Any]] = {}
    for row in result.rows:
        if row.get(FOUND) is not None and all(one.holds(row, arguments) for one in settings.same):
            records.setdefault(row[FOUND], row)
    named = any(one.leaf == FOUND for one in settings.same)
    return _Found(records, result.truncated and not (named and records), result.notes)


async def _make(parts: Parts, context: CallContext) -> Mapping[str, Any]:
    made = await parts.run("otherwise", _said(parts, "otherwise", context))
    if not made.rows or made.rows[0].get(FOUND) is None:
        raise OutcomeUnknown
    return made.rows[0]


def _one(found: _Found) -> Mapping[str, Any]:
    if not found.records and found.cut:
        raise SeveralRecords("There are more records than could be looked at, so nothing was changed.")
    if not found.records:
        raise RecordNotFound
    if found.several:
        raise SeveralRecords("Several records match, so nothing was changed.")
    return next(iter(found.records.values()))


def _around(start: datetime, slot: Slot) -> Span:
    """The time around a moment in which nobody else writes. Raises SlotTaken at the ends of the calendar."""
    try:
        earliest, latest = start.astimezone(UTC) - _LOCKED, start.astimezone(UTC) + max(_LOCKED, timedelta(hours=slot.hours))
    except OverflowError:
        raise SlotTaken from None
    return earliest, min(latest, earliest + 2 * _LOCKED)


async def _open(slot: Slot, start: datetime, record: Mapping[str, Any], parts: Parts, context: CallContext) -> Mapping[str, Any]:
    """What the system says of the time that was chosen. Raises SlotTaken where it is not open."""
    window = {"window_start": start.isoformat(), "window_end": (start + timedelta(hours=slot.hours)).isoformat()}
    asked = _said(parts, "check", context) | given(parts, "check", {**window, FOUND: record[FOUND]})
    result = await parts.run("check", asked)
    told = (row for row in result.rows if row.get(slot.leaf) is not None)
    open_time = next((row for row in told if datetime.fromisoformat(str(row[slot.leaf])) == start), None)
    if open_time is None:
        raise SlotTaken
    return open_time


def _handed(settings: FindThenWriteSettings, parts: Parts, read: Mapping[str, Any]) -> dict[str, Any]:
    """What ``then`` is given of what was read. Raises SourceRefused where the system did not tell it."""
    handed = {name: read.get(name) for name in (FOUND, *settings.passes)}
    if None in handed.values():
        raise SourceRefused
    return handed


def _said(parts: Parts, name: str, context: CallContext) -> dict[str, Any]:
    """What the model said of what a part asks for, as it was said: the part reads it by itself."""
    return {param: value for param, value in context.arguments.items() if param in parts.takes(name)}


def _whom(arguments: Mapping[str, Any], parts: Parts, context: CallContext) -> str:
    """A name for who is looked for: what that is told by, and nothing of what is written for them."""
    told = {name: str(arguments[name]) for name in arguments if name not in context.arguments or name in parts.takes("find")}
    return sha256_hex(canonical_json(told))


def asked_for(settings: FindThenSettings, parts: Mapping[str, FrozenCall], handed: tuple[str, ...] = ()) -> tuple[CallInput, ...]:
    """What the caller is asked for; ``handed`` are parameters that the recipe gives its parts. Raises RecipeInvalid for a
    comparison of what is not there.
    """
    asked: dict[str, CallInput] = {}
    for part in parts.values():
        for one in part.inputs:
            if one.source == "model" and one.param not in (FOUND, *handed):
                known = asked.get(one.param)
                asked[one.param] = one if known is None or (one.required and not known.required) else known
    for one in settings.same:
        if one.asks is not None:
            asked.setdefault(one.param, _input_of(one, one.asks))
    findings = list(_of_same(settings, parts, {*asked, *(one.param for part in parts.values() for one in part.inputs)}))
    if findings:
        raise RecipeInvalid("The recipe cannot be made of this (recipe_invalid).", errors=findings)
    return tuple(asked.values())


def _moment(value: Any) -> str | None:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment.astimezone(UTC).isoformat() if moment.tzinfo is not None else None


def _input_of(same: Same, description: str) -> CallInput:
    if same.how == "time":
        return CallInput(same.param, same.param, "datetime", "date-time", required=True, description=description, zoned=True)
    return CallInput(same.param, same.param, "string", "string", required=True, description=description, max_length=_LONGEST)


def _of_same(settings: FindThenSettings, parts: Mapping[str, FrozenCall], params: set[str]) -> Iterable[Finding]:
    leaves = {output.leaf for output in parts["find"].outputs} if "find" in parts else set[str]()
    for number, one in enumerate(settings.same):
        if one.leaf not in leaves:
            yield Finding(f"settings.same.{number}.leaf", "setting_invalid", f"The part 'find' does not return {one.leaf!r}.")
        if one.param not in params:
            yield Finding(f"settings.same.{number}.param", "setting_invalid", f"No part takes {one.param!r}.")


def _of_passes(settings: FindThenWriteSettings, parts: Mapping[str, FrozenCall]) -> Iterable[Finding]:
    read = {output.leaf for name in ("find", "check") if name in parts for output in parts[name].outputs}
    if "otherwise" in parts and "check" not in parts:
        read &= {output.leaf for output in parts["otherwise"].outputs}
    taken = {one.param for one in parts["then"].inputs if one.source == "model"}
    for number, name in enumerate(settings.passes):
        if name not in read:
            yield Finding(f"settings.passes.{number}", "setting_invalid", f"No part that is read before returns {name!r}.")
        if name not in taken:
            yield Finding(f"settings.passes.{number}", "setting_invalid", f"The part 'then' does not take {name!r}.")


def _of_slot(settings: FindThenWriteSettings, parts: Mapping[str, FrozenCall], asked: tuple[CallInput, ...]) -> Iterable[Finding]:
    slot = settings.slot
    if (slot is None) == ("check" in parts):
        yield Finding("settings.slot", "setting_invalid", "The part 'check' and the setting 'slot' go together.")
    if slot is None:
        return
    time = next((one for one in asked if one.param == slot.param), None)
    if time is None or time.type != "datetime" or not time.zoned or not time.required:
        yield Finding("settings.slot.param", "setting_invalid", f"No part asks the caller for a moment {slot.param!r}.")
    if "check" in parts and slot.leaf not in {output.leaf for output in parts["check"].outputs}:
        yield Finding("settings.slot.leaf", "setting_invalid", f"The part 'check' does not return {slot.leaf!r}.")
