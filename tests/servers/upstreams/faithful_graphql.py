"""An upstream that speaks a vendor's own GraphQL schema: what does not validate against it is refused, and told in ``problems``;
what does is executed on values made up from its types. Mutations are carried out in a ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationType,
    build_client_schema,
    build_schema,
    execute_sync,
    get_named_type,
    get_operation_ast,
    is_abstract_type,
    parse,
    validate,
)
from graphql.error import GraphQLError

from tests.servers.upstreams.faithful import Authorized
from tests.servers.upstreams.ledger import Ledger, key_in

VALUES: dict[str, Any] = {
    "Int": 7, "Float": 12.5, "Boolean": True, "DateTime": "2026-03-05T14:30:00Z", "Date": "2026-03-05", "Decimal": "12.50",
    "PositiveDecimal": "12.50", "UnsignedInt64": "9007199254740993", "UUID": "6f1c7c1e-2f0b-4f0e-9d0a-5c3b1a2d4e5f",
}  # fmt: skip


@cache
def schema_of(path: Path) -> GraphQLSchema:
    """The schema in a file. Some vendors' own do not pass graphql-core's validation of schemas."""
    if path.suffix == ".json":
        read = msgspec.json.decode(path.read_bytes())
        return build_client_schema(read.get("data", read), assume_valid=True)
    return build_schema(path.read_text(), assume_valid=True, assume_valid_sdl=True, no_location=True)


@dataclass
class FaithfulGraphql:
    """``kinds`` says which type stands where a schema allows several; ``values`` what single fields return (``Type.field``)."""

    schema: GraphQLSchema
    authorized: Authorized
    kinds: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""
    base: str = "/graphql/"
    seen: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not self.authorized(request):
            return self._answer({"errors": [{"message": "secret", "extensions": {"code": "UNAUTHENTICATED"}}]})
        if (request.method, request.path) != ("POST", self.base) or request.content_type != "application/json":
            self.problems.append(f"{request.method} {request.path} of {request.content_type}")
            return web.Response(status=400)
        if "application/graphql-response+json" not in request.headers.get("Accept", ""):
            self.problems.append("the answer's own media type is not accepted")
        asked = msgspec.json.decode(await request.read())
        if set(asked) - {"query", "operationName", "variables", "extensions"}:
            self.problems.append(f"members {sorted(asked)}")
        document = parse(asked["query"])
        errors = validate(self.schema, document)
        if errors:
            self.problems += [error.message for error in errors]
            return self._answer({"errors": [error.formatted for error in errors]})
        self.seen.append(asked)
        if get_operation_ast(document).operation != OperationType.MUTATION:
            return self._executed(document, asked)
        key = key_in({}, asked.get("variables"))
        return await self.ledger.carry_out(request, key, asked, lambda: self._executed(document, asked))

    def _executed(self, document: DocumentNode, asked: Any) -> web.Response:
        result = execute_sync(
            self.schema,
            document,
            root_value={},
            variable_values=asked.get("variables"),
            operation_name=asked.get("operationName"),
            field_resolver=self._resolve,
            type_resolver=lambda value, info, kind: self._kind(kind),
        )
        if result.errors and result.data is None:
            self.problems += [error.message for error in result.errors]
        return self._answer(result.formatted)

    def _answer(self, body: Any) -> web.Response:
        return web.Response(body=msgspec.json.encode(body), content_type="application/graphql-response+json")

    def _kind(self, kind: Any) -> str:
        return self.kinds.get(kind.name) or self.schema.get_possible_types(kind)[0].name

    def _resolve(self, source: Any, info: Any, **arguments: Any) -> Any:
        key = f"{info.parent_type.name}.{info.field_name}"
        if key in self.values:
            value = self.values[key]
            if isinstance(value, Exception):
                raise value
            return value() if isinstance(value, Callable) else value
        return self._sample(info.return_type, info.field_name, arguments)

    def _sample(self, kind: Any, name: str, arguments: Mapping[str, Any]) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._sample(kind.of_type, name, arguments)
        if isinstance(kind, GraphQLList) and name.lower().endswith("errors"):
            return []  # it was done
        if isinstance(kind, GraphQLList):
            size = min(2, arguments.get("first") or 2)
            return [self._sample(kind.of_type, name, arguments) for _ in range(size)]
        named = get_named_type(kind)
        if isinstance(named, GraphQLEnumType):
            return next(iter(named.values.values())).value
        if hasattr(named, "fields") or is_abstract_type(named):
            return {}
        return VALUES.get(named.name, f"{name} text")


def failing(message: str, code: str) -> GraphQLError:
    """An error of a resolver, with its code."""
    return GraphQLError(message, extensions={"code": code})
