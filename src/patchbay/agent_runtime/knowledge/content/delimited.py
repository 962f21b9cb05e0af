"""Lists with separated values (CSV): the first row labels the columns."""

from __future__ import annotations

import csv
from itertools import islice

from patchbay.agent_runtime.knowledge.content.blocks import Block, one_line
from patchbay.agent_runtime.knowledge.content.rows import table_blocks
from patchbay.agent_runtime.knowledge.content.unreadable import MOST_CHARACTERS, ContentTooLong, FileDamaged

_DELIMITERS = ",;\t|"
_MOST_COLUMNS = 1_000


def delimited_blocks(text: str) -> list[Block]:
    """The rows of a list. Raises FileDamaged and ContentTooLong."""
    if len(text) > 2 * MOST_CHARACTERS:
        raise ContentTooLong
    lines = text.splitlines()
    csv.field_size_limit(MOST_CHARACTERS)
    try:
        read = csv.reader(lines, delimiter=_delimiter(lines), strict=False)
        rows = [[one_line(cell) for cell in row] for row in read]
    except csv.Error:
        raise FileDamaged from None
    if max(map(len, rows), default=0) > _MOST_COLUMNS:
        raise ContentTooLong
    return table_blocks(rows, header=bool(rows) and _labels(rows[0]))


def _delimiter(lines: list[str]) -> str:
    """What stands in the first lines equally often, and most often."""
    first = [line for line in islice(lines, 50) if line.strip()]
    counts = {mark: [line.count(mark) for line in first] for mark in _DELIMITERS}
    steady = {mark: found for mark, found in counts.items() if found and min(found) > 0}
    return max(steady, key=lambda mark: (min(steady[mark]) == max(steady[mark]), min(steady[mark])), default=",")


def _labels(row: list[str]) -> bool:
    return all(row) and len(set(row)) == len(row) and not any(any(c.isdigit() for c in cell) for cell in row)
