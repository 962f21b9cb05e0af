"""What can be connected today, what is reserved, and what is neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

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


PROVIDERS: Mapping[str, Provider] = {
    "postgres": Provider(
        kind="postgres",
        name="PostgreSQL",
        type="postgres",
        category="database",
        description="Your own PostgreSQL database: discover its schema, scope it, and bind the exact columns an agent may use.",
        auth="credentials",
    ),
}
RESERVED: Mapping[str, str] = {"calendly": "Calendly", "hubspot": "HubSpot", "opentable": "OpenTable"}


class UnknownKind(NotFound):
    """There is no integration of this kind."""

    code, title = "unknown_integration", "Unknown integration"


def provider(kind: str) -> Provider:
    """The entry of ``kind``. Raises :class:`Reserved` for a provider that is not open yet, else :class:`UnknownKind`."""
    found = PROVIDERS.get(kind)
    if found is not None:
        return found
    if kind in RESERVED:
        raise Reserved(
            f"{RESERVED[kind]} is reserved: it cannot be connected yet.", hint="GET /integrations/catalog lists what can."
        )
    hint = did_you_mean(kind[:64], PROVIDERS) or "GET /integrations/catalog lists what can be connected."
    raise UnknownKind(hint=hint)


def catalog(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every entry in its wire form; ``labels`` are the labels of what the organization has connected, by kind."""
    return [
        {**msgspec.to_builtins(entry), "connected": kind in labels, "accountLabel": labels.get(kind)}
        for kind, entry in PROVIDERS.items()
    ]
