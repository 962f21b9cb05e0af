"""Places by a provider: a server with Nominatim's search API (OpenStreetMap's, or one of your own), or Google's Geocoding API.

Nominatim: ``GET {url}/search?q=…&format=jsonv2&limit=1``, a list of places with ``lat``, ``lon``, ``addresstype`` and
``boundingbox`` (south, north, west, east). Google: ``GET …/maps/api/geocode/json?address=…&key=…``, ``{status, results}`` with
``geometry`` (``location``, ``location_type``, ``viewport``) and ``types``.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

import msgspec

from patchbay.connectors.geocoding.places import GeocoderUnavailable, Placed, Point, Precision, distance_km
from patchbay.egress.failures import OutboundFailed
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.egress.http import OutboundClient
from patchbay.egress.urls import BadUrl

DEADLINE_S = 5.0
_MOST_BYTES = 262_144
_HEADERS = {"Accept": "application/json"}
_GOOGLE = "/geocode/json"
_ADDRESS_KM = 1.0
"""How far what counts as an address may reach."""
_CITIES = frozenset({"city", "town", "village", "hamlet", "municipality", "locality", "suburb", "neighbourhood", "quarter"})
_POSTCODES = frozenset({"postcode", "postal_code"})
_LARGER = frozenset({
    "country", "state", "county", "region", "province", "state_district", "continent", "administrative_area_level_1",
    "administrative_area_level_2", "sea", "ocean",
})  # fmt: skip


class ProviderGeocoder:
    """See :class:`~patchbay.connectors.geocoding.places.Geocoding`. ``key`` goes along where there is one."""

    def __init__(self, guard: EgressGuard, url: str, key: str | None) -> None:
        self._client = OutboundClient(guard, connections=4)
        self._google = url.rstrip("/").endswith(_GOOGLE)
        self._url = url.rstrip("/") if self._google else f"{url.rstrip('/')}/search"
        self._key = key

    async def place(self, address: str, country: str | None) -> Placed | None:
        """The provider's first place. One larger than a city, or a match of only a part of the address, is none."""
        text = " ".join(address.split())[:300]
        answer = await self._ask(self._google_query(text, country) if self._google else self._nominatim_query(text, country))
        try:
            return _of_google(answer) if self._google else _of_nominatim(answer)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
            raise GeocoderUnavailable from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _nominatim_query(self, text: str, country: str | None) -> dict[str, str]:
        query = {"q": text, "format": "jsonv2", "limit": "1"}
        return query | ({"countrycodes": country.lower()} if country else {}) | ({"key": self._key} if self._key else {})

    def _google_query(self, text: str, country: str | None) -> dict[str, str]:
        query = {"address": text} | ({"components": f"country:{country}"} if country else {})
        return query | ({"key": self._key} if self._key else {})

    async def _ask(self, query: dict[str, str]) -> Any:
        deadline = asyncio.get_running_loop().time() + DEADLINE_S
        try:
            answered = await self._client.request(
                "GET", f"{self._url}?{urlencode(query)}", headers=_HEADERS, deadline=deadline, most_bytes=_MOST_BYTES
            )
            if answered.status != 200:
                raise GeocoderUnavailable
            return msgspec.json.decode(answered.body)
        except (OutboundFailed, EgressRefused, BadUrl, msgspec.DecodeError, UnicodeError, RecursionError):
            raise GeocoderUnavailable from None


def _of_nominatim(answer: Any) -> Placed | None:
    if not answer:
        return None
    found = answer[0]
    sort = str(found.get("addresstype") or found.get("type") or "")
    if sort in _LARGER:
        return None
    point = _point(found["lat"], found["lon"])
    south, north, west, east = (float(edge) for edge in found["boundingbox"])
    reach = max(distance_km(_point(south, west), _point(north, east)) / 2, 0.05)
    label = str(found.get("display_name", ""))[:200]
    return Placed(point=point, precision=_precision({sort}, reach), within_km=reach, label=label)


def _of_google(answer: Any) -> Placed | None:
    if answer["status"] == "ZERO_RESULTS":
        return None
    if answer["status"] != "OK":
        raise GeocoderUnavailable
    found = answer["results"][0]
    sorts = {str(one) for one in found.get("types", ())}
    if sorts & _LARGER or found.get("partial_match"):
        return None
    geometry = found["geometry"]
    point = _point(geometry["location"]["lat"], geometry["location"]["lng"])
    near, far = geometry["viewport"]["southwest"], geometry["viewport"]["northeast"]
    exact = {"ROOFTOP": 0.05, "RANGE_INTERPOLATED": 0.2}.get(str(geometry.get("location_type")))
    reach = exact or max(distance_km(_point(near["lat"], near["lng"]), _point(far["lat"], far["lng"])) / 2, 0.05)
    return Placed(
        point=point,
        precision=_precision(sorts, reach),
        within_km=reach,
        label=str(found.get("formatted_address", ""))[:200],
    )


def _precision(sorts: set[str], reach_km: float) -> Precision:
    """What a place is known by. A long road, a park or a part of a city that the lists do not name is no address."""
    if sorts & _POSTCODES:
        return "postcode"
    return "city" if sorts & _CITIES or reach_km > _ADDRESS_KM else "address"


def _point(lat: Any, lng: Any) -> Point:
    """Raises ValueError for what is not on the Earth."""
    point = Point(float(lat), float(lng))
    if not (-90 <= point.lat <= 90 and -180 <= point.lng <= 180):
        raise ValueError("not on the Earth")
    return point
