"""The catalogue of what a skill can do, honest about what works in this release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from patchbay.agent_runtime.webhook_config import ExecutionConfig

Status = Literal["available", "reserved"]


def _entry(
    type: str,
    name: str,
    description: str,
    *,
    family: str,
    status: Status,
    create: str | None = None,
    schema: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    entry = {"type": type, "name": name, "description": description, "family": family, "status": status, "createWith": create}
    return {**entry, "schema": schema}


_BINDING = "POST /agents/{agentId}/integrations/%s/bindings"

SKILL_TYPES: tuple[dict[str, Any], ...] = (
    _entry(
        "postgres",
        "PostgreSQL look-up",
        "Reads records from a connected PostgreSQL database through a frozen, parameterized query.",
        family="db_query",
        status="available",
        create=_BINDING % "postgres",
    ),
    _entry(
        "mysql",
        "MySQL look-up",
        "Reads records from a connected MySQL or MariaDB database.",
        family="db_query",
        status="available",
        create=_BINDING % "mysql",
    ),
    _entry(
        "db_query",
        "Database query",
        "The family of every skill that reads a database; policies may name it.",
        family="db_query",
        status="reserved",
    ),
    _entry(
        "rest",
        "REST operation",
        "Calls one operation of a REST system described by an OpenAPI document, under the kind you gave it.",
        family="http",
        status="available",
        create=_BINDING % "{kind}",
    ),
    _entry(
        "graphql",
        "GraphQL operation",
        "Runs one GraphQL document on a connected system, under the kind you gave it.",
        family="graphql",
        status="available",
        create=_BINDING % "{kind}",
    ),
    _entry(
        "http_webhook",
        "Webhook",
        "Calls an HTTP endpoint of your own with what the caller said.",
        family="http",
        status="available",
        create="POST /agents/{agentId}/skills",
        schema=ExecutionConfig.model_json_schema(by_alias=True),
    ),
    _entry("transfer", "Transfer", "Transfers the call to a person or another number.", family="transfer", status="reserved"),
    _entry("email", "E-mail", "Sends an e-mail from the conversation.", family="email", status="reserved"),
    _entry("sms", "Text message", "Sends a text message to the caller.", family="sms", status="reserved"),
    _entry("mcp", "MCP tool", "Calls a tool of an MCP server.", family="mcp", status="reserved"),
)
"""Every skill type. ``createWith`` names the endpoint that makes a skill of it; reserved ones cannot be made yet."""
