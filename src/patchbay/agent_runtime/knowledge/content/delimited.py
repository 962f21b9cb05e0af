"""Lists with separated values (CSV): the first row labels the columns."""

from __future__ import annotations

import csv
import io
from collections import Counter
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
    csv.field_size_limit(MOST_CHARACTERS)
    try:
        read = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=False)
        rows = [[one_line(cell) for cell in row] for row in read]
    except csv.Error:
        raise FileDamaged from None
    if max(map(len, rows), default=0) > _MOST_COLUMNS:
        raise ContentTooLong
    return table_blocks(rows, header=bool(rows) and _labels(rows[0]))


def _delimiter(text: str) -> str:
    """What stands equally often in most of the first lines, and most often there."""
    first = [line for line in islice(text.splitlines(), 50) if line.strip()]
    usual = {mark: Counter(line.count(mark) for line in first if mark in line).most_common(1) for mark in _DELIMITERS}
    return max((mark for mark in _DELIMITERS if usual[mark]), key=lambda mark: usual[mark][0][::-1], default=",")


def _labels(row: list[str]) -> bool:
    return all(row) and len(set(row)) == len(row) and not any(any(c.isdigit() for c in cell) for cell in row)
