"""The geocoder that the settings name; the offline one where they name none."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from patchbay.connectors.geocoding.offline import OfflineGeocoder
from patchbay.connectors.geocoding.places import Geocoding
from patchbay.connectors.geocoding.provider import ProviderGeocoder
from patchbay.egress.guard import EgressGuard
from patchbay.settings import Settings


@asynccontextmanager
async def open_geocoder(settings: Settings, guard: EgressGuard) -> AsyncGenerator[Geocoding]:
    """The geocoder of one process."""
    if not settings.geocoder_url:
        yield OfflineGeocoder()
        return
    key = settings.geocoder_key.get_secret_value() if settings.geocoder_key else None
    provider = ProviderGeocoder(guard, settings.geocoder_url, key)
    try:
        yield provider
    finally:
        await provider.close()
