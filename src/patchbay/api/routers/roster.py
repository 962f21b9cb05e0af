"""Placing a batch of locations on the map."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Body
from pydantic import Field
from starlette.requests import Request

from patchbay.agent_runtime.roster import Roster, geocode_roster
from patchbay.api.access import SkillsWrite
from patchbay.api.documented import Documented
from patchbay.api.envelope import ApiResponse, Shown, enveloped
from patchbay.api.paths import LongAgentId
from patchbay.api.platform import platform_of
from patchbay.api.presence import while_present
from patchbay.api.problems import problems
from patchbay.api.routing import door_router

router = door_router("/agents/{agentId}/geocode-roster", tag="skills")


class PlacedShown(Shown):
    """One location of the roster."""

    label: str
    address: str
    phone: str | None
    resolved: bool = Field(description="False: correct the address, or give the coordinates by hand.")
    lat: float | None
    lng: float | None
    precision: Literal["address", "postcode", "city"] | None = Field(description="How precisely the address is known.")
    found: str | None = Field(description="What the geocoder took the address for.")
    reason: Literal["not_found", "unavailable"] | None = Field(description="Why it has no coordinates.")


class RosterShown(Shown):
    """The roster with coordinates, in the order it was sent."""

    locations: list[PlacedShown]
    unresolved: int = Field(description="How many have no coordinates.")


@router.post(
    "", response_model=ApiResponse[RosterShown], summary="Geocode a location roster", responses=problems(400, 404, 413, 415)
)
async def geocode_location_roster(
    principal: SkillsWrite, request: Request, agent_id: LongAgentId, body: Annotated[Any, Documented(Roster), Body()]
) -> Any:
    """Turn up to 100 locations (`label`, `address`, `phone`) into coordinates for a `geo` skill's `locations`. Saves nothing;
    what cannot be placed comes back with `resolved` false. Send a longer list in batches.
    """
    work = geocode_roster(platform_of(request).runtime, principal.org_id, agent_id, body)
    placed = [msgspec.to_builtins(one) for one in await while_present(request, work)]
    return enveloped({"locations": placed, "unresolved": sum(not one["resolved"] for one in placed)})
