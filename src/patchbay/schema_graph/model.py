"""The normalized model of one connection's schema: one model for SQL, REST and GraphQL.

Everything here is an immutable value. Names are what a person sees and what a binding stores: an object's name is the
catalogue's own, prefixed with ``schema.`` outside the connection's default schema; a field's name is the column's or property's
own. Nothing above ``connectors/`` reads a :class:`Graph` directly: it is seen through a view
(:mod:`patchbay.schema_graph.scoping`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

FieldType = Literal[
    "string", "integer", "decimal", "number", "boolean", "date", "time", "datetime", "duration", "uuid", "bytes",
    "json", "enum", "object", "array",
]  # fmt: skip
Badge = Literal["core", "pii", "payment_card"]
ObjectKind = Literal["table", "view", "materialized_view", "foreign_table", "type", "interface", "union"]
Cardinality = Literal["one_to_one", "many_to_one", "one_to_many", "many_to_many"]
Effect = Literal["read", "write"]
Verb = Literal["read", "insert", "update", "call"]
ArgumentRole = Literal["filter", "key", "match", "set", "value"]


class Struct(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Base of the graph's values."""


class Field(Struct, frozen=True, omit_defaults=True, gc=False):
    """One column or property.

    ``native_type`` is the system's own spelling (``numeric(10,2)``). ``zoned`` tells a datetime or time with a zone from one
    without. ``indexed`` means that an equality on this field alone can use an index (it leads a valid, total one).
    ``formats`` holds the shapes sampled from the values of a phone column, digits written as ``9``.
    ``computed_from`` names the fields a generated one is computed from; ``opaque`` says that it may be computed from more (a
    function of the owner's). ``row_of`` names the object whose whole row such a field holds. ``filterable`` is False for types
    that have no equality. ``readable``, ``insertable`` and ``updatable`` are what the connected role may do.
    """

    name: str
    type: FieldType
    native_type: str
    nullable: bool = True
    description: str | None = None
    enum: tuple[str, ...] = ()
    item_type: FieldType | None = None
    fields: tuple[Field, ...] = ()
    primary_key: bool = False
    unique: bool = False
    indexed: bool = False
    identity: Literal["always", "by_default"] | None = None
    has_default: bool = False
    generated: bool = False
    computed_from: tuple[str, ...] = ()
    opaque: bool = False
    row_of: str | None = None
    filterable: bool = True
    zoned: bool = False
    max_length: int | None = None
    badges: tuple[Badge, ...] = ()
    formats: tuple[str, ...] = ()
    readable: bool = True
    insertable: bool = False
    updatable: bool = False


class Edge(Struct, frozen=True, omit_defaults=True, gc=False):
    """A relationship from the object that holds it to ``target``.

    ``pairs`` are (own field, target field) in the key's order. For many-to-many, ``via`` names the junction object,
    ``pairs`` are (own field, junction field) and ``via_pairs`` (junction field, target field). ``nullable`` means that the
    neighbour may be absent. ``inferred`` relationships come from names and types, not from a declared key, and are never
    joined on silently; ``confidence`` (0 to 1) goes with them.
    """

    name: str
    target: str
    cardinality: Cardinality
    pairs: tuple[tuple[str, str], ...]
    via: str | None = None
    via_pairs: tuple[tuple[str, str], ...] = ()
    nullable: bool = True
    constraint: str | None = None
    inferred: bool = False
    confidence: float = 1.0
    embedded: bool = False
    wrapper: tuple[str, ...] = ()
    size_argument: str | None = None
    narrows: bool = False

    @property
    def to_one(self) -> bool:
        """Whether following this edge gives at most one record."""
        return self.cardinality in ("many_to_one", "one_to_one")


class Key(Struct, frozen=True, omit_defaults=True, gc=False):
    """A primary or unique key: the values of ``fields`` identify at most one record."""

    name: str
    fields: tuple[str, ...]
    primary: bool = False


class Index(Struct, frozen=True, omit_defaults=True, gc=False):
    """A usable index. ``fields`` are its key columns in order, ``None`` where one is an expression."""

    name: str
    fields: tuple[str | None, ...]
    unique: bool = False
    partial: bool = False
    method: str = "btree"


class Dependency(Struct, frozen=True, omit_defaults=True, gc=False):
    """What a view, a materialized view or a folded partition reads. ``fields`` is None where it may read any of them."""

    object: str
    fields: tuple[str, ...] | None = None


class Object(Struct, frozen=True, omit_defaults=True, gc=False):
    """A table, view, resource or type.

    ``reads`` are the stored direct dependencies of a view. ``opaque`` says why they cannot be closed (a function, a
    foreign table, hidden text): such an object counts as blocked once anything on the connection is, unless it is listed as
    allowed. ``partitions`` name all tables below it whose rows a read returns: folded partitions, and tables that inherit
    from it. ``definition_hash`` changes when a view's text does.
    ``estimate`` is the planner's idea of the number of records, or None. ``extends`` names objects whose members are members of
    this one too, because each of its records is one of theirs (OpenAPI's ``allOf``).
    """

    name: str
    slug: str
    kind: ObjectKind
    native_schema: str | None = None
    native_name: str | None = None
    description: str | None = None
    fields: tuple[Field, ...] = ()
    edges: tuple[Edge, ...] = ()
    keys: tuple[Key, ...] = ()
    indexes: tuple[Index, ...] = ()
    estimate: int | None = None
    badges: tuple[Badge, ...] = ()
    reads: tuple[Dependency, ...] = ()
    opaque: str | None = None
    partitions: tuple[str, ...] = ()
    definition_hash: str | None = None
    readable: bool = True
    insertable: bool = False
    updatable: bool = False
    extends: tuple[str, ...] = ()

    def field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((f for f in self.fields if f.name == name), None)

    def member(self, path: Sequence[str]) -> Field | None:
        """The member at ``path``: the name of a field, then those of members of the nested values below it. Or None."""
        fields, found = self.fields, None
        for name in path:
            found = next((f for f in fields if f.name == name), None)
            if found is None:
                return None
            fields = found.fields
        return found

    def edge(self, name: str) -> Edge | None:
        """The edge of that name, or None."""
        return next((e for e in self.edges if e.name == name), None)


class Argument(Struct, frozen=True, omit_defaults=True, gc=False):
    """One argument of an operation, named by a dotted path (``phone``, ``customer.email``, ``body.address.city``).

    ``item_type`` is the type of an array's elements. ``has_default``: the system fills it in when it is left out.
    ``minimum`` and ``maximum`` are inclusive, where the system says them of a number.
    ``demanded_by`` is the dotted name of the outermost optional parent that must have this one once anything in it is given
    (``where`` for ``where.field``, when the field is required in it); None where no parent demands it.
    """

    name: str
    role: ArgumentRole
    type: FieldType
    native_type: str
    required: bool = False
    indexed: bool = False
    enum: tuple[str, ...] = ()
    description: str | None = None
    badges: tuple[Badge, ...] = ()
    item_type: FieldType | None = None
    max_length: int | None = None
    has_default: bool = False
    zoned: bool = False
    demanded_by: str | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None


class Operation(Struct, frozen=True, omit_defaults=True, gc=False):
    """Something a binding can call.

    ``object`` is the record it returns or writes; None when it returns none (an empty answer). ``many``: a ``call`` returns a
    list of records. ``unusable`` says why no binding can call it; it is listed all the same. An operation with
    ``record_arguments`` takes arguments derived from its object instead of ``arguments`` of its own: for a read every scalar
    field of the object and of its to-one neighbours, for an insert or update the object's writable fields and keys.
    ``invoke`` is for the connector kind and its compiler alone.
    """

    name: str
    slug: str
    object: str | None
    effect: Effect
    verb: Verb
    description: str | None = None
    arguments: tuple[Argument, ...] = ()
    record_arguments: bool = False
    invoke: Mapping[str, Any] = {}
    many: bool = False
    unusable: str | None = None


class Note(Struct, frozen=True, omit_defaults=True, gc=False):
    """Something to know about the document a graph was read from. ``place`` is a JSON pointer or a line."""

    code: str
    message: str
    place: str | None = None


class Graph(Struct, frozen=True, omit_defaults=True, gc=False):
    """An immutable snapshot of one connection's schema. The same schema has the same fingerprint.

    ``kind`` is the type of system: postgres, mysql, rest, graphql.
    """

    kind: str
    default_schema: str | None
    objects: Mapping[str, Object]
    operations: Mapping[str, Operation]
    notes: tuple[Note, ...] = ()
