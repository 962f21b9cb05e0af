"""What can be connected: the built-in providers, what is reserved, and what an organization may call a kind of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from patchbay.connectors.definition import Definition
from patchbay.errors import NotFound, Reserved
from patchbay.nearest import did_you_mean


class Provider(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of the catalog. ``type`` is the kind of system behind it, ``auth`` how it is connected."""

    kind: str
    name: str
    type: str
    category: str
    description: str
    auth: str
    logo: str | None = None
    action_count: int = 0
    has_pack: bool = False
    custom: bool = False


PROVIDERS: Mapping[str, Provider] = {
    "postgres": Provider(
        kind="postgres",
        name="PostgreSQL",
        type="postgres",
        category="database",
        description="Your own PostgreSQL database: discover its schema, scope it, and bind the exact columns an agent may use.",
        auth="credentials",
    ),
    "mysql": Provider(
        kind="mysql",
        name="MySQL and MariaDB",
        type="mysql",
        category="database",
        description="Your own MySQL or MariaDB: discover its schema, scope it, and bind the exact columns an agent may use.",
        auth="credentials",
    ),
}
_CURATED: dict[str, Provider] = {}
RESERVED: Mapping[str, str] = {"calendly": "Calendly", "hubspot": "HubSpot", "opentable": "OpenTable"}

WORDS = frozenset({
    "catalog", "oauth", "sql",
    "booking", "db_query", "email", "geo", "graphql", "http", "http_webhook", "knowledge", "knowledge_search", "mcp", "recipe",
    "rest", "sms", "take_message", "transfer", "webhook",
})  # fmt: skip
"""What no kind may be called: words of this API's paths, and types and families of skills, which policies name."""

_OWN_KIND = re.compile(r"[a-z][a-z0-9_]{1,39}")
_CATEGORIES = {"postgres": "database", "mysql": "database", "rest": "api", "graphql": "api"}
_DESCRIPTIONS = {
    "postgres": "A PostgreSQL database of your own.",
    "mysql": "A MySQL or MariaDB database of your own.",
    "rest": "A REST API, as its own document describes it.",
    "graphql": "A GraphQL API, as its own schema describes it.",
}


def offer(curated: Iterable[Provider]) -> None:
    """Say which curated providers this installation has. What is said of a built-in kind takes the place of its own entry."""
    _CURATED.clear()
    _CURATED.update({provider.kind: provider for provider in curated})


def offered() -> Mapping[str, Provider]:
    """Every provider that an organization has not defined itself, by its kind."""
    return {**PROVIDERS, **_CURATED}


class UnknownKind(NotFound):
    """There is no integration of this kind."""

    code, title = "unknown_integration", "Unknown integration"


def check_kind(kind: str) -> None:
    """Raises :class:`Reserved` for a provider that is not open yet and for :data:`WORDS`, :class:`UnknownKind` for what cannot be
    a kind.
    """
    if kind in RESERVED:
        raise Reserved(
            f"{RESERVED[kind]} is reserved: it cannot be connected yet.", hint="GET /integrations/catalog lists what can."
        )
    if kind in WORDS:
        raise Reserved(f"{kind} is reserved: it means something else in this API.", hint="Choose another, such as my_crm.")
    if kind not in offered() and not _OWN_KIND.fullmatch(kind):
        raise unknown_kind(kind, ())


def unknown_kind(kind: str, own: Iterable[str]) -> UnknownKind:
    """The refusal of a kind that is neither built in nor among the organization's own."""
    near = did_you_mean(kind[:64], [*offered(), *own])
    return UnknownKind(
        hint=near or "GET /integrations/catalog lists what can be connected; a kind of your own is connected with a definition."
    )


def custom_provider(kind: str, definition: Definition) -> Provider:
    """The entry of an organization's own provider."""
    return Provider(
        kind=kind,
        name=definition.display_name,
        type=definition.type,
        category=_CATEGORIES[definition.type],
        description=_DESCRIPTIONS[definition.type],
        auth="oauth" if definition.auth.interactive else "credentials",
        custom=True,
    )


def catalog(own: Iterable[Provider], labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every entry in its wire form; ``labels`` are the labels of what the organization has connected, by kind."""
    return [
        {**msgspec.to_builtins(entry), "connected": entry.kind in labels, "accountLabel": labels.get(entry.kind)}
        for entry in (*offered().values(), *own)
    ]
