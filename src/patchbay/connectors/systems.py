"""The types of system there are. Each is imported when it is first used: a server that reaches none starts without them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import cast

from patchbay.connectors.system import System

_MODULES = {
    "postgres": "patchbay.connectors.sql.postgres.system",
    "mysql": "patchbay.connectors.sql.mysql.system",
    "rest": "patchbay.connectors.rest.system",
    "graphql": "patchbay.connectors.graphql.system",
    "webhook": "patchbay.connectors.webhook.system",
    "mcp": "patchbay.connectors.mcp.system",
}


@cache
def system_of(type_: str) -> System:
    """The system of a type. Raises KeyError for one that does not exist."""
    return cast("System", import_module(_MODULES[type_]).SYSTEM)
