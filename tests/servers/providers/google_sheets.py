"""The spreadsheets of Google's Sheets API v4: tabs of a grid's size, A1 ranges, and what typing a value into a cell makes of it.

Source: https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.servers.providers.google_errors import GoogleError, invalid

_A1 = re.compile(r"(?:([A-Z]{1,3})?([0-9]{1,8})?)(?::(?:([A-Z]{1,3})?([0-9]{1,8})?))?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
MOST_CELLS = 10_000_000


@dataclass(frozen=True)
class Formula:
    """A cell that computes: what a value became that was typed, and not stored as it is."""

    text: str


Cell = str | float | bool | Formula


@dataclass
class Tab:
    """One sheet; ``cells`` are its rows, without what is empty at their ends."""

    title: str
    sheet_id: int
    rows: int = 1000
    columns: int = 26
    hidden: bool = False
    cells: list[list[Cell | None]] = field(default_factory=list)

    def table(self) -> list[list[Cell | None]]:
        """The rows that hold something."""
        return [list(row) for row in self.cells]


@dataclass
class Spreadsheet:
    """``roles`` says who may do what with it: ``owner``, ``writer`` or ``reader``."""

    id: str
    title: str
    roles: dict[str, str]
    tabs: list[Tab] = field(default_factory=list)
    locale: str = "en_US"
    time_zone: str = "America/Toronto"

    def tab(self, title: str) -> Tab:
        """The tab of that name."""
        return next(one for one in self.tabs if one.title == title)


@dataclass(frozen=True)
class Area:
    """A part of a tab: rows and columns from 0, ends exclusive; ``last_row`` and ``last_column`` None where it is open."""

    tab: Tab
    row: int
    column: int
    last_row: int | None
    last_column: int | None

    def clipped(self) -> tuple[int, int]:
        """Its ends within the grid."""
        rows, columns = self.tab.rows, self.tab.columns
        if self.row >= rows or self.column >= columns:
            limits = f"Max rows: {rows}, max columns: {columns}"
            raise invalid(f"Range ({_named(self)}) exceeds grid limits. {limits}")
        return min(self.last_row or rows, rows), min(self.last_column or columns, columns)


@dataclass
class Spreadsheets:
    """All spreadsheets; the methods are the API's, for an account."""

    all: dict[str, Spreadsheet] = field(default_factory=dict)

    def open(self, user: str, id: str, title: str, **tabs: list[list[Cell | None]]) -> Spreadsheet:
        """A spreadsheet of an account's own, with tabs by their names."""
        made = Spreadsheet(id, title, {user: "owner"})
        made.tabs = [Tab(name, number * 111, cells=[list(r) for r in rows]) for number, (name, rows) in enumerate(tabs.items())]
        self.all[id] = made
        return made

    def get(self, user: str, sheet_id: str) -> dict[str, Any]:
        """spreadsheets.get, without grid data."""
        held = self._held(user, sheet_id)
        sheets = [
            {
                "properties": {
                    "sheetId": tab.sheet_id,
                    "title": tab.title,
                    "index": index,
                    "sheetType": "GRID",
                    "gridProperties": {"rowCount": tab.rows, "columnCount": tab.columns},
                    **({"hidden": True} if tab.hidden else {}),
                }
            }
            for index, tab in enumerate(held.tabs)
        ]
        properties = {"title": held.title, "locale": held.locale, "autoRecalc": "ON_CHANGE", "timeZone": held.time_zone}
        url = f"https://docs.google.com/spreadsheets/d/{held.id}/edit"
        return {"spreadsheetId": held.id, "properties": properties, "sheets": sheets, "spreadsheetUrl": url}

    def values_get(self, user: str, sheet_id: str, range_: str, query: Mapping[str, list[str]]) -> dict[str, Any]:
        """spreadsheets.values.get."""
        return _values(read_range(self._held(user, sheet_id), range_), query)

    def values_batch_get(self, user: str, sheet_id: str, query: Mapping[str, list[str]]) -> dict[str, Any]:
        """spreadsheets.values.batchGet."""
        held = self._held(user, sheet_id)
        found = [_values(read_range(held, one), query) for one in query.get("ranges", ())]
        return {"spreadsheetId": held.id, "valueRanges": found}

    def append(
        self, user: str, sheet_id: str, range_: str, query: Mapping[str, list[str]], body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """spreadsheets.values.append: below the table that is found in the range."""
        held = self._held(user, sheet_id, write=True)
        area = _checked(held, range_, query, body)
        tab = area.tab
        area = _last_table(area)
        last = _table_end(area)
        values = body.get("values", [])
        row = last if last is not None else area.row
        if query.get("insertDataOption") == ["INSERT_ROWS"]:
            tab.cells[row:row] = [[] for _ in values]
            tab.rows += len(values)
        tab.rows = max(tab.rows, row + len(values))
        if tab.rows * tab.columns > MOST_CELLS:
            raise invalid(f"This action would increase the number of cells above the limit of {MOST_CELLS} cells.")
        updates = _write(held, Area(tab, row, area.column, None, None), values, query)
        answer: dict[str, Any] = {"spreadsheetId": held.id, "updates": updates}
        if last is not None:
            width = max(len(one) for one in tab.cells[area.row : last])
            answer["tableRange"] = _named(Area(tab, area.row, area.column, last, width))
        return answer

    def update(
        self, user: str, sheet_id: str, range_: str, query: Mapping[str, list[str]], body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """spreadsheets.values.update."""
        held = self._held(user, sheet_id, write=True)
        area = _checked(held, range_, query, body)
        values = body.get("values", [])
        ends = area.row + len(values), area.column + max(map(len, values), default=0)
        asked = Area(area.tab, area.row, area.column, *ends)
        if ends[0] > area.tab.rows or ends[1] > area.tab.columns:
            limits = f"Max rows: {area.tab.rows}, max columns: {area.tab.columns}"
            raise invalid(f"Range ({_named(asked)}) exceeds grid limits. {limits}")
        if area.last_row is not None and ends[0] > area.last_row:
            raise invalid(f"Requested writing within range [{_named(area)}], but tried writing to row [{area.last_row + 1}]")
        if area.last_column is not None and ends[1] > area.last_column:
            said = _letters(area.last_column)
            raise invalid(f"Requested writing within range [{_named(area)}], but tried writing to column [{said}]")
        return _write(held, area, values, query)

    def _held(self, user: str, sheet_id: str, *, write: bool = False) -> Spreadsheet:
        held = self.all.get(sheet_id)
        if held is None:
            raise GoogleError(404, "notFound", "Requested entity was not found.")
        if user not in held.roles or (write and held.roles[user] == "reader"):
            raise GoogleError(403, "forbidden", "The caller does not have permission")
        return held


def read_range(held: Spreadsheet, text: str) -> Area:
    """The area that A1 notation means: a tab, quoted where its name needs it, and cells of it. The first tab without a name."""
    name, cells = _split(text)
    tab = held.tabs[0] if name is None else next((t for t in held.tabs if t.title.casefold() == name.casefold()), None)
    if tab is None and "!" not in text and name is not None and _A1.fullmatch(name):
        tab, cells = held.tabs[0], name
    if tab is None:
        raise invalid(f"Unable to parse range: {text}")
    if cells is None:
        return Area(tab, 0, 0, None, None)
    found = _A1.fullmatch(cells)
    if found is None or not cells:
        raise invalid(f"Unable to parse range: {text}")
    first_column, first_row, last_column, last_row = found.groups()
    whole = ":" in cells
    row, column = int(first_row or 1) - 1, _number(first_column) if first_column else 0
    if not whole:
        if not (first_row and first_column):
            raise invalid(f"Unable to parse range: {text}")
        return Area(tab, row, column, row + 1, column + 1)
    return Area(tab, row, column, int(last_row) if last_row else None, _number(last_column) + 1 if last_column else None)


def _split(text: str) -> tuple[str | None, str | None]:
    quoted = re.fullmatch(r"'((?:[^']|'')+)'(?:!(.*))?", text)
    if quoted:
        return quoted[1].replace("''", "'"), quoted[2]
    name, mark, cells = text.partition("!")
    if mark:
        if not re.fullmatch(r"[\w.]+", name):
            raise invalid(f"Unable to parse range: {text}")
        return name, cells
    return text, None


def _values(area: Area, query: Mapping[str, list[str]]) -> dict[str, Any]:
    last_row, last_column = area.clipped()
    render = query.get("valueRenderOption", ["FORMATTED_VALUE"])[0]
    rows = [_trimmed([_shown(cell, render) for cell in row[area.column : last_column]]) for row in area.tab.cells]
    rows = rows[area.row : last_row]
    while rows and not rows[-1]:
        rows.pop()
    dimension = query.get("majorDimension", ["ROWS"])[0]
    if dimension == "COLUMNS":
        width = max(map(len, rows), default=0)
        rows = [_trimmed([row[n] if n < len(row) else "" for row in rows]) for n in range(width)]
    named = _named(Area(area.tab, area.row, area.column, last_row, last_column))
    return {"range": named, "majorDimension": dimension, **({"values": rows} if rows else {})}


def _checked(held: Spreadsheet, range_: str, query: Mapping[str, list[str]], body: Mapping[str, Any]) -> Area:
    if query.get("valueInputOption", ["INPUT_VALUE_OPTION_UNSPECIFIED"])[0] == "INPUT_VALUE_OPTION_UNSPECIFIED":
        raise invalid("'valueInputOption' is required but not specified")
    if body.get("range", range_) != range_:
        raise invalid(f"Requested range [{range_}] does not match value range [{body['range']}]")
    if body.get("majorDimension", "ROWS") != "ROWS":
        raise AssertionError("this server writes rows alone")
    for row in body.get("values", ()):
        for cell in row:
            if isinstance(cell, (dict, list)):
                raise invalid("Invalid values: list_value or struct_value is no cell.")
    return read_range(held, range_)


def _write(held: Spreadsheet, area: Area, values: list[list[Any]], query: Mapping[str, list[str]]) -> dict[str, Any]:
    tab, typed = area.tab, query["valueInputOption"] == ["USER_ENTERED"]
    width = max(map(len, values), default=0)
    tab.columns = max(tab.columns, area.column + width)
    while len(tab.cells) < area.row + len(values):
        tab.cells.append([])
    written = 0
    for number, row in enumerate(values):
        cells = tab.cells[area.row + number]
        cells += [None] * (area.column + len(row) - len(cells))
        for at, value in enumerate(row):
            if value is not None:  # null leaves a cell as it is
                cells[area.column + at] = (_typed(value) if typed else value) if value != "" else None
                written += 1
        while cells and cells[-1] is None:
            cells.pop()
    ends = Area(tab, area.row, area.column, area.row + len(values), area.column + width)
    updates = {"spreadsheetId": held.id, "updatedRange": _named(ends), "updatedRows": len(values)}
    updates |= {"updatedColumns": width, "updatedCells": written}
    if query.get("includeValuesInResponse") == ["true"]:
        updates["updatedData"] = _values(ends, {})
    return updates


def _typed(value: Any) -> Cell:
    """What a value becomes that is taken as if a person typed it."""
    if not isinstance(value, str):
        return value
    if value.startswith("'"):
        return value[1:]
    if _NUMBER.fullmatch(value):
        return float(value)
    return Formula(value) if value.startswith(("=", "+")) and len(value) > 1 else value


def _last_table(area: Area) -> Area:
    """The last table in the area: columns that stand beside each other and hold something, from where the table begins, which may
    be before the area (https://developers.google.com/workspace/sheets/api/guides/values, "Append values").
    """
    cells = area.tab.cells[area.row :]
    last = min(area.last_column or area.tab.columns, area.tab.columns)

    def filled(column: int) -> bool:
        return any(column < len(row) and row[column] not in (None, "") for row in cells)

    begins = next((at for at in range(last - 1, area.column - 1, -1) if filled(at)), area.column)
    while begins > 0 and filled(begins - 1):
        begins -= 1
    return Area(area.tab, area.row, begins, area.last_row, area.last_column)


def _table_end(area: Area) -> int | None:
    """The row behind the table that begins in the area: rows that follow each other and hold something."""
    rows = area.tab.cells
    filled = [n for n, row in enumerate(rows) if n >= area.row and any(cell is not None for cell in row)]
    return filled[-1] + 1 if filled else None


def _shown(cell: Cell | None, render: str) -> Any:
    if cell is None:
        return ""
    if isinstance(cell, Formula):
        return cell.text if render == "FORMULA" else "#NAME?"
    if render == "FORMATTED_VALUE":
        if isinstance(cell, bool):
            return "TRUE" if cell else "FALSE"
        if isinstance(cell, (int, float)):
            return f"{cell:g}" if abs(cell) < 1e6 else str(int(cell) if cell == int(cell) else cell)
    return cell


def _trimmed(row: list[Any]) -> list[Any]:
    while row and row[-1] == "":
        row = row[:-1]
    return row


def _named(area: Area) -> str:
    plain = re.fullmatch(r"[A-Za-z_]\w*", area.tab.title) and not _A1.fullmatch(area.tab.title.upper())
    name = area.tab.title if plain else "'" + area.tab.title.replace("'", "''") + "'"
    first = f"{_letters(area.column)}{area.row + 1}"
    last_row, last_column = area.last_row or area.tab.rows, area.last_column or area.tab.columns
    last = f"{_letters(last_column - 1)}{last_row}"
    return f"{name}!{first}" if first == last else f"{name}!{first}:{last}"


def _letters(column: int) -> str:
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1
