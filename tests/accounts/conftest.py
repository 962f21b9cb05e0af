from __future__ import annotations

import pytest

from patchbay.accounts.organizations import ensure_organization
from patchbay.store.database import Database


@pytest.fixture
async def org_id(database: Database) -> str:
    """An organization to act in."""
    return (await ensure_organization(database, "Acme")).id
