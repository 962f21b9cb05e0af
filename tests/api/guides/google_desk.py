"""A platform whose operator has a Google client, and the Google of tests behind it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from pydantic import SecretStr

from patchbay.api.app import create_app
from patchbay.api.platform import Platform, open_platform
from patchbay.connectors import catalog
from patchbay.settings import OAuthClient, Settings, StandIn
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import Key, client_of
from tests.api.guides.conftest import Caller
from tests.servers.providers.google import Google
from tests.servers.providers.google_accounts import CLIENT_ID, CLIENT_SECRET

HOME = "https://patchbay.test"
ZONE = ZoneInfo("America/Toronto")
CALLER = {"callerNumber": "+14155550132"}


@asynccontextmanager
async def google_platform(
    settings: Settings, database: Database, vault: Vault, google: Google, tmp_path: Path, **more: Any
) -> AsyncIterator[Platform]:
    """A platform that asks the Google of tests."""
    (tmp_path / "google.pem").write_text(google.ca)
    stand_ins = {
        origin: StandIn(origin=one["origin"], ca_file=Path(one["caFile"]))
        for origin, one in google.stand_ins(str(tmp_path / "google.pem")).items()
    }
    client = OAuthClient(client_id=CLIENT_ID, client_secret=SecretStr(CLIENT_SECRET))
    ours = settings.model_copy(
        update={
            "egress_allow": "127.0.0.1/32",
            "rate_limit_per_minute": 100_000,
            "public_url": HOME,
            "oauth": {"google": client},
            "stand_ins": stand_ins,
            **more,
        }
    )
    async with open_platform(ours, database=database, vault=vault) as platform:
        yield platform
    catalog.offer(())


@asynccontextmanager
async def operator_of(platform: Platform, key: Key) -> AsyncIterator[Caller]:
    """Somebody with a key."""
    async with client_of(create_app(platform.settings, platform=platform), key.headers) as http:
        yield Caller(http)


async def agree(operator: Caller, google: Google, kind: str) -> Any:
    """Connect: a person opens the URL and agrees, and the browser comes back."""
    begun = await operator.ask("POST", f"/integrations/{kind}/connect")
    context = ssl.create_default_context(cadata=google.ca)
    async with aiohttp.ClientSession() as browser, browser.get(begun["oauthUrl"], allow_redirects=False, ssl=context) as answer:
        assert answer.status == 302, await answer.text()
        back = answer.headers["Location"]
    assert back.startswith(f"{HOME}/api/v1/integrations/oauth/callback?")
    return await operator.http.get(back.removeprefix(HOME))


async def front_desk(operator: Caller) -> str:
    """An agent."""
    body = {"name": "Front desk", "timeZone": "America/Toronto"}
    return (await operator.ask("POST", "/agents", body, status=201))["id"]


def a_monday(clock: str = "10:00") -> datetime:
    """A Monday that is neither too soon nor too far away."""
    today = datetime.now(ZONE)
    day = today + timedelta(days=14 - today.weekday())
    hour, minute = map(int, clock.split(":"))
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0)
