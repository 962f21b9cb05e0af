"""The discovered schema on the wire. Everything here is read from a view: what is blocked has no form."""

from __future__ import annotations

from typing import Any

from pydantic import Field as Described

from patchbay.api.envelope import Shown
from patchbay.api.times import Stamp
from patchbay.schema_graph.model import (
    Argument,
    ArgumentRole,
    Badge,
    Cardinality,
    Edge,
    Effect,
    Field,
    FieldType,
    Object,
    ObjectKind,
    Operation,
    Verb,
)
from patchbay.schema_graph.scoping import View


class FieldShown(Shown):
    """One field of an object."""

    name: str
    type: FieldType
    native_type: str
    item_type: FieldType | None = None
    required: bool = Described(description="Whether an insert must set it.")
    nullable: bool
    description: str | None = None
    allowed_values: list[str] = []
    relationship_target: str | None = Described(default=None, description="The object that this field refers to.")
    primary_key: bool = False
    unique: bool = False
    indexed: bool = Described(default=False, description="Whether a filter on this field alone can use an index.")
    generated: bool = False
    max_length: int | None = None
    sensitive: bool = Described(default=False, description="Looks like personal or payment-card data.")
    badges: list[Badge] = []
    fields: list[FieldShown] = Described(default=[], description="The members of a value that is an object of its own.")
    readable: bool = True
    insertable: bool = False
    updatable: bool = False


class RelationshipShown(Shown):
    """How an object relates to another. `pairs` are (own field, its field)."""

    name: str
    target: str
    cardinality: Cardinality
    pairs: list[tuple[str, str]]
    via: str | None = Described(default=None, description="The junction object of a many-to-many relationship.")
    via_pairs: list[tuple[str, str]] = []
    nullable: bool
    embedded: bool = Described(default=False, description="Data inside data: the field itself holds the record or records.")
    narrows: bool = Described(default=False, description="The same record, read as one of the types it may be of.")
    inferred: bool = Described(default=False, description="Found by names and types, not declared; never joined on silently.")
    confidence: float = 1.0


class ArgumentShown(Shown):
    """One argument of an operation."""

    name: str
    role: ArgumentRole
    type: FieldType
    native_type: str
    required: bool = False
    indexed: bool = False
    allowed_values: list[str] = []
    description: str | None = None
    badges: list[Badge] = []


class OperationSummary(Shown):
    """Something a binding can call."""

    name: str
    slug: str
    object: str | None = Described(description="The object it returns or writes; null when it answers with none.")
    effect: Effect
    verb: Verb
    many: bool = Described(default=False, description="Whether it returns a list of records.")
    unusable: str | None = Described(default=None, description="Why no binding can call it.")
    description: str | None = None


class OperationShown(OperationSummary):
    """Something a binding can call, with its arguments."""

    arguments: list[ArgumentShown]


class Capabilities(Shown):
    """What the connected role may do with an object."""

    read: bool
    insert: bool
    update: bool


class ObjectSummary(Shown):
    """An object in a list."""

    name: str
    slug: str
    kind: ObjectKind
    description: str | None = None
    badges: list[Badge] = []
    record_estimate: int | None = Described(default=None, description="The system's own idea of how many records there are.")
    capabilities: Capabilities
    field_count: int
    relationship_count: int
    operation_count: int


class ObjectDetail(ObjectSummary):
    """An object with its fields, relationships and operations."""

    path_root: str = Described(description="The first segment that a projection path may start with.")
    fields: list[FieldShown]
    relationships: list[RelationshipShown]
    operations: list[OperationShown]


class SchemaObject(ObjectSummary):
    """An object as the whole schema holds it; its operations are in the schema's own list."""

    path_root: str
    fields: list[FieldShown]
    relationships: list[RelationshipShown]


class SchemaShown(Shown):
    """Everything that was discovered and is not blocked."""

    kind: str
    default_schema: str | None
    object_count: int
    field_count: int
    edge_count: int
    operation_count: int
    objects: list[SchemaObject]
    operations: list[OperationSummary]


class SnapshotShown(Shown):
    """One discovery."""

    fingerprint: str
    discovered_at: Stamp


class ChangeShown(Shown):
    """One property before and after."""

    property: str
    before: Any
    after: Any


class RenamedShown(Shown):
    """What is likely the same under another name."""

    before: str
    after: str
    confidence: float = Described(description="From 0 to 1.")


class ChangedShown(Shown):
    """One thing that is still there: what of it differs."""

    name: str
    changes: list[ChangeShown] = []


class MembersShown(Shown):
    """Differences among things of one sort; what is empty is left out."""

    added: list[str] = []
    removed: list[str] = []
    renamed: list[RenamedShown] = []
    changed: list[ChangedShown] = []


class ObjectChangedShown(ChangedShown):
    """One object that is still there, perhaps under another name."""

    fields: MembersShown | None = None
    relationships: MembersShown | None = None


class OperationChangedShown(ChangedShown):
    """One operation that is still there."""

    arguments: MembersShown | None = None


class ObjectsDiffShown(Shown):
    """Differences among objects."""

    added: list[str] = []
    removed: list[str] = []
    renamed: list[RenamedShown] = []
    changed: list[ObjectChangedShown] = []


class OperationsDiffShown(Shown):
    """Differences among operations; those of records differ where their object does."""

    added: list[str] = []
    removed: list[str] = []
    changed: list[OperationChangedShown] = []


class SchemaDiffShown(Shown):
    """What one discovery changed."""

    before: SnapshotShown | None
    after: SnapshotShown
    objects: ObjectsDiffShown
    operations: OperationsDiffShown


def schema_json(view: View) -> dict[str, Any]:
    """The form of :class:`SchemaShown`."""
    objects = [found for name in view.object_names() if (found := view.object(name)) is not None]
    shown = [_whole(view, found) for found in objects]
    operations = [operation_summary(operation) for operation in view.operations(include_writes=True)]
    return {
        "kind": view.kind,
        "defaultSchema": view.default_schema,
        "objectCount": len(objects),
        "fieldCount": sum(len(found.fields) for found in objects),
        "edgeCount": sum(len(found.edges) for found in objects),
        "operationCount": len(operations),
        "objects": shown,
        "operations": operations,
    }


def object_summary(view: View, shown: Object) -> dict[str, Any]:
    """The form of :class:`ObjectSummary`."""
    return {
        "name": shown.name,
        "slug": shown.slug,
        "kind": shown.kind,
        "description": shown.description,
        "badges": shown.badges,
        "recordEstimate": shown.estimate,
        "capabilities": {"read": shown.readable, "insert": shown.insertable, "update": shown.updatable},
        "fieldCount": len(shown.fields),
        "relationshipCount": len(shown.edges),
        "operationCount": view.operation_count(shown),
    }


def object_detail(view: View, shown: Object) -> dict[str, Any]:
    """The form of :class:`ObjectDetail`."""
    operations = view.operations(object=shown.name, include_writes=True)
    return {**_whole(view, shown), "operations": [operation_json(view, operation) for operation in operations]}


def _whole(view: View, shown: Object) -> dict[str, Any]:
    return {
        **object_summary(view, shown),
        "pathRoot": view.path_root(shown.name),
        "fields": [field_json(field, shown.edges) for field in shown.fields],
        "relationships": [_relationship(edge) for edge in shown.edges],
    }


def field_json(field: Field, edges: tuple[Edge, ...]) -> dict[str, Any]:
    """The form of :class:`FieldShown`."""
    given = field.has_default or field.generated or field.identity is not None
    return {
        "name": field.name,
        "type": field.type,
        "nativeType": field.native_type,
        "itemType": field.item_type,
        "required": not field.nullable and not given,
        "nullable": field.nullable,
        "description": field.description,
        "allowedValues": field.enum,
        "relationshipTarget": _target(field.name, edges),
        "primaryKey": field.primary_key,
        "unique": field.unique,
        "indexed": field.indexed,
        "generated": field.generated,
        "maxLength": field.max_length,
        "sensitive": "pii" in field.badges or "payment_card" in field.badges,
        "badges": field.badges,
        "fields": [field_json(inner, ()) for inner in field.fields],
        "readable": field.readable,
        "insertable": field.insertable,
        "updatable": field.updatable,
    }


def _target(field: str, edges: tuple[Edge, ...]) -> str | None:
    pointing = (edge for edge in edges if edge.cardinality in ("many_to_one", "one_to_one"))
    return next((edge.target for edge in pointing if any(own == field for own, _ in edge.pairs)), None)


def _relationship(edge: Edge) -> dict[str, Any]:
    return {
        "name": edge.name,
        "target": edge.target,
        "cardinality": edge.cardinality,
        "pairs": edge.pairs,
        "via": edge.via,
        "viaPairs": edge.via_pairs,
        "nullable": edge.nullable,
        "embedded": edge.embedded,
        "narrows": edge.narrows,
        "inferred": edge.inferred,
        "confidence": edge.confidence,
    }


def operation_summary(operation: Operation) -> dict[str, Any]:
    """The form of :class:`OperationSummary`."""
    return {
        "name": operation.name,
        "slug": operation.slug,
        "object": operation.object,
        "effect": operation.effect,
        "verb": operation.verb,
        "many": operation.many or operation.verb == "read",
        "unusable": operation.unusable,
        "description": operation.description,
    }


def operation_json(view: View, operation: Operation) -> dict[str, Any]:
    """The form of :class:`OperationShown`."""
    return {**operation_summary(operation), "arguments": [_argument(argument) for argument in view.arguments(operation)]}


def _argument(argument: Argument) -> dict[str, Any]:
    return {
        "name": argument.name,
        "role": argument.role,
        "type": argument.type,
        "nativeType": argument.native_type,
        "required": argument.required,
        "indexed": argument.indexed,
        "allowedValues": argument.enum,
        "description": argument.description,
        "badges": argument.badges,
    }
