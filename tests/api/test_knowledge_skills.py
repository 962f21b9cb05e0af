"""The skill type knowledge_search: made, called directly and over a conversation, and gated."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from patchbay.agent_runtime.planner.client import Planner
from patchbay.api.platform import Platform
from patchbay.store.database import Database
from tests.agent_runtime.knowledge.shelf import add_source, read_into
from tests.api.conftest import Key, problem

pytestmark = pytest.mark.anyio

STAFF = (("Staff discount", "Partners get 40% off every tune-up."),)
SEARCH: dict[str, Any] = {
    "name": "Look in the price list",
    "description": "Looks up what something costs.",
    "skillType": "knowledge_search",
    "executionConfig": {},
}


async def post(client: httpx2.AsyncClient, path: str, body: Any = None) -> Any:
    response = await client.post("/api/v1" + path, json=body)
    assert response.status_code < 300, response.text
    return response.json()["data"]


async def agent_of(client: httpx2.AsyncClient) -> str:
    return str((await post(client, "/agents", {"name": "Tony's Pizza"}))["id"])


async def called(client: httpx2.AsyncClient, agent: str, skill: str, query: str) -> Any:
    return await post(client, f"/agents/{agent}/skills/{skill}/call", {"arguments": {"query": query}})


async def test_a_search_gives_passages_of_the_published_indexes(client: httpx2.AsyncClient, key: Key, database: Database) -> None:
    agent = await agent_of(client)
    menu = await add_source(database, key.org_id, agent)
    skill = await post(client, f"/agents/{agent}/skills", {**SEARCH, "executionConfig": {"sourceIds": [menu], "limit": 2}})
    assert (skill["enabled"], skill["executionConfig"]) == (True, {"sourceIds": [menu], "limit": 2})
    shown = await post(client, f"/agents/{agent}/skills/{skill['id']}/preview", {"arguments": {"query": "large supreme"}})
    assert shown["result"]["rows"][0]["heading"] == "Menu > Pizzas > Supreme"
    await post(client, f"/agents/{agent}/publish")
    await read_into(database, key.org_id, menu, [("Menu > Pizzas > Supreme", "Sold out.")])
    answer = await called(client, agent, skill["slug"], "what is on the supreme?")
    assert answer["status"] == "succeeded"
    assert answer["rows"][0] == {
        "passage": "Pepperoni, Italian sausage, mushrooms, green peppers and olives. Medium $17, large $22.",
        "heading": "Menu > Pizzas > Supreme",
        "source": "Menu",
    }
    nothing = await called(client, agent, skill["slug"], "do you have sushi?")
    assert (nothing["status"], nothing["rows"]) == ("succeeded", [])


async def test_a_source_behind_a_gate_is_told_to_nobody_else(
    client: httpx2.AsyncClient, platform: Platform, key: Key, database: Database
) -> None:
    agent = await agent_of(client)
    await add_source(database, key.org_id, agent)
    staff = await add_source(database, key.org_id, agent, "Partners", STAFF)
    gated = {**SEARCH, "executionConfig": {"sourceIds": [staff]}, "requiresVerifiedIdentity": True}
    skill = await post(client, f"/agents/{agent}/skills", gated)
    await post(client, f"/agents/{agent}/publish")
    refused = await called(client, agent, skill["slug"], "what discount do partners get")
    assert (refused["status"], refused["code"], refused["rows"]) == ("refused", "verification_required", [])
    platform.runtime.models = lambda _: Planner()
    path = f"/api/v1/agents/{agent}/simulate"
    for asked, told in (("what discount do partners get on a tune-up?", False), ("what is on the supreme?", True)):
        stream = (await client.post(path, json={"message": asked, "draftMode": False})).text
        assert "40%" not in stream
        assert ("Pepperoni" in stream) is told


async def test_an_mcp_client_searches_the_published_indexes(
    client: httpx2.AsyncClient, app: FastAPI, key: Key, database: Database
) -> None:
    agent = await agent_of(client)
    menu = await add_source(database, key.org_id, agent)
    skill = await post(client, f"/agents/{agent}/skills", SEARCH)
    await post(client, f"/agents/{agent}/publish")
    await read_into(database, key.org_id, menu, [("Menu > Pizzas > Supreme", "Sold out.")])
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, headers=key.headers, timeout=30) as http:
        streams = streamable_http_client(f"http://patchbay.test/api/v1/agents/{agent}/mcp", http_client=http)
        async with Client(streams) as mcp:
            answer = (await mcp.call_tool(skill["slug"], {"query": "what is on the supreme?"})).structured_content
    assert answer["status"] == "succeeded"
    assert answer["rows"][0]["passage"].startswith("Pepperoni")


async def test_a_source_that_is_not_the_agents_is_refused(client: httpx2.AsyncClient, key: Key, database: Database) -> None:
    agent, other = await agent_of(client), str((await post(client, "/agents", {"name": "Other"}))["id"])
    source = await add_source(database, key.org_id, other)
    for body, field in (
        ({"sourceIds": [source]}, "executionConfig.sourceIds.0"),
        ({"limit": 11}, "executionConfig.limit"),
        ({"index": "x"}, "executionConfig.index"),
    ):
        response = await client.post(f"/api/v1/agents/{agent}/skills", json={**SEARCH, "executionConfig": body})
        assert field in {one["field"] for one in problem(response, 400, "validation_error")["errors"]}


async def test_the_planner_reads_the_passage_of_a_search_out(
    client: httpx2.AsyncClient, platform: Platform, key: Key, database: Database
) -> None:
    agent = await agent_of(client)
    await post(client, f"/agents/{agent}/skills", {**SEARCH, "name": "Look in the price list"})
    await add_source(database, key.org_id, agent, "Prices", [("Brakes", "A brake check is $25.")])
    platform.runtime.models = lambda _: Planner()
    body = {"message": "Could you look in your price list for a brake check for me"}
    stream = (await client.post(f"/api/v1/agents/{agent}/simulate", json=body)).text
    assert "A brake check is $25." in stream
