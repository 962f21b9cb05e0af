"""The platform as a new user has it: the built-in planner answers, loopback is allowed for the tests' own servers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from patchbay.api.app import create_app
from patchbay.api.platform import Platform, open_platform
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.api.conftest import Key, ScriptedModel, client_of
from tests.api.guides.operator_desk import Desk

Frames = list[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Caller:
    """A user of the API who checks every answer's envelope."""

    http: httpx2.AsyncClient

    async def ask(self, method: str, path: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        """Send one request and return the ``data`` of its envelope."""
        response = await self.http.request(method, f"/api/v1{path}", json=body, **options)
        assert response.status_code == status, (response.status_code, response.text)
        document = response.json()
        assert document["success"] is True
        return document["data"]

    async def refused(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send one request that must be refused and return the problem."""
        response = await self.http.request(method, f"/api/v1{path}", json=body)
        assert response.status_code >= 400, response.text
        assert response.headers["content-type"] == "application/problem+json"
        return response.json()

    async def simulate(self, agent_id: str, **body: Any) -> Frames:
        """Run a simulation; returns the frames of its stream."""
        response = await self.http.post(f"/api/v1/agents/{agent_id}/simulate", json=body)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("text/event-stream")
        parts = [part for part in response.text.split("\n\n") if part and not part.startswith(":")]
        pairs = [part.split("\n", 1) for part in parts]
        return [(event.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for event, data in pairs]

    async def connect(self, credentials: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Test, connect and discover a PostgreSQL database; returns the summary."""
        tested = await self.ask("POST", "/integrations/postgres/sql/test", {"credentials": credentials})
        assert tested["ok"], [check for check in tested["checks"] if check["status"] not in ("passed", "skipped")]
        connected = await self.ask("POST", "/integrations/postgres/connect", {"credentials": credentials, **more})
        assert connected["status"] == "connected"
        return await self.ask("POST", "/integrations/postgres/discover")


def said(frames: Frames) -> str:
    """Everything the agent said, whole messages joined."""
    return " ".join(frame["data"]["text"] for name, frame in frames if name == "agent_message")


def calls(frames: Frames) -> list[tuple[str, str]]:
    """(state, tool name) of every tool call."""
    return [(frame["data"]["state"], frame["data"]["toolName"]) for name, frame in frames if name == "tool_call"]


@pytest.fixture
async def patchbay(settings: Settings, database: Database, vault: Vault) -> AsyncIterator[Platform]:
    """The whole platform with the built-in planner."""
    allowing = settings.model_copy(update={"egress_allow": "127.0.0.1/32", "rate_limit_per_minute": 100_000})
    async with open_platform(allowing, database=database, vault=vault) as platform:
        yield platform


@pytest.fixture
async def caller(patchbay: Platform, key: Key) -> AsyncIterator[Caller]:
    """A user with a key of every scope."""
    async with client_of(create_app(patchbay.settings, platform=patchbay), key.headers) as http:
        yield Caller(http)


@pytest.fixture
async def desk(client: httpx2.AsyncClient, model: ScriptedModel) -> Desk:
    """An agent on a platform whose language model only listens."""
    caller = Caller(client)
    agent = await caller.ask("POST", "/agents", {"name": "Front desk", "timeZone": "America/Toronto"}, status=201)
    return Desk(caller, model, agent["id"])
