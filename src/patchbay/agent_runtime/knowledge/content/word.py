"""Word documents (.docx). Only for the worker process: they come from anybody."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

from docx import Document
from docx.opc.exceptions import OpcError
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml import etree

from patchbay.agent_runtime.knowledge.content.blocks import Block, one_line, tidy
from patchbay.agent_runtime.knowledge.content.rows import table_blocks
from patchbay.agent_runtime.knowledge.content.unreadable import ContentTooLong, FileDamaged, FileEncrypted

MOST_UNPACKED = 200_000_000
MOST_MEMBERS = 10_000
_HEADING = re.compile(r"(?:heading|title)\s*([1-6])?", re.IGNORECASE)


def word_blocks(content: bytes) -> list[Block]:
    """The body of a document: headings, paragraphs, lists and tables. Raises FileDamaged, FileEncrypted and ContentTooLong."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            members = packed.infolist()
            if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > MOST_UNPACKED:
                raise ContentTooLong
            if any(member.flag_bits & 1 for member in members):
                raise FileEncrypted
        document = Document(io.BytesIO(content))
        return [block for part in document.iter_inner_content() for block in _blocks_of(part)]
    except (zipfile.BadZipFile, OpcError, etree.LxmlError, KeyError, ValueError, AttributeError, OSError, NotImplementedError):
        raise FileDamaged from None  # what a damaged file makes of the libraries


def _blocks_of(part: Paragraph | Table) -> Iterator[Block]:
    if isinstance(part, Table):
        grid = [[one_line(cell.text) for cell in row.cells] for row in part.rows]
        yield from table_blocks(grid, header=bool(part.rows) and _labels(part))
        return
    text = tidy(part.text)
    if not text:
        return
    style = (part.style.name if part.style is not None else None) or ""
    if heading := _HEADING.match(style):
        yield Block("heading", one_line(text), int(heading[1] or 1))
    elif style.lower().startswith("list") or part._p.xpath("./w:pPr/w:numPr"):  # pyright: ignore[reportPrivateUsage]
        yield Block("item", text)
    else:
        yield Block("paragraph", text)


def _labels(table: Table) -> bool:
    """Whether the first row labels the columns: it is marked as repeating on every page, or is bold throughout."""
    first = table.rows[0]
    marked = first._tr.xpath("./w:trPr/w:tblHeader")  # pyright: ignore[reportPrivateUsage]
    runs = [run for cell in first.cells for paragraph in cell.paragraphs for run in paragraph.runs if run.text.strip()]
    return bool(marked) or (bool(runs) and all(run.bold for run in runs))
