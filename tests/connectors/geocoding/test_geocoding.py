"""Distances on the Earth, places found offline, and places of a provider that may lie, limit or be gone."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from patchbay.connectors.geocoding.offline import OfflineGeocoder
from patchbay.connectors.geocoding.places import EARTH_KM, GeocoderUnavailable, Point, distance_km
from patchbay.connectors.geocoding.provider import ProviderGeocoder
from patchbay.egress.guard import EgressGuard
from tests.servers.upstreams.geocoders import KEY, Geocoders

pytestmark = pytest.mark.anyio
OPEN = EgressGuard((ip_network("127.0.0.1/32"),))
points = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))
HALF_WAY_ROUND = math.pi * EARTH_KM


@given(points, points, points)
def test_distances_are_a_metric(a: Point, b: Point, c: Point) -> None:
    assert 0 <= distance_km(a, b) <= HALF_WAY_ROUND + 1e-6
    assert distance_km(a, a) == 0
    assert distance_km(a, b) == pytest.approx(distance_km(b, a), abs=1e-6)
    assert distance_km(a, c) <= distance_km(a, b) + distance_km(b, c) + 1e-3


@given(st.floats(-89, 89), st.floats(0, 0.5))
def test_the_date_line_and_the_poles_are_no_edges(lat: float, step: float) -> None:
    across = distance_km(Point(lat, 180 - step), Point(lat, -180 + step))
    assert across == pytest.approx(distance_km(Point(lat, -step), Point(lat, step)), abs=1e-6)
    assert distance_km(Point(90, 0), Point(90, step * 360)) < 1e-6


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        (Point(51.5074, -0.1278), Point(48.8566, 2.3522), 343.6),
        (Point(40.7128, -74.0060), Point(34.0522, -118.2437), 3935.7),
        (Point(-90, 0), Point(90, 0), HALF_WAY_ROUND),
    ],
)
def test_known_distances(a: Point, b: Point, km: float) -> None:
    assert distance_km(a, b) == pytest.approx(km, rel=0.002)


@pytest.mark.parametrize(
    ("address", "country", "precision", "label"),
    [
        ("200 Pearl St, Boulder, CO 80302", None, "postcode", "80302 Boulder, CO"),
        ("80302-1234", "US", "postcode", "80302 Boulder, CO"),
        ("12345 Main Street, Boulder, Colorado", "US", "city", "Boulder, CO"),
        ("Boulder CO", None, "city", "Boulder, CO"),
        ("10 Downing St, New York, NY, USA", None, "city", "New York, NY"),
    ],
)
async def test_zip_codes_and_cities_are_known_offline(address: str, country: str | None, precision: str, label: str) -> None:
    placed = await OfflineGeocoder().place(address, country)
    assert placed is not None
    assert (placed.precision, placed.label) == (precision, label)
    assert 1 <= placed.within_km <= 60


@pytest.mark.parametrize(
    ("address", "country"),
    [("80302", None), ("80302", "DE"), ("Boulder, CO", "CA"), ("00000", "US"), ("200 Pearl St", "US"), ("", "US"), ("CO", "US"),
     ("77352", "US"), ("Stockton, CA 95214", "DE"), ("Monroe Township, PA", "US"),
     ("Atlantis, CO", "US"), ("\x00" * 300, "US"), ("9" * 5000, "US"), ("come in", "US")],
)  # fmt: skip
async def test_what_is_not_known_offline_is_not_guessed(address: str, country: str | None) -> None:
    assert await OfflineGeocoder().place(address, country) is None


async def test_a_zip_code_the_data_does_not_place_leaves_its_city() -> None:
    """Some ZIP codes stand at 0, 0 in the data, thousands of kilometres from anybody who lives there."""
    for address in ("Livingston, TX 77352", "Livingston, TX"):
        placed = await OfflineGeocoder().place(address, "US")
        assert placed is not None
        assert (placed.precision, distance_km(placed.point, Point(30.71, -94.93)) < 30) == ("city", True)


@given(st.text(max_size=400))
def test_no_text_breaks_the_offline_geocoder(text: str) -> None:
    import asyncio

    asyncio.run(OfflineGeocoder().place(text, "US"))


@pytest.fixture
async def upstream() -> AsyncIterator[tuple[Geocoders, str]]:
    geocoders = Geocoders()
    async with TestServer(geocoders.app()) as server:
        yield geocoders, str(server.make_url("")).rstrip("/")


@pytest.mark.parametrize("path", ["", "/maps/api/geocode/json"])
async def test_a_provider_places_addresses(upstream: tuple[Geocoders, str], path: str) -> None:
    geocoders, url = upstream
    provider = ProviderGeocoder(OPEN, url + path, KEY)
    placed = await provider.place("200 Pearl St,\nBoulder & more", "US")
    assert placed is not None
    assert (placed.precision, placed.point, placed.within_km < 0.3) == ("address", Point(40.0205, -105.2762), True)
    area = await provider.place("80302", "US")
    assert area is not None
    assert (area.precision, 3 < area.within_km < 10) == ("postcode", True)
    road = await provider.place("Route 66", "US")  # too long to say where on it
    assert road is not None
    assert (road.precision, road.within_km > 10) == ("city", True)
    assert (await provider.place("nowhere", "US"), await provider.place("Colorado", None)) == (None, None)
    assert geocoders.asked[0]["key"] == KEY
    await provider.close()


@pytest.mark.parametrize("path", ["", "/maps/api/geocode/json"])
@pytest.mark.parametrize(
    "text",
    ["{}", "null", "<html>",
     '[{"lat": "91", "lon": "0", "addresstype": "house", "boundingbox": ["0","0","0","0"]}]', '[{"lat": "nan"}]',
     '{"status": "OK", "results": []}', '{"status": "OVER_QUERY_LIMIT", "results": []}', "[[[", '["x"]', "[" * 200_000,
     '[{"lat": ' + "9" * 400 + ', "lon": 0, "addresstype": "house", "boundingbox": ["0","0","0","0"]}]',
     '{"status": "OK", "results": [{"geometry": {"location": {"lat": 1, "lng": ' + "9" * 400 + "}}}]}"],
)  # fmt: skip
async def test_nonsense_is_no_place(upstream: tuple[Geocoders, str], path: str, text: str) -> None:
    geocoders, url = upstream
    geocoders.broken = web.Response(text=text, content_type="application/json")
    provider = ProviderGeocoder(OPEN, url + path, KEY)
    if (text, path) in (("{}", ""), ("null", "")):
        assert await provider.place("x", None) is None
    else:
        with pytest.raises(GeocoderUnavailable):
            await provider.place("x", None)
    await provider.close()


async def test_a_limit_a_wrong_key_and_the_guard(upstream: tuple[Geocoders, str]) -> None:
    geocoders, url = upstream
    google = f"{url}/maps/api/geocode/json"
    for provider in (ProviderGeocoder(OPEN, google, "wrong"), ProviderGeocoder(EgressGuard(()), url, None)):
        with pytest.raises(GeocoderUnavailable):
            await provider.place("200 Pearl St", None)
        await provider.close()
    geocoders.broken = web.Response(status=429)
    provider = ProviderGeocoder(OPEN, url, None)
    with pytest.raises(GeocoderUnavailable):
        await provider.place("200 Pearl St", None)
    await provider.close()
