"""The MCP server as it is run: two worker processes over one store, killed, and left by its clients in the middle of a write."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from aiohttp import web
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.api.test_mcp import ACCEPTED, INITIALIZE, WRITE, data, message
from tests.api.test_serve import PATCHBAY, serving
from tests.api.webhook_service import Service
from tests.api.webhook_service import serving as service_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A fresh installation that may reach this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_") and name != "DATABASE_URL"}
    settings = {"DATA_DIR": str(tmp_path / "data"), "EGRESS_ALLOW": "127.0.0.1/32", "RATE_LIMIT_PER_MINUTE": "100000"}
    return {**kept, **{f"PATCHBAY_{name}": value for name, value in settings.items()}}


def key_of(environment: dict[str, str]) -> dict[str, str]:
    made = [PATCHBAY, "keys", "create", "--org", "Acme", "--scopes", "*"]
    key = subprocess.run(made, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    return {"Authorization": f"Bearer {key}"}


async def published(client: httpx2.AsyncClient, service: Service) -> str:
    """An agent with a write that nobody has to confirm."""
    agent = (await data(await client.post("/api/v1/agents", json={"name": "Acme"}), 201))["id"]
    config = {"url": f"{service.url}/visits", "effect": "write", "timeout_ms": 8_000}
    wanted = {**WRITE, "executionConfig": config, "stakes": "low", "requiresConfirmation": False}
    skill = await data(await client.post(f"/api/v1/agents/{agent}/skills", json=wanted), 201)
    service.secret = skill["signingSecret"]
    review = {"enabled": True, "review": {"digest": skill["reviewDigest"], "note": "Looked at"}}
    await data(await client.patch(f"/api/v1/agents/{agent}/skills/{skill['id']}", json=review))
    await data(await client.post(f"/api/v1/agents/{agent}/publish"), 201)
    return f"/api/v1/agents/{agent}/mcp"


async def states(client: httpx2.AsyncClient, conversation: str) -> list[str]:
    receipt = await data(await client.get(f"/api/v1/conversations/{conversation}/receipt"))
    return [event["data"].get("code") or event["data"]["state"] for event in receipt if event["type"] == "tool_call"]


async def test_a_session_outlives_its_process_and_a_write_its_client(environment: dict[str, str]) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def when_told(request: web.Request) -> web.StreamResponse:
        asked.set()
        await go_on.wait()
        return web.json_response({"reference": "V-1"})

    async with service_of(when_told) as service:
        go_on.set()
        with serving(environment, "--workers", "2") as (server, url):
            headers = key_of(environment)
            async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
                path = await published(client, service)
                streams = streamable_http_client(url + path, http_client=client, terminate_on_close=False)
                async with Client(streams) as mcp:  # connections to both workers, and one session
                    days = [mcp.call_tool("Book_a_visit", {"day": f"day {n}"}) for n in range(12)]
                    told: list[Any] = [result.structured_content for result in await asyncio.gather(*days)]
                assert {one["status"] for one in told} == {"succeeded"}
                assert len({one["conversationId"] for one in told}) == 1
                assert len(service.seen) == 12

                begun = await client.post(path, json=INITIALIZE, headers=ACCEPTED)
                session = {**ACCEPTED, "Mcp-Session-Id": begun.headers["mcp-session-id"]}
                conversation = session["Mcp-Session-Id"].partition(".")[0]
                call = message("tools/call", name="Book_a_visit", arguments={"day": "Monday"})

                asked.clear()
                go_on.clear()
                leaving = asyncio.create_task(client.post(path, json=call, headers=session))
                await asked.wait()
                leaving.cancel()
                await asyncio.wait([leaving])
                go_on.set()
                after = await client.post(path, json=message("tools/list"), headers=session)
                assert after.status_code == 200
                while await states(client, conversation) != ["started", "succeeded"]:
                    await asyncio.sleep(0.05)

                asked.clear()
                go_on.clear()
                killed = asyncio.create_task(client.post(path, json=call, headers=session))
                await asked.wait()
                for process in [*psutil.Process(server.pid).children(), psutil.Process(server.pid)]:
                    process.kill()
                await asyncio.wait([killed])
                go_on.set()
                assert killed.exception() is not None
        made = len(service.seen)
        with serving(environment) as (_, url):
            async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
                response = await client.post(path, json=call, headers=session)
                assert response.json()["result"]["structuredContent"]["status"] == "succeeded"
                assert await states(client, conversation) == [
                    "started", "succeeded", "started", "outcome_unknown", "started", "succeeded",
                ]  # fmt: skip
                assert len(service.seen) == made + 1
                ended = await client.delete(path, headers=session)
                assert (await data(ended))["id"] == conversation
