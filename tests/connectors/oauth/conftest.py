"""A fresh authorization server and an organization for each test."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors.oauth.customers import Customers, customers
from tests.servers.authorization_server import AuthorizationServer, authorization_server


@pytest.fixture
async def server() -> AsyncGenerator[AuthorizationServer]:
    async with authorization_server() as running:
        yield running


@pytest.fixture
async def acme(database: Database, vault: Vault, server: AuthorizationServer) -> Customers:
    return await customers(database, vault, server)
