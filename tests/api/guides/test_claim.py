"""An install that begins in a provider's app store, before there is an organization: signed, kept, claimed once."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from aiohttp import web
from pydantic import SecretStr

from patchbay.api.app import create_app
from patchbay.api.platform import Platform, open_platform
from patchbay.connectors import catalog
from patchbay.settings import OAuthClient, Settings, StandIn
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import MakeKey, client_of
from tests.api.guides.conftest import Caller
from tests.api.guides.crm import TOKEN, Crm
from tests.packs.desk import PACK, write_pack
from tests.servers.certificates import Authority
from tests.servers.upstreams.tls import server_context

pytestmark = pytest.mark.anyio
SECRET = "app-secret"
INSTALL = """
install:
  app: desk
  account: region
  token: key
  authorizationUrl: https://{region}.desk.example/oauth/authorize
  tokenUrl: https://{region}.desk.example/oauth/access_token
  scopes: [read_contacts]
"""


class Store:
    """The provider's side: gives a token for a code of its own, once."""

    def __init__(self) -> None:
        self.codes = {"code-1": TOKEN, "code-2": "token-of-nothing"}

    async def token(self, request: web.Request) -> web.Response:
        sent = await request.post()
        token = self.codes.pop(str(sent.get("code")), None)
        if token is None or sent.get("client_secret") != SECRET:
            return web.json_response({"error": "invalid_request"}, status=400)
        return web.json_response({"access_token": token, "scope": "read_contacts"})


@pytest.fixture
async def store_platform(
    settings: Settings, database: Database, vault: Vault, tmp_path: Path
) -> AsyncIterator[tuple[Platform, Store]]:
    authority, store, app = Authority(), Store(), Crm().app()
    app.router.add_post("/oauth/access_token", store.token)
    (tmp_path / "ca.pem").write_text(authority.pem)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(authority.issue())).start()
    origin = f"https://127.0.0.1:{runner.addresses[0][1]}"
    ours = settings.model_copy(
        update={
            "egress_allow": "127.0.0.1/32",
            "public_url": "https://patchbay.example",
            "packs_dir": write_pack(tmp_path / "packs", pack=PACK + INSTALL),
            "stand_ins": {"https://eu.desk.example": StandIn(origin=origin, ca_file=tmp_path / "ca.pem")},
            "oauth": {"desk": OAuthClient(client_id="app-id", client_secret=SecretStr(SECRET))},
        }
    )
    async with open_platform(ours, database=database, vault=vault) as platform:
        yield platform, store
    catalog.offer(())
    await runner.cleanup()
    await asyncio.sleep(0.01)


@pytest.fixture
async def browser(store_platform: tuple[Platform, Store]) -> AsyncIterator[httpx2.AsyncClient]:
    platform, _ = store_platform
    async with client_of(create_app(platform.settings, platform=platform)) as client:
        client.base_url = "https://patchbay.example"  # its cookies are for nothing less
        yield client


def signed(secret: str = SECRET, age: float = 0.0, **query: str) -> dict[str, str]:
    query = {"region": "eu", "timestamp": str(int(time.time() - age)), **query}
    text = "&".join(f"{name}={value}" for name, value in sorted(query.items()))
    return {**query, "hmac": hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()}


async def begin(browser: httpx2.AsyncClient, **query: str) -> str:
    """The state that the browser is sent on with."""
    sent = await browser.get("/api/v1/integrations/desk/install", params=signed(**query))
    assert sent.status_code == 303, sent.text
    url = urlsplit(sent.headers["location"])
    asked = parse_qs(url.query)
    assert url.path == "/oauth/authorize"
    assert asked["redirect_uri"] == ["https://patchbay.example/api/v1/integrations/desk/install/callback"]
    assert (asked["client_id"], asked["scope"]) == (["app-id"], ["read_contacts"])
    return asked["state"][0]


async def install(browser: httpx2.AsyncClient, code: str = "code-1") -> str:
    """The claim secret that comes back with the browser."""
    state = await begin(browser)
    back = await browser.get("/api/v1/integrations/desk/install/callback", params=signed(state=state, code=code))
    assert back.status_code == 303, back.text
    url = urlsplit(back.headers["location"])
    assert (url.scheme, url.netloc, url.path) == ("https", "patchbay.example", "/integrations/claim")
    assert TOKEN not in back.headers["location"]
    assert "claimSecret" not in url.query
    return parse_qs(url.fragment)["claimSecret"][0]


async def caller_of(browser: httpx2.AsyncClient, make_key: MakeKey, org: str) -> Caller:
    key = await make_key(org=org)
    transport = browser._transport  # pyright: ignore[reportPrivateUsage]
    return Caller(httpx2.AsyncClient(transport=transport, base_url="http://patchbay.test", headers=key.headers))


async def test_whoever_brings_the_secret_is_connected_once(browser: httpx2.AsyncClient, make_key: MakeKey) -> None:
    secret = await install(browser)
    acme, globex = await caller_of(browser, make_key, "Acme"), await caller_of(browser, make_key, "Globex")
    for body, status, code in (
        ({"shop": "us", "claimSecret": secret}, 404, "no_pending_install"),
        ({"shop": "not a region", "claimSecret": secret}, 404, "no_pending_install"),
        ({"shop": "eu", "claimSecret": "x" * 43}, 403, "claim_refused"),
        ({"shop": "eu"}, 400, "validation_error"),
    ):
        problem = await globex.refused("POST", "/integrations/desk/claim", body)
        assert (problem["status"], problem["code"]) == (status, code)
    claimed = await acme.ask("POST", "/integrations/desk/claim", {"shop": "eu", "claimSecret": secret})
    assert (claimed["status"], claimed["label"], claimed["kind"]) == ("connected", "Desk eu", "desk")
    again = await globex.refused("POST", "/integrations/desk/claim", {"shop": "eu", "claimSecret": secret})
    assert again["code"] == "no_pending_install"
    assert await globex.ask("GET", "/integrations") == []
    assert (await acme.refused("POST", "/integrations/postgres/claim", {"shop": "eu", "claimSecret": secret}))["status"] == 404


async def test_two_who_claim_at_once_are_one(browser: httpx2.AsyncClient, make_key: MakeKey) -> None:
    secret = await install(browser)
    callers = [await caller_of(browser, make_key, org) for org in ("Acme", "Globex", "Initech")]
    body: dict[str, Any] = {"shop": "eu", "claimSecret": secret}
    answers = await asyncio.gather(*(one.http.post("/api/v1/integrations/desk/claim", json=body) for one in callers))
    assert sorted(one.status_code for one in answers) == [200, 404, 404]


async def test_a_token_that_opens_nothing_leaves_the_install_pending(browser: httpx2.AsyncClient, make_key: MakeKey) -> None:
    secret = await install(browser, code="code-2")
    acme = await caller_of(browser, make_key, "Acme")
    for _ in range(2):
        refused = await acme.refused("POST", "/integrations/desk/claim", {"shop": "eu", "claimSecret": secret})
        assert refused["code"] == "authorization_refused"
    assert await acme.ask("GET", "/integrations") == []


async def test_a_later_install_replaces_the_earlier(browser: httpx2.AsyncClient, make_key: MakeKey) -> None:
    first = await install(browser, code="code-2")
    second = await install(browser)
    acme = await caller_of(browser, make_key, "Acme")
    assert (await acme.refused("POST", "/integrations/desk/claim", {"shop": "eu", "claimSecret": first}))["status"] == 403
    assert (await acme.ask("POST", "/integrations/desk/claim", {"shop": "eu", "claimSecret": second}))["status"] == "connected"


async def test_what_the_provider_did_not_sign_now_goes_nowhere(browser: httpx2.AsyncClient) -> None:
    path = "/api/v1/integrations/desk/install"
    good = signed()
    for query in (
        {},
        {**good, "hmac": "0" * 64},
        {**good, "region": "us"},
        signed(secret="another"),
        signed(age=3_600),
        signed(timestamp="soon"),
        signed(region="evil.example/"),
    ):
        assert (await browser.get(path, params=query)).status_code == 400
    state = await begin(browser)
    for query in (
        signed(state="", code="code-1"),
        signed(state=f"{state}x", code="code-1"),
        signed(state=state, code="not-a-code"),
        {"region": "eu", "state": state, "code": "code-1"},
    ):
        answer = await browser.get(f"{path}/callback", params=query)
        assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert (await browser.get("/api/v1/integrations/postgres/install", params=good)).status_code == 400


async def test_a_signature_is_good_for_one_reading_of_a_query(browser: httpx2.AsyncClient) -> None:
    """What is signed as one member's value must not be taken for another member."""
    path = "/api/v1/integrations/desk/install"
    smuggled = signed(note="x&region=eu", region="us")
    assert (await browser.get(path, params=smuggled)).status_code == 400
    pulled_apart = {"note": "x", "region": "eu", "timestamp": smuggled["timestamp"], "hmac": smuggled["hmac"]}
    assert (await browser.get(path, params=pulled_apart)).status_code == 400
    good = list(signed().items())
    for twice in ([*good, ("region", "eu")], [("region", "us"), *good], [*good, *good], [*good, ("hmac", "0" * 64)]):
        assert (await browser.get(path, params=twice)).status_code == 400
    for name, value in (("a&b", "c"), ("a=b", "c")):
        assert (await browser.get(path, params=signed(**{name: value}))).status_code == 400
    assert (await browser.get(path, params=good)).status_code == 303


async def test_a_way_back_is_good_in_the_browser_that_began_alone(browser: httpx2.AsyncClient) -> None:
    """Somebody who installs their own store must not make another one's browser claim it."""
    path = "/api/v1/integrations/desk/install"
    state = await begin(browser)
    (cookie,) = browser.cookies.jar
    assert (cookie.value, cookie.path, cookie.secure, cookie.has_nonstandard_attr("HttpOnly")) == (state, path, True, True)
    browser.cookies.clear()
    query = signed(state=state, code="code-1")
    assert (await browser.get(f"{path}/callback", params=query)).status_code == 400
    await begin(browser)
    assert (await browser.get(f"{path}/callback", params=query)).status_code == 400, "of another beginning"
    browser.cookies.clear()
    back = await browser.get(f"{path}/callback", params=query, headers={"Cookie": f"patchbay_install={state}"})
    assert "claimSecret" in back.headers["location"]
