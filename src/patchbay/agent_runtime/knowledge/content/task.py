"""What a source holds, read and cut. Whatever came from outside is read in the worker process alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from patchbay.agent_runtime.knowledge.content.blocks import Block, one_line, written
from patchbay.agent_runtime.knowledge.content.kinds import kind_of
from patchbay.agent_runtime.knowledge.content.passages import Passage, cut
from patchbay.agent_runtime.knowledge.content.prose import prose_blocks
from patchbay.agent_runtime.knowledge.content.unreadable import MOST_CHARACTERS, MOST_PASSAGES, ContentTooLong, NoText


class ReadContent(msgspec.Struct, frozen=True):
    """A source as it was read. ``language`` is what it says it is in (``en``), '' where it does not say."""

    content: str
    language: str
    passages: list[Passage]


def read_file(content: bytes, content_type: str, name: str) -> ReadContent:
    """For :func:`~patchbay.connectors.worker.run_heavy`: a file or page. Raises ContentUnreadable."""
    kind, text = kind_of(content, content_type, name)
    if kind == "html":
        from patchbay.agent_runtime.knowledge.content.page import read_page

        page = read_page(text)
        return read_blocks(page.blocks, page.language)
    return read_blocks(_reader(kind, content, text)())


def read_text(text: str) -> ReadContent:
    """For the worker as well: plain text or Markdown. Raises NoText and ContentTooLong."""
    return read_blocks(prose_blocks(text))


def read_faqs(faqs: Sequence[tuple[str, str]]) -> ReadContent:
    """For the worker as well: (question, answer) in order. A question is the heading of its answer and of nothing else."""
    blocks: list[Block] = []
    for question, answer in faqs:
        blocks.append(Block("heading", one_line(question), 1))
        blocks += [
            Block("paragraph", block.text) if block.kind == "heading" else block
            for block in prose_blocks(answer)
            if block.kind != "close"
        ]
    return read_blocks(blocks)


def read_blocks(blocks: Sequence[Block], language: str = "") -> ReadContent:
    """The content of some blocks, and its passages. Raises NoText and ContentTooLong."""
    content = written(blocks)
    if not any(character.isalnum() for character in content):
        raise NoText
    if len(content) > MOST_CHARACTERS:
        raise ContentTooLong(f"A source holds at most {MOST_CHARACTERS:,} characters. Split it into several.")
    passages = cut(blocks)
    if len(passages) > MOST_PASSAGES:
        raise ContentTooLong(f"A source holds at most {MOST_PASSAGES:,} passages. Split it into several.")
    return ReadContent(content, language, passages)


def _reader(kind: str, content: bytes, text: str) -> Callable[[], Sequence[Block]]:
    """Its libraries are loaded for what needs them alone."""
    if kind == "pdf":
        from patchbay.agent_runtime.knowledge.content.pdf import pdf_blocks

        return lambda: pdf_blocks(content)
    if kind == "word":
        from patchbay.agent_runtime.knowledge.content.word import word_blocks

        return lambda: word_blocks(content)
    if kind == "delimited":
        from patchbay.agent_runtime.knowledge.content.delimited import delimited_blocks

        return lambda: delimited_blocks(text)
    return lambda: prose_blocks(text)
