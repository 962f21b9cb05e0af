"""Objects, their fields, and the edges that come with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from patchbay.connectors.graphql.definitions import FieldDefinition, TypeDefinition
from patchbay.connectors.graphql.normalize.catalog import Catalog, Use
from patchbay.connectors.graphql.normalize.connections import Connection, size_argument
from patchbay.connectors.graphql.normalize.references import IDENTIFIER, Key, inferred_edges
from patchbay.connectors.graphql.normalize.texts import described
from patchbay.schema_graph.badges import CORE, field_badges, is_core_by_name, is_core_by_use
from patchbay.schema_graph.model import Edge, Field, Object, ObjectKind
from patchbay.schema_graph.naming import unique_slugs
from patchbay.schema_graph.summary import listed

TYPENAME = "__typename"
"""What every record can be asked for: the name of its type (GraphQL specification, section 4.1)."""

_OBJECT_KINDS: dict[str, ObjectKind] = {"OBJECT": "type", "INTERFACE": "interface", "UNION": "union"}


class ObjectBuilder:
    """Builds the objects of a catalog; ``hidden`` are the types that are none."""

    def __init__(self, catalog: Catalog, connections: Mapping[str, Connection], hidden: frozenset[str]) -> None:
        self._catalog = catalog
        self._connections = connections
        self._hidden = hidden | catalog.roots
        self._referenced: dict[str, int] = defaultdict(int)
        self._demanding: list[str] = []
        self._made: dict[tuple[object, ...], tuple[Edge | None, Field]] = {}
        """What fields that look alike are made into, once."""

    def build(self) -> dict[str, Object]:
        """All objects by name."""
        types = self._catalog.types
        shown = {n: d for n, d in types.items() if d.kind in _OBJECT_KINDS and n not in self._hidden}
        slugs = unique_slugs(shown)
        made = [(definition, *self._content(definition, shown)) for definition in shown.values()]
        keys = {d.name.casefold(): Key(d.name, f.native_type) for d, fields, _ in made for f in fields if f.name == IDENTIFIER}
        objects: dict[str, Object] = {}
        for definition, fields, edges in made:
            name = definition.name
            core = is_core_by_name(name) or is_core_by_use(self._referenced.get(name, 0), len(fields))
            objects[name] = Object(
                name=name,
                slug=slugs[name],
                kind=_OBJECT_KINDS[definition.kind],
                native_name=name,
                description=described(definition.description),
                fields=fields,
                edges=(*edges, *inferred_edges(name, fields, edges, keys)),
                badges=CORE if core else (),
            )
        if self._demanding:
            message = f"These fields need arguments of their own and cannot be read: {listed(self._demanding)}."
            self._catalog.findings.add("field_needs_arguments", message)
        return objects

    def _content(
        self, definition: TypeDefinition, shown: Mapping[str, TypeDefinition]
    ) -> tuple[tuple[Field, ...], tuple[Edge, ...]]:
        fields: list[Field] = []
        edges: list[Edge] = []
        catalog, owner, roots, alike = self._catalog, definition.name, self._catalog.roots, self._made
        for field, use in catalog.fields(definition).values():
            if use is None or use.kind == "input":
                message = f"{owner}.{field.name} has a type that is not defined or holds input only; it is left out."
                catalog.findings.add_line("unknown_type", message, field.line)
            elif use.name not in roots:
                size, demanding = self._said_with(field, use) if field.args else (None, False)
                look = field.name, use, field.description, field.deprecation_reason, field.is_deprecated, size, demanding
                known = alike.get(look)
                if known is None:
                    known = alike[look] = self._made_of(field, use, size, readable=not demanding)
                edge, made = known
                fields.append(made)
                if edge is not None:
                    edges.append(edge)
                    self._referenced[edge.target] += edge.to_one
                if not made.readable:
                    self._demanding.append(f"{owner}.{field.name}")
        if definition.kind != "OBJECT":
            fields.append(self._typename(definition))
            edges += self._narrowing(definition, shown, {edge.name for edge in edges})
        return tuple(fields), tuple(edges)

    def _made_of(self, field: FieldDefinition, use: Use, size: str | None, *, readable: bool) -> tuple[Edge | None, Field]:
        """The field, and the edge that goes with a record."""
        edge = self._edge(field, use, size) if use.kind == "record" else None
        return edge, self._field(field, use, readable=readable)

    def _field(self, field: FieldDefinition, use: Use, *, readable: bool) -> Field:
        name, description = field.name, described(field.description, field.deprecation_reason, field.is_deprecated)
        many = use.kind == "record" and self._is_many(use)
        return Field(
            name=name,
            type="array" if many else use.type,
            native_type=use.native,
            nullable=use.nullable,
            description=description,
            enum=use.enum,
            item_type="object" if many and use.lists == 0 else use.item_type,
            primary_key=name == IDENTIFIER and use.text == "ID" and not use.nullable,
            zoned=use.scalar is not None and use.scalar.zoned,
            badges=() if use.kind == "record" else field_badges(name, use.type, description),
            readable=readable,
        )

    def _edge(self, field: FieldDefinition, use: Use, size: str | None) -> Edge:
        connection = self._connections.get(use.name) if use.lists == 0 else None
        return Edge(
            name=field.name,
            target=connection.node if connection is not None else use.name,
            cardinality="one_to_many" if self._is_many(use) else "many_to_one",
            pairs=((field.name, ""),),
            nullable=use.nullable,
            embedded=True,
            wrapper=connection.wrapper if connection is not None else (),
            size_argument=size,
        )

    def _is_many(self, use: Use) -> bool:
        return use.lists > 0 or use.name in self._connections

    def _said_with(self, field: FieldDefinition, use: Use) -> tuple[str | None, bool]:
        """The argument for how many, and whether something else must be said, which a projection cannot say."""
        args = field.args or ()
        size = size_argument(args, self._catalog) if use.kind == "record" and self._is_many(use) else None
        needed = [arg.name for arg in args if arg.type.kind == "NON_NULL" and not arg.optional]
        return size, any([name != size for name in needed])

    def _typename(self, definition: TypeDefinition) -> Field:
        members = tuple(self._catalog.members(definition.name))
        description = "The name of the type that this record is of."
        return Field(TYPENAME, "enum" if members else "string", "String", False, description, enum=members)

    def _narrowing(self, definition: TypeDefinition, shown: Mapping[str, TypeDefinition], taken: set[str]) -> Iterator[Edge]:
        for member in self._catalog.members(definition.name):
            if member in shown:
                name = member if member not in taken else f"on_{member}"
                yield Edge(name, member, "many_to_one", (), embedded=True, narrows=True)


def value_object(name: str, slug: str, use: Use) -> Object:
    """The record of an operation that answers with a plain value: one field, ``value``."""
    field = Field(
        name="value",
        type=use.type,
        native_type=use.native,
        nullable=use.nullable,
        enum=use.enum,
        item_type=use.item_type,
        zoned=use.scalar is not None and use.scalar.zoned,
    )
    return Object(name=name, slug=slug, kind="type", fields=(field,))
