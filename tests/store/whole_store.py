"""What every kind of login and server must be able to do with the store."""

from __future__ import annotations

from sqlalchemy import text

from patchbay.accounts.keys import admit, create_key
from patchbay.accounts.organizations import ensure_organization, list_organizations
from patchbay.store.database import Database
from patchbay.store.migrate import migrate
from patchbay.store.row_security import breaches
from patchbay.store.vault import Vault


async def migrated(dsn: str) -> list[str]:
    """Migrate the database at ``dsn``; the revisions applied."""
    database = Database.at(dsn)
    try:
        return await migrate(database)
    finally:
        await database.close()


async def use_across_organizations(dsn: str) -> None:
    """Everything that crosses organizations, as the login of ``dsn``, which is under row-level security itself."""
    database, vault = Database.at(dsn), Vault([("k1", bytes(32))])
    try:
        one, two = await ensure_organization(database, "One"), await ensure_organization(database, "Two")
        assert (await ensure_organization(database, "One")).id == one.id
        assert [found.name for found in await list_organizations(database)] == ["One", "Two"]
        _, presented = await create_key(database, vault, org_id=two.id, name="key", scopes=["*"])
        for _ in range(12):  # often enough that the driver would prepare what it may
            assert (await admit(database, vault, presented, limit=50)).principal.org_id == two.id
            async with database.tenant(one.id) as session:
                assert (await session.scalars(text("SELECT name FROM organizations"))).all() == ["One"]
                assert await session.scalar(text("SELECT count(*) FROM api_keys")) == 0
            async with database.tenant(two.id, read_only=True) as session:
                assert (await session.scalars(text("SELECT name FROM organizations"))).all() == ["Two"]
        async with database.anonymous() as session:
            assert (await session.execute(text("SELECT * FROM connection_states(ARRAY['con_x'])"))).all() == []
            assert (await session.execute(text("SELECT * FROM oauth_state_owner('x')"))).all() == []
        async with database.owner() as session:
            assert await breaches(session) == []
    finally:
        await database.close()
