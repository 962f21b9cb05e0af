"""``append_row``: one more row of a table, each value under the column it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

import msgspec

from patchbay.agent_runtime.planner.words import humanized
from patchbay.agent_runtime.recipes.book import reference_of
from patchbay.agent_runtime.recipes.cells import APPEND, READ, Header, TableSettings, down, headers, tidy
from patchbay.agent_runtime.recipes.recipe import PartNeeded, Parts, RecipeSettings
from patchbay.bindings.parameters import BY_NAME
from patchbay.connectors.refusals import CallRefused, OutcomeUnknown
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, Column, FrozenCall, Output
from patchbay.schema_graph.coercion import zone_info
from patchbay.schema_graph.model import Effect

Param = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_CALLER = "caller_number"


class ColumnTwice(ValueError):
    """Two values would go into one column."""


class AppendSettings(TableSettings, frozen=True, kw_only=True):
    """``columns`` are the headers by the parameters the caller is asked for: all but the ``optional`` ones are needed.

    ``time_column`` gets the time of the call, ``caller_column`` the number that rings, ``reference_column`` a reference by which
    a row whose answer was lost is found again.
    """

    columns: Annotated[Mapping[Param, Header], msgspec.Meta(min_length=1, max_length=50)]
    optional: tuple[Param, ...] = ()
    time_column: Header | None = None
    caller_column: Header | None = None
    reference_column: Header | None = None

    def __post_init__(self) -> None:
        own = (self.time_column, self.caller_column, self.reference_column)
        named = [tidy(header) for header in (*self.columns.values(), *own) if header is not None]
        if len(set(named)) < len(named):
            raise ColumnTwice("Each column takes one value")


class AppendRow:
    """Appends a row. Every value is written as the text it is."""

    name: ClassVar[str] = "append_row"
    effect: ClassVar[Effect] = "write"
    settings: ClassVar[type[RecipeSettings]] = AppendSettings
    parts: ClassVar[Mapping[str, PartNeeded]] = {"read": READ, "append": APPEND}

    def inputs(self, settings: AppendSettings, parts: Mapping[str, FrozenCall]) -> tuple[CallInput, ...]:
        """One for each column that is mapped."""
        asked = [
            CallInput(
                param, param, "string", "text", required=param not in settings.optional, max_length=2_000, tidy=True,
                description=BY_NAME[param].description if param in BY_NAME else humanized(param).capitalize(),
            )
            for param in settings.columns
        ]  # fmt: skip
        caller = CallInput(_CALLER, _CALLER, "string", "text", source="session", key=_CALLER)
        return (*asked, caller) if settings.caller_column is not None and _CALLER not in settings.columns else (*asked,)

    def outputs(self, settings: AppendSettings, parts: Mapping[str, FrozenCall]) -> tuple[Output, ...]:
        """That it was noted."""
        return (Output("noted", Column("row", "noted", "boolean", "boolean")),)

    async def run(self, settings: AppendSettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext) -> CallResult:
        """Append it. Raises ColumnsChanged when the sheet is not as it was, and OutcomeUnknown."""
        found = await headers(parts, settings)
        reference = reference_of(parts.key())
        now = datetime.now(UTC).astimezone(zone_info(context.time_zone)).isoformat(sep=" ", timespec="seconds")
        values = {header: arguments[param] for param, header in settings.columns.items()}
        for header, value in (
            (settings.time_column, now),
            (settings.caller_column, context.session.get(_CALLER)),
            (settings.reference_column, reference),
        ):
            if header is not None:
                values[header] = value
        row = [""] * (found.last - found.first + 1)
        for header, value in values.items():
            row[found.at(header) - found.first] = str(value) if value is not None else ""
        where = settings.row(settings.header_row, found.first, found.last)
        try:
            await parts.run("append", {"range": where, "cells": row})
        except OutcomeUnknown:
            if settings.reference_column is None or not await _noted(
                parts, settings, found.at(settings.reference_column), reference
            ):
                raise
        return CallResult(rows=[{"noted": True}], row_count=1, outcome="done")

    async def found_done(
        self, settings: AppendSettings, arguments: Mapping[str, Any], parts: Parts, context: CallContext
    ) -> bool:
        """Whether the row of this run is there, where its reference tells."""
        if settings.reference_column is None:
            return False
        found = await headers(parts, settings)
        return await _noted(parts, settings, found.at(settings.reference_column), reference_of(parts.key()))


async def _noted(parts: Parts, settings: AppendSettings, column: int, reference: str) -> bool:
    """Whether the row is there, after the answer was lost."""
    try:
        return any([held == reference async for _, held in down(parts, settings, column)])
    except CallRefused:
        return False
