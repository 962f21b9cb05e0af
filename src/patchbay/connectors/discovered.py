"""What a discovery brings back from its worker process: the packed graph, and what of it is in view."""

from __future__ import annotations

from typing import Any

import msgspec

from patchbay.schema_graph.fingerprint import graph_fingerprint
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.pack import pack
from patchbay.schema_graph.scoping import Scoping, View
from patchbay.schema_graph.summary import count, findings_of


class Discovered(msgspec.Struct, frozen=True):
    """The packed graph, its fingerprint, and what of it is in view under the scoping that was given."""

    body: bytes
    fingerprint: str
    counts: dict[str, Any]
    findings: list[dict[str, str]]


def packed(graph: Graph, scoping: Scoping) -> Discovered:
    """``graph`` ready to be stored and told about."""
    view = View(graph, scoping)
    return Discovered(pack(graph), graph_fingerprint(graph), count(view), findings_of(view))
