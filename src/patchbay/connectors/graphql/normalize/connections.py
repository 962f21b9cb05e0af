"""Lists that come in a type of their own: relay connections and the argument that says how many.

A type is a connection when it says so, by its name or by page information, *and* has the records where one would be: in
``nodes``, or in the ``node`` of its ``edges`` (the GraphQL Cursor Connections specification; ``nodes`` is its usual short cut).
A domain type that merely has nodes and edges, a graph for instance, has no page information and stays an object.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from patchbay.connectors.graphql.definitions import InputValue, TypeDefinition
from patchbay.connectors.graphql.normalize.catalog import Catalog, Use

_SIZES = ("first", "limit", "take", "pageSize", "page_size", "perPage", "per_page", "maxResults", "max_results", "last")
_SIZES_OF_PAGES = ("size", "count", "top")
_POSITIONS = frozenset({"after", "before", "offset", "skip", "page", "pageNumber", "page_number", "cursor", "from", "start"})
PAGING = frozenset({*_SIZES, *_SIZES_OF_PAGES, *_POSITIONS})
"""Names of arguments that say which part of a list is wanted."""
_PAGE_FLAGS = ("hasNextPage", "hasPreviousPage")


class Connection(msgspec.Struct, frozen=True, gc=False):
    """``wrapper`` leads from the connection to its records of type ``node``; ``more`` to whether there are further ones.

    ``carriers`` are the types that only serve it: those of its edges and of its page information.
    """

    node: str
    wrapper: tuple[str, ...]
    page: str | None
    carriers: tuple[str, ...]

    def more(self, size_argument: str | None) -> tuple[str, ...]:
        """The path to the flag that tells whether records were left out, for a list asked for from this end."""
        return () if self.page is None else (self.page, _PAGE_FLAGS[size_argument == "last"])


def size_argument(args: Iterable[InputValue], catalog: Catalog) -> str | None:
    """The argument among ``args`` that says how many records a list may have, the most telling name first.

    A ``size`` may be that of a picture: such a name counts beside one that says where in the list to begin.
    """
    named = {arg.name: arg for arg in args}
    for name in (*_SIZES, *_SIZES_OF_PAGES) if not _POSITIONS.isdisjoint(named) else _SIZES:
        if name in named:
            use = catalog.use(named[name].type)
            if use is not None and use.type == "integer":
                return name
    return None


def find_connections(catalog: Catalog) -> dict[str, Connection]:
    """The connections among the types, by name."""
    found = {name: _as_connection(definition, catalog) for name, definition in catalog.types.items() if definition.fields}
    return {name: connection for name, connection in found.items() if connection is not None}


def _as_connection(definition: TypeDefinition, catalog: Catalog) -> Connection | None:
    fields = catalog.fields(definition)
    if ("edges" not in fields and "nodes" not in fields) or definition.name in catalog.roots:
        return None
    # A field with arguments that cannot be left out could not be asked for on the way to the records.
    uses = {name: use for name, (field, use) in fields.items() if all(arg.optional for arg in field.args or ())}
    page = _page_info(uses.get("pageInfo"), catalog)
    if page is None and not definition.name.endswith("Connection"):
        return None
    nodes, edges = _list_of_records(uses.get("nodes")), _list_of_records(uses.get("edges"))
    node = _node_of(edges, catalog)
    carriers = tuple([use.name for use in (edges if node else None, page) if use is not None])
    flag = "pageInfo" if page is not None else None
    if nodes is not None and (node is None or node == nodes.name):
        return Connection(nodes.name, ("nodes",), flag, carriers)
    return Connection(node, ("edges", "node"), flag, carriers) if node else None


def _page_info(use: Use | None, catalog: Catalog) -> Use | None:
    if use is None or use.kind != "record" or use.lists:
        return None
    flags = {flag.name for flag in catalog.types[use.name].fields or ()}
    return use if flags.issuperset(_PAGE_FLAGS) else None


def _list_of_records(use: Use | None) -> Use | None:
    return use if use is not None and use.kind == "record" and use.lists == 1 else None


def _node_of(edges: Use | None, catalog: Catalog) -> str | None:
    """The type of the records at the ends of the edges."""
    found = catalog.fields(catalog.types[edges.name]).get("node") if edges is not None else None
    if found is None or any(not arg.optional for arg in found[0].args or ()):
        return None
    use = found[1]
    return use.name if use is not None and use.kind == "record" and use.lists == 0 else None


def only_carriers(catalog: Catalog, connections: Mapping[str, Connection]) -> frozenset[str]:
    """The types that are no objects of their own: connections always used as a list, and what only serves these.

    A type stays an object where a record holds it in another way: a list of connections, a member of a union or interface, an
    edge that a mutation returns.
    """
    serving = {carrier for connection in connections.values() for carrier in connection.carriers}
    users = _users(catalog, {*connections, *serving})
    members = {member for name in catalog.types for member in catalog.members(name)}
    gone = {name for name in connections if name not in members and all(direct for _, direct in users[name])}
    serving = {carrier for name in gone for carrier in connections[name].carriers} - gone - members
    return frozenset(gone | {carrier for carrier in serving if all(user in gone for user, _ in users[carrier])})


def _users(catalog: Catalog, names: Collection[str]) -> Mapping[str, Sequence[tuple[str, bool]]]:
    """Which types have fields of each of these types, and whether each holds it directly rather than in a list."""
    users: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    wanted = catalog.uses(names)
    for definition in catalog.types.values():
        for _, use in catalog.fields(definition).values() if definition.fields else ():
            if use in wanted:
                users[use.name].append((definition.name, use.lists == 0))
    return users
