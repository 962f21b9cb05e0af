"""What the tests of the door share: organizations with keys, and clients of the application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from patchbay.accounts.keys import create_key
from patchbay.accounts.organizations import ensure_organization
from patchbay.agent_runtime.conversation.model import Finish, ModelEvent, ModelRequest, TextDelta
from patchbay.api.app import create_app
from patchbay.api.platform import Platform, open_platform
from patchbay.settings import Settings
from patchbay.store.database import Database
from patchbay.store.vault import Vault


@dataclass(frozen=True)
class Key:
    """A secret key of an organization."""

    org_id: str
    key_id: str
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


MakeKey = Callable[..., Awaitable[Key]]


@pytest.fixture
def make_key(database: Database, vault: Vault) -> MakeKey:
    """Makes a key: ``await make_key("agents:read", org="Globex")``; every scope unless some are named."""

    async def make(*scopes: str, org: str = "Acme", **options: Any) -> Key:
        organization = await ensure_organization(database, org)
        key, secret = await create_key(database, vault, org_id=organization.id, name="test", scopes=scopes or ("*",), **options)
        return Key(organization.id, key.id, secret)

    return make


@pytest.fixture
async def key(make_key: MakeKey) -> Key:
    """A key of Acme with every scope."""
    return await make_key()


@asynccontextmanager
async def client_of(app: FastAPI, headers: dict[str, str] | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of ``app`` with its lifespan run."""
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://patchbay.test", headers=headers) as client:
            yield client


@pytest.fixture
def bare_platform(database: Database, vault: Vault, settings: Settings) -> Any:
    """The part of the platform that the door itself needs."""
    return SimpleNamespace(database=database, vault=vault, settings=settings)


class ScriptedModel:
    """A model that says what it is told to: each answer is a list of events, and the last one is said again and again."""

    def __init__(self) -> None:
        self.answers: list[list[ModelEvent]] = [[TextDelta(text="Hello from "), TextDelta(text="Acme."), Finish()]]
        self.asked: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.asked.append(request)
        for event in self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]:
            yield event


@pytest.fixture
def model() -> ScriptedModel:
    """The model behind every agent of the test."""
    return ScriptedModel()


@pytest.fixture
async def platform(settings: Settings, database: Database, vault: Vault, model: ScriptedModel) -> AsyncIterator[Platform]:
    """The whole platform, with the scripted model and loopback allowed."""
    allowing = settings.model_copy(update={"egress_allow": "127.0.0.1/32", "rate_limit_per_minute": 100_000})
    async with open_platform(allowing, database=database, vault=vault, models=lambda _: model) as platform:
        yield platform


@pytest.fixture
def app(platform: Platform) -> FastAPI:
    """The application over that platform."""
    return create_app(platform.settings, platform=platform)


@pytest.fixture
async def client(app: FastAPI, key: Key) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the whole application, with Acme's key."""
    async with client_of(app, key.headers) as client:
        yield client


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The problem that ``response`` must be, its shape checked."""
    document = response.json()
    assert (response.status_code, document["status"], document["code"]) == (status, status, code), document
    assert response.headers["content-type"] == "application/problem+json"
    assert document["type"] in ("about:blank", f"https://docs.flowyte.com/errors/{code}")
    assert document["type"] == "about:blank" or code in document["detail"]
    assert document["instance"] == response.request.url.path
    assert document["requestId"] == response.headers["x-request-id"]
    assert document["title"]
    assert document["detail"]
    return document
