"""``lookup_row``: the row of a table that holds a value in one column, and of it the chosen columns alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from patchbay.agent_runtime.planner.words import humanized
from patchbay.agent_runtime.recipes.append_row import Param
from patchbay.agent_runtime.recipes.cells import READ, Header, TableSettings, cells, down, headers, tidy
from patchbay.agent_runtime.recipes.recipe import PartNeeded, Parts, RecipeSettings
from patchbay.bindings.parameters import BY_NAME
from patchbay.connectors.http.results import SEVERAL
from patchbay.connectors.refusals import SourceBusy
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, Column, FrozenCall, Output, Source
from patchbay.schema_graph.model import Effect
from patchbay.schema_graph.phones import to_e164

MOST = 5
"""Rows that are told at most."""
_ATTEMPTS = 2


class LookupSettings(TableSettings, frozen=True, kw_only=True):
    """``look_by`` is the column that is searched, by the parameter that brings the value; ``source`` says who supplies it, and
    ``key`` which fact or verified field that is. ``kind`` ``phone``: numbers match when their full forms are equal (``country``
    for those without a country code); else texts do, but for white space and capitals. ``columns`` are the headers that are told,
    by their leaves. ``several``: more than one row may be told.
    """

    look_by: Annotated[Mapping[Param, Header], msgspec.Meta(min_length=1, max_length=1)]
    columns: Annotated[Mapping[Param, Header], msgspec.Meta(min_length=1, max_length=50)]
    source: Literal["model", "session", "verified"] = "model"
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "caller_number"
    kind: Literal["text", "phone"] = "text"
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] | None = None
    several: bool = False

    def same(self, held: str) -> str | None:
        """A value in the form in which equal ones are equal; None for one that equals nothing."""
        return (to_e164(held, self.country) if self.kind == "phone" else tidy(held)) or None


class LookupRow:
    """Looks a row up. What the row holds beside the chosen columns is read and not told."""

    name: ClassVar[str] = "lookup_row"
    effect: ClassVar[Effect] = "read"
    settings: ClassVar[type[RecipeSettings]] = LookupSettings
    parts: ClassVar[Mapping[str, PartNeeded]] = {"read": READ}

    def inputs(self, settings: LookupSettings, parts: Mapping[str, FrozenCall]) -> tuple[CallInput, ...]:
        """The value that is looked for."""
        (param,) = settings.look_by
        source: Source = settings.source
        said = BY_NAME[param].description if param in BY_NAME else humanized(param).capitalize()
        key = settings.key if source != "model" else None
        return (CallInput(param, param, "string", "text", source=source, key=key, required=True, description=said, tidy=True),)

    def outputs(self, settings: LookupSettings, parts: Mapping[str, FrozenCall]) -> tuple[Output, ...]:
        """The chosen columns, as texts."""
        return tuple(Output(leaf, Column("row", leaf, "string", "text")) for leaf in settings.columns)

    async def run(self, settings: LookupSettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext) -> CallResult:
        """The rows that hold the value. Raises ColumnsChanged, TooManyCells, and SourceBusy while rows keep moving."""
        ((param, header),) = settings.look_by.items()
        wanted = settings.same(str(arguments[param]))
        if wanted is None:
            return CallResult(rows=[], row_count=0)
        for _ in range(_ATTEMPTS):
            found = await headers(parts, settings)
            by, leaves = found.at(header), {leaf: found.at(one) for leaf, one in settings.columns.items()}
            numbers = [number async for number, held in down(parts, settings, by) if settings.same(held) == wanted]
            if len(numbers) > 1 and not settings.several:
                return CallResult(rows=[], row_count=len(numbers), ambiguous=True, notes=(SEVERAL,))
            rows = [await _row(settings, parts, number, by, leaves, wanted) for number in numbers[:MOST]]
            kept = [row for row in rows if row is not None]
            if len(kept) == len(rows):
                return CallResult(rows=kept, row_count=len(kept), truncated=len(numbers) > MOST)
        raise SourceBusy("Rows of the sheet are being moved.")


async def _row(
    settings: LookupSettings, parts: Parts, number: int, by: int, leaves: Mapping[str, int], wanted: str
) -> dict[str, Any] | None:
    """One row's leaves, None for an empty cell. None for a row that is another one by now: somebody moved rows in between."""
    first, last = min(by, *leaves.values()), max(by, *leaves.values())
    read = (await cells(parts, settings.row(number, first, last))).rows
    row = read[0] if read else []
    row += [""] * (last - first + 1 - len(row))
    if settings.same(row[by - first]) != wanted:
        return None
    return {leaf: row[at - first] or None for leaf, at in leaves.items()}
