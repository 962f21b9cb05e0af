"""The worker process's part of a REST discovery: a document's files in, the packed graph out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from patchbay.connectors.collector import collector_paused
from patchbay.connectors.discovered import Discovered, packed
from patchbay.connectors.rest.documents.files import needed_references, open_document
from patchbay.connectors.rest.normalize.graph import Described, Normalized, describe, normalize
from patchbay.schema_graph.blocking import Scoping


class DocumentSettings(msgspec.Struct, frozen=True):
    """What is known about a document besides its bytes. ``root`` is its main file where there are several, ``url`` where that
    came from, ``base_url`` the connection's own, ``reads`` the operations a person marked as reads.
    """

    root: str | None = None
    url: str | None = None
    base_url: str | None = None
    reads: tuple[str, ...] = ()


def read_graph(document_files: Mapping[str, bytes], settings: DocumentSettings) -> Normalized:
    """The graph of a document, and what it says of its API as a whole."""
    with collector_paused():
        return normalize(
            open_document(document_files, root=settings.root, url=settings.url),
            base_url=settings.base_url,
            reads=frozenset(settings.reads),
        )


def graph_packed(document_files: Mapping[str, bytes], settings: DocumentSettings, scoping: dict[str, Any]) -> Discovered:
    """For :func:`~patchbay.connectors.worker.run_heavy`: read, normalize and pack. Raises typed refusals only."""
    with collector_paused():
        return packed(read_graph(document_files, settings).graph, Scoping.from_json(scoping))


def described(document_files: Mapping[str, bytes], settings: DocumentSettings) -> Described:
    """For the worker as well: where the API is and what authorization it asks for."""
    return describe(open_document(document_files, root=settings.root, url=settings.url))


def references_needed(
    document_files: Mapping[str, bytes], settings: DocumentSettings, fresh: Collection[str] | None = None
) -> list[str]:
    """For the worker as well: the files to fetch from the document's own origin before it is read, as
    :func:`~patchbay.connectors.rest.documents.files.needed_references` has it.
    """
    return needed_references(document_files, root=settings.root, url=settings.url, fresh=fresh)
