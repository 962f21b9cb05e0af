"""References by name: a field ``customerId`` beside an object ``Customer``.

Such an edge is a guess from names and types, is marked as one and is never followed on its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from patchbay.schema_graph.model import Edge, Field
from patchbay.schema_graph.naming import split_words, without_id

IDENTIFIER = "id"
SURE, LIKELY = 0.8, 0.5
"""Confidence where the type says identifier (``ID``, a UUID), and where it only could be one."""


class Key(msgspec.Struct, frozen=True, gc=False):
    """An object that has an identifier, and the identifier's type."""

    object: str
    native_type: str


def inferred_edges(owner: str, fields: Sequence[Field], edges: Iterable[Edge], keys: Mapping[str, Key]) -> Iterator[Edge]:
    """The edges that the names of the scalar ``fields`` of ``owner`` suggest; ``keys`` has what can be referred to.

    None to the owner itself, whose own identifier may be called so (``Vulnerability.vulnerabilityId``); none where the object
    holds the record itself under that name: the declared edge says it better; none to an identifier of another type.
    """
    taken: set[str] | None = None
    for field in fields:
        name = field.name
        if name[-1:] not in "dD" or field.type not in ("string", "integer", "uuid") or (short := without_id(name)) is None:
            continue
        key = keys.get("".join(split_words(short)))
        if key is None or key.object == owner or key.native_type != field.native_type:
            continue
        if taken is None:
            taken = {edge.name for edge in edges} | {own.name for own in fields}
        if short not in taken:
            taken.add(short)
            sure = field.native_type == "ID" or field.type == "uuid"
            yield Edge(
                name=short,
                target=key.object,
                cardinality="many_to_one",
                pairs=((name, IDENTIFIER),),
                nullable=field.nullable,
                inferred=True,
                confidence=SURE if sure else LIKELY,
            )
