"""Tables and price lists: every row becomes a line that can be understood, and read out, without the rest of its table."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.agent_runtime.knowledge.content.blocks import Block

SECTION = 6
"""The level of a heading inside of a table."""


def joined(parts: Sequence[str]) -> str:
    """Short texts that belong together as one line."""
    line = ""
    for part in filter(None, parts):
        line += (" " if line.endswith((".", "!", "?", ":", ";", ",", "…")) else "; " if line else "") + part
    return line


def row_line(cells: Sequence[str], header: Sequence[str] = ()) -> str:
    """One row: ``Margherita: Small $12; Large $18``. Each cell goes with its label in ``header``, where there is one."""
    labels = [*header, *("" for _ in range(len(cells) - len(header)))]
    told = [f"{label} {cell}" if label and label != cell else cell for label, cell in zip(labels, cells, strict=False) if cell]
    if len(told) < 2 or not cells[0]:
        return joined(told)
    return f"{told[0].removesuffix(':')}: {joined(told[1:])}"


def table_blocks(grid: Sequence[Sequence[str]], *, header: bool) -> list[Block]:
    """The rows of a table. ``header``: the first row labels the columns. A row that is one cell is a heading of those below."""
    rows = [row for row in grid if any(row)]
    labels: Sequence[str] = ()
    if header and len(rows) > 1 and _cells(rows[0]) > 1:
        labels, rows = rows[0], rows[1:]
    blocks: list[Block] = []
    sections = False
    for number, row in enumerate(rows):
        if len(row) > 1 and _cells(row) == 1 and number + 1 < len(rows) and _cells(rows[number + 1]) > 1:
            blocks.append(Block("heading", next(filter(None, row)), SECTION))
            sections = True
        elif len(row) > 1 and len(set(row)) == 1:
            blocks.append(Block("row", row[0]))
        else:
            blocks.append(Block("row", row_line(row, labels)))
    if sections:
        blocks.append(Block("close", level=SECTION))
    return blocks


def _cells(row: Sequence[str]) -> int:
    """How many cells of a row say something, one that spans several columns once."""
    return len({cell for cell in row if cell})
