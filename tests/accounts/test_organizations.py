from __future__ import annotations

import asyncio

import pytest

from patchbay.accounts.organizations import ensure_organization, find_organization, list_organizations
from patchbay.errors import NotFound, ValidationFailed
from patchbay.store.database import Database

pytestmark = pytest.mark.anyio


async def test_an_organization_is_made_once(database: Database) -> None:
    made = await asyncio.gather(*(ensure_organization(database, name) for name in ["Acme", " Acme ", "Acme", "Other"]))
    assert made[0].id == made[1].id == made[2].id != made[3].id
    assert sorted(found.name for found in await list_organizations(database)) == ["Acme", "Other"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "new\nline"])
async def test_a_name_that_cannot_be_is_refused(database: Database, name: str) -> None:
    with pytest.raises(ValidationFailed):
        await ensure_organization(database, name)
    assert await list_organizations(database) == []


async def test_an_unknown_one_gets_the_nearest_name(database: Database) -> None:
    made = await ensure_organization(database, "Acme Clinic")
    assert (await find_organization(database, "Acme Clinic")).id == made.id
    with pytest.raises(NotFound) as refused:
        await find_organization(database, "Acme Clinik")
    assert refused.value.hint == "Did you mean 'Acme Clinic'?"
