"""Times: as query parameters take them, and as responses show them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer


def _zoned(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


When = Annotated[datetime, AfterValidator(_zoned)]
"""RFC 3339; a time without a zone is UTC."""


def _shown(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Stamp = Annotated[datetime, PlainSerializer(_shown, return_type=str)]
"""RFC 3339 in UTC, to the millisecond."""
