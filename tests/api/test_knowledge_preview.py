"""Previewing what an agent finds, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from patchbay.store.database import Database
from tests.agent_runtime.knowledge.shelf import add_source
from tests.api.conftest import Key, MakeKey, client_of, problem

pytestmark = pytest.mark.anyio


async def agent_of(client: httpx2.AsyncClient) -> str:
    response = await client.post("/api/v1/agents", json={"name": "Tony's Pizza"})
    return str(response.json()["data"]["id"])


async def preview(client: httpx2.AsyncClient, agent: str, **body: Any) -> Any:
    response = await client.post(f"/api/v1/agents/{agent}/knowledge/preview", json=body)
    assert response.status_code == 200, response.text
    return response.json()["data"]


async def test_a_preview_shows_the_passages_with_their_scores(client: httpx2.AsyncClient, key: Key, database: Database) -> None:
    agent = await agent_of(client)
    menu = await add_source(database, key.org_id, agent, "Menu")
    parking = await add_source(database, key.org_id, agent, "Parking", [("Parking", "Park behind the building.")])
    unread = await add_source(database, key.org_id, agent, "Later", None)
    found = await preview(client, agent, query="how much is a large supreme?")
    best = found["chunks"][0]
    assert best.keys() == {"sourceId", "label", "heading", "text", "score"}
    assert (best["sourceId"], best["label"], best["heading"]) == (menu, "Menu", "Menu > Pizzas > Supreme")
    assert found["topScore"] == best["score"] >= 0.5
    assert len((await preview(client, agent, query="how much is a large pizza", limit=1))["chunks"]) == 1
    assert await preview(client, agent, query="how much is a large supreme?", sourceIds=[parking, unread]) == {
        "chunks": [], "topScore": 0
    }  # fmt: skip
    assert await preview(client, agent, query="quantum chromodynamics") == {"chunks": [], "topScore": 0}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": "x", "limit": 21}, "limit"),
        ({"query": "x" * 2_001}, "query"),
        ({"query": "x", "sourceIds": ["kns_none"]}, "sourceIds.0"),
        ({"query": "x", "sources": []}, "sources"),
    ],
)
async def test_what_is_wrong_with_a_body_is_said(client: httpx2.AsyncClient, body: dict[str, Any], field: str) -> None:
    path = f"/api/v1/agents/{await agent_of(client)}/knowledge/preview"
    document = problem(await client.post(path, json=body), 400, "validation_error")
    assert field in {one["field"] for one in document["errors"]}


async def test_another_organizations_knowledge_is_not_there(
    client: httpx2.AsyncClient, app: FastAPI, key: Key, database: Database, make_key: MakeKey
) -> None:
    agent = await agent_of(client)
    source = await add_source(database, key.org_id, agent)
    stranger = await make_key("*", org="Globex")
    async with client_of(app, stranger.headers) as other:
        problem(await other.post(f"/api/v1/agents/{agent}/knowledge/preview", json={"query": "supreme"}), 404, "not_found")
        theirs = f"/api/v1/agents/{await agent_of(other)}/knowledge/preview"
        problem(await other.post(theirs, json={"query": "supreme", "sourceIds": [source]}), 400, "validation_error")


async def test_publishing_warns_of_what_has_not_been_read(client: httpx2.AsyncClient, key: Key, database: Database) -> None:
    agent = await agent_of(client)
    await add_source(database, key.org_id, agent, "Menu")
    await add_source(database, key.org_id, agent, "Help center", None)
    published = (await client.post(f"/api/v1/agents/{agent}/publish")).json()["data"]
    assert [one["code"] for one in published["warnings"]] == ["knowledge_pending"]
    assert "'Help center'" in published["warnings"][0]["message"]
    report = (await client.get(f"/api/v1/agents/{agent}/prepublish-report")).json()["data"]
    assert (report["knowledge"]["sources"], len(report["knowledge"]["indexed"])) == (2, 1)
