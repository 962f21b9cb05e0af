"""What the recipes about spreadsheets have in common: ranges in A1 notation, the row of headers, and values as cells.

Their one reading part, ``read``, is given a ``range`` and returns ``cells``, a list of rows from the range's first cell on (what
is empty at the end of a row, or at the end of them all, may be left out), and, where it has it, the ``range`` that they are.
``append`` is given the ``range`` of the table's first header, and ``cells``, one row; it has to write texts as they are, never as
if somebody typed them, so that none becomes a formula. Where it returns the ``range`` it wrote to, that is checked.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any, cast

import msgspec

from patchbay.agent_runtime.recipes.recipe import PartNeeded, Parts, RecipeSettings
from patchbay.connectors.refusals import CallRefused, ValueNotAccepted

READ = PartNeeded(effect="read", arguments=("range",), leaves=("cells",))
APPEND = PartNeeded(effect="write", arguments=("range", "cells"))
MOST_COLUMNS = 100
"""Columns further right are not looked at: a call takes no longer list."""
PAGE, MOST_PAGES = 1_000, 20
"""Rows that are looked through with one read, and how many such reads a run makes."""
_FIRST_COLUMN = re.compile(r"(?:^|!)\$?([A-Z]{1,3})\$?[0-9]*(?::[^!]*)?$")
_LAST_ROW = re.compile(r"([0-9]+)$")
Header = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class ColumnsChanged(CallRefused):
    """The sheet no longer has a column this skill needs, or has it twice. Nothing was written."""

    code, title = "columns_changed", "Columns changed"
    layer = "schema"
    next_step = "Give the sheet its column back, or change the skill's configuration."
    say = "I can't get at that list right now. Someone will have to look at it."


class TableSettings(RecipeSettings, frozen=True, kw_only=True):
    """Where the table is: the name of the tab, and the number of the row that holds the headers."""

    tab: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    header_row: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1

    def row(self, number: int, first: int = 0, last: int | None = None) -> str:
        """One row; with ``last``, of the columns from ``first`` to ``last`` (from 0) alone."""
        if last is None:
            return f"{quoted(self.tab)}!{number}:{number}"
        return f"{quoted(self.tab)}!{letters(first)}{number}:{letters(last)}{number}"

    def column(self, column: int, first: int, last: int) -> str:
        """One column from row ``first`` to row ``last``."""
        return f"{quoted(self.tab)}!{letters(column)}{first}:{letters(column)}{last}"


class Headers:
    """The headers of a table by what they say: white space and capitals do not matter. The table reaches from the ``first``
    column with a header to the ``last``. Raises :class:`ColumnsChanged` for one without any.
    """

    def __init__(self, row: Sequence[str]) -> None:
        self._row = [tidy(one) for one in row[:MOST_COLUMNS]]
        with_one = [at for at, header in enumerate(self._row) if header]
        if not with_one:
            raise ColumnsChanged
        self.first, self.last = with_one[0], with_one[-1]

    def at(self, header: str) -> int:
        """The column of a header. Raises :class:`ColumnsChanged`."""
        wanted = tidy(header)
        found = [at for at, one in enumerate(self._row) if one == wanted]
        if len(found) != 1:
            raise ColumnsChanged(f"The sheet has not exactly one column {header[:100]!r} (columns_changed). Nothing was written.")
        return found[0]


class Cells(msgspec.Struct, frozen=True):
    """What a range holds, as texts. ``cut``: the sheet ends within it."""

    rows: list[list[str]]
    cut: bool = False


async def headers(parts: Parts, settings: TableSettings) -> Headers:
    """The table's headers as they are now."""
    found = (await cells(parts, settings.row(settings.header_row))).rows
    return Headers(found[0] if found else [])


async def cells(parts: Parts, where: str) -> Cells:
    """The cells of a range. Raises :class:`TooManyCells`."""
    result = await parts.run("read", {"range": where})
    if not result.rows:
        if result.truncated:
            raise TooManyCells
        return Cells([])
    told: Any = result.rows[0].get("cells")
    rows = cast("list[Any]", told) if isinstance(told, list) else []
    texts = [[text_of(cell) for cell in cast("list[Any]", row)] if isinstance(row, list) else [] for row in rows]
    return Cells(texts, cut=_last_row(where) > _last_row(str(result.rows[0].get("range") or where)))


async def down(parts: Parts, settings: TableSettings, column: int) -> AsyncGenerator[tuple[int, str]]:
    """Each row below the headers: its number and what it holds in one column. Raises :class:`TooManyCells` after very many."""
    first = settings.header_row + 1
    for page in range(MOST_PAGES):
        start = first + page * PAGE
        try:
            found = await cells(parts, settings.column(column, start, start + PAGE - 1))
        except ValueNotAccepted:
            if page == 0:
                raise
            return  # the sheet ends where this page would begin
        for at, row in enumerate(found.rows):
            yield start + at, row[0] if row else ""
        if found.cut:
            return
    raise TooManyCells


def _last_row(where: str) -> int:
    found = _LAST_ROW.search(where)
    return int(found[1]) if found else 0


class TooManyCells(CallRefused):
    """There is more in these cells than one answer may hold."""

    code, title = "too_many_cells", "Too many cells"
    layer = "limits"
    next_step = "Shorten the texts in the column that is searched."
    say = "That list is too long for me to look through."


def text_of(value: Any) -> str:
    """A cell as text."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return "" if value is None else str(value)


def tidy(text: str) -> str:
    """A text without the white space and the capitals that mean nothing."""
    return " ".join(text.split()).casefold()


def quoted(tab: str) -> str:
    """The name of a tab as a range has it."""
    return "'" + tab.replace("'", "''") + "'"


def first_column(where: str) -> str | None:
    """The letters of the first column of a range in A1 notation."""
    found = _FIRST_COLUMN.search(where)
    return found[1] if found else None


def letters(column: int) -> str:
    """The letters of a column, from 0: A is 0, AA is 26."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text
