"""The types of a document by name, judged: what is defined twice or has a name no document could use is noted and left out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from patchbay.connectors.documents import Findings
from patchbay.connectors.graphql.definitions import FieldDefinition, InputValue, Named, Schema, TypeDefinition, TypeRef
from patchbay.connectors.graphql.scalars import Scalar, read_scalar
from patchbay.schema_graph.model import FieldType

Kind = Literal["scalar", "enum", "input", "record"]
"""``record`` is whatever has to be selected from: object, interface, union."""

_KINDS: dict[str, Kind] = {
    "OBJECT": "record", "INTERFACE": "record", "UNION": "record", "SCALAR": "scalar", "ENUM": "enum", "INPUT_OBJECT": "input",
}  # fmt: skip
_MOST_LISTS = 8
"""Lists in lists that are read; the standard introspection query asks for fewer."""
_NAMES = re.compile(r"(?:(?!__)[A-Za-z_][0-9A-Za-z_]*+\n)*+").fullmatch
_BUILT_IN = ("String", "Int", "Float", "Boolean", "ID")


class Use(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A use of a type, resolved: one value for each spelling. ``text`` is it without the outermost ``!``; ``lists`` counts the
    lists around it.
    """

    name: str
    text: str
    kind: Kind
    lists: int
    nullable: bool
    type: FieldType
    item_type: FieldType | None = None
    enum: tuple[str, ...] = ()
    scalar: Scalar | None = None

    @property
    def native(self) -> str:
        """The native type: the spelling, and that an integer is wide where the name does not say so."""
        wide = self.scalar is not None and self.scalar.wide and "64" not in self.text
        return f"{self.text}(int64)" if wide else self.text


Typed = tuple[FieldDefinition, Use | None]
"""A field and what it holds; None for a type that is not defined."""


def is_name(text: str) -> bool:
    """Whether a document may write ``text`` as a name (GraphQL specification, section 2.1.9) and it is not reserved."""
    return text.isidentifier() and text.isascii() and not text.startswith("__")


def are_names(texts: Collection[str]) -> bool:
    """Whether all of ``texts`` are names, in one look."""
    lines = "".join([f"{text}\n" for text in texts])
    return lines.count("\n") == len(texts) and _NAMES(lines) is not None


class Catalog:
    """All usable types, the roots, and the uses of types, each resolved once."""

    def __init__(self, schema: Schema, findings: Findings) -> None:
        self.findings = findings
        self.types = _by_name(schema.types, findings)
        self.query = self._root(schema.query_type, "query")
        self.mutation = self._root(schema.mutation_type, "mutation")
        self.subscription = self._root(schema.subscription_type, "subscription")
        self.roots = frozenset(root.name for root in (self.query, self.mutation, self.subscription) if root is not None)
        self._members = _members(self.types)
        self._enums: dict[str, tuple[str, ...]] = {}
        self._uses: dict[str, Use | None] = {}
        self._fields: dict[str, Mapping[str, Typed]] = {}
        self._sound_names = are_names({field.name for definition in self.types.values() for field in definition.fields or ()})
        self._inputs: dict[str, Sequence[InputValue]] = {}

    def _root(self, named: Named | None, operation: str) -> TypeDefinition | None:
        if named is None or not named.name:
            return None
        found = self.types.get(named.name)
        if found is None or found.kind != "OBJECT":
            self.findings.add("root_unknown", f"The type that holds every {operation} is not defined.")
            return None
        return found

    def members(self, name: str) -> Sequence[str]:
        """The object types that a value of the interface or union ``name`` may be."""
        return self._members.get(name, ())

    def use(self, ref: TypeRef) -> Use | None:
        """A use of a type, resolved; None for one that is not defined."""
        of = ref.of_type
        text = ref.name or "" if of is None else f"{of.name}!" if of.of_type is None and ref.kind == "NON_NULL" else ref.text()
        try:
            return self._uses[text]
        except KeyError:
            use = self._uses[text] = self._resolve(text)
            return use

    def _resolve(self, text: str) -> Use | None:
        name = text.strip("[]!")
        definition = self.types.get(name)
        lists = text.count("[")
        if definition is None or lists > _MOST_LISTS:
            return None
        kind, nullable = _KINDS[definition.kind], not text.endswith("!")
        scalar = read_scalar(name, definition.specified_by_url, definition.description) if kind == "scalar" else None
        one: FieldType = scalar.type if scalar else "enum" if kind == "enum" else "object"
        whole: FieldType = "array" if lists else one
        item: FieldType | None = None if lists == 0 else one if lists == 1 else "array"
        enum = self._values(definition) if kind == "enum" else ()
        return Use(name, text.removesuffix("!"), kind, lists, nullable, whole, item, enum, scalar)

    def _values(self, definition: TypeDefinition) -> tuple[str, ...]:
        known = self._enums.get(definition.name)
        if known is None:
            known = tuple(dict.fromkeys(v.name for v in definition.enum_values or () if is_name(v.name)))
            self._enums[definition.name] = known
        return known

    def fields(self, definition: TypeDefinition) -> Mapping[str, Typed]:
        """The fields of a type by name, each with what it holds; those with a name that cannot be used are left out."""
        known = self._fields.get(definition.name)
        if known is None:
            every, use = definition.fields or (), self.use
            known = {field.name: (field, use(field.type)) for field in every}
            if len(known) != len(every) or not self._sound_names:
                known = {field.name: (field, use(field.type)) for field in self._sound(definition)}
            self._fields[definition.name] = known
        return known

    def uses(self, names: Collection[str]) -> frozenset[Use]:
        """Every use so far of the types of these names."""
        return frozenset(use for use in self._uses.values() if use is not None and use.name in names)

    def _sound(self, definition: TypeDefinition) -> Iterable[FieldDefinition]:
        """The fields that can be used; the others are noted."""
        owner = definition.name
        kept: dict[str, FieldDefinition] = {}
        for field in definition.fields or ():
            if not is_name(field.name):
                self.findings.add_line("invalid_name", f"A field of {owner} has a name that cannot be used.", field.line)
            elif field.name in kept:
                message = f"{owner}.{field.name} is defined more than once; the first definition counts."
                self.findings.add_line("duplicate_field", message, field.line)
            else:
                kept[field.name] = field
        return kept.values()

    def members_of_input(self, definition: TypeDefinition) -> Sequence[InputValue]:
        """The members of an input object."""
        known = self._inputs.get(definition.name)
        if known is None:
            known = self._inputs[definition.name] = self.inputs(definition.input_fields or (), definition.name)
        return known

    def inputs(self, values: Iterable[InputValue], owner: str) -> Sequence[InputValue]:
        """Arguments or input members, each once, with usable names."""
        kept: dict[str, InputValue] = {}
        for value in values:
            if not is_name(value.name):
                self.findings.add("invalid_name", f"An argument of {owner} has a name that cannot be used.")
            elif value.name in kept:
                self.findings.add("duplicate_argument", f"{owner}({value.name}) is defined more than once; the first one counts.")
            else:
                kept[value.name] = value
        return tuple(kept.values())


def _by_name(types: Iterable[TypeDefinition], findings: Findings) -> dict[str, TypeDefinition]:
    found: dict[str, TypeDefinition] = {name: TypeDefinition("SCALAR", name) for name in _BUILT_IN}
    for definition in types:
        name = definition.name
        if name.startswith("__") or definition.kind not in _KINDS:
            continue
        if not is_name(name):
            findings.add_line("invalid_name", "A type has a name that cannot be used; it is left out.", definition.line)
        elif name in found and name not in _BUILT_IN:
            findings.add_line(
                "duplicate_type", f"{name} is defined more than once; the first definition counts.", definition.line
            )
        elif name not in _BUILT_IN:
            found[name] = definition
    return found


def _members(types: Mapping[str, TypeDefinition]) -> dict[str, tuple[str, ...]]:
    """The object types of each union and interface, by what the types say of each other in either direction."""
    found: dict[str, dict[str, None]] = {}
    for definition in types.values():
        if definition.kind in ("UNION", "INTERFACE"):
            found.setdefault(definition.name, {}).update(dict.fromkeys(n.name or "" for n in definition.possible_types or ()))
        elif definition.kind == "OBJECT":
            for interface in definition.interfaces or ():
                found.setdefault(interface.name or "", {})[definition.name] = None
    return {
        name: tuple(member for member in members if member in types and types[member].kind == "OBJECT")
        for name, members in found.items()
    }
