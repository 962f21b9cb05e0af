"""The worker process's part of a GraphQL discovery. Imports only what it needs: each discovery pays for these imports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from patchbay.connectors.collector import collector_paused
from patchbay.connectors.discovered import Discovered, packed
from patchbay.connectors.graphql.documents import read_document
from patchbay.connectors.graphql.normalize import build_graph
from patchbay.connectors.graphql.refusals import document_refusal
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.scoping import Scoping


def graph_of(document: bytes, reads: Sequence[str] = ()) -> Graph:
    """The graph of a schema document. ``reads`` names mutations that only read.

    Raises :class:`~patchbay.connectors.graphql.refusals.DocumentNotReadable`, whatever the bytes are.
    """
    try:
        with collector_paused():
            return build_graph(read_document(document), reads)
    except RecursionError:
        raise document_refusal("too_deep", "The document is nested deeper than any real schema.") from None


def graph_packed(document: bytes, reads: Sequence[str], scoping: dict[str, Any]) -> Discovered:
    """The worker's part: read, build, pack. Raises typed refusals only."""
    with collector_paused():
        return packed(graph_of(document, reads), Scoping.from_json(scoping))
