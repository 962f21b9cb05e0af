"""Definitions out of SDL text, by graphql-core's parser alone: its validator refuses schemas that are in daily use.

What the grammar cannot express is an error; what only the validator would mind (a field defined twice, a type that does not
exist, an extension of nothing) is read as it stands and judged later. Directives other than ``@deprecated``, ``@specifiedBy`` and
``@oneOf`` are passed over. Import this module where SDL is read: graphql-core takes a while.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphql import GraphQLSyntaxError, parse, print_ast
from graphql.language import (
    ConstDirectiveNode,
    DefinitionNode,
    EnumTypeDefinitionNode,
    EnumTypeExtensionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputObjectTypeExtensionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    ListTypeNode,
    NamedTypeNode,
    Node,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    ScalarTypeDefinitionNode,
    ScalarTypeExtensionNode,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    StringValueNode,
    TypeDefinitionNode,
    TypeExtensionNode,
    TypeNode,
    UnionTypeDefinitionNode,
    UnionTypeExtensionNode,
)

from patchbay.connectors.graphql.definitions import (
    EnumValue,
    FieldDefinition,
    InputValue,
    Named,
    Schema,
    TypeDefinition,
    TypeRef,
)
from patchbay.connectors.graphql.refusals import document_refusal

MOST_TOKENS = 4_000_000
"""About ten times what the largest schemas have."""

_ROOTS = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}
_DEPRECATED = "No longer supported"
"""The default reason of ``@deprecated`` (GraphQL specification, section 3.13.3)."""


def read_sdl(text: str) -> Schema:
    """The definitions in ``text``, extensions merged into what they extend.

    Raises :class:`~patchbay.connectors.graphql.refusals.DocumentNotReadable` with the line, or RecursionError.
    """
    try:
        document = parse(text, max_tokens=MOST_TOKENS)
    except GraphQLSyntaxError as error:
        line = error.locations[0].line if error.locations else 1
        message = f"The document stops being GraphQL in line {line}."
        raise document_refusal("malformed" if "{" in text else "not_graphql", message, line=line) from None
    reading = _Reading()
    for definition in document.definitions:
        reading.take(definition)
    return reading.schema()


class _Reading:
    """A document while it is gone through. Uses of a type that are spelled alike share one value."""

    def __init__(self) -> None:
        self._types: list[TypeDefinition] = []
        self._extensions: list[TypeDefinition] = []
        self._roots: dict[str, str] = {}
        self._declared = False
        self._uses: dict[tuple[str, str | TypeRef], TypeRef] = {}

    def take(self, node: DefinitionNode) -> None:
        """Read one definition; operations and definitions of directives are passed over."""
        if isinstance(node, (SchemaDefinitionNode, SchemaExtensionNode)):
            self._declared |= isinstance(node, SchemaDefinitionNode)
            for root in node.operation_types or ():
                self._roots.setdefault(root.operation.value, root.type.name.value)
        elif isinstance(node, TypeDefinitionNode):
            self._types.append(self._type(node))
        elif isinstance(node, TypeExtensionNode):
            self._extensions.append(self._type(node))

    def schema(self) -> Schema:
        """Everything that was read."""
        if not self._types and not self._extensions:
            raise document_refusal("no_schema", "This document defines no types.")
        types = _extended(self._types, self._extensions)
        known = {definition.name for definition in types}
        if not self._declared:
            for operation, name in _ROOTS.items():
                if name in known:
                    self._roots.setdefault(operation, name)
        query, mutation, subscription = (Named(self._roots[o]) if o in self._roots else None for o in _ROOTS)
        return Schema(types, query, mutation, subscription)

    def _type(self, node: TypeDefinitionNode | TypeExtensionNode) -> TypeDefinition:
        description = node.description if isinstance(node, TypeDefinitionNode) else None
        made = TypeDefinition("", node.name.value, _text(description), line=_line(node))
        match node:
            case (
                ObjectTypeDefinitionNode()
                | ObjectTypeExtensionNode()
                | InterfaceTypeDefinitionNode()
                | InterfaceTypeExtensionNode()
            ):
                is_object = isinstance(node, (ObjectTypeDefinitionNode, ObjectTypeExtensionNode))
                made.kind = "OBJECT" if is_object else "INTERFACE"
                made.fields = [self._field(field) for field in node.fields or ()]
                made.interfaces = _names(node.interfaces or ())
            case InputObjectTypeDefinitionNode() | InputObjectTypeExtensionNode():
                made.kind, made.input_fields = "INPUT_OBJECT", self._inputs(node.fields or ())
                made.is_one_of = any(directive.name.value == "oneOf" for directive in node.directives or ())
            case EnumTypeDefinitionNode() | EnumTypeExtensionNode():
                made.kind, made.enum_values = "ENUM", [EnumValue(value.name.value) for value in node.values or ()]
            case UnionTypeDefinitionNode() | UnionTypeExtensionNode():
                made.kind, made.possible_types = "UNION", _names(node.types or ())
            case ScalarTypeDefinitionNode() | ScalarTypeExtensionNode():
                made.kind, made.specified_by_url = "SCALAR", _argument(node.directives or (), "specifiedBy", "url", None)
            case _:
                pass
        return made

    def _field(self, node: FieldDefinitionNode) -> FieldDefinition:
        return FieldDefinition(
            node.name.value,
            self._use(node.type),
            self._inputs(node.arguments) if node.arguments else (),
            _text(node.description),
            _argument(node.directives, "deprecated", "reason", _DEPRECATED) if node.directives else None,
            None,
            _line(node),
        )

    def _inputs(self, nodes: Sequence[InputValueDefinitionNode]) -> list[InputValue]:
        return [
            InputValue(
                node.name.value,
                self._use(node.type),
                _text(node.description),
                None if node.default_value is None else print_ast(node.default_value),
                _argument(node.directives, "deprecated", "reason", _DEPRECATED) if node.directives else None,
            )
            for node in nodes
        ]

    def _use(self, node: TypeNode) -> TypeRef:
        match node:
            case NamedTypeNode():
                key, inner = ("NAMED", node.name.value), None
            case NonNullTypeNode():
                inner = self._use(node.type)
                key = ("NON_NULL", inner.text())
            case ListTypeNode():
                inner = self._use(node.type)
                key = ("LIST", inner.text())
            case _:
                raise TypeError(node)
        known = self._uses.get(key)
        if known is None:
            known = self._uses[key] = TypeRef(key[0], None if inner else key[1], inner)
        return known


def _extended(types: list[TypeDefinition], extensions: Iterable[TypeDefinition]) -> list[TypeDefinition]:
    """``types`` with what the extensions add; an extension of nothing (a federated subgraph's) is a definition."""
    first: dict[str, TypeDefinition] = {}
    for definition in types:
        first.setdefault(definition.name, definition)
    for extension in extensions:
        base = first.get(extension.name)
        if base is None:
            first[extension.name] = extension
            types.append(extension)
        elif base.kind == extension.kind:
            _merge(base, extension)
    return types


def _merge(base: TypeDefinition, extension: TypeDefinition) -> None:
    base.fields = [*(base.fields or ()), *(extension.fields or ())]
    base.input_fields = [*(base.input_fields or ()), *(extension.input_fields or ())]
    base.interfaces = [*(base.interfaces or ()), *(extension.interfaces or ())]
    base.possible_types = [*(base.possible_types or ()), *(extension.possible_types or ())]
    base.enum_values = [*(base.enum_values or ()), *(extension.enum_values or ())]
    base.specified_by_url = base.specified_by_url or extension.specified_by_url
    base.is_one_of = base.is_one_of or extension.is_one_of


def _names(nodes: Sequence[NamedTypeNode]) -> list[Named]:
    return [Named(node.name.value) for node in nodes]


def _text(node: StringValueNode | None) -> str | None:
    return None if node is None else node.value


def _line(node: Node) -> int | None:
    return None if node.loc is None else node.loc.start_token.line


def _argument(directives: Sequence[ConstDirectiveNode], name: str, argument: str, default: str | None) -> str | None:
    """The text of one argument of the directive ``name``: ``default`` where it is left out, None without the directive."""
    for directive in directives:
        if directive.name.value == name:
            given = next((a.value for a in directive.arguments or () if a.name.value == argument), None)
            return given.value if isinstance(given, StringValueNode) else default
    return None
