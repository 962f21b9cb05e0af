"""Plain text and Markdown: headings, lists and tables where they are marked, paragraphs for the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence

from patchbay.agent_runtime.knowledge.content.blocks import Block, tidy
from patchbay.agent_runtime.knowledge.content.rows import table_blocks

_HEADING = re.compile(r"(#{1,6})\s+(\S.*?)\s*#*")
_UNDERLINE = re.compile(r"(={3,}|-{3,})")
_RULE = re.compile(r"(?:[-*_=~+] ?){3,}")
_ITEM = re.compile(r"(?:[-*+•‣▪◦●○■–] |(?=\d{1,3}[.)] ))(\S.*)")
_TABLE_RULE = re.compile(r"\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?")
_FENCE = re.compile(r"(?:```|~~~)[\w+-]*")
_IMAGE = re.compile(r"!\[([^\[\]]*)\]\([^()\s]*\)")
_LINK = re.compile(r"\[([^\[\]]+)\]\((https?://[^()\s]+)?[^()\s]*\)")
_STRONG = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")
_SENTENCE_END = (".", "!", "?", ":", ";", "。", "！", "？")
_PRINTED = 50
"""Lines of so many characters are those of a printed page, and a sentence goes on from one to the next."""


def prose_blocks(text: str) -> list[Block]:
    """The blocks of a text, which need not be tidied."""
    return _Reader(tidy(text)).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._at = 0
        self._open: list[str] = []
        self._blocks: list[Block] = []

    def read(self) -> list[Block]:
        while self._at < len(self._lines):
            self._line(self._lines[self._at])
            self._at += 1
        self._paragraph()
        return self._blocks

    @property
    def _after_item(self) -> bool:
        """Whether the line before was an item of a list, or went on with one."""
        return self._at > 0 and bool(self._lines[self._at - 1]) and bool(self._blocks) and self._blocks[-1].kind == "item"

    def _line(self, line: str) -> None:
        following = self._lines[self._at + 1] if self._at + 1 < len(self._lines) else ""
        if not line or _FENCE.fullmatch(line):
            self._paragraph()
        elif heading := _HEADING.fullmatch(line):
            self._add(Block("heading", _plain(heading[2]), len(heading[1])))
        elif "|" in line and "-" in following and "|" in following and _TABLE_RULE.fullmatch(following):
            self._table()
        elif not self._open and not _ITEM.fullmatch(line) and _UNDERLINE.fullmatch(following):
            self._add(Block("heading", _plain(line), 1 if following[0] == "=" else 2))
            self._at += 1
        elif _RULE.fullmatch(line):
            self._paragraph()
        elif item := _ITEM.fullmatch(line):
            self._add(Block("item", _plain(item[1])))
        elif self._after_item and not self._open and line[0].islower():
            self._blocks[-1] = Block("item", f"{self._blocks[-1].text} {_plain(line)}")
        else:
            self._open.append(line)

    def _table(self) -> None:
        rows = [_cells(self._lines[self._at])]
        self._at += 2
        while self._at < len(self._lines) and "|" in self._lines[self._at]:
            rows.append(_cells(self._lines[self._at]))
            self._at += 1
        self._at -= 1
        self._paragraph()
        self._blocks += table_blocks(rows, header=True)

    def _add(self, block: Block) -> None:
        self._paragraph()
        self._blocks.append(block)

    def _paragraph(self) -> None:
        if self._open:
            text = "\n".join(_plain(line) for line in unwrapped(self._open))
            self._blocks.append(Block("paragraph", text))
            self._open = []


def unwrapped(lines: Sequence[str]) -> list[str]:
    """Lines that were broken to fit a page as the lines they were; short ones, as in a list of prices, stay as they are."""
    widest = max(map(len, lines), default=0)
    if widest < _PRINTED:
        return list(lines)
    whole: list[str] = []
    goes_on = False
    for line in lines:
        if goes_on and whole[-1].endswith("-") and whole[-1][-2:-1].isalpha() and line[:1].islower():
            whole[-1] = whole[-1][:-1] + line
        elif goes_on:
            whole[-1] += " " + line
        else:
            whole.append(line)
        goes_on = len(line) > 0.7 * widest or (len(line) > widest / 2 and not line.endswith(_SENTENCE_END))
    return whole


def _cells(line: str) -> list[str]:
    return [_plain(cell.strip()) for cell in line.strip().strip("|").split("|")]


def _plain(text: str) -> str:
    """Without the marks of Markdown; a link keeps where it leads."""
    if "](" in text:
        text = _LINK.sub(lambda link: f"{link[1]} ({link[2]})" if link[2] else link[1], _IMAGE.sub(r"\1", text))
    return _STRONG.sub(r"\1", text).strip() or text
