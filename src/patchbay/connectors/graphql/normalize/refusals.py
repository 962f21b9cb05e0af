"""Where a mutation's payload says that it was refused: Shopify's ``userErrors``, Saleor's ``errors``, GitLab's ``errors``.

GraphQL's own ``errors`` are for requests that went wrong; that an order cannot be placed is, to such servers, a good answer. Only
the payload's shape tells: a list in it whose name is ``errors``, or ends in ``Errors``, of texts or of records that have a
``message``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from patchbay.connectors.graphql.normalize.objects import TYPENAME
from patchbay.schema_graph.model import Field, Object

_DEPRECATED = "deprecated"


def refusals_of(payload: Object | None, objects: Mapping[str, Object]) -> list[list[str]]:
    """The ways from a payload to what is in it when the mutation was refused: to the texts, or to the type of the records.

    Of several that say the same in an old and a new way, those that are not deprecated are taken.
    """
    if payload is None:
        return []
    found = list(_lists(payload, objects))
    current = [path for field, path in found if _DEPRECATED not in (field.description or "").lower()]
    return current or [path for _, path in found]


def _lists(payload: Object, objects: Mapping[str, Object]) -> Iterator[tuple[Field, list[str]]]:
    for field in payload.fields:
        if not field.readable or field.type != "array" or not (field.name == "errors" or field.name.endswith("Errors")):
            continue
        if field.item_type == "string":
            yield field, [field.name]
            continue
        edge = next((edge for edge in payload.edges if edge.embedded and edge.pairs == ((field.name, ""),)), None)
        record = objects.get(edge.target) if edge is not None and not edge.wrapper else None
        if record is not None and record.field("message") is not None:
            yield field, [field.name, TYPENAME]
