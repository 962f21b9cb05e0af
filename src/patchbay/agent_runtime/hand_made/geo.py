"""``geo``: skills that know where a caller is: whether an address is in the service area, and which location is nearest.

An address is known only so precisely, and the answer says how. Where that is too coarse to decide, the skill does not guess: it
asks for more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.hand_made.own import Clock, Connectionless, OwnSettings, own_call, settings_of, values_of
from patchbay.agent_runtime.hand_made.skill_type import CREATE, Asked, Made, TypeEntry
from patchbay.agent_runtime.services import Runtime
from patchbay.connectors.geocoding.places import KM_PER_MILE, Geocoding, Placed, Point, distance_km
from patchbay.connectors.preview import Preview
from patchbay.connectors.refusals import CallRefused
from patchbay.errors import Finding, ValidationFailed
from patchbay.schema_graph.call import CallContext, CallInput, CallResult, FrozenCall
from patchbay.schema_graph.model import FieldType

GEO = "geo"
LOCATIONS_MOST, POSTCODES_MOST = 500, 2_000
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Address = Annotated[str, Field(min_length=1, max_length=300)]
Unit = Literal["miles", "km"]


class Origin(Body):
    """A point, in degrees."""

    lat: Latitude
    lng: Longitude


class Location(Body):
    """One location of the operator's. `POST /agents/{agentId}/geocode-roster` gives the coordinates of many."""

    label: Annotated[str, Field(min_length=1, max_length=120)]
    address: Address | None = None
    phone: Annotated[str, Field(max_length=40)] | None = None
    lat: Latitude
    lng: Longitude


class GeoConfig(Body):
    """``check_service_area``: within ``radiusMiles`` or ``radiusKm`` of ``originAddress`` or ``origin``, or in one of
    ``postcodes``. ``nearest_location``: the nearest of ``locations``, its distance in ``unit``.
    """

    action: Literal["check_service_area", "nearest_location"]
    origin_address: Address | None = None
    origin: Origin | None = None
    radius_miles: Annotated[float, Field(gt=0, le=6_000, allow_inf_nan=False)] | None = None
    radius_km: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)] | None = None
    postcodes: list[Annotated[str, Field(min_length=2, max_length=12)]] = Field(default_factory=list, max_length=POSTCODES_MOST)
    locations: list[Location] = Field(default_factory=list[Location], max_length=LOCATIONS_MOST)
    unit: Unit | None = None


class Spot(OwnSettings, frozen=True):
    """A location as it is frozen."""

    label: str
    lat: float
    lng: float
    address: str | None = None
    phone: str | None = None


class GeoSettings(OwnSettings, frozen=True):
    """A look at the map as it is frozen. ``within_km``: how sure the origin is; ``near`` is what an address without a city is
    completed by.
    """

    unit: Unit = "miles"
    country: str | None = None
    near: str | None = None
    origin: tuple[float, float] | None = None
    within_km: float = 0.0
    radius_km: float = 0.0
    postcodes: tuple[str, ...] = ()
    locations: tuple[Spot, ...] = ()


class PlaceUnknown(CallRefused):
    """There is no such place as far as the geocoder knows."""

    code, status, title = "place_unknown", 422, "Place unknown"
    layer = "arguments"
    next_step = "Ask for the address again. Without PATCHBAY_GEOCODER_URL only US ZIP codes and cities are known."
    say = "I couldn't find that address. Could you give it to me with the city, the state and the ZIP code?"


class PlaceImprecise(CallRefused):
    """The place is known, but not precisely enough to decide."""

    code, status, title = "place_imprecise", 422, "Place not precise enough"
    layer = "arguments"
    next_step = "Ask for the ZIP code, or configure a geocoder that knows addresses (PATCHBAY_GEOCODER_URL)."
    say = "I could not place that address precisely enough. Could you give me the full address with its ZIP code?"

    @classmethod
    def of(cls, placed: Placed) -> PlaceImprecise:
        """The refusal that says how precisely the place is known."""
        refusal = cls()
        refusal.extensions |= {"precision": placed.precision}
        if placed.precision != "city":
            say = "That is so close to the edge that I can't say for sure. Someone will have to check it."
            refusal.extensions |= {"say": say}
        return refusal


class GeoType(Connectionless):
    """See :class:`~patchbay.agent_runtime.hand_made.skill_type.HandMadeType`."""

    entry = TypeEntry(
        type=GEO,
        name="Service area and nearest location",
        description="Says whether an address is in your service area, or which of your locations is nearest to it.",
        family=GEO,
        create_with=CREATE,
        schema=GeoConfig.model_json_schema(by_alias=True),
    )
    takes_parameters = False

    async def read(self, runtime: Runtime, asked: Asked, stored: None) -> Made:
        """Raises ValidationFailed, GeocoderUnavailable."""
        config = read_body(GeoConfig, asked.config, at="executionConfig")
        findings = _check(config)
        if findings:
            raise ValidationFailed("The skill is not valid (validation_error).", errors=findings)
        shown = config.model_dump(by_alias=True, exclude_defaults=True, mode="json")
        if config.action == "nearest_location":
            spots = tuple(Spot(label=x.label, lat=x.lat, lng=x.lng, address=x.address, phone=x.phone) for x in config.locations)
            settings = GeoSettings(unit=config.unit or "miles", country=asked.country, locations=spots)
            call = own_call(GEO, settings, [_ADDRESS], _nearest_outputs(settings.unit), effect="read")
            return Made(call=call, config=shown)
        if config.postcodes:
            settings = GeoSettings(postcodes=tuple(dict.fromkeys(map(_postcode, config.postcodes))))
            outputs: dict[str, tuple[FieldType, str]] = {"in_area": ("boolean", "Whether the address is in the service area")}
            return Made(call=own_call(GEO, settings, [_POSTCODE], outputs, effect="read"), config=shown)
        settings, warnings = await _around(config, runtime.geocoder, asked.country)
        call = own_call(GEO, settings, [_ADDRESS], _area_outputs(settings.unit), effect="read")
        return Made(call=call, config=shown, warnings=warnings)


class GeoRunner:
    """Looks at the map."""

    def __init__(self, geocoder: Geocoding) -> None:
        self._geocoder = geocoder

    async def run(self, org_id: str, call: FrozenCall, context: CallContext) -> CallResult:
        """Raises :class:`PlaceUnknown`, :class:`PlaceImprecise`, and what the geocoder raises."""
        clock, settings, values = Clock(), settings_of(call, GeoSettings), values_of(call, context)
        if settings.postcodes:
            return clock.result({"in_area": _postcode(values["postcode"]) in settings.postcodes})
        placed = await self._geocoder.place(completed(values["address"], settings.near), settings.country)
        if placed is None:
            raise PlaceUnknown
        return clock.result(nearest(placed, settings) if settings.locations else in_area(placed, settings))

    async def preview(self, org_id: str, call: FrozenCall, context: CallContext) -> Preview:
        """The answer there would be: looking changes nothing."""
        return Preview(effect="read", executed=True, result=await self.run(org_id, call, context))


def in_area(placed: Placed, settings: GeoSettings) -> dict[str, Any]:
    """Whether a place is in the circle. Raises :class:`PlaceImprecise` where it may be on either side of it."""
    assert settings.origin is not None
    distance, unsure = distance_km(placed.point, Point(*settings.origin)), placed.within_km + settings.within_km
    if abs(distance - settings.radius_km) < unsure and unsure > 0:
        raise PlaceImprecise.of(placed)
    told = {"in_area": distance <= settings.radius_km, f"distance_{settings.unit}": _in(settings.unit, distance)}
    return {**told, "precision": placed.precision, "place": placed.label}


def nearest(placed: Placed, settings: GeoSettings) -> dict[str, Any]:
    """The nearest location. Raises :class:`PlaceImprecise` where another may be as near."""
    ranked = sorted((distance_km(placed.point, Point(spot.lat, spot.lng)), n) for n, spot in enumerate(settings.locations))
    distance, number = ranked[0]
    spot = settings.locations[number]
    elsewhere = [km for km, n in ranked if (settings.locations[n].lat, settings.locations[n].lng) != (spot.lat, spot.lng)]
    if elsewhere and placed.precision != "address" and elsewhere[0] - distance < 2 * placed.within_km:
        raise PlaceImprecise.of(placed)
    told = {"label": spot.label, "address": spot.address, "phone": spot.phone}
    return {**told, f"distance_{settings.unit}": _in(settings.unit, distance), "precision": placed.precision}


def completed(address: str, near: str | None) -> str:
    """An address that names only a street, with the town the business is in: a caller who says no more means that one."""
    bare = "," not in address and not re.search(r"\d{4,}\s*$|\b[A-Z]\d[A-Z\d]?\b|\b[A-Z]{2}\s*$", address)
    return f"{address}, {near}" if near and bare else address


async def _around(config: GeoConfig, geocoder: Geocoding, country: str | None) -> tuple[GeoSettings, tuple[Finding, ...]]:
    radius = config.radius_km if config.radius_km is not None else (config.radius_miles or 0.0) * KM_PER_MILE
    unit: Unit = "km" if config.radius_km is not None else "miles"
    address = config.origin_address
    near = address.partition(",")[2].strip() or None if address is not None else None
    if config.origin is not None:
        point = (config.origin.lat, config.origin.lng)
        return GeoSettings(unit=unit, country=country, near=near, origin=point, radius_km=radius), ()
    assert address is not None
    placed = await geocoder.place(address, country)
    if placed is None:
        hint = (
            "Write it with city, state and ZIP code, or send origin {lat, lng}. Offline, only US ZIP codes and cities are known."
        )
        finding = Finding("executionConfig.originAddress", "place_unknown", "This address could not be placed on the map.", hint)
        raise ValidationFailed("The skill is not valid (validation_error).", errors=[finding])
    settings = GeoSettings(
        unit=unit,
        country=country or placed.country,
        near=near,
        origin=(placed.point.lat, placed.point.lng),
        within_km=placed.within_km,
        radius_km=radius,
    )
    if placed.within_km <= radius / 10:
        return settings, ()
    message = (
        f"The origin is known by its {placed.precision} only ({placed.label}, within about {placed.within_km:.1f} km), so"
        " addresses near the edge of the area cannot be decided."
    )
    hint = "Send origin {lat, lng} as well, or configure a geocoder that knows addresses (PATCHBAY_GEOCODER_URL)."
    return settings, (Finding("executionConfig.originAddress", "origin_imprecise", message, hint),)


def _check(config: GeoConfig) -> list[Finding]:
    at = "executionConfig"
    if config.action == "nearest_location":
        unused = _unused(config, ("origin_address", "origin", "radius_miles", "radius_km", "postcodes"))
        if not config.locations:
            hint = "POST /agents/{agentId}/geocode-roster gives their coordinates."
            return [*unused, Finding(f"{at}.locations", "required", "At least one location is needed.", hint)]
        return unused
    if config.postcodes:
        return _unused(config, ("origin_address", "origin", "radius_miles", "radius_km", "locations", "unit"))
    found = _unused(config, ("locations", "unit"))
    if config.origin_address is None and config.origin is None:
        found.append(Finding(f"{at}.originAddress", "required", "The area needs originAddress, origin or postcodes."))
    if (config.radius_miles is None) == (config.radius_km is None):
        found.append(Finding(f"{at}.radiusMiles", "one_of", "The area needs exactly one of radiusMiles and radiusKm."))
    return found


def _unused(config: GeoConfig, names: Sequence[str]) -> list[Finding]:
    sent = [GeoConfig.model_fields[name].alias or name for name in names if getattr(config, name)]
    return [Finding(f"executionConfig.{name}", "not_together", "This does not go with the rest.") for name in sent]


_ADDRESS = CallInput(
    "address",
    "address",
    "string",
    "string",
    required=True,
    description="The address with city and ZIP code",
    max_length=300,
    tidy=True,
)
_POSTCODE = CallInput(
    "postcode", "postcode", "string", "string", required=True, description="The postcode of the address", max_length=20, tidy=True
)


def _postcode(text: str) -> str:
    """A postcode as it is compared: small letters, no blanks, a ZIP code without its extension."""
    plain = re.sub(r"[\s-]+", "", text).casefold()
    return plain[:5] if re.fullmatch(r"\d{9}", plain) else plain


def _in(unit: Unit, km: float) -> float:
    return round(km if unit == "km" else km / KM_PER_MILE, 1)


def _area_outputs(unit: Unit) -> Mapping[str, tuple[FieldType, str]]:
    return {
        "in_area": ("boolean", "Whether the address is in the service area"),
        f"distance_{unit}": ("number", "How far it is, as the crow flies"),
        "precision": ("string", "How precisely the address is known: address, postcode or city"),
        "place": ("string", "What was found"),
    }


def _nearest_outputs(unit: Unit) -> Mapping[str, tuple[FieldType, str]]:
    return {
        "label": ("string", "The nearest location"),
        "address": ("string", "Its address"),
        "phone": ("string", "Its phone number"),
        f"distance_{unit}": ("number", "How far it is, as the crow flies"),
        "precision": ("string", "How precisely the caller's address is known"),
    }
