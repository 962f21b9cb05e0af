"""Organizations: made and listed by whoever runs this installation, never by a request."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from patchbay.accounts.tables import Organization
from patchbay.errors import Finding, NotFound, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.store.database import Database
from patchbay.store.ids import new_id

_LONGEST = 200


async def ensure_organization(database: Database, name: str) -> Organization:
    """The organization called ``name``, made when there is none. Two that are made at once are one."""
    name = name.strip()
    if not name or len(name) > _LONGEST or not name.isprintable():
        message = f"An organization's name is 1 to {_LONGEST} printable characters."
        raise ValidationFailed(message, errors=[Finding("name", "invalid", message)])
    org_id = new_id("org")
    async with database.owner(org_id) as session:
        found = await session.scalar(select(Organization).where(Organization.name == name))
        if found is None:
            await session.execute(insert(Organization).values(id=org_id, name=name).on_conflict_do_nothing())
    async with database.owner() as session:
        return found or (await session.scalars(select(Organization).where(Organization.name == name))).one()


async def list_organizations(database: Database) -> Sequence[Organization]:
    """Every organization, oldest first."""
    async with database.owner() as session:
        return (await session.scalars(select(Organization).order_by(Organization.id))).all()


async def find_organization(database: Database, name: str) -> Organization:
    """The organization called ``name``. Raises :class:`NotFound` with the nearest names."""
    known = {organization.name: organization for organization in await list_organizations(database)}
    if name.strip() not in known:
        raise NotFound(f"There is no organization called {name!r}.", hint=did_you_mean(name, known))
    return known[name.strip()]
