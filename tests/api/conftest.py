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
