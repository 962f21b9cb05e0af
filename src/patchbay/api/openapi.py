"""The OpenAPI document: made from the routes, the same bytes every time."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic.alias_generators import to_camel

from patchbay.api.problems import problem_schemas
from patchbay.api.routing import DoorRoute

TITLE = "Patchbay"
DESCRIPTION = """Connects what a business already runs to agents that answer its phone and chat.

Every path but `/healthz`, `/readyz` and the OAuth callback needs `Authorization: Bearer flowyte_sk_…`; `x-scope` names the scope
the key must hold.
Successes are `{success, data}`, lists add `pagination: {nextCursor, limit}`, refusals are `application/problem+json` (RFC 9457).
Every response carries `X-Request-Id`; those of a known key also `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`.
"""
TAGS = [
    {"name": "integrations", "description": "Connect a system, discover its schema, scope it, and map it onto agents."},
    {"name": "agents", "description": "Agents: their draft, their published versions."},
    {"name": "skills", "description": "What an agent can do."},
    {"name": "variables", "description": "The values that flow through an agent's conversations, and notes on them."},
    {"name": "test", "description": "Try a draft before it is published."},
    {"name": "chat", "description": "Talk to a published agent over text."},
    {"name": "observe", "description": "What happened in each conversation."},
    {"name": "auditlogs", "description": "Who changed what."},
    {"name": "health", "description": "For load balancers and supervisors."},
]

_ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")


def install(app: FastAPI) -> None:
    """Make ``app`` describe itself with scopes, security and problems."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = document(app)
        return app.openapi_schema

    app.openapi = describe


def document(app: FastAPI) -> dict[str, Any]:
    """The document of ``app``."""
    schema = get_openapi(title=TITLE, version=version("patchbay"), description=DESCRIPTION, routes=app.routes, tags=TAGS)
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {}).update(problem_schemas())
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["securitySchemes"] = {
        "secretKey": {"type": "http", "scheme": "bearer", "bearerFormat": "flowyte_sk_…", "description": "A secret API key."}
    }
    for item in schema["paths"].values():
        for operation in item.values():
            _without_the_frameworks_refusal(operation)
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, DoorRoute) and route.include_in_schema:
            for method in sorted(route.methods or ()):
                _declare(schema["paths"][route.path_format][method.lower()], route.scope)
    return _plain(schema)


def _plain(value: Any) -> Any:
    """The document with the docstrings' markup turned into Markdown."""
    if isinstance(value, str):
        return _ROLE.sub(r"`\1`", value).replace("``", "`")
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in cast("dict[str, Any]", value).items()}
    return value


def operation_id(route: APIRoute) -> str:
    """`listAgents` for `list_agents`: what generated clients call the operation."""
    return to_camel(route.name)


def _declare(operation: dict[str, Any], scope: str) -> None:
    operation["x-scope"] = scope
    operation["security"] = [{"secretKey": []}]


def _without_the_frameworks_refusal(operation: dict[str, Any]) -> None:
    """The framework announces its own 422 for validation; here malformed input is a 400."""
    for status, response in list(operation["responses"].items()):
        if status == "422" and "application/json" in response.get("content", {}):
            del operation["responses"][status]


def text(app: FastAPI) -> str:
    """The committed form of the document."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
