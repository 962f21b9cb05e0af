"""What one schema is as a field: its type, the object it holds or lists, or the members of a nested value."""

from __future__ import annotations

import msgspec

from patchbay.schema_graph.model import Field, FieldType


class Shape(msgspec.Struct, gc=False):
    """``target`` names the object whose record, or with ``many`` list of records, the value is; ``wrapper`` leads to that list
    inside it. ``expandable``: the value is a text, and may be the record itself. ``fields`` are members of a nested value.
    ``row_of`` names the one object whose records a free-form value may hold; ``opaque``: it may hold those of several.
    """

    type: FieldType
    native: str
    nullable: bool = False
    enum: tuple[str, ...] = ()
    item_type: FieldType | None = None
    fields: tuple[Field, ...] = ()
    target: str | None = None
    many: bool = False
    wrapper: tuple[str, ...] = ()
    zoned: bool = False
    max_length: int | None = None
    expandable: bool = False
    row_of: str | None = None
    opaque: bool = False


ANYTHING = Shape("json", "any")


def or_null(shape: Shape) -> Shape:
    """``shape``, which may also be null."""
    return shape if shape.nullable else msgspec.structs.replace(shape, nullable=True)


def either(shapes: list[Shape]) -> Shape:
    """A single value of any of ``shapes``: their common type, or text where they are several kinds of text and number."""
    first = shapes[0]
    nullable = any(shape.nullable for shape in shapes)
    if len(shapes) == 1:
        return first
    native = " or ".join(dict.fromkeys(shape.native for shape in shapes))[:80]
    kinds = {shape.type for shape in shapes}
    enum: tuple[str, ...] = ()
    if all(shape.enum for shape in shapes):
        enum = tuple(dict.fromkeys(value for shape in shapes for value in shape.enum))
    if kinds <= {"integer", "number", "decimal"} and len(kinds) > 1:
        return Shape("number", native, nullable)
    if len(kinds) == 1 and (first.type != "enum" or enum):
        return Shape(
            first.type, native, nullable, enum, first.item_type if first.type == "array" else None, zoned=first.zoned,
            max_length=max((s.max_length or 0 for s in shapes), default=0) or None,
        )  # fmt: skip
    if kinds & {"json", "object", "array"}:
        return Shape("json", native, nullable)
    return Shape("string", native, nullable)
