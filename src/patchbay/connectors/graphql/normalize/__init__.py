"""From the definitions in a GraphQL document to the graph.

- **Objects** are the object, interface and union types. Left out are the root types (their fields are the operations), the
  types of introspection, and what only carries a list: a connection that is always used as one, its edge type and its page
  information.
- **Fields** to another object carry an embedded edge of the same name; a list or a connection is an edge to many, over the
  connection's wrapper. A field whose arguments cannot be left out is not readable. ``…Id`` fields give inferred edges.
- Interfaces and unions have an edge to each member that narrows to it, and the field ``__typename``, which says which it is.
- **Operations** are the fields of the root types, ``query.x`` and ``mutation.x``, their arguments flattened.

What is wrong with a document is noted and left out; it never stops the rest.
"""

from patchbay.connectors.graphql.normalize.graph import build_graph

__all__ = ["build_graph"]
