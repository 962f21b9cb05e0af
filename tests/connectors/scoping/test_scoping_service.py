"""Reading and changing a connection's data scoping."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from patchbay.accounts.organizations import ensure_organization
from patchbay.connectors import connections, scoping
from patchbay.connectors.connections import CHANNEL
from patchbay.errors import ValidationFailed
from patchbay.store.database import Database
from patchbay.store.vault import Vault
from tests.connectors import shop
from tests.connectors.platform import Shop, open_shop
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def credentials(tls_postgres: PostgresServer) -> dict[str, Any]:
    return tls_postgres.create_database(sql=shop.SQL)


@pytest.fixture
async def acme(database: Database, vault: Vault, credentials: dict[str, Any]) -> Shop:
    return await open_shop(database, vault, credentials)


async def read(acme: Shop) -> dict[str, Any]:
    async with acme.database.tenant(acme.org, read_only=True) as session:
        return await scoping.get_scoping(session, await connections.current(session, "postgres"))


async def test_nothing_is_blocked_at_first(acme: Shop) -> None:
    shown = await read(acme)
    assert {**shown, "scopingVersion": 0} == {
        "blockedTables": [],
        "blockedColumns": {},
        "allowedOpaque": [],
        "scopingVersion": 0,
        "unmatched": {"blockedTables": [], "blockedColumns": {}},
    }


async def test_each_member_sent_replaces_the_others_stay(acme: Shop) -> None:
    before = (await read(acme))["scopingVersion"]
    await acme.block(blockedTables=["tickets"], blockedColumns={"customers": ["ssn", "email"]})
    shown = await acme.block(blockedColumns={"customers": ["ssn"]})
    assert shown["blockedTables"] == ["tickets"]
    assert shown["blockedColumns"] == {"customers": ["ssn"]}
    assert shown["scopingVersion"] == before + 2
    shown = await acme.block(blockedTables=[], blockedColumns={})
    assert (shown["blockedTables"], shown["blockedColumns"]) == ([], {})
    assert shown == await read(acme)


async def test_a_change_that_changes_nothing_raises_no_version(acme: Shop) -> None:
    first = await acme.block(blockedTables=["tickets"])
    assert await acme.block(blockedTables=[" tickets ", "tickets"]) == first


async def test_what_matches_nothing_is_kept_and_told(acme: Shop) -> None:
    shown = await acme.block(blockedTables=["payments", "TICKETS"], blockedColumns={"customers": ["ssn", "card"], "nope": ["x"]})
    assert shown["unmatched"] == {"blockedTables": ["payments"], "blockedColumns": {"customers": ["card"], "nope": ["x"]}}
    assert shown["blockedTables"] == ["payments", "TICKETS"]


async def test_scoping_outlives_the_connection(acme: Shop) -> None:
    await acme.block(blockedTables=["tickets"])
    await acme.disconnect()
    assert (await read(acme))["blockedTables"] == ["tickets"]
    await acme.block(blockedTables=["customers"])
    await acme.connect(acme.credentials)
    assert (await read(acme))["blockedTables"] == ["customers"]


async def test_before_the_first_discovery_nothing_can_be_told_to_match(
    database: Database, vault: Vault, credentials: dict[str, Any]
) -> None:
    org = (await ensure_organization(database, "Fresh")).id
    fresh = Shop(database, vault, org, "", credentials)
    await fresh.connect(credentials)
    shown = await fresh.block(blockedTables=["tickets"])
    assert shown["blockedTables"] == ["tickets"]
    assert shown["unmatched"] == {"blockedTables": [], "blockedColumns": {}}


async def test_the_change_is_announced_with_the_commit(acme: Shop) -> None:
    listening = await psycopg.AsyncConnection.connect(acme.database.dsn, autocommit=True)
    async with listening:
        await listening.execute(f"LISTEN {CHANNEL}")
        await acme.block(blockedTables=["tickets"])
        heard = [notice.payload async for notice in listening.notifies(timeout=5, stop_after=1)]
    assert heard == [acme.connection_id]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"blockedTable": ["x"]}, ["blockedTable"]),
        ({"blockedTables": "x"}, ["blockedTables"]),
        ({"blockedTables": ["a", "", 3, "b" * 401]}, ["blockedTables.1", "blockedTables.2", "blockedTables.3"]),
        ({"blockedColumns": ["x"]}, ["blockedColumns"]),
        ({"blockedColumns": {"t": "x", " ": ["y"]}}, ["blockedColumns.t", "blockedColumns. "]),
        ({"allowedOpaque": None, "blockedTables": None}, ["blockedTables", "allowedOpaque"]),
    ],
)
def test_bad_bodies_are_told_where(body: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(ValidationFailed) as refused:
        scoping.parse_scoping(body)
    assert [finding.field for finding in refused.value.errors] == fields


async def test_two_changes_at_once_both_count(acme: Shop) -> None:
    import asyncio

    before = (await read(acme))["scopingVersion"]
    await asyncio.gather(acme.block(blockedTables=["tickets"]), acme.block(blockedColumns={"customers": ["ssn"]}))
    shown = await read(acme)
    assert shown["blockedTables"] == ["tickets"]
    assert shown["blockedColumns"] == {"customers": ["ssn"]}
    assert shown["scopingVersion"] == before + 2
