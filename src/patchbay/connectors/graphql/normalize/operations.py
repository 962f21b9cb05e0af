"""Operations: the fields of the root types.

What the compiler reads of one (``Operation.invoke``): ``kind`` and ``field`` say what is asked; ``variables`` has the type of
each top-level argument as a variable declares it; ``arguments`` leads from each flat argument to its place in the variables;
``least`` has what must be sent of an input object even when nothing in it is given, to be merged under what is; ``record``
leads from the field's answer to the record, or with ``many`` to the list of them; ``scalar`` says that the answer is the value
itself; ``refusals`` lead from a mutation's answer to the lists that say why it was refused (:mod:`.refusals`); ``size`` names
the argument that says how many records, up to ``sizeMost``, and ``more`` leads to the flag that there are others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from patchbay.connectors.graphql.definitions import FieldDefinition, TypeDefinition
from patchbay.connectors.graphql.normalize.catalog import Catalog, Use
from patchbay.connectors.graphql.normalize.connections import PAGING, Connection, size_argument
from patchbay.connectors.graphql.normalize.inputs import InputReader
from patchbay.connectors.graphql.normalize.objects import value_object
from patchbay.connectors.graphql.normalize.refusals import refusals_of
from patchbay.connectors.graphql.normalize.texts import described
from patchbay.schema_graph.model import Argument, ArgumentRole, Effect, Object, Operation
from patchbay.schema_graph.naming import SLUG_LENGTH, unique_slugs
from patchbay.schema_graph.summary import listed

SIZE_MOST = 100
"""Records asked for at once at most: what the servers of the large public schemas allow, and twice what a binding may return."""

Root = Literal["query", "mutation"]


class _Found(msgspec.Struct, frozen=True, gc=False):
    """One field of a root type and what it holds."""

    root: Root
    field: FieldDefinition
    use: Use | None

    @property
    def name(self) -> str:
        return f"{self.root}.{self.field.name}"


class OperationBuilder:
    """Builds the operations of a catalog; ``objects`` are those of its types. ``reads`` names mutations that only read."""

    def __init__(
        self,
        catalog: Catalog,
        connections: Mapping[str, Connection],
        objects: Mapping[str, Object],
        reads: Collection[str],
    ) -> None:
        self._catalog = catalog
        self._connections = connections
        self._objects = objects
        self._reads = frozenset(reads)
        self._inputs = InputReader(catalog)
        self._cut: dict[str, None] = {}
        self._answers: dict[str, Use] = {}

    def build(self) -> tuple[dict[str, Operation], dict[str, Object]]:
        """All operations by name, and the records of those that answer with a plain value."""
        roots: tuple[tuple[Root, TypeDefinition | None], ...] = (
            ("query", self._catalog.query),
            ("mutation", self._catalog.mutation),
        )
        found: list[_Found] = []
        for root, definition in roots:
            if definition is not None:
                found += [_Found(root, field, use) for field, use in self._catalog.fields(definition).values()]
        slugs = unique_slugs([one.name for one in found], length=SLUG_LENGTH)
        made = [self._operation(one, slugs[one.name]) for one in found]
        self._note(found)
        short = unique_slugs([*self._objects, *self._answers]) if self._answers else {}
        values = {name: value_object(name, short[name], use) for name, use in self._answers.items()}
        return {operation.name: operation for operation in made}, values

    def _operation(self, one: _Found, short: str) -> Operation:
        field, use = one.field, one.use
        connection = self._connections.get(use.name) if use is not None and use.lists == 0 else None
        many = use is not None and use.kind == "record" and (connection is not None or use.lists > 0)
        size = size_argument(field.args or (), self._catalog) if many else None
        arguments, invoke, ungiven = self._arguments(one, size)
        record = self._record(one, connection)
        if connection is not None:
            invoke["record"] = list(connection.wrapper)
            if more := connection.more(size):
                invoke["more"] = list(more)
        elif use is not None and use.kind != "record":
            invoke["scalar"] = True
        if one.root == "mutation" and (refusals := refusals_of(self._objects.get(record or ""), self._objects)):
            invoke["refusals"] = refusals
        if many:
            invoke["many"] = True
        if size is not None:
            invoke |= {"size": size, "sizeMost": SIZE_MOST}
        return Operation(
            name=one.name,
            slug=short,
            object=record,
            effect=self._effect(one),
            verb="call",
            description=described(field.description, field.deprecation_reason, field.is_deprecated),
            arguments=arguments,
            invoke=invoke,
            many=many,
            unusable=ungiven or self._unselectable(record, use),
        )

    def _effect(self, one: _Found) -> Effect:
        return "read" if one.root == "query" or not self._reads.isdisjoint((one.name, one.field.name)) else "write"

    def _record(self, one: _Found, connection: Connection | None) -> str | None:
        """The name of the object that the operation returns."""
        use = one.use
        if use is None or use.kind == "input":
            return None
        if use.kind == "record":
            name = connection.node if connection is not None else use.name
            return name if name in self._objects else None
        name = f"{one.field.name} result"
        if name in self._answers:
            name = f"{one.root} {name}"
        self._answers[name] = use
        return name

    def _unselectable(self, record: str | None, use: Use | None) -> str | None:
        if record is None:
            if use is not None and use.name in self._catalog.roots:
                return "It answers with the root of the API itself, whose fields are operations of their own."
            return "What it answers with is not defined in the schema."
        if use is not None and use.kind == "record" and use.lists > 1:
            return "It answers with lists in lists."
        obj = self._objects.get(record)
        usable = obj is None or obj.edges or any(field.readable for field in obj.fields)
        return None if usable else "What it answers with has no field that can be read."

    def _arguments(self, one: _Found, size: str | None) -> tuple[tuple[Argument, ...], dict[str, Any], str | None]:
        """The flat arguments, what the compiler reads of them, and why one that is needed cannot be given."""
        role: ArgumentRole = "filter" if one.root == "query" else "value"
        found: list[Argument] = []
        variables: dict[str, str] = {}
        least: dict[str, Any] = {}
        ungiven: str | None = None
        for value in self._catalog.inputs(one.field.args or (), one.name):
            flat = self._inputs.read(value, role)
            if flat is None:
                if not value.optional:
                    ungiven = f"Its argument {value.name!r} is needed and asks for a file or for a type that is not defined."
                continue
            text = value.type.text()
            variables[value.name] = text if value.default_value is None else text.removesuffix("!")
            self._cut |= dict.fromkeys(flat.cut)
            if flat.least is not None:
                least[value.name] = flat.least
            found += [_by_itself(argument) for argument in flat.arguments] if value.name == size else flat.arguments
        invoke: dict[str, Any] = {
            "kind": one.root,
            "field": one.field.name,
            "variables": variables,
            "arguments": {argument.name: {"path": argument.name.split(".")} for argument in found},
        }
        if least:
            invoke["least"] = least
        return tuple(found), invoke, ungiven

    def _note(self, found: Collection[_Found]) -> None:
        findings = self._catalog.findings
        if self._cut:
            findings.add("input_taken_as_json", f"These inputs are taken as JSON where they nest too deep: {listed(self._cut)}.")
        grouped = list(self._groups(found))
        if grouped:
            message = f"These group operations whose arguments cannot be given from outside: {listed(grouped)}."
            findings.add("operations_not_reachable", message)
        if self._catalog.subscription is not None:
            findings.add("subscriptions_ignored", "Subscriptions are not calls; they are left out.")
        if not found:
            findings.add("no_operations", "The schema has neither queries nor mutations.")

    def _groups(self, found: Iterable[_Found]) -> Iterator[str]:
        """Root fields without arguments that only lead on to fields with arguments: the API behind them has namespaces."""
        for one in found:
            if one.field.args or one.use is None or one.use.kind != "record" or one.use.lists:
                continue
            if one.use.name in self._connections or one.use.name in self._catalog.roots:
                continue
            inner = self._catalog.fields(self._catalog.types[one.use.name])
            demanding = [field for field, _ in inner.values() if any(arg.name not in PAGING for arg in field.args or ())]
            if inner and 2 * len(demanding) > len(inner):
                yield one.name


def _by_itself(argument: Argument) -> Argument:
    """The size argument: the call gives it when nobody does."""
    return msgspec.structs.replace(argument, required=False, has_default=True) if argument.required else argument
