"""A GraphQL schema as it was written down, before anything of it is judged.

The names are those of introspection (GraphQL specification, October 2021, section 4), so that an introspection result is decoded
straight into these values; SDL is read into the same ones. Nothing here is checked: a name may be invalid, a type unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class _Part(msgspec.Struct, rename="camel", gc=False):
    """Base: camelCase in JSON, members nobody asked for are passed over."""


class TypeRef(_Part, rename="camel", gc=False):
    """A use of a type: by ``name``, or a wrapper (``LIST``, ``NON_NULL``) of another use."""

    kind: str
    name: str | None = None
    of_type: TypeRef | None = None

    def text(self) -> str:
        """The use as SDL writes it: ``[Order!]!``."""
        wrapped = self.of_type
        if wrapped is None:
            return self.name or ""
        inner = (wrapped.name or "") if wrapped.of_type is None else wrapped.text()
        return f"{inner}!" if self.kind == "NON_NULL" else f"[{inner}]"


class InputValue(_Part, rename="camel", gc=False):
    """An argument, or a member of an input object. ``default_value`` is GraphQL text."""

    name: str
    type: TypeRef
    description: str | None = None
    default_value: str | None = None
    deprecation_reason: str | None = None

    @property
    def optional(self) -> bool:
        """Whether leaving it out is accepted."""
        return self.type.kind != "NON_NULL" or self.default_value is not None


class FieldDefinition(_Part, rename="camel", gc=False):
    """A field of an object or interface. ``line`` is where SDL defines it."""

    name: str
    type: TypeRef
    args: Sequence[InputValue] | None = None
    description: str | None = None
    deprecation_reason: str | None = None
    is_deprecated: bool | None = None
    line: int | None = None


class EnumValue(_Part, rename="camel", gc=False):
    """One value of an enum."""

    name: str


class Named(_Part, rename="camel", gc=False):
    """A type mentioned by name."""

    name: str | None = None


class TypeDefinition(_Part, rename="camel", gc=False):
    """One named type; which members are set follows from its ``kind``. ``line`` is where SDL defines it."""

    kind: str
    name: str
    description: str | None = None
    fields: list[FieldDefinition] | None = None
    input_fields: list[InputValue] | None = None
    interfaces: list[Named] | None = None
    possible_types: list[Named] | None = None
    enum_values: list[EnumValue] | None = None
    specified_by_url: str | None = msgspec.field(name="specifiedByURL", default=None)
    is_one_of: bool | None = None
    line: int | None = None


class Schema(_Part, rename="camel", gc=False):
    """A whole schema, as one document has it."""

    types: list[TypeDefinition]
    query_type: Named | None = None
    mutation_type: Named | None = None
    subscription_type: Named | None = None
