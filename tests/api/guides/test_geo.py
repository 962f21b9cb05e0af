"""Service areas, nearest locations and rosters, with the offline geocoder and with a provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from patchbay.agent_runtime.hand_made.geo import GeoSettings, PlaceImprecise, Spot, completed, in_area, nearest
from patchbay.api.app import create_app
from patchbay.api.platform import open_platform
from patchbay.connectors.geocoding.places import Placed, Point, distance_km
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import Key, MakeKey, client_of, problem
from tests.api.guides.conftest import Caller
from tests.servers.upstreams.geocoders import Geocoders

pytestmark = pytest.mark.anyio
AREA: dict[str, Any] = {
    "name": "Check delivery area",
    "description": "Check whether the caller's delivery address is within our delivery zone before taking a delivery order.",
    "skillType": "geo",
    "executionConfig": {"action": "check_service_area", "originAddress": "120 Main St, Boulder, CO", "radiusMiles": 5},
}
DENVER = {"label": "Denver", "lat": 39.7392, "lng": -104.9903, "phone": "+13035550100"}
BOULDER = {"label": "Boulder", "lat": 40.015, "lng": -105.2705, "address": "120 Main St"}


async def made(caller: Caller, config: dict[str, Any], **agent: Any) -> tuple[str, dict[str, Any]]:
    created = await caller.ask("POST", "/agents", {"name": "Tony's Pizza", **agent}, status=201)
    skill = await caller.ask("POST", f"/agents/{created['id']}/skills", {**AREA, "executionConfig": config}, status=201)
    return f"/agents/{created['id']}/skills/{skill['id']}/preview", skill


async def answer(caller: Caller, path: str, address: str, name: str = "address") -> Any:
    return (await caller.ask("POST", path, {"arguments": {name: address}}))["result"]["rows"][0]


async def test_offline_a_city_is_too_coarse_for_five_miles_and_says_so(caller: Caller) -> None:
    path, skill = await made(caller, AREA["executionConfig"])
    assert (skill["enabled"], [w["code"] for w in skill["warnings"]]) == (True, ["origin_imprecise"])
    refusal = await caller.refused("POST", path, {"arguments": {"address": "200 Pearl St"}})
    assert (refusal["code"], refusal["precision"]) == ("place_imprecise", "city")
    assert "ZIP code" in refusal["say"]
    far = await answer(caller, path, "1 Main St, Fort Collins, CO 80521")
    assert (far["in_area"], far["precision"]) == (False, "postcode")
    refusal = await caller.refused("POST", path, {"arguments": {"address": "10 rue de Rivoli, Paris"}})
    assert refusal["code"] == "place_unknown"
    missing = await caller.refused("POST", path, {"arguments": {"address": " "}})
    assert missing["code"] == "arguments_missing"


async def test_an_exact_origin_and_a_wider_area_are_decided_offline(caller: Caller) -> None:
    origin = {"lat": 40.015, "lng": -105.2705}
    path, skill = await made(caller, {"action": "check_service_area", "origin": origin, "radiusKm": 40}, defaultCountry="US")
    assert skill["warnings"] == []
    near = await answer(caller, path, "200 Pearl St, Boulder, CO 80302")
    assert (near["in_area"], near["precision"], near["distance_km"] < 3) == (True, "postcode", True)


async def test_postcodes_alone_need_no_map(caller: Caller) -> None:
    path, _ = await made(caller, {"action": "check_service_area", "postcodes": ["80301", "80302", "SW1A 1AA"]})
    told = {code: (await answer(caller, path, code, "postcode"))["in_area"] for code in ("80302-1234", "sw1a1aa", "80399", "x")}
    assert told == {"80302-1234": True, "sw1a1aa": True, "80399": False, "x": False}


async def test_the_nearest_location(caller: Caller) -> None:
    path, _ = await made(caller, {"action": "nearest_location", "locations": [DENVER, BOULDER], "unit": "km"})
    row = await answer(caller, path, "Boulder, CO 80302")
    assert (row["label"], row["address"], row["phone"]) == ("Boulder", "120 Main St", None)
    twins = [DENVER, {**DENVER, "label": "Same house"}]
    path, _ = await made(caller, {"action": "nearest_location", "locations": twins}, name="A")
    assert (await answer(caller, path, "Denver, CO"))["label"] == "Denver"
    path, _ = await made(
        caller, {"action": "nearest_location", "locations": [*twins, {**DENVER, "label": "Next door", "lat": 39.74}]}, name="B"
    )
    assert (await caller.refused("POST", path, {"arguments": {"address": "Denver, CO"}}))["code"] == "place_imprecise"


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"action": "check_service_area"},
        {"action": "check_service_area", "originAddress": "x"},
        {"action": "check_service_area", "originAddress": "Atlantis", "radiusMiles": 5},
        {"action": "check_service_area", "origin": {"lat": 91, "lng": 0}, "radiusMiles": 5},
        {"action": "check_service_area", "origin": {"lat": "NaN", "lng": 0}, "radiusMiles": 5},
        {"action": "check_service_area", "origin": {"lat": 0, "lng": 181}, "radiusMiles": 5},
        {"action": "check_service_area", "origin": {"lat": 0, "lng": 0}, "radiusMiles": -1},
        {"action": "check_service_area", "origin": {"lat": 0, "lng": 0}, "radiusMiles": 5, "radiusKm": 5},
        {"action": "check_service_area", "postcodes": ["80302"], "radiusMiles": 5},
        {"action": "nearest_location"},
        {"action": "nearest_location", "locations": [BOULDER], "radiusMiles": 5},
        {"action": "nearest_location", "locations": [BOULDER] * 501},
        {"action": "fly"},
    ],
)
async def test_what_is_no_area_is_refused(caller: Caller, config: dict[str, Any]) -> None:
    agent = await caller.ask("POST", "/agents", {"name": "Front desk"}, status=201)
    refusal = await caller.refused("POST", f"/agents/{agent['id']}/skills", {**AREA, "executionConfig": config})
    assert (refusal["status"], refusal["errors"][0]["field"].startswith("executionConfig")) == (400, True)


async def test_a_roster_is_placed_flagged_and_not_saved(caller: Caller, make_key: MakeKey) -> None:
    agent = await caller.ask("POST", "/agents", {"name": "Franchise", "defaultCountry": "US"}, status=201)
    path = f"/agents/{agent['id']}/geocode-roster"
    roster = [
        {"label": "Boulder", "address": "120 Main St, Boulder, CO 80302", "phone": "+13035550100"},
        {"label": "Lost", "address": "Nowhere at all"},
    ]
    placed = await caller.ask("POST", path, {"locations": roster})
    first, second = placed["locations"]
    assert (placed["unresolved"], first["resolved"], first["precision"], first["phone"]) == (1, True, "postcode", "+13035550100")
    assert (second["resolved"], second["reason"], second["lat"]) == (False, "not_found", None)
    config = {"action": "nearest_location", "locations": [{k: first[k] for k in ("label", "address", "phone", "lat", "lng")}]}
    await caller.ask("POST", f"/agents/{agent['id']}/skills", {**AREA, "executionConfig": config}, status=201)
    assert len(await caller.ask("GET", f"/agents/{agent['id']}/skills")) == 1
    for size in (0, 101, 10_000):
        refusal = await caller.refused("POST", path, {"locations": [roster[0]] * size})
        assert refusal["status"] in (400, 413)
    stranger, narrow = await make_key(org="Globex"), await make_key("skills:read")
    body = {"locations": roster}
    problem(await caller.http.post(f"/api/v1{path}", json=body, headers=stranger.headers), 404, "not_found")
    problem(await caller.http.post(f"/api/v1{path}", json=body, headers=narrow.headers), 403, "insufficient_scope")


@pytest.fixture
async def mapped(settings: Settings, database: Database, vault: Vault, key: Key) -> AsyncIterator[tuple[Caller, Geocoders]]:
    geocoders = Geocoders()
    async with TestServer(geocoders.app()) as server:
        url = str(server.make_url(""))
        allowing = settings.model_copy(update={"egress_allow": "127.0.0.1/32", "geocoder_url": url})
        async with (
            open_platform(allowing, database=database, vault=vault) as platform,
            client_of(create_app(allowing, platform=platform), key.headers) as http,
        ):
            yield Caller(http), geocoders


async def test_with_a_provider_five_miles_are_decided(mapped: tuple[Caller, Geocoders]) -> None:
    caller, geocoders = mapped
    path, skill = await made(caller, AREA["executionConfig"])
    assert skill["warnings"] == []
    near = await answer(caller, path, "200 Pearl St")
    assert (near["in_area"], near["precision"], near["distance_miles"]) == (True, "address", 0.5)
    assert geocoders.asked[-1]["q"] == "200 Pearl St, Boulder, CO"
    assert (await answer(caller, path, "1 Far Away Rd, Fort Collins"))["in_area"] is False
    geocoders.broken = web.Response(status=503)
    assert (await caller.refused("POST", path, {"arguments": {"address": "200 Pearl St"}}))["code"] == "geocoder_unavailable"


degrees = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(degrees, degrees, st.floats(0, 100), st.floats(0.1, 10_000), st.floats(-90, 90), st.floats(-180, 180))
def test_what_is_decided_is_right_wherever_the_true_place_is(
    origin: tuple[float, float], found: tuple[float, float], within: float, radius: float, lat: float, lng: float
) -> None:
    placed = Placed(point=Point(*found), precision="postcode", within_km=within, label="x")
    settings = GeoSettings(origin=origin, radius_km=radius)
    true = Point(lat, lng)
    try:
        told = in_area(placed, settings)["in_area"]
    except PlaceImprecise:
        return
    if distance_km(true, placed.point) <= within - 1e-6:
        assert told == (distance_km(true, Point(*origin)) <= radius)


@given(st.lists(degrees, min_size=1, max_size=6), degrees)
def test_the_nearest_is_the_nearest(spots: list[tuple[float, float]], here: tuple[float, float]) -> None:
    locations = tuple(Spot(label=str(n), lat=lat, lng=lng) for n, (lat, lng) in enumerate(spots))
    placed = Placed(point=Point(*here), precision="address", within_km=0.05, label="x")
    found = int(nearest(placed, GeoSettings(locations=locations))["label"])
    assert all(distance_km(placed.point, Point(*spots[found])) <= distance_km(placed.point, Point(*one)) for one in spots)


@pytest.mark.parametrize(
    ("address", "whole"),
    [("200 Pearl St", "200 Pearl St, Boulder, CO"), ("200 Pearl St, Denver", "200 Pearl St, Denver"), ("Denver CO", "Denver CO"),
     ("200 Pearl St 80302", "200 Pearl St 80302")],
)  # fmt: skip
def test_a_street_alone_is_in_the_businesss_own_town(address: str, whole: str) -> None:
    assert completed(address, "Boulder, CO") == whole
