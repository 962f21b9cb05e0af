"""Objects, their fields, and the edges that come with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec

from patchbay.connectors.graphql.definitions import FieldDefinition, TypeDefinition
from patchbay.connectors.graphql.findings import listed
from patchbay.connectors.graphql.normalize.catalog import Catalog, Use
from patchbay.connectors.graphql.normalize.connections import Connection, size_argument
from patchbay.connectors.graphql.normalize.references import IDENTIFIER, Key, inferred_edges
from patchbay.connectors.graphql.normalize.texts import described
from patchbay.schema_graph.badges import CORE, field_badges, is_core_by_name, is_core_by_use
from patchbay.schema_graph.model import Edge, Field, Object, ObjectKind
from patchbay.schema_graph.naming import unique_slugs

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
        catalog, owner = self._catalog, definition.name
        for field, use in catalog.fields(definition):
            if use is None or use.kind == "input":
                message = f"{owner}.{field.name} has a type that is not defined or holds input only; it is left out."
                catalog.findings.add_line("unknown_type", message, field.line)
            elif use.name not in catalog.roots:
                size = size_argument(field.args, catalog) if field.args else None
                if use.kind == "record":
                    edge, made = self._record(field, use, size)
                    edges.append(edge)
                else:
                    made = self._scalar(field, use)
                fields.append(self._settled(made, field, owner, size))
        if definition.kind != "OBJECT":
            fields.append(self._typename(definition))
            edges += self._narrowing(definition, shown, {edge.name for edge in edges})
        return tuple(fields), tuple(edges)

    def _scalar(self, field: FieldDefinition, use: Use) -> Field:
        name = field.name
        description = described(field.description, field.deprecation_reason, field.is_deprecated)
        key = name == IDENTIFIER and use.text == "ID" and not use.nullable
        return Field(
            name=name,
            type=use.type,
            native_type=use.native,
            nullable=use.nullable,
            description=description,
            enum=use.enum,
            item_type=use.item_type,
            primary_key=key,
            zoned=use.scalar is not None and use.scalar.zoned,
            badges=field_badges(name, use.type, description),
        )

    def _record(self, field: FieldDefinition, use: Use, size: str | None) -> tuple[Edge, Field]:
        connection = self._connections.get(use.name) if use.lists == 0 else None
        many = connection is not None or use.lists > 0
        target = connection.node if connection is not None else use.name
        self._referenced[target] += not many
        edge = Edge(
            name=field.name,
            target=target,
            cardinality="one_to_many" if many else "many_to_one",
            pairs=((field.name, ""),),
            nullable=use.nullable,
            embedded=True,
            wrapper=connection.wrapper if connection is not None else (),
            size_argument=size if many else None,
        )
        description = described(field.description, field.deprecation_reason, field.is_deprecated)
        item = use.item_type or ("object" if many else None)
        kind = "array" if many else "object"
        return edge, Field(field.name, kind, use.text, use.nullable, description, item_type=item)

    def _settled(self, made: Field, field: FieldDefinition, owner: str, size: str | None) -> Field:
        """The field, not readable where something must be said that a projection cannot say."""
        if not field.args or not any(not arg.optional and arg.name != size for arg in field.args):
            return made
        self._demanding.append(f"{owner}.{field.name}")
        return msgspec.structs.replace(made, readable=False)

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
