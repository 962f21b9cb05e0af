"""Why something could not be read. What a person is shown of a source is the code and the message."""

from __future__ import annotations

from patchbay.errors import Unprocessable

MOST_CHARACTERS = 1_000_000
"""Of one source, once it was read."""
MOST_PASSAGES = 5_000
"""Of one source."""
MOST_PAGES = 1_000
"""Of one PDF."""


class ContentUnreadable(Unprocessable):
    """This cannot be read. Web pages, PDF, Word (.docx), CSV, Markdown and plain text can."""

    code, title = "content_unsupported", "Content not supported"


class NoText(ContentUnreadable):
    """There is no text in it. A page that is made by scripts in the browser has none either: add its text as a source instead."""

    code, title = "content_empty", "No text"


class PdfWithoutText(ContentUnreadable):
    """This PDF holds pictures of pages and no text. Run text recognition (OCR) over it, or add its text as a source."""

    code, title = "pdf_without_text", "PDF without text"


class FileEncrypted(ContentUnreadable):
    """This file opens with a password only. Save it without one and upload it again."""

    code, title = "file_encrypted", "File encrypted"


class FileDamaged(ContentUnreadable):
    """This file is damaged, or is not what its name says. Open it, save it anew and upload it again."""

    code, title = "file_damaged", "File damaged"


class ContentTooLong(ContentUnreadable):
    """This is more than one source may hold. Split it into several."""

    code, title = "content_too_long", "Content too long"
