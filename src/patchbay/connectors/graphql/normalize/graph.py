"""The graph of one GraphQL document."""

from __future__ import annotations

from collections.abc import Collection

from patchbay.connectors.documents import Findings
from patchbay.connectors.graphql.definitions import Schema
from patchbay.connectors.graphql.normalize.catalog import Catalog
from patchbay.connectors.graphql.normalize.connections import find_connections, only_carriers
from patchbay.connectors.graphql.normalize.objects import ObjectBuilder
from patchbay.connectors.graphql.normalize.operations import OperationBuilder
from patchbay.schema_graph.model import Graph


def build_graph(schema: Schema, reads: Collection[str] = ()) -> Graph:
    """The graph of ``schema``. ``reads`` names mutations (``mutation.x`` or ``x``) that a person says only read."""
    findings = Findings()
    catalog = Catalog(schema, findings)
    connections = find_connections(catalog)
    objects = ObjectBuilder(catalog, connections, only_carriers(catalog, connections)).build()
    operations, values = OperationBuilder(catalog, connections, objects, reads).build()
    findings.add_unknown_reads(reads, {spelled for name in operations for spelled in (name, name.partition(".")[2])})
    return Graph(
        kind="graphql",
        default_schema=None,
        objects={**objects, **values},
        operations=operations,
        notes=findings.notes(),
    )
