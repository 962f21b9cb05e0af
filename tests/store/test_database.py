from __future__ import annotations

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, OperationalError

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


async def test_a_statement_alone_is_a_transaction_of_its_own_organization(database: Database) -> None:
    await organization(database, "org_a")
    await organization(database, "org_b")
    add = text("INSERT INTO agents (id, name, draft) VALUES (:id, 'A', '{}') RETURNING org_id, current_user::text")
    assert list(await database.once("org_a", add, {"id": "agt_1"})) == [("org_a", "patchbay_app")]
    count = text("SELECT count(*) FROM agents")
    assert [list(await database.once(org, count, {})) for org in ("org_a", "org_b")] == [[(1,)], [(0,)]]
    async with database.owner() as session:
        left = text("SELECT current_user = session_user, current_setting('app.org', true)")
        assert (await session.execute(left)).one() == (True, "")
    with pytest.raises(ValueError, match="needs an organization"):
        await database.once("", count, {})


async def test_a_statement_alone_that_fails_changes_nothing_and_its_connection_goes_on(database: Database) -> None:
    await organization(database, "org_a")
    foreign = text("INSERT INTO agents (id, org_id, name, draft) VALUES (:id, 'org_b', 'A', '{}')")
    late = text(
        "WITH added AS (INSERT INTO agents (id, name, draft) VALUES (:id, 'A', '{}') RETURNING id)"
        " SELECT 1 / (length(id) - 5) FROM added"
    )
    for statement in (foreign, late):
        with pytest.raises(DBAPIError):
            await database.once("org_a", statement, {"id": "agt_1"})
        assert list(await database.once("org_a", text("SELECT count(*) FROM agents"), {})) == [(0,)]
    end = text("SELECT set_config('role', 'none', true), pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(OperationalError):
        await database.once("org_a", end, {})
    assert list(await database.once("org_a", text("SELECT count(*) FROM agents"), {})) == [(0,)]
