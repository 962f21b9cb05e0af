"""Why a document gives no API: one refusal, with the reason and the line where there is one."""

from __future__ import annotations

from typing import Literal

from patchbay.connectors.documents import DocumentNotReadable

DocumentFault = Literal[
    "empty", "not_text", "malformed", "not_an_api", "version", "too_deep", "too_large", "archive", "ambiguous", "file_missing",
]  # fmt: skip

_HINT = "Send an OpenAPI 2.0, 3.0 or 3.1 document or a Google discovery document, as JSON or YAML."


def document_refusal(
    fault: DocumentFault, detail: str, *, file: str | None = None, line: int | None = None, hint: str = _HINT
) -> DocumentNotReadable:
    """The refusal of a document: ``line`` (from 1) of ``file`` is where it stops making sense."""
    extensions: dict[str, object] = {"reason": fault}
    if file is not None:
        extensions["file"] = file
    if line is not None:
        extensions["line"] = line
        detail = f"refused at line {line}: {detail}"
    return DocumentNotReadable(f"document_not_readable: {detail}", hint=hint, extensions=extensions)
