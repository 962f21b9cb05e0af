"""The whole way of a person's agreement through the real API: connect, the browser, the callback, discover, bind, call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI

from patchbay.api.app import create_app
from patchbay.api.platform import Platform, open_platform
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import Key, MakeKey, ScriptedModel, client_of, problem
from tests.connectors.oauth.customers import ASKED, BINDING, HOME, SECRETS, Customers, agree
from tests.servers.authorization_server import AuthorizationServer, authorization_server

pytestmark = pytest.mark.anyio
CALLBACK = "/api/v1/integrations/oauth/callback"
CONNECT = "/api/v1/integrations/acme_crm/connect"


@pytest.fixture
async def server() -> AsyncGenerator[AuthorizationServer]:
    async with authorization_server() as running:
        yield running


@pytest.fixture
async def platform(settings: Settings, database: Database, vault: Vault, model: ScriptedModel) -> AsyncIterator[Platform]:
    """The whole platform at a URL that people reach."""
    chosen = settings.model_copy(
        update={"egress_allow": "127.0.0.1/32", "rate_limit_per_minute": 100_000, "public_url": f"{HOME}/"}
    )
    async with open_platform(chosen, database=database, vault=vault, models=lambda _: model) as platform:
        yield platform


@pytest.fixture
async def browser(app: FastAPI, client: httpx2.AsyncClient) -> AsyncIterator[httpx2.AsyncClient]:
    """Whoever opened the URL: no key, no cookie."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=HOME) as browser:
        yield browser


async def begin(client: httpx2.AsyncClient, server: AuthorizationServer, **body: Any) -> dict[str, Any]:
    response = await client.post(CONNECT, json={"definition": server.definition(), "credentials": SECRETS, **body})
    assert response.status_code == 200, response.text
    return response.json()["data"]


async def listed(client: httpx2.AsyncClient) -> dict[str, Any]:
    (one,) = (await client.get("/api/v1/integrations")).json()["data"]
    return one


def page(response: httpx2.Response, status: int, title: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert f"<h1>{title}</h1>" in response.text
    assert "<script" not in response.text
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-store"


async def test_from_the_connect_to_a_call(
    client: httpx2.AsyncClient,
    browser: httpx2.AsyncClient,
    platform: Platform,
    server: AuthorizationServer,
    key: Key,
) -> None:
    with structlog.testing.capture_logs() as logged:
        made = await begin(client, server)
        assert (made["status"], made["statusReason"], made["connectedAt"]) == ("pending", "authorization_needed", None)
        assert made["definition"]["auth"]["scheme"] == "oauth2_authorization_code"
        assert "s3cret" not in str(made)
        early = problem(await client.post("/api/v1/integrations/acme_crm/discover"), 409, "integration_not_connected")
        assert "oauthUrl" in early["hint"]
        back = await agree(server, made["oauthUrl"])
        page(await browser.get(CALLBACK, params=back), 200, "Connected")
        page(await browser.get(CALLBACK, params=back), 400, "This link is over")

        assert ((await listed(client))["status"], (await listed(client))["statusReason"]) == ("connected", None)
        entries = (await client.get("/api/v1/integrations/catalog")).json()["data"]
        assert [(one["auth"], one["connected"]) for one in entries if one["custom"]] == [("oauth", True)]
        discovered = await client.post("/api/v1/integrations/acme_crm/discover")
        assert discovered.json()["data"]["operationCount"] == 1, discovered.text
        agent = (await client.post("/api/v1/agents", json={"name": "Front desk"})).json()["data"]["id"]
        bound = await client.post(f"/api/v1/agents/{agent}/integrations/acme_crm/bindings", json=BINDING)
        assert bound.status_code == 201, bound.text
        mine = Customers(platform.database, platform.vault, key.org_id, server)
        call = await mine.find_customer()
        assert (await platform.runner.run(key.org_id, call, ASKED)).rows == [{"customer_name": "Ada Byron"}]

        gone = (await client.delete("/api/v1/integrations/acme_crm")).json()["data"]
        assert (gone["status"], gone["statusReason"], gone["revoked"]) == ("disconnected", None, True)
        assert server.grants[0].void

        trail = (await client.get("/api/v1/audit-logs")).json()["data"]
        assert [
            (row["method"], row["path"], row["status"], row["resourceId"])
            for row in trail
            if row["path"] == CALLBACK or row["method"] == "DELETE"
        ] == [("DELETE", "/api/v1/integrations/acme_crm", 200, made["id"]), ("GET", CALLBACK, 200, made["id"])]
    assert CALLBACK in [line.get("path") for line in logged]
    told = repr(logged)
    secrets = [back["code"], back["state"], *server.grants[0].access_tokens, *server.grants[0].refresh_tokens, "s3cret"]
    assert not [secret for secret in secrets if secret in told]
    assert not [secret for secret in secrets if secret in str(trail) + discovered.text + bound.text]


async def test_a_body_without_anything_begins_again(
    client: httpx2.AsyncClient, browser: httpx2.AsyncClient, server: AuthorizationServer
) -> None:
    first = await begin(client, server)
    again = (await client.post(CONNECT)).json()["data"]
    assert again["id"] == first["id"]
    assert again["oauthUrl"] != first["oauthUrl"]
    page(await browser.get(CALLBACK, params=await agree(server, first["oauthUrl"])), 400, "This link is over")
    page(await browser.get(CALLBACK, params=await agree(server, again["oauthUrl"])), 200, "Connected")
    kept = (await client.post(CONNECT, json={"timeZone": "Europe/Berlin"})).json()["data"]
    assert (kept["status"], kept["oauthUrl"], kept["timeZone"]) == ("connected", None, "Europe/Berlin")


async def test_who_asked_for_a_page_is_sent_there(
    client: httpx2.AsyncClient, browser: httpx2.AsyncClient, server: AuthorizationServer
) -> None:
    made = await begin(client, server, redirectUrl="/integrations?tab=all")
    server.deny = "access_denied"
    response = await browser.get(CALLBACK, params=await agree(server, made["oauthUrl"]))
    assert response.status_code == 303
    assert response.headers["location"] == (
        f"{HOME}/integrations?tab=all&integration=acme_crm&status=failed&reason=authorization_denied"
    )
    server.deny = None
    made = (await client.post(CONNECT, json={"redirectUrl": f"{HOME}/done"})).json()["data"]
    response = await browser.get(CALLBACK, params=await agree(server, made["oauthUrl"]))
    assert response.headers["location"] == f"{HOME}/done?integration=acme_crm&status=connected"
    refused = await client.post(CONNECT, json={"redirectUrl": "https://evil.example/"})
    assert problem(refused, 400, "validation_error")["errors"][0]["field"] == "redirectUrl"


async def test_what_the_provider_says_is_repeated_nowhere(
    client: httpx2.AsyncClient, browser: httpx2.AsyncClient, server: AuthorizationServer
) -> None:
    made = await begin(client, server)
    server.deny = "access_denied"
    response = await browser.get(CALLBACK, params=await agree(server, made["oauthUrl"]))
    page(response, 400, "Not connected")
    shown = await listed(client)
    assert (shown["status"], shown["statusReason"]) == ("pending", "authorization_denied")
    assert "provider text" not in response.text + str(shown)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"state": "<script>alert(1)</script>", "code": "<b>x</b>", "error": "<i>e</i>", "iss": "javascript:alert(1)"},
        {"state": "A" * 43, "code": "\x00"},
        {"state": "A" * 43, "unknown": "member"},
    ],
)
async def test_a_callback_that_nobody_waits_for_says_nothing_of_itself(
    browser: httpx2.AsyncClient, params: dict[str, str]
) -> None:
    response = await browser.get(CALLBACK, params=params)
    page(response, 400, "This link is over")
    assert not [value for value in params.values() if value in response.text]


async def test_the_callback_takes_no_other_method(browser: httpx2.AsyncClient) -> None:
    for method in ("POST", "PUT", "DELETE"):
        problem(await browser.request(method, CALLBACK), 405, "method_not_allowed")


async def test_another_organization_sees_none_of_it(
    app: FastAPI, client: httpx2.AsyncClient, browser: httpx2.AsyncClient, server: AuthorizationServer, make_key: MakeKey
) -> None:
    made = await begin(client, server)
    stranger = await make_key(org="Globex")
    async with client_of(app, stranger.headers) as theirs:
        assert (await theirs.get("/api/v1/integrations")).json()["data"] == []
        problem(await theirs.post(CONNECT), 404, "unknown_integration")
        assert (await browser.get(CALLBACK, params=await agree(server, made["oauthUrl"]))).status_code == 200
        assert (await theirs.get("/api/v1/integrations")).json()["data"] == []
    assert (await listed(client))["status"] == "connected"


async def test_without_a_public_url_the_operator_is_told_what_to_set(
    settings: Settings, database: Database, vault: Vault, model: ScriptedModel, key: Key, server: AuthorizationServer
) -> None:
    chosen = settings.model_copy(update={"egress_allow": "127.0.0.1/32", "public_url": None})
    async with (
        open_platform(chosen, database=database, vault=vault, models=lambda _: model) as platform,
        client_of(create_app(chosen, platform=platform), key.headers) as client,
    ):
        body = {"definition": server.definition(), "credentials": SECRETS}
        refused = problem(await client.post(CONNECT, json=body), 400, "integration_unavailable")
        assert "PATCHBAY_PUBLIC_URL" in refused["detail"]
        assert (await client.get("/api/v1/integrations")).json()["data"] == []
        by_client = {**body, "definition": server.definition("oauth2_client_credentials")}
        made = (await client.post(CONNECT, json=by_client)).json()["data"]
        assert (made["status"], made["oauthUrl"]) == ("connected", None)


async def test_a_client_that_is_refused_is_told_why(client: httpx2.AsyncClient, server: AuthorizationServer) -> None:
    definition = server.definition("oauth2_client_credentials")
    wrong = {**SECRETS, "clientSecret": "wrong"}
    refused = problem(await client.post(CONNECT, json={"definition": definition, "credentials": wrong}), 422, "token_refused")
    assert refused["reason"] == "invalid_client"
    elsewhere = server.definition("oauth2_client_credentials", tokenUrl="https://169.254.169.254/token")
    body = {"definition": elsewhere, "credentials": SECRETS}
    assert problem(await client.post(CONNECT, json=body), 400, "egress_refused")["reason"] == "not_public"
