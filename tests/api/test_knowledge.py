"""Sources of knowledge over the wire: added, read in the background, shown, refreshed and deleted."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.anyio

TEXT = {"kind": "text", "label": "House rules", "text": "# Deliveries\n\nWe deliver within five miles, for $4."}
FAQ = {
    "kind": "faq",
    "label": "Questions",
    "faqs": [{"question": "Do you deliver?", "answer": "Yes, for $4."}, {"question": "Are you open on Sunday?", "answer": "No."}],
}


@pytest.fixture
async def agent(client: httpx2.AsyncClient) -> str:
    made = await client.post("/api/v1/agents", json={"name": "Front desk"})
    return made.json()["data"]["id"]


@pytest.fixture
def path(agent: str) -> str:
    return f"/api/v1/agents/{agent}/knowledge/sources"


async def added(client: httpx2.AsyncClient, path: str, body: dict[str, Any], **options: Any) -> dict[str, Any]:
    response = await client.post(path, json=body, **options)
    assert response.status_code == 201, response.text
    return response.json()["data"]


async def read(client: httpx2.AsyncClient, path: str, source: dict[str, Any]) -> dict[str, Any]:
    """The source once it is not pending any more."""
    async with asyncio.timeout(20):
        while True:
            shown = (await client.get(f"{path}/{source['id']}")).json()["data"]
            if shown["status"] != "pending":
                return shown
            await asyncio.sleep(0.02)


async def version(client: httpx2.AsyncClient, path: str) -> int:
    agent = (await client.get(path.partition("/knowledge")[0])).json()["data"]
    return agent["version"]


async def test_a_text_is_read_in_well_under_a_second(client: httpx2.AsyncClient, path: str) -> None:
    before = await version(client, path)
    source = await added(client, path, TEXT)
    assert (source["status"], source["error"], source["passageCount"], source["text"]) == ("pending", None, 0, TEXT["text"])
    began = time.monotonic()
    shown = await read(client, path, source)
    assert time.monotonic() - began < 1
    assert (shown["status"], shown["passageCount"], shown["autoRefresh"]) == ("indexed", 1, False)
    assert shown["lastCheckedAt"] == shown["lastChangedAt"] is not None
    assert await version(client, path) == before + 1  # the reading is no change of its own
