"""What every reader makes of what it reads: a list of blocks in reading order, in text that was tidied."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

import msgspec

Kind = Literal["heading", "paragraph", "item", "row", "close"]


class Block(msgspec.Struct, frozen=True):
    """A heading of a ``level`` from 1 to 6, a paragraph, an item of a list or a row of a table.

    ``close`` has no text: what follows is not under a heading of its ``level`` or a deeper one any more.
    """

    kind: Kind
    text: str = ""
    level: int = 0


_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Controls, soft hyphens, marks of writing direction, invisible operators and tags, private use (icons), what is no character. The
# joiners U+200C and U+200D stay: words of some scripts need them.
_DROPPED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ud800-\udfff\ue000-\uf8ff\ufeff\ufff0-\ufffb\ufffe\uffff\U000e0000-\U0010ffff]"
)
_SPACES = re.compile(r"[^\S\n]+")
_ENDS = re.compile(r" ?\n ?")
_LEADERS = re.compile(r"(?:[.·•_…‥] ?){4,}")
"""The dots between an item and its price."""


def tidy(text: str) -> str:
    """``text`` in Unicode's composed form, with plain spaces and line ends, and without what cannot be seen."""
    text = _DROPPED.sub("", _LINE_ENDS.sub("\n", text))
    text = unicodedata.normalize("NFC", text)
    return _ENDS.sub("\n", _SPACES.sub(" ", _LEADERS.sub(" … ", text))).strip()


def one_line(text: str) -> str:
    """The same in one line."""
    return " ".join(tidy(text).split())


_NUMBERED = re.compile(r"\d{1,3}[.)] ")
_TIGHT = frozenset(("item", "row"))


def glue(before: Kind, after: Kind) -> str:
    """What stands between two blocks."""
    return "\n" if before == after and after in _TIGHT else "\n\n"


def shown(block: Block) -> str:
    """A block as people read it."""
    match block.kind:
        case "heading":
            return "#" * block.level + " " + block.text
        case "item" if not _NUMBERED.match(block.text):
            return "- " + block.text
        case _:
            return block.text


def written(blocks: Iterable[Block]) -> str:
    """All of them as one text, the way Markdown has it."""
    parts: list[str] = []
    before: Kind | None = None
    for block in blocks:
        if block.kind != "close":
            parts += (glue(before, block.kind) if before else "", shown(block))
            before = block.kind
    return "".join(parts)
