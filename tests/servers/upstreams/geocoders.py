"""Geocoders: Nominatim's search API and Google's Geocoding API, over a few places, with their errors and limits."""

from __future__ import annotations

from typing import Any

from aiohttp import web

KEY = "key-of-the-geocoder"
PLACES: dict[str, tuple[float, float, str, float]] = {
    "200 pearl st": (40.0205, -105.2762, "building", 0.0004),
    "120 main st": (40.0150, -105.2705, "building", 0.0004),
    "1 far away rd": (40.5853, -105.0844, "building", 0.0004),
    "80302": (40.0172, -105.2851, "postcode", 0.05),
    "route 66": (35.2, -101.8, "road", 0.2),
    "colorado": (39.0, -105.5, "state", 3.0),
}
"""By what an address begins with: latitude, longitude, what sort of place it is, and half the side of its box in degrees."""


class Geocoders:
    """``asked`` are the queries that came. ``broken`` is answered instead."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.broken: web.Response | None = None

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/search", self._nominatim)
        app.router.add_get("/maps/api/geocode/json", self._google)
        return app

    async def _nominatim(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        if self.broken is not None:
            return self.broken
        if request.query.get("format") != "jsonv2" or not request.headers.get("User-Agent"):
            return web.json_response({"error": {"code": 400, "message": "Nothing to search for."}}, status=400)
        found = _found(request.query["q"])
        if found is None:
            return web.json_response([])
        lat, lng, sort, half = found
        box = [str(lat - half), str(lat + half), str(lng - half), str(lng + half)]
        shown: dict[str, Any] = {"lat": str(lat), "lon": str(lng), "addresstype": sort, "type": sort, "boundingbox": box}
        return web.json_response([{"place_id": 1, "licence": "ODbL", **shown, "display_name": request.query["q"]}])

    async def _google(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        if self.broken is not None:
            return self.broken
        if request.query.get("key") != KEY:
            return web.json_response(
                {"results": [], "status": "REQUEST_DENIED", "error_message": "The provided API key is invalid."}
            )
        found = _found(request.query["address"])
        if found is None:
            return web.json_response({"results": [], "status": "ZERO_RESULTS"})
        lat, lng, sort, half = found
        google = _GOOGLES[sort]
        corner = {"southwest": {"lat": lat - half, "lng": lng - half}, "northeast": {"lat": lat + half, "lng": lng + half}}
        geometry = {
            "location": {"lat": lat, "lng": lng},
            "location_type": "ROOFTOP" if sort == "building" else "APPROXIMATE",
            "viewport": corner,
        }
        result = {"types": [google], "geometry": geometry, "formatted_address": request.query["address"], "place_id": "x"}
        return web.json_response({"results": [result], "status": "OK"})


_GOOGLES = {
    "building": "street_address",
    "postcode": "postal_code",
    "road": "route",
    "state": "administrative_area_level_1",
}


def _found(query: str) -> tuple[float, float, str, float] | None:
    return next((place for name, place in PLACES.items() if query.casefold().startswith(name)), None)
