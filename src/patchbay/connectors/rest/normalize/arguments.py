"""The flat arguments of an operation: parameters under their own names, members of a body under dotted paths.

Source: OpenAPI 3.1 sections 4.8.12 (parameters), 4.8.13 (bodies) and 4.8.15 (encoding); OpenAPI 2.0 sections on the same.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from patchbay.connectors.rest.documents.values import is_object
from patchbay.connectors.rest.normalize.objects import Objects
from patchbay.connectors.rest.normalize.schemas import (
    EMPTY,
    Schema,
    is_null,
    properties_of,
    required_of,
    variants_of,
)
from patchbay.connectors.rest.normalize.shapes import ANYTHING, Shape, either
from patchbay.connectors.rest.normalize.texts import trimmed
from patchbay.schema_graph.badges import field_badges
from patchbay.schema_graph.model import Argument, ArgumentRole, FieldType
from patchbay.schema_graph.naming import quote_part

MOST_DEEP = 6
"""Members within members of a body; what lies deeper is given as a whole."""
MOST_ARGUMENTS = (600, 600, 600, 400, 250, 150)
"""Arguments of one operation, by how deep a value lies: once there are so many, its members are not named, it is a whole."""
MOST_LISTED = 1_000
_DESCRIPTION = 200
_WHOLE: Shape = Shape("json", "object")
_ONE = "[]"
"""In a path: the one element of a list (as in :class:`~patchbay.schema_graph.call.RequestSlot`)."""


class Arguments(msgspec.Struct, gc=False):
    """Arguments with where each goes: the members ``arguments`` and ``contentType`` of an operation's ``invoke``."""

    listed: list[Argument] = []
    places: dict[str, dict[str, Any]] = {}


class Slot(msgspec.Struct, gc=False):
    """Where in a body or parameter a value lies. ``demanded`` is the optional parent that demands it once it is given."""

    name: str
    wire: str
    path: Sequence[str]
    required: bool
    demanded: str | None = None


class Flattener:
    """Makes arguments of schemas, for one place of one operation."""

    def __init__(self, objects: Objects, into: Arguments, place: str, role: ArgumentRole, *, bracketed: bool = False) -> None:
        self._objects = objects
        self._schemas = objects.schemas
        self._into = into
        self._place = place
        self._role: ArgumentRole = role
        self._bracketed = bracketed
        self._encoding: dict[str, dict[str, Any]] = {}
        self._open: set[int] = set()

    def encoded(self, encoding: Any) -> Flattener:
        """With what a form says about single members: ``style``, ``explode``, ``contentType``."""
        for name, said in encoding.items() if is_object(encoding) else ():
            if is_object(said):
                self._encoding[name] = {key: said[key] for key in _ENCODED if type(said.get(key)) in (str, bool)}
        return self

    def members(self, plain: Schema, parent: Slot, depth: int = 0) -> None:
        """The members of an object as arguments of their own."""
        self._objects.given.add(id(plain))
        required = required_of(plain)
        for name, node in properties_of(plain).items():
            schema = node if is_object(node) else EMPTY
            single = self._objects.single(schema) if "readOnly" not in schema else None
            if single is not None:
                self.leaf(schema, single, self._below(parent, name, name in required), schema.get("description"), None)
            elif not self._is_read_only(schema):
                self.value(schema, self._below(parent, name, name in required), depth)

    def _is_read_only(self, schema: Schema) -> bool:
        """Whether a property is never sent. Of parameters and bodies the word says nothing (OpenAPI 3.0, section 4.7.24)."""
        return schema.get("readOnly") is True or self._schemas.plain(schema).get("readOnly") is True

    def _below(self, parent: Slot, name: str, needed: bool) -> Slot:
        dotted = f"{parent.name}.{quote_part(name)}"
        demanded = (parent.demanded or parent.name) if needed and not parent.required else None
        wire = f"{parent.wire}[{name}]" if self._bracketed else name
        return Slot(dotted, wire, [*parent.path, name], needed and parent.required, demanded)

    def value(self, schema: Schema, slot: Slot, depth: int, extra: dict[str, Any] | None = None, said: Any = None) -> None:
        """One value: as it is, or by its members where it has any. ``said`` describes what does not describe itself."""
        description = schema.get("description", said)
        if "$ref" in schema or "allOf" in schema:
            schema = self._schemas.plain(schema)
            description = description or schema.get("description")
        variants = variants_of(schema)
        if variants:
            self._any_of(schema, variants, slot, depth, description, extra)
        elif properties_of(schema):
            self._nested(schema, slot, depth, description)
        elif schema.get("type") == "array" or "items" in schema:
            self._list(schema, slot, depth, description, extra)
        else:
            self.leaf(schema, self._objects.shape(schema, slot.name, ""), slot, description, extra)

    def _nested(self, plain: Schema, slot: Slot, depth: int, description: Any) -> None:
        if self._whole(plain, slot, depth):
            self.leaf(plain, _WHOLE, slot, description, None)
            return
        self._open.add(id(plain))
        self.members(plain, slot, depth + 1)
        self._open.discard(id(plain))

    def _whole(self, plain: Schema, slot: Slot, depth: int) -> bool:
        """Whether a value is given as a whole although its members are known."""
        self._objects.given.add(id(plain))
        if id(plain) in self._open:
            self._note("input_recursive", "A value holds one of its own kind, which is given as a whole.", slot)
            return True
        if depth >= MOST_DEEP or len(self._into.listed) + len(properties_of(plain)) > MOST_ARGUMENTS[depth]:
            self._note("input_cut", "A value nested deep in a large body is given as a whole.", slot)
            return True
        return False

    def _note(self, code: str, message: str, slot: Slot) -> None:
        self._schemas.note(code, message, slot.name)

    def _list(self, schema: Schema, slot: Slot, depth: int, description: Any, extra: dict[str, Any] | None) -> None:
        items = self._schemas.plain(self._schemas.items_of(schema))
        if variants_of(items):
            united, singles = self._united(items, variants_of(items))
            items = united if united is not None and not singles else singles[0] if singles else items
        if self._place in _BODIES and slot.path and properties_of(items) and not self._whole(items, slot, depth):
            self._open.add(id(items))
            self.members(items, Slot(slot.name, f"{slot.wire}[0]", [*slot.path, _ONE], slot.required, slot.demanded), depth + 1)
            self._open.discard(id(items))
            return
        inner = Shape("object", "object") if properties_of(items) else self._objects.shape(items, slot.name, "")
        if self._place == "json" and slot.path and inner.type == "array" and _ONE not in slot.path:
            # A list of rows: the one row, as a list of records is its one record.
            self._list(
                items, Slot(slot.name, slot.wire, [*slot.path, _ONE], slot.required, slot.demanded), depth, description, None
            )
            return
        shape = Shape("array", f"array of {inner.native}", item_type=inner.type, enum=inner.enum)
        self.leaf(schema, shape, slot, description, extra)

    def _any_of(
        self, schema: Schema, variants: list[Any], slot: Slot, depth: int, description: Any, extra: dict[str, Any] | None
    ) -> None:
        """A value of several forms: by the members of those that have any, else the simplest single one."""
        united, rest = self._united(schema, variants)
        if united is not None:
            self._nested(united, slot, depth, description)
        rest = [variant for variant in rest if variant.get("enum") != [""]]  # how a form says that a value is removed
        if united is not None and not rest:
            return
        singles = [variant for variant in rest if not _listing(variant)]
        if united is None and not singles and rest:
            self._list(rest[0], slot, depth, description, extra)
            return
        shapes = [self._objects.shape(variant, slot.name, "") for variant in singles]
        shapes = [shape for shape in shapes if shape.type not in ("object", "array")]
        telling = [shape for shape in shapes if shape.type != "json"] or (shapes if united is None else [])
        if telling:
            optional = slot if united is None else msgspec.structs.replace(slot, required=False, demanded=None)
            self.leaf(schema, either(telling), optional, description, extra)
        elif united is None:
            self.leaf(schema, ANYTHING, slot, description, extra)

    def _united(self, schema: Schema, variants: list[Any]) -> tuple[Schema | None, list[Schema]]:
        """The members of all forms that have any, and the other forms."""
        parts: list[Schema] = []
        rest: list[Schema] = []
        for variant in variants:
            plain = self._schemas.plain(variant)
            if is_null(plain):
                continue
            if properties_of(plain):
                self._objects.given.add(id(plain))
                parts.append(plain)
            elif variants_of(plain) and len(parts) + len(rest) < MOST_LISTED:
                inner, others = self._united(plain, [v for v in variants_of(plain) if v is not variant][:20])
                parts.extend([inner] if inner is not None else [])
                rest.extend(others)
            elif plain and not plain.keys() <= {"required", "title", "description", "not"}:
                rest.append(plain)
        own = properties_of(schema)
        if not parts:
            return (schema if own and not rest else None), rest
        joined = parts[0] if len(parts) == 1 else self._schemas.united(parts)
        if own:
            joined = {
                "properties": {**properties_of(joined), **own},
                "required": [*required_of(joined), *required_of(schema)],
            }
        return joined, rest

    def leaf(self, schema: Schema, shape: Shape, slot: Slot, description: Any, extra: dict[str, Any] | None = None) -> None:
        """One value as it is."""
        name, listed, places = slot.name, self._into.listed, self._into.places
        if name in places or len(listed) >= MOST_LISTED:
            return
        kind: FieldType = shape.type if not shape.expandable else "string"
        item = shape.item_type if shape.item_type is not None or kind != "array" else "json"
        listed.append(
            Argument(
                name, self._role, kind, shape.native, slot.required, False, shape.enum, trimmed(description, _DESCRIPTION),
                field_badges(slot.wire, kind), item, shape.max_length, "default" in schema, shape.zoned, slot.demanded,
                *(_bounds(schema) if kind in _NUMBERS and ("minimum" in schema or "maximum" in schema) else ()),
            )
        )  # fmt: skip
        place: dict[str, Any] = {"place": self._place, "name": slot.wire}
        if self._place in _BODIES:
            path = place["path"] = slot.path
            place["name"] = path[-1] if path else ""
            if path and self._place != "json":  # a form writes a member as its outermost one is said to be encoded
                if len(path) > 1:
                    place["style"], place["explode"] = "deepObject", True
                if path[0] in self._encoding:
                    place.update(self._encoding[path[0]])
        if extra:
            place.update(extra)
        places[name] = place


_LARGEST = 10**15
"""Bounds beyond it are the width of a type and no wish of anybody's."""
_BODIES = frozenset({"json", "form", "multipart"})
_ENCODED = ("style", "explode", "contentType")


_NUMBERS = frozenset({"integer", "decimal", "number"})


def _bounds(schema: Schema) -> tuple[int | float | None, int | float | None]:
    """The least and the largest number a schema permits, where it says so and includes them."""
    return _bound(schema, "minimum", "exclusiveMinimum"), _bound(schema, "maximum", "exclusiveMaximum")


def _bound(schema: Schema, name: str, exclusive: str) -> int | float | None:
    value: Any = schema.get(name)
    plain = type(value) is int or (type(value) is float and math.isfinite(value))
    return value if plain and schema.get(exclusive) is not True and abs(value) < _LARGEST else None


def _listing(schema: Schema) -> bool:
    return schema.get("type") == "array" or "items" in schema


def unique_name(name: str, place: str, taken: Collection[str]) -> str:
    """A parameter's name as an argument; the place in front where two places have one of the same name."""
    plain = quote_part(name)
    return plain if plain not in taken else f"{place}.{plain}"
