"""References by name: a field ``customerId`` beside an object ``Customer``.

Such an edge is a guess from names and types, is marked as one and is never followed on its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from patchbay.schema_graph.model import Edge, Field
from patchbay.schema_graph.naming import split_words, without_id

SURE, LIKELY = 0.8, 0.5
"""Confidence where the type says identifier (``ID``, a UUID), and where it only could be one."""


def inferred_edges(fields: Sequence[Field], edges: Iterable[Edge], by_fold: Mapping[str, str]) -> Iterator[Edge]:
    """The edges that the names of scalar ``fields`` suggest; ``by_fold`` has the objects by their case-folded names.

    None where the object holds the record itself under that name: the declared edge says it better.
    """
    taken: set[str] | None = None
    for field in fields:
        name = field.name
        if name[-1:] not in "dD" or field.type not in ("string", "integer", "uuid") or (short := without_id(name)) is None:
            continue
        target = by_fold.get("".join(split_words(short)))
        if target is None:
            continue
        if taken is None:
            taken = {edge.name for edge in edges} | {own.name for own in fields}
        if short not in taken:
            taken.add(short)
            sure = field.native_type == "ID" or field.type == "uuid"
            yield Edge(
                name=short,
                target=target,
                cardinality="many_to_one",
                pairs=((name, "id"),),
                nullable=field.nullable,
                inferred=True,
                confidence=SURE if sure else LIKELY,
            )
