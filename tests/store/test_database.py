from __future__ import annotations

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from patchbay.accounts.tables import Organization
from patchbay.store import liveness
from patchbay.store.database import Database

pytestmark = pytest.mark.anyio


async def organization(database: Database, org_id: str) -> str:
    async with database.owner(org_id) as session:
        session.add(Organization(id=org_id, name=org_id))
    return org_id


async def test_an_organization_sees_itself_only(database: Database) -> None:
    await organization(database, "org_a")
    await organization(database, "org_b")
    async with database.tenant("org_a") as session:
        assert (await session.scalars(text("SELECT id FROM organizations"))).all() == ["org_a"]
        assert await session.scalar(text("SELECT current_user")) == "patchbay_app"


async def test_without_an_organization_there_are_no_rows(database: Database) -> None:
    await organization(database, "org_a")
    async with database.anonymous() as session:
        assert await session.scalar(text("SELECT count(*) FROM organizations")) == 0


async def test_an_error_rolls_back(database: Database) -> None:
    await organization(database, "org_a")

    async def fail() -> None:
        async with database.tenant("org_a") as session:
            await session.execute(text("INSERT INTO agents (id, name, draft) VALUES ('agt_1', 'A', '{}')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.tenant("org_a") as session:
        assert await session.scalar(text("SELECT count(*) FROM agents")) == 0


async def test_a_read_only_session_refuses_to_write(database: Database) -> None:
    await organization(database, "org_a")
    with pytest.raises(DBAPIError, match="read-only"):
        async with database.tenant("org_a", read_only=True) as session:
            await session.execute(text("INSERT INTO agents (id, name, draft) VALUES ('agt_1', 'A', '{}')"))


@pytest.mark.parametrize("rested_s", [0.0, 3600.0])
async def test_a_lost_connection_is_replaced_before_it_is_used(
    database: Database, monkeypatch: pytest.MonkeyPatch, rested_s: float
) -> None:
    """As after a restart of the server: every pooled connection is dead, and nobody notices. It shows by its socket, and, when
    that is silent, by asking one that has rested."""
    await organization(database, "org_a")
    monkeypatch.setattr(liveness, "RESTED_S", rested_s)
    if rested_s == 0.0:
        monkeypatch.setattr(liveness, "_has_word", lambda _: False)
    query = text("SELECT pg_backend_pid()")
    async with database.tenant("org_a") as session:
        before = await session.scalar(query)
    async with database.tenant("org_a") as session:
        assert await session.scalar(query) == before
    other = Database.at(database.dsn)
    async with other.owner() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": before})
    await other.close()
    async with database.tenant("org_a") as session:
        assert await session.scalar(query) != before
        assert (await session.scalars(text("SELECT id FROM organizations"))).all() == ["org_a"]


async def test_a_session_enters_with_one_statement(database: Database) -> None:
    """Role, organization and read-only come in one round trip."""
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    async with database.tenant("org_a", read_only=True) as session:
        await session.execute(text("SELECT 1"))
    assert len(seen) == 2
