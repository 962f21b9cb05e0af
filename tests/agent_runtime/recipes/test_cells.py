"""Rows of a sheet: ranges, headers, and columns that are looked through page by page, over parts in memory."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.agent_runtime.recipes import cells
from patchbay.agent_runtime.recipes.append_row import AppendSettings
from patchbay.agent_runtime.recipes.cells import ColumnsChanged, Headers, TableSettings, TooManyCells, down, letters, quoted
from patchbay.agent_runtime.recipes.lookup_row import LookupSettings
from patchbay.connectors.refusals import ValueNotAccepted
from patchbay.schema_graph.call import CallResult

pytestmark = pytest.mark.anyio
SETTINGS = TableSettings(tab="It's mine")


class Sheet:
    """Parts over one column of texts; ``echo``: it says which range it answered."""

    def __init__(self, held: list[str], *, echo: bool = True, most: int = 10**9) -> None:
        self.held, self.echo, self.most = held, echo, most
        self.asked: list[str] = []

    async def run(self, name: str, arguments: Any) -> CallResult:
        self.asked.append(arguments["range"])
        first, last = (int(number) for number in re.findall(r"[A-Z]+([0-9]+)", arguments["range"]))
        if first > len(self.held):
            raise ValueNotAccepted
        rows = [[text] if text else [] for text in self.held[first - 1 : last]]
        while rows and not rows[-1]:
            rows.pop()
        if len(rows) > self.most:
            return CallResult(rows=[], row_count=0, truncated=True)
        there = {"range": f"'It''s mine'!A{first}:A{min(last, len(self.held))}"} if self.echo else {}
        return CallResult(rows=[{"cells": rows or None, **there}], row_count=1)


@given(st.integers(0, 20_000))
def test_letters_count_as_a_sheet_does(column: int) -> None:
    number = 0
    for letter in letters(column):
        number = number * 26 + ord(letter) - 64
    assert number == column + 1
    assert (letters(0), letters(25), letters(26), letters(701), letters(702)) == ("A", "Z", "AA", "ZZ", "AAA")


@given(st.text(min_size=1))
def test_a_tabs_name_stays_inside_its_quotes(name: str) -> None:
    inner = re.fullmatch(r"'((?:[^']|'')*)'", quoted(name), re.DOTALL)
    assert inner
    assert inner[1].replace("''", "'") == name


def test_headers_are_found_by_what_they_say() -> None:
    row = Headers(["", "  Full  NAME ", "", "Phone", "phone "])
    assert (row.at("full name"), row.first, row.last) == (1, 1, 4)
    for missing in ("Phone", "E-mail"):
        with pytest.raises(ColumnsChanged):
            row.at(missing)
    for empty in ([], ["", " "]):
        with pytest.raises(ColumnsChanged):
            Headers(empty)
    with pytest.raises(ColumnsChanged):
        Headers([*map(str, range(cells.MOST_COLUMNS)), "too far"]).at("too far")


@pytest.mark.parametrize("echo", [True, False])
@pytest.mark.parametrize("length", [2, 1000, 1001, 1002, 2500])
async def test_a_column_is_looked_through_to_its_end(length: int, echo: bool) -> None:
    sheet: Any = Sheet(["Order", *(f"v{n}" if n % 7 else "" for n in range(1, length))], echo=echo)
    found = {number: text async for number, text in down(sheet, SETTINGS, 0) if text}
    assert found == {n + 1: f"v{n}" for n in range(1, length) if n % 7}
    assert len(sheet.asked) == -(-(length - 1) // cells.PAGE) + (0 if echo and (length - 1) % cells.PAGE else 1)


async def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(TooManyCells):
        [one async for one in down(Sheet(["x"] * 30_000), SETTINGS, 0)]  # type: ignore[arg-type]
    with pytest.raises(TooManyCells):
        [one async for one in down(Sheet(["x"] * 500, most=100), SETTINGS, 0)]  # type: ignore[arg-type]
    with pytest.raises(ValueNotAccepted):
        [one async for one in down(Sheet([]), SETTINGS, 0)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"tab": "T", "columns": {}},
        {"tab": "T", "columns": {"name": "Name", "other": " name "}},
        {"tab": "T", "columns": {"name": "Name"}, "timeColumn": "NAME"},
        {"tab": "T", "columns": {"Caller Name": "Name"}},
        {"tab": "", "columns": {"name": "Name"}},
    ],
)
def test_columns_that_cannot_be_written_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, AppendSettings)


def test_values_are_compared_whole() -> None:
    text: Any = {"tab": "T", "lookBy": {"order": "Order"}, "columns": {"status": "Status"}}
    settings = msgspec.convert(text, LookupSettings)
    assert settings.same(" A-17 ") == settings.same("a-17") != settings.same("A-170")
    assert settings.same("  ") is None
    phones = msgspec.convert({**text, "kind": "phone", "country": "US"}, LookupSettings)
    assert phones.same("(415) 555-0132") == phones.same("+1 415 555 0132") != phones.same("415 555 0133")
    assert phones.same("no number") is None
