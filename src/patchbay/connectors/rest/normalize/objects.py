"""The objects of a description: named schemas, and records that have a name only by where they stand.

A property that is another named object is an embedded edge; a nested value without a name is a field with members, as long as it
holds no object itself: then it is an object of its own (``Order lines``), so that scoping an object reaches every place it is in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from patchbay.connectors.rest.documents.values import is_list, is_object
from patchbay.connectors.rest.normalize.drafts import Draft, Drafts
from patchbay.connectors.rest.normalize.scalars import SCALAR_TYPES, kind_of_value, scalar_of, texts_of
from patchbay.connectors.rest.normalize.schemas import (
    EMPTY,
    Schema,
    Schemas,
    is_null,
    is_nullable,
    properties_of,
    required_of,
    variants_of,
)
from patchbay.connectors.rest.normalize.shapes import ANYTHING, Shape, either, or_null
from patchbay.connectors.rest.normalize.texts import trimmed
from patchbay.schema_graph.badges import field_badges
from patchbay.schema_graph.model import Cardinality, Edge, Field

MOST_NESTED = 10
"""Nested values within nested values that have no name."""
MOST_FIELDS = 400_000
_UNION_NAMES = 3
_ENUM_MOST = 1_000

# What makes a schema more than a single value: without any of these its type and format tell everything.
MORE_THAN_SINGLE = frozenset({
    "enum", "const", "allOf", "oneOf", "anyOf", "properties", "items", "additionalProperties", "nullable", "x-nullable",
})  # fmt: skip
_LIST_SIGNS = frozenset({"has_more", "hasMore", "next_page", "next_cursor", "nextCursor", "nextPageToken", "next"})


class Objects:
    """The objects of one description, made as they are met: :meth:`shape` tells of a schema, :meth:`build` makes all fields.

    ``answered`` are the names of objects that answers hold; ``given`` the identities of the plain schemas that inputs consist of.
    """

    def __init__(self, schemas: Schemas) -> None:
        self.schemas = schemas
        self._kept = Drafts()
        self.drafts: Mapping[str, Draft] = self._kept.by_name
        self._named: dict[int, tuple[str, Any]] = {}
        self._shapes: dict[int, Shape] = {}
        self._inline: dict[int, Shape] = {}
        self._seen: list[Schema] = []  # what is known by its identity must stay
        self._by_reference: dict[str, Shape] = {}
        self._open: set[Any] = set()
        self._unions: dict[frozenset[str], str] = {}
        self._scalars: dict[tuple[str, str | None, int | None], Shape] = {}
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
            if draft.members:
                self._build_union(draft)
            else:
                draft.fields, draft.edges = self._members(draft.node, draft.bare, 0)

    def record(self, node: Schema, bare: str) -> str:
        """An object for a record that has no name of its own; ``node`` is its plain schema."""
        return self._kept.register(self._kept.free(bare), node, "type").name

    # --- what a schema is

    def shape(self, node: Any, owner: str, name: str, depth: int = 0) -> Shape:
        """What a schema is as the property ``name`` of ``owner`` (bare names)."""
        if not is_object(node):
            return ANYTHING
        schema = node
        kind = schema.get("type")
        if type(kind) is str and kind in SCALAR_TYPES and schema.keys().isdisjoint(MORE_THAN_SINGLE):
            return self.scalar(kind, schema)
        ref = self.schemas.alias_of(schema) if "$ref" in schema or "allOf" in schema else None
        if ref is not None:
            found = self._shape_of_reference(ref)
            return or_null(found) if is_nullable(schema) else found
        known = self._inline.get(id(schema))
        if known is not None:
            return known
        if depth > MOST_NESTED:
            message = "A value is nested too deep to name its members."
            self.schemas.note("nested_too_deep", message, f"{owner} {name}")
            return ANYTHING
        plain = self.schemas.plain(schema)
        found = self._of_plain(plain, owner, name, depth)
        found = self._inline[id(schema)] = or_null(found) if is_nullable(plain) else found
        self._seen.append(schema)
        return found

    def scalar(self, kind: str, schema: Schema) -> Shape:
        """A single value that its type and format tell everything about."""
        form, most = schema.get("format"), schema.get("maxLength")
        key = (kind, form if type(form) is str else None, most if type(most) is int else None)
        made = self._scalars.get(key)
        if made is None:
            type_, native, zoned = scalar_of(kind, form)
            longest = key[2] if key[2] is not None and 0 < key[2] < 1 << 31 else None
            made = self._scalars[key] = Shape(type_, native, zoned=zoned, max_length=longest)
        return made

    def _of_plain(self, plain: Schema, owner: str, name: str, depth: int) -> Shape:
        variants = variants_of(plain)
        if variants:
            return self._of_variants(plain, variants, owner, name, depth)
        return self._of_type(plain, _kind_of(plain), owner, name, depth)

    def _of_type(self, plain: Schema, kind: Any, owner: str, name: str, depth: int) -> Shape:
        if is_list(kind):
            kinds = [one for one in kind if type(one) is str and one != "null"]
            shapes = [self._of_type(plain, one, owner, name, depth) for one in dict.fromkeys(kinds)]
            return either(shapes) if shapes else ANYTHING
        if kind == "array":
            return self._of_list(plain, owner, name, depth)
        if kind == "object":
            return self._of_object(plain, owner, name, depth)
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
        texts = texts_of(values) if len(values) <= _ENUM_MOST else ()  # part of them would refuse the rest
        if not texts or shape.type == "boolean":
            return shape
        return Shape(
            "enum" if shape.type == "string" else shape.type, shape.native, shape.nullable or None in values, texts,
            zoned=shape.zoned, max_length=shape.max_length,
        )  # fmt: skip

    def _of_list(self, plain: Schema, owner: str, name: str, depth: int) -> Shape:
        item = self.shape(self.schemas.items_of(plain), owner, name, depth + 1)
        native = f"array of {item.native}"
        if item.target is not None and not item.expandable:
            return Shape("array", native, item_type="array" if item.many else "object", target=item.target, many=True)
        if item.expandable:
            return Shape("array", native, item_type=item.type, target=item.target, many=True, expandable=True)
        return Shape("array", native, enum=item.enum, item_type=item.type, fields=item.fields, zoned=item.zoned)

    def _of_object(self, plain: Schema, owner: str, name: str, depth: int) -> Shape:
        properties = properties_of(plain)
        if not properties:
            return self._map(plain, owner, name, depth)
        wrapped = self._wrapped(properties)
        if wrapped is not None:
            return wrapped
        bare = f"{owner} {name}"
        fields, edges = self._members(plain, bare, depth + 1)
        if not edges:
            return Shape("object", "object", fields=fields)
        draft = self._kept.register(self._kept.free(bare), plain, "type", pending=False)
        draft.fields, draft.edges = fields, edges
        return Shape("object", draft.name, target=draft.name)

    def _map(self, plain: Schema, owner: str, name: str, depth: int) -> Shape:
        """An object whose keys are data: free-form, with the kind of its values in the native spelling."""
        held = plain.get("additionalProperties")
        if not is_object(held) or not held:
            return Shape("json", "object")
        self.schemas.note("map", "The keys of this value are data: it is read as a whole.", f"{owner}.{name}" if name else owner)
        kind = held.get("type")
        return Shape("json", f"map of {kind}" if type(kind) is str else "map")

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
        known = self._by_reference.get(ref)
        if known is not None:
            return known
        node = self.schemas.references.follow(ref)
        if not is_object(node):
            found = ANYTHING
        else:
            if id(node) not in self._named:
                self._name(ref, node)
            found = self._shape_of_named(node)
        self._by_reference[ref] = found
        return found

    def _name(self, ref: str, node: Any) -> None:
        named = self.schemas.references.name_of(ref)
        if named is None:
            bare = ref.rpartition("/")[2].replace("~1", "/").replace("~0", "~") or "schema"
        else:
            bare = named[0] if named[0] and named[0] not in self._kept.taken else named[1]
        bare = self._kept.free(bare or "schema")
        self._kept.take(bare)
        self._named[id(node)] = (bare, node)

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
        variants = variants_of(plain)
        if not variants:
            if properties_of(plain) and _kind_of(plain) in ("object", None):
                shape = Shape("object", bare, target=self._kept.register(bare, plain, "type").name)
            else:
                shape = self._of_type(plain, _kind_of(plain), bare, "item", 0)
            return or_null(shape) if is_nullable(plain) else shape
        return self._of_variants(plain, variants, bare, "", 0)

    # --- alternatives

    def _of_variants(self, plain: Schema, variants: Sequence[Any], owner: str, name: str, depth: int) -> Shape:
        """One of several: the only one there is besides null, a common type, an object with the members of all."""
        records: dict[str, Shape] = {}
        nested: list[Schema] = [plain] if "properties" in plain and properties_of(plain) else []
        others: list[Shape] = []
        nullable = is_nullable(plain)
        for variant in variants:
            if is_null(variant):
                nullable = True
            elif is_object(variant):
                self._sort(variant, owner, name, depth, records, nested, others)
        nullable = nullable or any(shape.nullable for shape in (*records.values(), *others))
        found = self._one_of(plain, records, nested, others, owner, name, depth)
        return or_null(found) if nullable else found

    def _sort(
        self,
        variant: Schema,
        owner: str,
        name: str,
        depth: int,
        records: dict[str, Shape],
        nested: list[Schema],
        others: list[Shape],
    ) -> None:
        """Put one alternative to the named objects, the nested ones or the rest."""
        ref = self.schemas.alias_of(variant) if "$ref" in variant or "allOf" in variant else None
        if ref is None:
            plain = self.schemas.plain(variant)
            if properties_of(plain):
                nested.append(plain)
                return
            if not (plain.keys() & _SAYING):
                return  # it only demands some of the properties that are described elsewhere
        shape = self.shape(variant, owner, name, depth + 1)
        if shape.target is not None and not shape.many and not shape.expandable:
            records.setdefault(shape.target, shape)
        elif shape.fields and not shape.many and shape.type == "object":
            nested.append(self.schemas.plain(variant))
        else:
            others.append(shape)

    def _one_of(
        self,
        plain: Schema,
        records: dict[str, Shape],
        nested: list[Schema],
        others: list[Shape],
        owner: str,
        name: str,
        depth: int,
    ) -> Shape:
        held: Shape | None = None
        if nested:
            parts = [*nested, *(self.drafts[target].node for target in records)]
            held = self._united(self.schemas.united(parts) if len(parts) > 1 else nested[0], owner, name, depth)
        elif records:
            alive = self._alive(records)
            held = alive[0] if len(alive) == 1 else self._union(plain, alive, owner if not name else "")
        singles = [shape for shape in others if shape.type not in ("json", "array", "object")]
        if held is not None:
            if singles and held.target is not None and not held.fields:
                text = either(singles)
                return Shape(
                    text.type if text.type != "enum" else "string", f"{text.native} or {held.native}", True, target=held.target,
                    max_length=text.max_length, expandable=True,
                )  # fmt: skip
            return held
        if not others:
            return self._of_type(plain, _kind_of(plain), owner, name, depth)
        if len(others) == 1:
            return others[0]
        lists = [shape for shape in others if shape.target is not None]
        if len({shape.target for shape in lists}) == 1:
            return lists[0]
        return either(others)

    def _united(self, united: Schema, owner: str, name: str, depth: int) -> Shape:
        if not name:
            return Shape("object", owner, target=self._kept.register(owner, united, "union").name)
        return self._of_object(united, owner, name, depth)

    def _alive(self, records: dict[str, Shape]) -> list[Shape]:
        """Without what only says that a record is gone: a ``deleted`` mark beside a few members of another alternative."""
        if len(records) < 2:
            return list(records.values())
        names = {target: set(properties_of(self.drafts[target].node)) for target in records}
        kept: list[Shape] = []
        for target, shape in records.items():
            rest = names[target] - {"deleted"}
            gone = len(rest) < len(names[target]) and any(rest < names[other] for other in records if other != target)
            if not gone:
                kept.append(shape)
        return kept or list(records.values())

    def _union(self, plain: Schema, alternatives: Sequence[Shape], owner: str) -> Shape:
        """An object that is any of several named ones; the same ones anywhere are the same union."""
        targets = tuple(dict.fromkeys(shape.target for shape in alternatives if shape.target is not None))
        known = self._unions.get(frozenset(targets)) if not owner else None
        if known is None:
            bare = owner
            if not bare:
                shown = " or ".join(self.drafts[target].bare for target in targets[:_UNION_NAMES])
                bare = self._kept.free(shown + (f" or {len(targets) - _UNION_NAMES} more" if len(targets) > _UNION_NAMES else ""))
            known = self._kept.register(bare, plain, "union", targets).name
            self._unions.setdefault(frozenset(targets), known)
        return Shape("object", self.drafts[known].bare, target=known)

    def _build_union(self, draft: Draft) -> None:
        parts = [self.drafts[target].node for target in draft.members if target in self.drafts]
        draft.node = self.schemas.united([part for part in parts if properties_of(part)])
        fields, edges = self._members(draft.node, draft.bare, 0)
        held = {edge.name for edge in edges}
        narrowing = [
            Edge(bare, target, "many_to_one", (), embedded=True, narrows=True)
            for target in draft.members
            if target != draft.name and (bare := self.drafts[target].bare) not in held
        ]
        draft.fields, draft.edges = fields, (*edges, *narrowing)

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
                    readable=schema.get("writeOnly") is not True,
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


_SAYING = frozenset({"type", "enum", "const", "items", "additionalProperties", "format", "oneOf", "anyOf", "$ref"})


def _kind_of(plain: Schema) -> Any:
    """The type of a plain schema, or what its other keywords imply."""
    kind = plain.get("type")
    if type(kind) is str:
        return kind.lower() if kind not in SCALAR_TYPES else kind
    if kind is not None:
        return kind
    if "properties" in plain or "additionalProperties" in plain:
        return "object"
    if "items" in plain:
        return "array"
    if "const" in plain:
        return kind_of_value(plain["const"])
    values = plain.get("enum")
    if is_list(values):
        kinds = {kind_of_value(value) for value in values if value is not None}
        return kinds.pop() if len(kinds) == 1 else "string" if kinds else None
    return "string" if "format" in plain and "type" not in plain else None
