"""The catalog says which account is connected, in the provider's own word for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.packs.operating import Operator, operating
from tests.servers.providers.crm import TOKEN as CRM_TOKEN
from tests.servers.providers.crm import Crm
from tests.servers.providers.field_service import API_KEY, FieldService
from tests.servers.providers.jobber import CLIENT_ID, CLIENT_SECRET, Jobber
from tests.servers.providers.provider import Provider, Trouble
from tests.servers.providers.rest import Answer
from tests.servers.providers.serving import serving
from tests.servers.providers.shopify import SHOP, Shopify
from tests.servers.providers.shopify import TOKEN as SHOP_TOKEN
from tests.servers.providers.square import TOKEN as SQUARE_TOKEN
from tests.servers.providers.square import Square

pytestmark = pytest.mark.anyio
CASES: list[tuple[str, type[Provider], str, dict[str, Any], str]] = [
    ("square", Square, "https://connect.squareup.com", {"access_token": SQUARE_TOKEN}, "Demo Bakery"),
    ("shopify", Shopify, f"https://{SHOP}", {"shop": SHOP, "access_token": SHOP_TOKEN}, "Demo Store"),
    ("crm", Crm, "https://crm.example.com", {"address": "crm.example.com/api", "access_token": CRM_TOKEN}, "Acme CRM"),
    (
        "field_service",
        FieldService,
        "https://f.example.com",
        {"address": "f.example.com/v1", "api_key": API_KEY},
        "Capital Comfort",
    ),
]


async def shown(operator: Operator, kind: str) -> tuple[str | None, str]:
    catalog = await operator.caller.ask("GET", "/integrations/catalog")
    (connection,) = await operator.caller.ask("GET", "/integrations")
    return next(one["accountLabel"] for one in catalog if one["kind"] == kind), connection["label"]


@pytest.mark.parametrize(("kind", "provider", "origin", "credentials", "name"), CASES, ids=[case[0] for case in CASES])
async def test_an_account_is_called_as_it_calls_itself(
    settings: Settings, database: Database, vault: Vault, tmp_path: Path, kind: str, provider: Any, origin: str,
    credentials: dict[str, Any], name: str,
) -> None:  # fmt: skip
    with serving(provider()) as server:
        async with operating(settings, database, vault, {origin: server}, directory=tmp_path) as operator:
            await operator.connect(kind, {"credentials": credentials})
            assert await shown(operator, kind) == (name, name)


async def test_it_is_kept_until_somebody_agrees_for_another_account(
    settings: Settings, database: Database, vault: Vault, tmp_path: Path
) -> None:
    with serving(Jobber()) as jobber:
        origins, clients = {"https://api.getjobber.com": jobber}, {"jobber": (CLIENT_ID, CLIENT_SECRET)}
        async with operating(settings, database, vault, origins, directory=tmp_path, oauth=clients) as operator:
            await operator.connect("jobber", {}, agrees_at=jobber)
            assert await shown(operator, "jobber") == ("Capital Comfort", "Capital Comfort")
            jobber.account_name = "Other Comfort"
            begun = await operator.connect("jobber", {})
            assert begun["oauthUrl"]
            assert await shown(operator, "jobber") == ("Capital Comfort", "Capital Comfort")
            await operator.connect("jobber", {}, agrees_at=jobber)
            assert await shown(operator, "jobber") == ("Other Comfort", "Other Comfort")


async def test_an_account_that_repeats_its_secret_or_fails_is_connected_under_its_address(
    settings: Settings, database: Database, vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Crm()) as crm, serving(Square()) as square:
        origins = {"https://crm.example.com": crm, "https://connect.squareup.com": square}
        routes = {**crm.routes, ("GET", "/api/me"): lambda _asked: Answer({"name": f"Acme {CRM_TOKEN}"})}
        monkeypatch.setattr(Crm, "routes", property(lambda _self: routes))
        square.trouble = Trouble(failed=9, at="/v2/merchants/me")
        async with operating(settings, database, vault, origins, directory=tmp_path) as operator:
            await operator.connect("crm", {"credentials": {"address": "crm.example.com/api", "access_token": CRM_TOKEN}})
            assert await shown(operator, "crm") == ("crm.example.com/api", "crm.example.com/api")
            await operator.connect("square", {"credentials": {"access_token": SQUARE_TOKEN}})
            catalog = await operator.caller.ask("GET", "/integrations/catalog")
            assert next(one["accountLabel"] for one in catalog if one["kind"] == "square") == "Square"
            assert CRM_TOKEN not in str(catalog)
