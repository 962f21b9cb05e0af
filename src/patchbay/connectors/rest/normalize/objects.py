"""The objects of a description: named schemas, and records that have a name only by where they stand.

A property that is another named object is an embedded edge; a nested value without a name is a field with members, as long as it
holds no object itself: then it is an object of its own (``Order lines``), so that scoping an object reaches every place it is in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from patchbay.connectors.rest.documents.values import is_list, is_object
from patchbay.connectors.rest.normalize.alternatives import Alternatives
from patchbay.connectors.rest.normalize.drafts import Draft, Drafts
from patchbay.connectors.rest.normalize.scalars import SCALAR_TYPES, scalar_of, texts_of
from patchbay.connectors.rest.normalize.schemas import (
    EMPTY,
    Schema,
    Schemas,
    is_nullable,
    is_record,
    kind_of,
    properties_of,
    required_of,
    variants_of,
)
from patchbay.connectors.rest.normalize.shapes import ANYTHING, Shape, either, or_null
from patchbay.connectors.rest.normalize.texts import trimmed
from patchbay.schema_graph.badges import field_badges
from patchbay.schema_graph.model import Cardinality, Edge, Field
from patchbay.schema_graph.naming import quote_part

MOST_NESTED = 10
"""Nested values within nested values that have no name."""
MOST_FIELDS = 400_000
_ENUM_MOST = 1_000

# What a single value may say besides its type and format, and what makes a schema more than a single value.
_LIMITING = frozenset({"enum", "const", "nullable", "x-nullable"})
_OF_OTHERS = frozenset({"$ref", "allOf", "oneOf", "anyOf", "properties", "items", "additionalProperties"})
_MORE_THAN_SCALAR = _LIMITING | _OF_OTHERS - {"$ref"}
_LIST_SIGNS = frozenset({"has_more", "hasMore", "next_page", "next_cursor", "nextCursor", "nextPageToken", "next"})


class Objects:
    """The objects of one description, made as they are met: :meth:`shape` tells of a schema, :meth:`build` makes all fields.

    ``answered`` are the names of objects that answers hold; ``given`` the identities of the plain schemas that inputs consist of.
    """

    def __init__(self, schemas: Schemas) -> None:
        self.schemas = schemas
        self._kept = Drafts()
        self.drafts: Mapping[str, Draft] = self._kept.by_name
        self._alternatives = Alternatives(schemas, self._kept)
        self._named: dict[int, tuple[str, Any]] = {}
        self._shapes: dict[int, Shape] = {}
        self._inline: dict[int, Shape] = {}
        self._seen: list[Schema] = []  # what is known by its identity must stay
        self._by_reference: dict[str, Shape] = {}
        self._open: set[Any] = set()
        self._scalars: dict[tuple[str, str | None, int | None, bool], Shape] = {}
        self._fields = 0
        self.given: set[int] = set()
        self.answered: set[str] = set()

    def claim(self, named: Mapping[str, Any]) -> None:
        """Give the document's own schemas their names before anything else gets one."""
        for name, node in named.items():
            if is_object(node) and id(node) not in self._named:
                self._named[id(node)] = (name, node)
                self._kept.take(name)
        for node in named.values():
            if is_object(node) and self.schemas.reference_of(node) is None:
                self._shape_of_named(node)

    def build(self) -> None:
        """Make the fields and edges of every object met so far, and of those met on the way."""
        while self._kept.pending:
            draft = self._kept.pending.pop()
            fields, edges = self._members(self._alternatives.node(draft), draft.bare, 0)
            draft.fields, draft.edges = fields, (*edges, *self._alternatives.edges(draft, {edge.name for edge in edges}))
        for draft in self.drafts.values():
            draft.extends = tuple(sorted(self._extended_by(draft)))

    def _extended_by(self, draft: Draft) -> set[str]:
        """The names of the objects whose members an object has besides its own."""
        shapes = [self._shapes.get(id(node)) for node in self.schemas.bases_of(draft.node)]
        return {shape.target for shape in shapes if shape is not None and shape.target is not None} - {draft.name}

    def node(self, name: str) -> Schema:
        """The plain schema of an object; a union's has the members of all alternatives."""
        return self._alternatives.node(self.drafts[name])

    def record(self, node: Schema, bare: str) -> str:
        """An object for a record that has no name of its own; ``node`` is its plain schema."""
        return self._kept.register(self._kept.free(bare), node, "type").name

    # --- what a schema is

    def shape(self, schema: Schema, owner: str, name: str, depth: int = 0) -> Shape:
        """What a schema is as the property ``name`` of ``owner`` (bare names)."""
        kind = schema.get("type")
        if type(kind) is str and kind in SCALAR_TYPES and schema.keys().isdisjoint(_MORE_THAN_SCALAR):
            return self.scalar(kind, schema)
        ref = self.schemas.alias_of(schema) if "$ref" in schema or "allOf" in schema else None
        if ref is not None:
            found = self._by_reference.get(ref) or self._shape_of_reference(ref)
            return or_null(found) if len(schema) > 1 and is_nullable(schema) else found
        known = self._inline.get(id(schema))
        if known is not None:
            return known
        if depth > MOST_NESTED:
            message = "A value is nested too deep to name its members."
            self.schemas.note("nested_too_deep", message, f"{owner} {name}")
            return self.whole(ANYTHING, [schema])
        found = self.single(schema)
        if found is None:
            plain = self.schemas.plain(schema)
            found = self._of_plain(plain, owner, name, depth)
            found = or_null(found) if is_nullable(plain) else found
        self._inline[id(schema)] = found
        self._seen.append(schema)
        return found

    def single(self, schema: Schema) -> Shape | None:
        """A single value that tells everything itself, as most do; None for anything else."""
        kind = schema.get("type")
        if type(kind) is not str or kind not in SCALAR_TYPES or not schema.keys().isdisjoint(_OF_OTHERS):
            return None
        if schema.keys().isdisjoint(_LIMITING):
            return self.scalar(kind, schema)
        return self._limited(self.scalar(kind, schema, nullable=is_nullable(schema)), schema)

    def scalar(self, kind: str, schema: Schema, *, nullable: bool = False) -> Shape:
        """A single value that its type and format tell everything about."""
        form, most = schema.get("format"), schema.get("maxLength")
        key = (kind, form if type(form) is str else None, most if type(most) is int else None, nullable)
        made = self._scalars.get(key)
        if made is None:
            type_, native, zoned = scalar_of(kind, form)
            longest = key[2] if key[2] is not None and 0 < key[2] < 1 << 31 else None
            made = self._scalars[key] = Shape(type_, native, nullable, zoned=zoned, max_length=longest)
        return made

    def _of_plain(self, plain: Schema, owner: str, name: str, depth: int) -> Shape:
        if variants_of(plain):
            return self._alternatives.shape(self, plain, owner, name, depth)
        return self.of_type(plain, owner, name, depth)

    def of_type(self, plain: Schema, owner: str, name: str, depth: int) -> Shape:
        """What a plain schema without alternatives is."""
        kind = kind_of(plain)
        if not is_list(kind):
            return self._of_kind(plain, kind, owner, name, depth)
        kinds = dict.fromkeys(one for one in kind if type(one) is str and one != "null")
        shapes = [self._of_kind(plain, one, owner, name, depth) for one in kinds]
        return shapes[0] if len(shapes) == 1 else self.whole(either(shapes) if shapes else ANYTHING, [plain])

    def _of_kind(self, plain: Schema, kind: Any, owner: str, name: str, depth: int) -> Shape:
        if kind == "array":
            return self._of_list(plain, owner, name, depth)
        if kind == "object":
            return self.of_object(plain, owner, name, depth)
        if type(kind) is str and kind in SCALAR_TYPES:
            return self._limited(self.scalar(kind, plain), plain)
        return ANYTHING

    def _limited(self, shape: Shape, plain: Schema) -> Shape:
        """A single value with the values it may have."""
        if "const" in plain:
            values: list[Any] = [plain["const"]]
        else:
            held = plain.get("enum")
            values = held if is_list(held) else []
        if not values:
            return shape
        texts = texts_of(values) if len(values) <= _ENUM_MOST else ()  # part of them would refuse the rest
        if not texts or shape.type == "boolean":
            return shape
        return Shape(
            "enum" if shape.type == "string" else shape.type, shape.native, shape.nullable or None in values, texts,
            zoned=shape.zoned, max_length=shape.max_length,
        )  # fmt: skip

    def _of_list(self, plain: Schema, owner: str, name: str, depth: int) -> Shape:
        items = self.schemas.items_of(plain)
        item = self.shape(items, owner, name, depth + 1) if is_object(items) else ANYTHING
        native = f"array of {item.native}"
        if item.target is not None and not item.expandable:
            return Shape("array", native, item_type="array" if item.many else "object", target=item.target, many=True)
        if item.expandable:
            return Shape("array", native, item_type=item.type, target=item.target, many=True, expandable=True)
        return Shape(
            "array", native, enum=item.enum, item_type=item.type, fields=item.fields, zoned=item.zoned,
            row_of=item.row_of, opaque=item.opaque,
        )  # fmt: skip

    def of_object(self, plain: Schema, owner: str, name: str, depth: int) -> Shape:
        """What a plain schema of an object is: a nested value, or an object of its own where blocking another must reach it."""
        properties = properties_of(plain)
        if not properties:
            return self._map(plain, owner, name)
        bare = f"{owner} {name}"
        if self.schemas.bases_of(plain):
            draft = self._kept.register(self._kept.free(bare), plain, "type")
            return Shape("object", draft.name, target=draft.name)
        wrapped = self._wrapped(properties)
        if wrapped is not None:
            return wrapped
        fields, edges = self._members(plain, bare, depth + 1)
        if not edges and not any(field.row_of or field.opaque for field in fields):
            return Shape("object", "object", fields=fields)
        draft = self._kept.register(self._kept.free(bare), plain, "type", pending=False)
        draft.fields, draft.edges = fields, edges
        return Shape("object", draft.name, target=draft.name)

    def _map(self, plain: Schema, owner: str, name: str) -> Shape:
        """An object whose keys are data: free-form, with the kind of its values in the native spelling."""
        held = plain.get("additionalProperties")
        if not is_object(held) or not held:
            return Shape("json", "object")
        self.schemas.note("map", "The keys of this value are data: it is read as a whole.", f"{owner}.{name}" if name else owner)
        kind = held.get("type")
        return self.whole(Shape("json", f"map of {kind}" if type(kind) is str else "map"), [held])

    def whole(self, shape: Shape, nodes: Sequence[Any]) -> Shape:
        """A value that is read as a whole, with whose records it may hold: those of every object met below ``nodes``."""
        names = self._named_below(nodes)
        if not names:
            return shape
        if len(names) > 1:
            return msgspec.structs.replace(shape, opaque=True)
        return msgspec.structs.replace(shape, row_of=quote_part(names.pop()))

    def _named_below(self, nodes: Sequence[Any]) -> set[str]:
        """The names of the schemas with members that lie in ``nodes`` at any depth; two are as good as more."""
        names: set[str] = set()
        seen: set[int] = set()
        todo = [node for node in nodes if is_object(node)]
        while todo and len(names) < 2:
            node = todo.pop()
            ref = self.schemas.alias_of(node)
            if ref is not None:
                node = self.schemas.references.follow(ref)
            if not is_object(node) or id(node) in seen:
                continue
            seen.add(id(node))
            plain = self.schemas.plain(node)
            if ref is not None and (properties_of(plain) or variants_of(plain)):
                names.add(self._name_of(ref, node))
            below = [*properties_of(plain).values(), *variants_of(plain), *self.schemas.bases_of(plain)]
            below += [self.schemas.items_of(plain), plain.get("additionalProperties")]
            todo += [one for one in below if is_object(one)]
        return names

    def _wrapped(self, properties: Schema) -> Shape | None:
        """A page of a list inside a record: ``{data: [...], has_more}`` stands for the records in ``data``."""
        data = properties.get("data")
        if not is_object(data) or _LIST_SIGNS.isdisjoint(properties):
            return None
        listed = data
        items = listed.get("items")
        if listed.get("type") != "array" or not is_object(items):
            return None
        item = self.shape(items, "", "data", MOST_NESTED) if self.schemas.alias_of(items) or variants_of(items) else None
        if item is None or item.target is None or item.many or item.expandable:
            return None
        return Shape("array", f"page of {item.native}", item_type="object", target=item.target, many=True, wrapper=("data",))

    # --- references and names

    def _shape_of_reference(self, ref: str) -> Shape:
        node = self.schemas.references.follow(ref)
        if not is_object(node):
            found = ANYTHING
        else:
            self._name_of(ref, node)
            found = self._shape_of_named(node)
            if id(node) not in self._shapes:  # it is part of what it consists of, and not known yet
                return found
        self._by_reference[ref] = found
        return found

    def _name_of(self, ref: str, node: Any) -> str:
        """The bare name of what a reference leads to, given now if it has none yet."""
        known = self._named.get(id(node))
        if known is not None:
            return known[0]
        named = self.schemas.references.name_of(ref)
        if named is None:
            bare = ref.rpartition("/")[2].replace("~1", "/").replace("~0", "~") or "schema"
        else:
            bare = named[0] if named[0] and named[0] not in self._kept.taken else named[1]
        bare = self._kept.free(bare or "schema")
        self._kept.take(bare)
        self._named[id(node)] = (bare, node)
        return bare

    def _shape_of_named(self, node: Any) -> Shape:
        known = self._shapes.get(id(node))
        if known is not None:
            return known
        if id(node) in self._open or len(self._open) > MOST_NESTED * 4:
            self.schemas.note("schema_circular", "A schema consists of itself; it is left out of itself.")
            return ANYTHING
        self._open.add(id(node))
        try:
            found = self._named_shape(self.schemas.plain(node), self._named[id(node)][0])
        finally:
            self._open.discard(id(node))
        self._shapes[id(node)] = found
        return found

    def _named_shape(self, plain: Schema, bare: str) -> Shape:
        """A named schema: an object of that name when it has members of its own."""
        if variants_of(plain):
            return self._alternatives.shape(self, plain, bare, "", 0)
        if is_record(plain):
            shape = Shape("object", bare, target=self._kept.register(bare, plain, "type").name)
        else:
            shape = self.of_type(plain, bare, "item", 0)
        return or_null(shape) if is_nullable(plain) else shape

    # --- members

    def _members(self, plain: Schema, bare: str, depth: int) -> tuple[tuple[Field, ...], tuple[Edge, ...]]:
        """The fields of a record and the edges to the objects it holds."""
        properties = properties_of(plain)
        required = required_of(plain)
        fields: list[Field] = []
        edges: list[Edge] = []
        self._fields += len(properties)
        if self._fields > MOST_FIELDS:
            self.schemas.spend(self._fields * 100)
        for name, node in properties.items():
            schema = node if is_object(node) else EMPTY
            shape = self.shape(schema, bare, name, depth)
            nullable = shape.nullable or name not in required
            description = trimmed(schema.get("description"))
            fields.append(
                Field(
                    name, shape.type, shape.native, nullable, description, shape.enum, shape.item_type, shape.fields,
                    zoned=shape.zoned, max_length=shape.max_length, badges=field_badges(name, shape.type, description),
                    readable=schema.get("writeOnly") is not True, row_of=shape.row_of, opaque=shape.opaque,
                )
            )  # fmt: skip
            if shape.target is not None:
                cardinality: Cardinality = "one_to_many" if shape.many else "many_to_one"
                edges.append(
                    Edge(
                        name, shape.target, cardinality, ((name, ""),),
                        nullable=nullable, embedded=True, wrapper=shape.wrapper,
                    )
                )  # fmt: skip
        return tuple(fields), tuple(edges)
