"""Cutting what was read into passages: by heading, then by paragraph, item and row, each small enough to be an answer.

All text is in some passage, in order. A word is never cut, unless it is longer than a line of print.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from math import ceil

import msgspec

from patchbay.agent_runtime.knowledge.content.blocks import Block, Kind, glue, shown

MOST_WORDS = 200
MOST_CHARACTERS = 2_000
"""Of one passage, without its heading."""
LONGEST_HEADING = 300
LONGEST_PATH = 500
PATH = " > "
_LONGEST_WORD = 200
_LONG_LINE = 60
_CHUNK = 40

_WIDE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_WIDE}]{{1,2}}|[^\s{_WIDE}]+")
"""Scripts without spaces have about two characters in a word."""
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])(?=\S)")


class Passage(msgspec.Struct, frozen=True):
    """``heading`` are the headings above ``body``, outermost first, or the question that it answers."""

    heading: str
    body: str


class _Piece(msgspec.Struct, frozen=True):
    """Text that stays together; ``glue`` is what stands between it and the piece before."""

    glue: str
    text: str
    words: int


def words_in(text: str) -> int:
    """How many words a text has, more or less."""
    return sum(1 for _ in _WORD.finditer(text))


def cut(blocks: Sequence[Block]) -> list[Passage]:
    """The passages of ``blocks``, in order."""
    return [
        Passage(heading, body) for heading, section in _sections(_with_bodies(blocks)) for body in _packed(list(_pieces(section)))
    ]


def _with_bodies(blocks: Sequence[Block]) -> list[Block]:
    """A paragraph marked as a heading is text like any other; so is a heading with nothing under it, and ends the one above."""
    kept: list[Block] = []
    filled = 0  # a heading of a lower level than this has something under it
    for block in reversed(blocks):
        match block.kind:
            case "heading" if len(block.text) > LONGEST_HEADING:
                block = Block("row", block.text)
                filled = 7
            case "heading" if filled <= block.level:
                kept.append(Block("row", block.text))
                block = Block("close", level=block.level)
                filled = block.level
            case "heading":
                filled = block.level
            case "close":
                filled = min(filled, block.level)
            case _:
                filled = 7
        kept.append(block)
    return kept[::-1]


def _sections(blocks: Iterable[Block]) -> Iterator[tuple[str, list[Block]]]:
    """What stands under the same headings."""
    path: list[Block] = []
    section: list[Block] = []
    for block in blocks:
        if block.kind not in ("heading", "close"):
            section.append(block)
            continue
        above = [heading for heading in path if heading.level < block.level]
        if section and (block.kind == "heading" or above != path):
            yield _told(path), section
            section = []
        path = above
        if block.kind == "heading":
            if len(_told([*path, block])) > LONGEST_PATH:
                section.append(Block("row", block.text))
            else:
                path.append(block)
    if section:
        yield _told(path), section


def _told(path: Iterable[Block]) -> str:
    return PATH.join(heading.text for heading in path)


def _pieces(section: Iterable[Block]) -> Iterator[_Piece]:
    before: Kind | None = None
    for block in section:
        between = glue(before, block.kind) if before else ""
        before = block.kind
        for text in _split(shown(block)):
            yield _Piece(between if text.glue == _FIRST else text.glue, text.text, words_in(text.text))


_FIRST = "first"


class _Part(msgspec.Struct, frozen=True):
    glue: str
    text: str


def _split(text: str) -> Iterator[_Part]:
    """A block, whole where it fits: else its lines, long ones as sentences, and what is still too long as a few words each."""
    if _fits(words_in(text), len(text)):
        yield _Part(_FIRST, text)
        return
    between = _FIRST
    for line in filter(None, text.split("\n")):
        sentences = _sentences(line) if words_in(line) > _LONG_LINE or len(line) > MOST_CHARACTERS else [_Part("\n", line)]
        for number, sentence in enumerate(sentences):
            outer = between if number == 0 else sentence.glue
            if _fits(words_in(sentence.text), len(sentence.text)):
                yield _Part(outer, sentence.text)
            else:
                yield from _in_chunks(sentence.text, outer)
        between = "\n"


def _sentences(line: str) -> list[_Part]:
    parts: list[_Part] = []
    start, between = 0, "\n"
    for end in _SENTENCE.finditer(line):
        text = line[start : end.end()]
        parts.append(_Part(between, text.rstrip()))
        between = " " if text != text.rstrip() else ""
        start = end.end()
    if line[start:]:
        parts.append(_Part(between, line[start:]))
    return parts


def _in_chunks(text: str, between: str) -> Iterator[_Part]:
    """A few words each; of a word that has no end, a line each."""
    chunk: list[str] = []
    length = 0
    for word in text.split():
        lines = [word[at : at + _LONGEST_WORD] for at in range(0, len(word), _LONGEST_WORD)]
        if chunk and (len(lines) > 1 or len(chunk) == _CHUNK or length + len(word) > MOST_CHARACTERS // 2):
            yield _Part(between, " ".join(chunk))
            between, chunk, length = " ", [], 0
        if len(lines) > 1:
            for line in lines:
                yield _Part(between, line)
                between = ""
            between = " "
        else:
            chunk.append(word)
            length += len(word) + 1
    if chunk:
        yield _Part(between, " ".join(chunk))


def _fits(words: int, characters: int) -> bool:
    return words <= MOST_WORDS and characters <= MOST_CHARACTERS


def _packed(pieces: Sequence[_Piece]) -> Iterator[str]:
    """As few passages as there must be, about equally long. What announces the next piece goes with it."""
    total = sum(piece.words for piece in pieces)
    enough = ceil(total / ceil(total / MOST_WORDS)) if total else MOST_WORDS
    held: list[_Piece] = []
    for piece in pieces:
        words, length = sum(p.words for p in held), len(_body(held))
        full = words >= enough or not _fits(words + piece.words, length + len(piece.glue) + len(piece.text))
        if held and full:
            announcing = held[-1:] if len(held) > 1 and _announces(held[-1]) and _both_fit(held[-1], piece) else []
            yield _body(held[: len(held) - len(announcing)])
            held = announcing
        held.append(piece)
    if held:
        yield _body(held)


def _announces(piece: _Piece) -> bool:
    return piece.text.endswith((":", "："))


def _both_fit(one: _Piece, other: _Piece) -> bool:
    return _fits(one.words + other.words, len(one.text) + len(other.glue) + len(other.text))


def _body(pieces: Sequence[_Piece]) -> str:
    return "".join(piece.text if number == 0 else piece.glue + piece.text for number, piece in enumerate(pieces))
