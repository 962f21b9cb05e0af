from __future__ import annotations

from datetime import timedelta

import pytest

from patchbay.accounts.audit import Done, list_page, record, record_alone
from patchbay.accounts.organizations import ensure_organization
from patchbay.accounts.principal import Principal
from patchbay.store.database import Database

pytestmark = pytest.mark.anyio


def principal(org_id: str, key_id: str = "key_1") -> Principal:
    return Principal(org_id, key_id, "CI", frozenset({"*"}))


async def log(database: Database, org_id: str, by: Principal | None, path: str = "/api/v1/agents") -> str:
    async with database.tenant(org_id) as session:
        return await record(
            session,
            Done(principal=by, method="POST", path=path, route="/agents", status=201, request_id="req_1", resource_id="agt_1"),
        )


async def test_a_row_alone_is_its_own_transaction(database: Database, org_id: str) -> None:
    done = Done(principal=None, method="POST", path="/x?q=1", route=None, status=404, request_id="req_1")
    row_id = await record_alone(database, org_id, done)
    async with database.tenant(org_id) as session:
        [row] = await list_page(session)
    assert (row.id, row.org_id, row.actor_type, row.path, row.status) == (row_id, org_id, "system", "/x", 404)


async def test_a_row_says_who_did_what(database: Database, org_id: str) -> None:
    await log(database, org_id, principal(org_id), "/api/v1/agents?secret=1")
    async with database.tenant(org_id) as session:
        [row] = await list_page(session)
    assert (row.org_id, row.actor_type, row.actor_id, row.actor_label) == (org_id, "api_key", "key_1", "CI")
    assert (row.method, row.path, row.route, row.status) == ("POST", "/api/v1/agents", "/agents", 201)
    assert (row.request_id, row.resource_id) == ("req_1", "agt_1")
    assert row.at.tzinfo is not None


async def test_pages_are_newest_first_and_join_up(database: Database, org_id: str) -> None:
    made = [await log(database, org_id, principal(org_id)) for _ in range(5)]
    seen: list[str] = []
    before = None
    async with database.tenant(org_id) as session:
        while page := await list_page(session, limit=2, before_id=before):
            assert len(page) <= 2
            seen += [row.id for row in page]
            before = seen[-1]
    assert seen == made[::-1]


async def test_the_log_is_filtered_by_actor_and_time(database: Database, org_id: str) -> None:
    first = await log(database, org_id, principal(org_id, "key_1"))
    second = await log(database, org_id, principal(org_id, "key_2"))
    system = await log(database, org_id, None)
    async with database.tenant(org_id) as session:

        async def ids(**filters: object) -> list[str]:
            return [row.id for row in await list_page(session, **filters)]  # type: ignore[arg-type]

        rows = {row.id: row for row in await list_page(session)}
        assert await ids(actor_id="key_1") == [first]
        assert await ids(actor_type="system") == [system]
        assert await ids(since=rows[second].at) == [system, second]
        assert await ids(until=rows[second].at) == [first]
        assert await ids(since=rows[system].at + timedelta(seconds=1)) == []


async def test_another_organization_sees_none_of_it(database: Database, org_id: str) -> None:
    await log(database, org_id, principal(org_id))
    other = await ensure_organization(database, "Other")
    async with database.tenant(other.id) as session:
        assert await list_page(session) == []
