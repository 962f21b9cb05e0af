"""What a call touches in the graph of today."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.schema_graph.blocking import close, nested_names
from patchbay.schema_graph.call import SliceItem, Touch
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.outline import outline_of, tables_above


def touched_by(graph: Graph, items: Sequence[SliceItem]) -> tuple[Touch, ...]:
    """Everything that a call which uses ``items`` touches in this graph, which may be a later one than it was compiled on: a
    partition attached since then holds rows that the call reads.
    """
    lineage = outline_of(graph.objects).lineage
    above = tables_above(lineage)
    return tuple(touch for item in items for touch in close(lineage, above, item.object, touched_names(item)))


def touched_names(item: SliceItem) -> tuple[str, ...]:
    """The names an item touches of its object: its fields, and those of the members of nested values."""
    return (*item.fields, *dict.fromkeys(name for path in item.inner for name in nested_names(path)))
