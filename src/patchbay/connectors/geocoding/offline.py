"""Places without a network: ZIP codes and cities of the United States, from the data that the package ``zipcodes`` carries.

A ZIP code is an area and a city a larger one, so what is found says how far the true place may be from its middle: for a ZIP
code, as far as the middle of the second nearest other one; for a city, as far as its outermost ZIP code reaches. Streets are not
known.
"""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import msgspec

from patchbay.connectors.geocoding.places import Placed, Point, distance_km

US = "US"
_ZIP = re.compile(r"(?<![\w-])(\d{5})(?:-\d{4})?(?![\w-])")
_STREET_AFTER = re.compile(r"\s+[A-Za-z]+\.?\s+(?:st|street|ave|avenue|rd|road|blvd|dr|drive|ln|lane|way|ct|court)\b", re.I)
_LEAST_KM, _MOST_KM = 1.0, 60.0
_WINDOW_DEGREES = 0.6
_NOWHERE = Point(0.0, 0.0)
"""How the data writes that it does not know where a ZIP code is."""


class _Zip(msgspec.Struct, frozen=True):
    code: str
    city: str
    state: str
    point: Point


class _Atlas(msgspec.Struct, frozen=True):
    """All of it, in memory: some 40,000 ZIP codes, those that are areas by latitude."""

    by_code: Mapping[str, _Zip]
    by_city: Mapping[tuple[str, str], Sequence[_Zip]]
    by_latitude: Sequence[_Zip]
    latitudes: Sequence[float]


class OfflineGeocoder:
    """See :class:`~patchbay.connectors.geocoding.places.Geocoding`."""

    async def place(self, address: str, country: str | None) -> Placed | None:
        """By the ZIP code in ``address``, else by its city and state. Only in the US: elsewhere nothing is known here.

        Without a country, five digits alone may be anybody's, so a ZIP code then counts only beside its state.
        """
        if country not in (None, US):
            return None
        atlas = await asyncio.to_thread(_atlas)
        text = " ".join(address.split())[:300]
        state = _state_in(text)
        found = _zip_in(text, atlas)
        if found is not None and (country == US or found.state == state):
            return Placed(
                point=found.point,
                precision="postcode",
                within_km=_reach(found, atlas),
                label=f"{found.code} {found.city}, {found.state}",
                country=US,
            )
        return None if state is None else _city(text, state, atlas)


def _zip_in(text: str, atlas: _Atlas) -> _Zip | None:
    """The last run of five digits that is a ZIP code and no house number."""
    for match in reversed(list(_ZIP.finditer(text))):
        found = atlas.by_code.get(match[1])
        if found is not None and not _STREET_AFTER.match(text, match.end()):
            return found
    return None


def _state_in(text: str) -> str | None:
    """The state at the end of an address: its two letters or its name, a ZIP code behind it or not."""
    bare = _ZIP.sub("", text).strip(" ,.")
    bare = re.sub(r",?\s+(?:USA|US|United States)$", "", bare, flags=re.I).strip(" ,.")
    if match := re.search(r"(?:^|[\s,])([A-Za-z]{2})$", bare):
        code = match[1].upper()
        if code in _STATES.values() and (match[1].isupper() or "," in bare):
            return code
    lowered = bare.casefold()
    return next((code for name, code in _STATES.items() if re.search(rf"(?:^|[\s,]){name}$", lowered)), None)


def _city(text: str, state: str, atlas: _Atlas) -> Placed | None:
    """The longest run of words before the state that is a city of it."""
    bare = _ZIP.sub("", text).strip(" ,.")
    bare = re.sub(r",?\s+(?:USA|US|United States)$", "", bare, flags=re.I).strip(" ,.")
    name = next(name for name, code in _STATES.items() if code == state)
    bare = re.sub(rf"[\s,]+(?:{state}|{name})$", "", bare, flags=re.I).strip(" ,.")
    last = bare.rpartition(",")[2].split()
    for start in range(len(last)):
        city = " ".join(last[start:]).casefold()
        zips = atlas.by_city.get((city, state))
        if zips:
            return _middle(zips, atlas)
    return None


def _middle(zips: Sequence[_Zip], atlas: _Atlas) -> Placed | None:
    """None where it is too large to be one place: two that have the same name, for instance."""
    middle = Point(sum(z.point.lat for z in zips) / len(zips), sum(z.point.lng for z in zips) / len(zips))
    if any(distance_km(middle, z.point) > _MOST_KM for z in zips):
        return None
    reach = max(distance_km(middle, z.point) + _reach(z, atlas) for z in zips)
    label = f"{zips[0].city}, {zips[0].state}"
    return Placed(point=middle, precision="city", within_km=reach, label=label, country=US)


def _reach(one: _Zip, atlas: _Atlas) -> float:
    """How far an area reaches from its middle: there is no map of it, so as far as the middle of the second nearest other one."""
    low = bisect_left(atlas.latitudes, one.point.lat - _WINDOW_DEGREES)
    high = bisect_left(atlas.latitudes, one.point.lat + _WINDOW_DEGREES)
    near = sorted(
        distance_km(one.point, other.point)
        for other in atlas.by_latitude[low:high]
        if abs(other.point.lng - one.point.lng) < 2 * _WINDOW_DEGREES and other.point != one.point
    )
    return min(max(near[1] if len(near) > 1 else _MOST_KM, _LEAST_KM), _MOST_KM)


@lru_cache(maxsize=1)
def _atlas() -> _Atlas:
    """Read once; it takes about half a second."""
    import zipcodes

    by_code: dict[str, _Zip] = {}
    by_city: dict[tuple[str, str], list[_Zip]] = {}
    other_names: dict[tuple[str, str], list[_Zip]] = {}
    areas: list[_Zip] = []
    rows = cast("Sequence[Mapping[str, Any]]", zipcodes.list_all())  # pyright: ignore[reportUnknownMemberType]
    for row in rows:
        if row["country"] != US or not row["active"] or not row["lat"] or not row["long"]:
            continue
        point = Point(float(row["lat"]), float(row["long"]))
        if point == _NOWHERE:
            continue
        one = _Zip(row["zip_code"], row["city"], row["state"], point)
        by_code[one.code] = one
        if row["zip_code_type"] == "STANDARD":
            areas.append(one)
            by_city.setdefault((one.city.casefold(), one.state), []).append(one)
            for city in row["acceptable_cities"]:
                renamed = msgspec.structs.replace(one, city=city)
                other_names.setdefault((city.casefold(), one.state), []).append(renamed)
    areas.sort(key=lambda z: z.point.lat)
    return _Atlas(by_code, {**other_names, **by_city}, areas, [z.point.lat for z in areas])


_STATE_NAMES = """
alabama=AL alaska=AK arizona=AZ arkansas=AR california=CA colorado=CO connecticut=CT delaware=DE florida=FL georgia=GA hawaii=HI
idaho=ID illinois=IL indiana=IN iowa=IA kansas=KS kentucky=KY louisiana=LA maine=ME maryland=MD massachusetts=MA michigan=MI
minnesota=MN mississippi=MS missouri=MO montana=MT nebraska=NE nevada=NV new_hampshire=NH new_jersey=NJ new_mexico=NM new_york=NY
north_carolina=NC north_dakota=ND ohio=OH oklahoma=OK oregon=OR pennsylvania=PA rhode_island=RI south_carolina=SC south_dakota=SD
tennessee=TN texas=TX utah=UT vermont=VT west_virginia=WV virginia=VA washington=WA wisconsin=WI wyoming=WY puerto_rico=PR
district_of_columbia=DC
"""
_STATES: Mapping[str, str] = {
    name.replace("_", " "): code for name, _, code in (pair.partition("=") for pair in _STATE_NAMES.split())
}
