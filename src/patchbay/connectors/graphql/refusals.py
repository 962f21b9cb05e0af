"""Why a GraphQL document or a GraphQL server gives no schema."""

from __future__ import annotations

from typing import Literal

from patchbay.connectors.documents import DocumentNotReadable
from patchbay.errors import Unavailable, Unprocessable

DocumentFault = Literal["empty", "not_text", "not_graphql", "malformed", "no_schema", "too_deep", "too_large"]

_HINT = "Send the schema as SDL, or the answer to the standard introspection query as JSON."


def document_refusal(fault: DocumentFault, detail: str, *, line: int | None = None, hint: str = _HINT) -> DocumentNotReadable:
    """The refusal of a document; ``line`` (from 1) is where it stops making sense."""
    extensions: dict[str, object] = {"reason": fault}
    if line is not None:
        extensions["line"] = line
    return DocumentNotReadable(f"document_not_readable: {detail}", hint=hint, extensions=extensions)


class IntrospectionRefused(Unprocessable):
    """The GraphQL server does not tell its schema: introspection is switched off there, or these credentials may not use it."""

    code, title = "introspection_refused", "Introspection refused"


class IntrospectionFailed(Unavailable):
    """The GraphQL server did not answer the introspection query with a GraphQL answer."""

    code, title = "introspection_failed", "Introspection failed"
