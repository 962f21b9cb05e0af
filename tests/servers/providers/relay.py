"""A simulated GraphQL provider: a schema of the vendor's names and types, executed with graphql-core on data in memory.

Connections are plain lists in the data; they are cut and wrapped here. Costs are counted the way the large vendors tell it: an
object counts one, a list as much as was asked for of it, and what was asked for and is not affordable is refused before it runs.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from graphql import (
    FieldNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)
from graphql.error import GraphQLError, GraphQLSyntaxError

from tests.servers.providers.provider import Asked, Provider

SCHEMAS = Path(__file__).parent / "schemas"
DEFAULT_SIZE = 100
"""What a list counts that nobody said the size of."""
Resolver = Callable[..., Any]


@cache
def schema_of(name: str) -> GraphQLSchema:
    """A schema of ``schemas/``."""
    return build_schema((SCHEMAS / f"{name}.graphql").read_text(), no_location=True)


@dataclass
class GraphqlProvider(Provider):
    """``maximum`` and ``restore_rate`` are of the bucket that queries are paid from; ``dearest`` is what one may cost."""

    schema_name: str = ""
    endpoint: str = ""
    maximum: float = 2_000.0
    restore_rate: float = 100.0
    dearest: float = 1_000.0
    _left: float | None = None
    _left_at: float = 0.0

    @property
    def schema(self) -> GraphQLSchema:
        """What is spoken here."""
        return schema_of(self.schema_name)

    @property
    @abstractmethod
    def resolvers(self) -> Mapping[str, Resolver]:
        """Fields that are more than data, by ``Type.field``: ``(source, **arguments)``."""

    def writes(self, asked: Asked) -> bool:
        try:
            operation = get_operation_ast(parse(asked.json["query"]), asked.json.get("operationName"))
        except (GraphQLSyntaxError, KeyError, TypeError):
            return False
        return operation is not None and operation.operation == OperationType.MUTATION

    def cost(self, selections: SelectionSetNode, variables: Mapping[str, Any]) -> float:
        """What a selection costs."""
        return cost_of(selections, variables)

    def spend(self, points: float) -> None:
        """Take points out of the bucket, as others of the account do."""
        self._left, self._left_at = self._available() - points, time.monotonic()

    def afford(self, cost: float) -> bool:
        """Whether the bucket holds enough; if so it is paid."""
        if cost > self._available():
            return False
        self.spend(cost)
        return True

    def _available(self) -> float:
        left = self.maximum if self._left is None else self._left
        return min(self.maximum, left + (time.monotonic() - self._left_at) * self.restore_rate)

    def limited(self) -> web.Response:
        return self.throttled(self.dearest / 2)

    def throttled(self, cost: float) -> web.Response:
        """The answer to what is not affordable now: an error, with status 200."""
        told = {"code": "THROTTLED", "documentation": "https://example.com/limits"}
        errors = [{"message": "Throttled", "extensions": told}]
        available = min(self._available(), 0.0) if cost <= self._available() else self._available()
        return web.json_response({"errors": errors, "extensions": {"cost": self._cost(cost, None, available)}})

    def failed(self) -> web.Response:
        return web.json_response({"errors": "Internal Server Error"}, status=500)

    def answer(self, asked: Asked) -> web.Response:
        if (asked.method, asked.path) != ("POST", self.endpoint):
            self.problem(f"{asked.method} {asked.path}")
            return web.json_response({"errors": "Not Found"}, status=404)
        if not isinstance(asked.json, dict) or not isinstance(asked.json.get("query"), str):
            self.problem("no document")
            return web.json_response({"errors": [{"message": "No query string was present"}]}, status=400)
        try:
            document = parse(asked.json["query"])
        except GraphQLSyntaxError as wrong:
            return self._refused([wrong.formatted])
        errors = validate(self.schema, document)
        if errors:
            return self._refused([error.formatted | {"extensions": {"code": "undefinedField"}} for error in errors])
        operation = get_operation_ast(document, asked.json.get("operationName"))
        assert isinstance(operation, OperationDefinitionNode)
        variables = asked.json.get("variables") or {}
        cost = self.cost(operation.selection_set, variables)
        if cost > self.dearest:
            told = {"code": "MAX_COST_EXCEEDED", "cost": cost, "maxCost": self.dearest}
            return self._refused([{"message": f"Query cost is {cost}, which is more than {self.dearest}", "extensions": told}])
        if not self.afford(cost):
            return self.throttled(cost)
        result = execute_sync(
            self.schema,
            document,
            root_value={},
            variable_values=variables,
            operation_name=asked.json.get("operationName"),
            field_resolver=self._resolve,
            type_resolver=lambda value, _info, _kind: value["__typename"],
        )
        body: dict[str, Any] = dict(result.formatted)
        if result.errors and result.data is None:
            self.problems += [error.message for error in result.errors]
        return web.json_response(body | {"extensions": {"cost": self._cost(cost, cost, self._available())}})

    def _refused(self, errors: list[Any]) -> web.Response:
        self.problems += [str(error.get("message")) for error in errors]
        return web.json_response({"errors": errors})

    def _cost(self, requested: float, actual: float | None, left: float) -> dict[str, Any]:
        status = {"maximumAvailable": self.maximum, "currentlyAvailable": left, "restoreRate": self.restore_rate}
        return {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}

    def _resolve(self, source: Any, info: Any, **arguments: Any) -> Any:
        made = self.resolvers.get(f"{info.parent_type.name}.{info.field_name}")
        if made is not None:
            value = made(source, **arguments)
        else:
            value = source.get(info.field_name) if isinstance(source, Mapping) else getattr(source, info.field_name, None)
        if isinstance(value, list):
            kind = str(info.return_type).rstrip("!")
            if kind.endswith("Connection"):
                return self.connection(value, arguments)
            if arguments.get("first") is not None:
                return value[: arguments["first"]]
        return value

    def connection(self, records: list[Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
        """A page of ``records``, as relay has them."""
        first, last = arguments.get("first"), arguments.get("last")
        if first is None and last is None:
            first = self.unsized()
        begin = int(arguments["after"]) if arguments.get("after") else 0
        end = begin + first if first is not None else len(records)
        page = records[begin:end] if last is None else records[-last:]
        return {
            "nodes": page,
            "edges": [{"cursor": str(begin + number + 1), "node": record} for number, record in enumerate(page)],
            "pageInfo": {
                "hasNextPage": end < len(records),
                "hasPreviousPage": begin > 0,
                "startCursor": str(begin + 1) if page else None,
                "endCursor": str(begin + len(page)) if page else None,
            },
            "totalCount": len(records),
        }

    def unsized(self) -> int:
        """How many records a connection gives whose size was not said. Raises GraphQLError where it has to be."""
        return DEFAULT_SIZE


def refusing(message: str, code: str) -> GraphQLError:
    """An error of a resolver, with its code."""
    return GraphQLError(message, extensions={"code": code})


def cost_of(selections: SelectionSetNode, variables: Mapping[str, Any]) -> float:
    """What a selection costs: one for each object, times what is asked for of the lists around it; a mutation's field ten."""
    total = 0.0
    for node in selections.selections:
        if isinstance(node, InlineFragmentNode):
            total += cost_of(node.selection_set, variables)
        elif isinstance(node, FieldNode) and node.selection_set is not None:
            inside = cost_of(node.selection_set, variables)
            wrapper = node.name.value in ("edges", "node", "nodes", "pageInfo", "userErrors")
            total += inside if wrapper else (inside + 1) * (size_of(node, variables) or 1)
    return total


def size_of(node: FieldNode, variables: Mapping[str, Any]) -> int | None:
    """What is asked for of a list; None where that is not said."""
    for argument in node.arguments or ():
        if argument.name.value in ("first", "last"):
            if isinstance(argument.value, IntValueNode):
                return int(argument.value.value)
            if isinstance(argument.value, VariableNode):
                return int(variables.get(argument.value.name.value) or 1)
    return None
