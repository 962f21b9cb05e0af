"""The catalogue of what a skill can do, honest about what works in this release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from patchbay.agent_runtime.hand_made.known import HAND_MADE
from patchbay.agent_runtime.hand_made.skill_type import TypeEntry

_BINDING = "POST /agents/{agentId}/integrations/%s/bindings"

_BOUND = (
    TypeEntry(
        type="postgres",
        name="PostgreSQL look-up",
        description="Reads records from a connected PostgreSQL database through a frozen, parameterized query.",
        family="db_query",
        create_with=_BINDING % "postgres",
    ),
    TypeEntry(
        type="mysql",
        name="MySQL look-up",
        description="Reads records from a connected MySQL or MariaDB database.",
        family="db_query",
        create_with=_BINDING % "mysql",
    ),
    TypeEntry(
        type="db_query",
        name="Database query",
        description="The family of every skill that reads or writes a database; policies may name it. Made from a binding.",
        family="db_query",
        create_with=_BINDING % "{kind}",
    ),
    TypeEntry(
        type="rest",
        name="REST operation",
        description="Calls one operation of a REST system described by an OpenAPI document, under the kind you gave it.",
        family="http",
        create_with=_BINDING % "{kind}",
    ),
    TypeEntry(
        type="graphql",
        name="GraphQL operation",
        description="Runs one GraphQL document on a connected system, under the kind you gave it.",
        family="graphql",
        create_with=_BINDING % "{kind}",
    ),
)


_ENTRIES = (*_BOUND, *(one.entry for one in HAND_MADE.values()))
_BY_TYPE = {entry.type: entry for entry in _ENTRIES}


def entry_of(skill_type: str) -> TypeEntry | None:
    """The entry of a type, or None where there is no such type."""
    return _BY_TYPE.get(skill_type)


def type_names() -> Sequence[str]:
    """The names of all types."""
    return list(_BY_TYPE)


def skill_types() -> list[dict[str, Any]]:
    """Every type on the wire. ``createWith`` names the endpoint that makes a skill of it."""
    return [
        {
            "type": entry.type,
            "name": entry.name,
            "description": entry.description,
            "family": entry.family,
            "status": "available",
            "createWith": entry.create_with,
            "schema": entry.schema,
        }
        for entry in _ENTRIES
    ]
