"""Schemas made plain: references followed, ``allOf`` merged, alternatives listed. Each once, within bounds.

A plain schema is a mapping without ``$ref`` and ``allOf``: mostly the document's own, else one that is made here and kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from patchbay.connectors.documents import Findings
from patchbay.connectors.rest.documents.files import Document
from patchbay.connectors.rest.documents.references import References
from patchbay.connectors.rest.documents.refusals import document_refusal
from patchbay.connectors.rest.documents.values import is_list, is_object
from patchbay.connectors.rest.normalize.scalars import SCALAR_TYPES, kind_of_value

Schema = dict[str, Any]
EMPTY: Schema = {}
_NONE: list[Any] = []

MOST_NESTED = 48
"""``allOf`` within ``allOf``."""
MOST_WORK = 3_000_000
"""Properties looked at while merging, in one document: real ones of 4 MB need about 100,000."""
MOST_VARIANTS = 200

_STRUCTURE = frozenset({
    "properties", "required", "allOf", "oneOf", "anyOf", "type", "enum", "items", "additionalProperties", "const", "nullable",
})  # fmt: skip
_BEARING = frozenset({"properties", "$ref", "allOf", "oneOf", "anyOf", "type", "enum", "items", "additionalProperties", "const"})
_FIRST_WINS = frozenset({"allOf", "properties", "required", "oneOf", "anyOf", "$ref"})


class Schemas:
    """The schemas of one document."""

    def __init__(self, document: Document, references: References, findings: Findings) -> None:
        self.references = references
        self.findings = findings
        self._siblings = document.is_31
        self._plain: dict[int, Schema] = {}
        self._open: set[int] = set()
        self._kept: list[Any] = []
        self._joined: dict[int, list[Any]] = {}
        self._tuples: dict[int, Schema] = {}
        self._bases: dict[int, dict[int, Any]] = {}
        self._both: dict[tuple[int, int], Schema] = {}
        self._work = 0
        self._noted: set[tuple[str, str | None]] = set()

    def note(self, code: str, message: str, place: str | None = None) -> None:
        """A finding, once for each place."""
        place = place[:200] if place is not None else None
        if (code, place) not in self._noted:
            self._noted.add((code, place))
            self.findings.add(code, message, place)

    def spend(self, amount: int) -> None:
        """Count work that a document can make quadratic. Raises the refusal of one that does."""
        self._work += amount
        if self._work > MOST_WORK:
            raise document_refusal("too_large", "The schemas merge to more properties than those of any real document.")

    def reference_of(self, node: Schema) -> str | None:
        """The reference that a schema is, if it is nothing else (OpenAPI 3.0: whatever stands beside it)."""
        ref = node.get("$ref")
        if type(ref) is not str:
            return None
        if len(node) == 1 or not self._siblings or node.keys().isdisjoint(_STRUCTURE):
            return ref
        return None

    def alias_of(self, node: Schema) -> str | None:
        """The reference that a schema amounts to: one by itself, or the only member of its ``allOf`` that says anything."""
        if "$ref" in node:
            return self.reference_of(node)
        members = node.get("allOf")
        if not is_list(members) or not _BEARING.isdisjoint(node.keys() - {"allOf", "type"}):
            return None
        telling = [m for m in members if is_object(m) and not _BEARING.isdisjoint(m)]
        return self.reference_of(telling[0]) if len(telling) == 1 else None

    def plain(self, node: Any) -> Schema:
        """The schema without references and ``allOf`` at its top; empty for what is none or cannot be followed."""
        if not is_object(node):
            return EMPTY
        schema = node
        if "allOf" not in schema and type(schema.get("$ref")) is not str:
            return schema
        known = self._plain.get(id(schema))
        if known is not None:
            return known
        if id(schema) in self._open or len(self._open) > MOST_NESTED:
            self.note("schema_circular", "A schema consists of itself; it is left out of itself.", _named(schema))
            return EMPTY
        self._open.add(id(schema))
        try:
            made = self._followed(schema)
        finally:
            self._open.discard(id(schema))
        self._kept.append(schema)
        self._plain[id(schema)] = made
        return made

    def _followed(self, schema: Schema) -> Schema:
        ref = schema.get("$ref")
        if type(ref) is str:
            if self.reference_of(schema) is not None:
                return self.plain(self.references.follow(ref))
            return self._joined_with([{"$ref": ref}], {key: held for key, held in schema.items() if key != "$ref"})
        held = schema["allOf"]
        members = held[:MOST_VARIANTS] if is_list(held) else []
        return self._joined_with(members, {key: held for key, held in schema.items() if key != "allOf"})

    def _joined_with(self, members: Sequence[Any], own: Schema) -> Schema:
        """What ``members`` and ``own`` say together; those of the members that are references are bases of it."""
        parts = [self.plain(member) for member in members]
        made = self._merged([*parts, own])
        bases = self._bases_of_all(parts)
        for member in members:
            ref = member.get("$ref") if is_object(member) else None
            if type(ref) is str and is_object(node := self.references.follow(ref)):
                bases[id(node)] = node
        if bases:
            self._bases[id(made)] = bases
        return made

    def _bases_of_all(self, parts: Sequence[Schema]) -> dict[int, Any]:
        return {key: node for part in parts for key, node in self._bases.get(id(part), {}).items()}

    def bases_of(self, plain: Schema) -> Collection[Any]:
        """The schemas that were referred to from an ``allOf`` and merged into this one, theirs too: what it holds, they hold."""
        return self._bases.get(id(plain), {}).values()

    def _merged(self, parts: Sequence[Schema]) -> Schema:
        """All of ``parts`` at once; where two say something of one property, both count."""
        made: Schema = {}
        properties: dict[str, Any] = {}
        required: dict[Any, None] = {}
        variants: list[Any] = []
        for part in parts:
            for key, held in part.items():
                if key not in _FIRST_WINS:
                    made[key] = held
            own = properties_of(part)
            self.spend(len(own) + 1)
            for name, held in own.items():
                properties[name] = self._refined(properties[name], held) if name in properties else held
            required.update(dict.fromkeys(required_of(part)))
            variants.extend(variants_of(part))
        if properties:
            made["properties"] = properties
        if required:
            made["required"] = list(required)
        if variants:
            made["oneOf"] = variants[:MOST_VARIANTS]
        return made

    def _refined(self, one: Any, other: Any) -> Any:
        """A property that two members of an ``allOf`` describe: the later one, unless it only adds a remark or a restriction."""
        if one is other or not is_object(other) or _BEARING.isdisjoint(other):
            return one
        if is_object(one) and not one.keys().isdisjoint(("$ref", "properties", "items")):
            if other.keys().isdisjoint(("$ref", "properties", "items", "allOf", "oneOf", "anyOf")):
                return one
            if "properties" in other and "properties" in one:
                return self._both.setdefault((id(one), id(other)), {"allOf": [one, other]})
        return other

    def items_of(self, schema: Schema) -> Any:
        """What a list consists of; of a tuple (JSON Schema draft 4: ``items`` is a list) any of its members."""
        held = schema.get("items")
        if not is_list(held):
            return held
        made = self._tuples.get(id(held))
        if made is None:
            made = self._tuples[id(held)] = {"anyOf": held}
        return made

    def united(self, parts: Sequence[Schema]) -> Schema:
        """Any one of ``parts``: all their properties, required where every one of them requires it."""
        properties: dict[str, Any] = {}
        shared: set[str] | None = None
        for part in parts:
            own = properties_of(part)
            self.spend(len(own) + 1)
            for name, held in own.items():
                properties[name] = self._either(properties[name], held) if name in properties else held
            needed = {name for name in required_of(part) if name in own}
            shared = needed if shared is None else shared & needed
        made: Schema = {"type": "object", "properties": properties, "required": [n for n in properties if n in (shared or ())]}
        self._kept.append(made)
        if bases := self._bases_of_all(parts):
            self._bases[id(made)] = bases
        return made

    def _either(self, one: Any, other: Any) -> Any:
        """One property as two alternatives have it."""
        if one is other or one == other:
            return one
        known = self._joined.get(id(one))
        if known is None:
            values = (_values(one), _values(other))
            if values[0] and values[1]:
                made: Schema = {"type": "string", "enum": list(dict.fromkeys([*values[0], *values[1]]))}
                self._kept.append(made)
                return made
            known = [one]
        elif other in known or len(known) >= MOST_VARIANTS:
            return one
        joined: Schema = {"anyOf": [*known, other]}
        if is_object(one) and "description" in one:
            joined["description"] = one["description"]
        self._kept.append(joined)
        self._joined[id(joined)] = joined["anyOf"]
        return joined


def _values(schema: Any) -> list[str]:
    """The texts a schema is limited to; empty when it is not."""
    if not is_object(schema):
        return []
    limited = schema
    if type(limited.get("const")) is str:
        return [limited["const"]]
    held = limited.get("enum")
    return list(held) if is_list(held) and held and all(type(v) is str for v in held) else []


def _named(schema: Schema) -> str | None:
    title = schema.get("title")
    return title[:80] if type(title) is str else None


def properties_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The properties a plain schema lists itself."""
    held = schema.get("properties")
    return held if held is not None and is_object(held) else EMPTY


def required_of(schema: Mapping[str, Any]) -> Collection[str]:
    """The names of the properties a plain schema requires."""
    held = schema.get("required")
    if not is_list(held):
        return ()
    names = held
    return frozenset(name for name in names if type(name) is str) if len(names) > 12 else [n for n in names if type(n) is str]


def variants_of(schema: Mapping[str, Any]) -> list[Any]:
    """The alternatives of a plain schema, null among them. A list of ``items`` for what is no array is meant as that, too."""
    if "anyOf" not in schema and "oneOf" not in schema:
        held = schema.get("items")
        return held[:MOST_VARIANTS] if held is not None and is_list(held) and schema.get("type") != "array" else _NONE
    one, other = schema.get("oneOf"), schema.get("anyOf")
    if not is_list(one):
        return other[:MOST_VARIANTS] if is_list(other) else _NONE
    return one[:MOST_VARIANTS] if not is_list(other) else [*one, *other][:MOST_VARIANTS]


def is_null(schema: Any) -> bool:
    """Whether an alternative is nothing but null."""
    if not is_object(schema):
        return False
    held = schema
    kind = held.get("type")
    if kind == "null" or kind == ["null"] or ("const" in held and held["const"] is None):
        return True
    values = held.get("enum")
    return is_list(values) and len(values) > 0 and all(v is None for v in values)


def is_nullable(schema: Mapping[str, Any]) -> bool:
    """Whether a plain schema says of itself that null is allowed (3.0: ``nullable``; 2.0: ``x-nullable``; 3.1: a type)."""
    if schema.get("nullable") is True or schema.get("x-nullable") is True:
        return True
    kind = schema.get("type")
    return type(kind) is not str and is_list(kind) and "null" in kind


def kind_of(plain: Schema) -> Any:
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


def is_record(plain: Schema) -> bool:
    """Whether a plain schema is one kind of object with members, null aside."""
    kind = kind_of(plain)
    if is_list(kind):
        kinds = [one for one in kind if one != "null"]
        kind = kinds[0] if len(kinds) == 1 else ""
    return bool(properties_of(plain)) and kind in ("object", None)
