"""Placing a batch of locations on the map. Nothing is saved: what comes back goes into a skill's configuration."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from patchbay.agent_runtime.agents import get_agent
from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.services import Runtime
from patchbay.connectors.geocoding.places import GeocoderUnavailable, Geocoding

MOST = 100
_AT_ONCE = 4
_SECONDS = 25.0


class RosterEntry(Body):
    """One location to be placed."""

    label: Annotated[str, Field(min_length=1, max_length=120)]
    address: Annotated[str, Field(min_length=1, max_length=300)]
    phone: Annotated[str, Field(max_length=40)] | None = None


class Roster(Body):
    """The body of ``POST /agents/{agentId}/geocode-roster``: at most 100 locations; a longer list is sent in batches."""

    locations: Annotated[list[RosterEntry], Field(min_length=1, max_length=MOST)]


class PlacedEntry(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A location with its coordinates, or why it has none (``unavailable``: the geocoder did not answer)."""

    label: str
    address: str
    phone: str | None
    resolved: bool
    lat: float | None = None
    lng: float | None = None
    precision: Literal["address", "postcode", "city"] | None = None
    found: str | None = None
    reason: Literal["not_found", "unavailable"] | None = None


async def geocode_roster(runtime: Runtime, org_id: str, agent_id: str, body: Any) -> list[PlacedEntry]:
    """The locations in their order. Raises ValidationFailed, AgentNotFound."""
    async with runtime.database.tenant(org_id, read_only=True) as session:
        country: str | None = (await get_agent(session, agent_id)).draft.get("defaultCountry")
    roster = read_body(Roster, body)
    turns, deadline = asyncio.Semaphore(_AT_ONCE), asyncio.get_running_loop().time() + _SECONDS
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_place(one, runtime.geocoder, country, turns, deadline)) for one in roster.locations]
    return [task.result() for task in tasks]


async def _place(
    one: RosterEntry, geocoder: Geocoding, country: str | None, turns: asyncio.Semaphore, deadline: float
) -> PlacedEntry:
    same: dict[str, Any] = {"label": one.label, "address": one.address, "phone": one.phone}
    try:
        async with asyncio.timeout_at(deadline), turns:
            placed = await geocoder.place(one.address, country)
    except (GeocoderUnavailable, TimeoutError):
        return PlacedEntry(**same, resolved=False, reason="unavailable")
    if placed is None:
        return PlacedEntry(**same, resolved=False, reason="not_found")
    point = placed.point
    return PlacedEntry(
        **same, resolved=True, lat=round(point.lat, 6), lng=round(point.lng, 6), precision=placed.precision, found=placed.label
    )
