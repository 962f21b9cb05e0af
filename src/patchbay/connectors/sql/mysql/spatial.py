"""Spatial values as GeoJSON (RFC 7946), from the form in which the servers send them.

That form is a reference system (four bytes, which GeoJSON has no place for) and well-known binary (OGC 06-103r4, section 8): a
byte order, a type and then coordinates, or further geometries of the same form.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

_SRID_BYTES = 4
_POINT, _COLLECTION = 1, 7
_NAMES: Mapping[int, str] = {
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}
_DEEPEST = 32


def geo_json(raw: bytes) -> dict[str, Any]:
    """The value as a GeoJSON geometry. Raises ValueError for what is none."""
    try:
        reader = _Reader(raw)
        found = reader.geometry(0)
    except struct.error:
        raise ValueError("the geometry ends early") from None
    if reader.at != len(raw):
        raise ValueError("there is more than one geometry")
    return found


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._order = "<"
        self.at = _SRID_BYTES

    def geometry(self, depth: int) -> dict[str, Any]:
        self._order = "<" if self._take("B") == 1 else ">"
        kind = self._take("I")
        if kind not in _NAMES or depth > _DEEPEST:
            raise ValueError("this is no geometry")
        if kind == _COLLECTION:
            members = [self.geometry(depth + 1) for _ in range(self._count(5))]
            return {"type": _NAMES[kind], "geometries": members}
        return {"type": _NAMES[kind], "coordinates": self._coordinates(kind, depth)}

    def _coordinates(self, kind: int, depth: int) -> Any:
        if kind == _POINT:
            return [self._take("d"), self._take("d")]
        if kind == 2:
            return self._points()
        if kind == 3:
            return [self._points() for _ in range(self._count(4))]
        return [self.geometry(depth + 1)["coordinates"] for _ in range(self._count(5))]

    def _points(self) -> list[list[float]]:
        return [[self._take("d"), self._take("d")] for _ in range(self._count(16))]

    def _count(self, least_bytes: int) -> int:
        """How many follow, of at least so many bytes each."""
        count = self._take("I")
        if count * least_bytes > len(self._raw) - self.at:
            raise ValueError("the geometry ends early")
        return count

    def _take(self, form: str) -> Any:
        (value,) = struct.unpack_from(self._order + form, self._raw, self.at)
        self.at += struct.calcsize(self._order + form)
        return value
