"""A place on the map and how sure it is, and how far two places are apart."""

from __future__ import annotations

import math
from typing import Literal, Protocol

import msgspec

from patchbay.connectors.refusals import CallRefused

EARTH_KM = 6371.0088
"""The mean radius of the Earth (IUGG)."""
KM_PER_MILE = 1.609344
Precision = Literal["address", "postcode", "city"]


class Point(msgspec.Struct, frozen=True):
    """Degrees: ``lat`` from -90 to 90, ``lng`` from -180 to 180."""

    lat: float
    lng: float


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """An address on the map. The true place is at most about ``within_km`` from ``point``; ``label`` says what was found."""

    point: Point
    precision: Precision
    within_km: float
    label: str
    country: str | None = None


class GeocoderUnavailable(CallRefused):
    """The geocoder does not answer right now."""

    code, status, title = "geocoder_unavailable", 503, "Geocoder unavailable"
    layer = "source"
    next_step = "Try again later; if it lasts, check PATCHBAY_GEOCODER_URL and PATCHBAY_GEOCODER_KEY."
    say = "I can't look that address up right now."


class Geocoding(Protocol):
    """Places addresses."""

    async def place(self, address: str, country: str | None) -> Placed | None:
        """The best place for ``address`` in ``country`` (ISO 3166-1 alpha-2; None: unknown), or None where there is none.

        Raises :class:`GeocoderUnavailable`.
        """
        ...


def distance_km(a: Point, b: Point) -> float:
    """The great-circle distance, by the haversine formula: exact to the Earth's not being a sphere (0.5 %), also across the
    date line and at the poles.
    """
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half_lat = (lat_b - lat_a) / 2
    half_lng = math.radians(b.lng - a.lng) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lng) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, chord)))
