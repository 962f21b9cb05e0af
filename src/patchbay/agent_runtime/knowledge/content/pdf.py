"""PDF files. Only for the worker process: they come from anybody."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

from pypdf import PdfReader
from pypdf.errors import FileNotDecryptedError, PyPdfError

from patchbay.agent_runtime.knowledge.content.blocks import Block
from patchbay.agent_runtime.knowledge.content.prose import prose_blocks
from patchbay.agent_runtime.knowledge.content.unreadable import (
    MOST_CHARACTERS,
    MOST_PAGES,
    ContentTooLong,
    FileDamaged,
    FileEncrypted,
    PdfWithoutText,
)

_LEAST_LETTERS = 20
"""Scanned pages may hold a stray number."""


def pdf_blocks(content: bytes) -> list[Block]:
    """The text of a PDF, page by page. Raises FileDamaged, FileEncrypted, PdfWithoutText and ContentTooLong."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        pages = list(_pages(content))
    except FileNotDecryptedError:
        raise FileEncrypted from None
    except (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError, OSError):
        raise FileDamaged from None  # what a damaged file makes of the library
    blocks = [block for page in pages for block in prose_blocks(page)]
    if sum(character.isalpha() for block in blocks for character in block.text) < _LEAST_LETTERS:
        raise PdfWithoutText
    return blocks


def _pages(content: bytes) -> Iterator[str]:
    reader = PdfReader(io.BytesIO(content), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise FileEncrypted
    if len(reader.pages) > MOST_PAGES:
        raise ContentTooLong
    length = 0
    for page in reader.pages:
        text = page.extract_text()
        length += len(text)
        if length > 2 * MOST_CHARACTERS:
            raise ContentTooLong
        yield text
