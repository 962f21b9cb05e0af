"""The guide "Map an integration's fields", request for request, against a REST and a GraphQL provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from tests.api.guides.conftest import Caller, calls, said
from tests.api.guides.crm import TOKEN, Crm
from tests.servers.certificates import Authority
from tests.servers.upstreams.tls import server_context

pytestmark = pytest.mark.anyio

BINDING: dict[str, Any] = {
    "toolName": "Look up the caller",
    "description": "Find the calling customer in the CRM by phone and return their name and email.",
    "operation": "findContact",
    "inputs": [{"param": "caller_phone", "arg": "phone", "required": True, "description": "The caller's phone number"}],
    "projection": [
        {"path": ["contact", "name"], "leaf": "customer_name"},
        {"path": ["contact", "email"], "leaf": "customer_email"},
    ],
    "enabled": True,
}


@dataclass(frozen=True)
class Served:
    """A running CRM: where it is, whom its certificate is from, what it was asked."""

    crm: Crm
    url: str
    ca_pem: str

    def definition(self, type_: str) -> dict[str, Any]:
        shared = {"displayName": "Acme CRM", "auth": {"scheme": "bearer"}, "caPem": self.ca_pem}
        if type_ == "rest":
            document = {"url": f"{self.url}/openapi.json"}
            return {"type": "rest", "baseUrl": f"{self.url}/api", "document": document, "verify": {"path": "/me"}, **shared}
        return {"type": "graphql", "baseUrl": f"{self.url}/graphql", **shared}


@pytest.fixture
async def served() -> AsyncGenerator[Served]:
    crm, authority = Crm(), Authority()
    runner = web.AppRunner(crm.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(authority.issue()))
    await site.start()
    port = runner.addresses[0][1]
    yield Served(crm, f"https://127.0.0.1:{port}", authority.pem)
    await runner.cleanup()
    await asyncio.sleep(0.01)  # what was aborted ends in the loop's next rounds


@pytest.mark.parametrize("type_", ["rest", "graphql"])
async def test_the_guide(caller: Caller, served: Served, type_: str) -> None:
    body = {"definition": served.definition(type_), "credentials": {"token": TOKEN}, "defaultCountry": "US"}
    connected = await caller.ask("POST", "/integrations/acme_crm/connect", body)
    assert (connected["status"], connected["type"], connected["kind"]) == ("connected", type_, "acme_crm")
    assert TOKEN not in str(connected)

    summary = await caller.ask("POST", "/integrations/acme_crm/discover")
    assert summary["objectCount"] >= 3
    assert summary["fieldCount"] >= 13
    assert summary["edgeCount"] >= 2
    schema = await caller.ask("GET", "/integrations/acme_crm/schema")
    assert {"Contact", "Company", "Ticket"} <= {one["name"] for one in schema["objects"]}
    contact = await caller.ask("GET", "/integrations/acme_crm/objects/Contact")
    relationships = {(one["name"], one["target"], one["cardinality"]) for one in contact["relationships"]}
    assert {("company", "Company", "many_to_one"), ("tickets", "Ticket", "one_to_many")} <= relationships

    agent = (await caller.ask("POST", "/agents", {"name": "Acme Support"}, status=201))["id"]
    skill = await caller.ask("POST", f"/agents/{agent}/integrations/acme_crm/bindings", BINDING, status=201)
    assert (skill["name"], skill["skillType"], skill["enabled"]) == ("Look up the caller", "acme_crm", True)
    await caller.ask("POST", f"/agents/{agent}/publish", status=201)

    asked = ["Hi, it's me calling about my account.", "My number is (415) 555-0132."]
    frames = await caller.simulate(agent, transcript=asked, draftMode=False)
    assert ("succeeded", "Look up the caller") in calls(frames), frames
    assert "Ada Byron" in said(frames)
    assert "ada@example.com" in said(frames)
    sent = served.crm.asked[-1]
    assert "+14155550132" in str(sent)
    assert "GB-1815" not in str(frames)


async def test_lists_nested_paths_and_forms(caller: Caller, served: Served) -> None:
    """What comes back has the one shape, from REST as from GraphQL."""
    found: list[Any] = []
    for type_ in ("rest", "graphql"):
        kind = f"crm_{type_}"
        body = {"definition": served.definition(type_), "credentials": {"token": TOKEN}, "defaultCountry": "US"}
        await caller.ask("POST", f"/integrations/{kind}/connect", body)
        await caller.ask("POST", f"/integrations/{kind}/discover")
        agent = (await caller.ask("POST", "/agents", {"name": f"With {kind}", "timeZone": "America/Toronto"}, status=201))["id"]
        binding = BINDING | {
            "projection": [
                {"path": ["contact", "company", "name"], "leaf": "company"},
                {"path": ["contact", "tickets", "title"], "leaf": "tickets"},
                {"path": ["contact", "updatedAt"], "leaf": "changed"},
            ]
        }
        await caller.ask("POST", f"/agents/{agent}/integrations/{kind}/bindings", binding, status=201)
        frames = await caller.simulate(agent, transcript=["Look up the caller +1 415 555 0132"], draftMode=True)
        found.append([frame["data"] for name, frame in frames if name == "tool_call" and frame["data"]["state"] == "succeeded"])
        assert "Engines Ltd" in said(frames), said(frames)
        assert "Gears jam" in said(frames)
        nobody = await caller.simulate(agent, transcript=["Look up the caller +1 415 555 0111"], draftMode=True)
        assert ("succeeded", "Look up the caller") in calls(nobody)
        assert "Engines" not in said(nobody)
    assert all(found)


async def test_what_is_blocked_is_gone_and_stops_the_call(caller: Caller, served: Served) -> None:
    body = {"definition": served.definition("rest"), "credentials": {"token": TOKEN}, "defaultCountry": "US"}
    await caller.ask("POST", "/integrations/acme_crm/connect", body)
    await caller.ask("POST", "/integrations/acme_crm/discover")
    agent = (await caller.ask("POST", "/agents", {"name": "Acme"}, status=201))["id"]
    await caller.ask("POST", f"/agents/{agent}/integrations/acme_crm/bindings", BINDING, status=201)
    await caller.ask("POST", f"/agents/{agent}/publish", status=201)
    await caller.ask(
        "PATCH", "/integrations/acme_crm/scoping", {"blockedTables": ["Company"], "blockedColumns": {"Contact": ["email"]}}
    )
    for path in ("/schema", "/objects", "/objects/Contact", "/operations?readOnly=false", "/search?q=company%20email"):
        told = str(await caller.ask("GET", f"/integrations/acme_crm{path}"))
        assert "ompany" not in told, path
        assert "email" not in told, path
    before = len(served.crm.asked)
    frames = await caller.simulate(agent, transcript=["Look up the caller +1 415 555 0132"], draftMode=False)
    assert ("refused", "Look up the caller") in calls(frames)
    assert len(served.crm.asked) == before
    assert "ada@example.com" not in said(frames)


async def test_a_custom_provider_is_a_provider_like_any_other(caller: Caller, served: Served) -> None:
    refused = await caller.refused("POST", "/integrations/acme_crm/connect", {"credentials": {"token": TOKEN}})
    assert (refused["status"], refused["code"]) == (404, "unknown_integration")
    wrong = {"definition": served.definition("rest"), "credentials": {"token": "wrong"}}
    assert (await caller.refused("POST", "/integrations/acme_crm/connect", wrong))["code"] == "authorization_refused"
    assert await caller.ask("GET", "/integrations") == []
    right = {"definition": served.definition("rest"), "credentials": {"token": TOKEN}}
    first = await caller.ask("POST", "/integrations/acme_crm/connect", right)
    entry = next(one for one in await caller.ask("GET", "/integrations/catalog") if one["kind"] == "acme_crm")
    assert (entry["name"], entry["connected"], entry["custom"], entry["type"]) == ("Acme CRM", True, True, "rest")
    assert (await caller.ask("DELETE", "/integrations/acme_crm"))["status"] == "disconnected"
    again = await caller.ask("POST", "/integrations/acme_crm/connect", {"credentials": {"token": TOKEN}})
    assert (again["id"], again["status"]) == (first["id"], "connected")
    elsewhere = {"definition": {**served.definition("rest"), "baseUrl": f"{served.url}/other"}}
    kept = await caller.refused("POST", "/integrations/acme_crm/connect", elsewhere)
    assert kept["errors"][0]["field"] == "credentials", "a secret is never sent to where it was not given for"


async def test_an_uploaded_document(caller: Caller, served: Served) -> None:
    from tests.api.guides.crm import SDL

    uploaded = await caller.http.post("/api/v1/uploads", files={"file": ("crm.graphql", SDL.encode(), "text/plain")})
    assert uploaded.status_code == 201, uploaded.text
    definition = {**served.definition("graphql"), "document": {"fileId": uploaded.json()["data"]["fileId"]}}
    await caller.ask("POST", "/integrations/acme_crm/connect", {"definition": definition, "credentials": {"token": TOKEN}})
    summary = await caller.ask("POST", "/integrations/acme_crm/discover")
    assert summary["operationCount"] == 3
    missing = {**definition, "document": {"fileId": "fil_nothing"}}
    gone = await caller.refused(
        "POST", "/integrations/other_crm/connect", {"definition": missing, "credentials": {"token": TOKEN}}
    )
    assert (gone["status"], gone["code"]) == (404, "file_expired")


@pytest.mark.parametrize("type_", ["rest", "graphql"])
@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.7", "[::ffff:10.0.0.7]", "192.168.1.1:8443"])
async def test_a_system_at_a_forbidden_address_is_not_connected(caller: Caller, served: Served, type_: str, address: str) -> None:
    definition = served.definition(type_) | {"baseUrl": f"https://{address}/api"}
    definition.pop("verify", None)
    body = {"definition": definition, "credentials": {"token": TOKEN}}
    refused = await caller.refused("POST", "/integrations/acme_crm/connect", body)
    assert (refused["status"], refused["code"], refused["reason"]) == (400, "egress_refused", "not_public")
    assert await caller.ask("GET", "/integrations") == []
