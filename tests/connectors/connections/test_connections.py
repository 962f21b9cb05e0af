"""Connecting, reconnecting, replacing, disconnecting; what is stored and what is shown."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from patchbay.accounts.organizations import ensure_organization
from patchbay.connectors import connecting, connections
from patchbay.connectors.catalog import UnknownKind, check_kind
from patchbay.connectors.connecting import Known
from patchbay.connectors.connections import IntegrationNotConnected
from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.postgres.refusals import AuthenticationRefused
from patchbay.connectors.stored_credentials import WriteCredentialsMissing, read_credentials
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection, Credential
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.errors import Reserved, ValidationFailed
from patchbay.store.database import Database
from patchbay.store.vault import SecretUnreadable, Vault
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])


@pytest.fixture(scope="module")
def credentials(tls_postgres: PostgresServer) -> dict[str, Any]:
    return tls_postgres.create_database(sql="CREATE TABLE t (id int)", write_tables=("t",))


@pytest.fixture(scope="module")
def elsewhere(tls_postgres: PostgresServer) -> dict[str, Any]:
    return tls_postgres.create_database(sql="CREATE TABLE t (id int)")


@pytest.fixture
async def org(database: Database) -> str:
    return (await ensure_organization(database, "Acme")).id


async def connect(database: Database, vault: Vault, org: str, **body: Any) -> Connection:
    async with database.tenant(org) as session:
        made = await connecting.connect(database, session, vault, GUARD, org_id=org, kind="postgres", body=body)
        return made.connection


async def listed(database: Database, org: str) -> list[dict[str, Any]]:
    async with database.tenant(org, read_only=True) as session:
        return await connections.list_connections(session)


async def test_what_is_listed_names_the_target_and_no_secret(
    database: Database, vault: Vault, org: str, credentials: dict[str, Any]
) -> None:
    made = await connect(database, vault, org, credentials=credentials, timeZone="America/Toronto", defaultCountry="ca")
    (shown,) = await listed(database, org)
    assert shown["connectedAt"] is not None
    assert {**shown, "connectedAt": None} == {
        "kind": "postgres",
        "id": made.id,
        "status": "connected",
        "statusReason": None,
        "label": f"{credentials['database']} on 127.0.0.1",
        "type": "postgres",
        "target": {"type": "postgres", "host": "127.0.0.1", "port": credentials["port"], "database": credentials["database"]},
        "connectedAt": None,
        "definition": None,
        "discoveredAt": None,
        "timeZone": "America/Toronto",
        "defaultCountry": "CA",
    }
    assert credentials["password"] not in repr(shown)
    async with database.tenant(org) as session:
        (entry,) = [one for one in await connections.list_catalog(session) if one["kind"] == "postgres"]
    assert (entry["kind"], entry["connected"], entry["accountLabel"]) == ("postgres", True, shown["label"])


async def test_secrets_are_sealed_to_their_place(database: Database, vault: Vault, org: str, credentials: dict[str, Any]) -> None:
    made = await connect(database, vault, org, credentials=credentials)
    async with database.tenant(org) as session:
        stored = {row.role: row for row in await session.scalars(select(Credential))}
        assert set(stored) == {"read", "write"}
        for row in stored.values():
            assert credentials["password"].encode() not in row.ciphertext
            assert credentials["write"]["password"].encode() not in row.ciphertext
        read = await read_credentials(session, vault, made)
        assert read.write is None
        assert read.password == credentials["password"]
        write = await read_credentials(session, vault, made, "write")
        assert write.login("write").user == credentials["write"]["user"]
        moved = stored["write"]
        await session.execute(
            text("UPDATE credentials SET ciphertext = :c, key_id = :k WHERE role = 'read'"),
            {"c": moved.ciphertext, "k": moved.key_id},
        )
        session.expire_all()
        with pytest.raises(SecretUnreadable):
            await read_credentials(session, vault, await connections.current(session, "postgres"))


async def test_the_same_target_keeps_the_connection(
    database: Database, vault: Vault, org: str, credentials: dict[str, Any], tls_postgres: PostgresServer
) -> None:
    first = await connect(database, vault, org, credentials=credentials, timeZone="Europe/Berlin")
    async with database.tenant(org) as session:
        await session.execute(text("""UPDATE connections SET scoping = '{"blockedTables": ["x"]}'"""))
    tls_postgres.execute("postgres", f"ALTER ROLE \"{credentials['user']}\" PASSWORD 'rotated-9'")
    try:
        rotated = {**credentials, "password": "rotated-9", "port": str(credentials["port"])}
        rotated.pop("write")
        again = await connect(database, vault, org, credentials=rotated)
    finally:
        tls_postgres.execute("postgres", f"ALTER ROLE \"{credentials['user']}\" PASSWORD '{credentials['password']}'")
    assert again.id == first.id
    assert again.scoping == {"blockedTables": ["x"]}
    assert again.time_zone == "Europe/Berlin"
    assert again.scoping_version > first.scoping_version
    async with database.tenant(org) as session:
        assert (await read_credentials(session, vault, again)).password == "rotated-9"
        with pytest.raises(WriteCredentialsMissing):
            await read_credentials(session, vault, again, "write")


async def test_another_target_is_another_connection_that_inherits_the_scoping(
    database: Database, vault: Vault, org: str, credentials: dict[str, Any], elsewhere: dict[str, Any]
) -> None:
    first = await connect(database, vault, org, credentials=credentials, defaultCountry="CA")
    async with database.tenant(org) as session:
        await session.execute(text("""UPDATE connections SET scoping = '{"blockedTables": ["x"]}', status = 'connected'"""))
    second = await connect(database, vault, org, credentials=elsewhere)
    assert second.id != first.id
    assert second.scoping == {"blockedTables": ["x"]}
    assert second.snapshot_id is None
    assert second.default_country == "CA"
    async with database.anonymous() as session:
        rows = await session.execute(
            text("SELECT id, replaced FROM connection_states(ARRAY[:a, :b])"), {"a": first.id, "b": second.id}
        )
        assert {row[0]: row[1] for row in rows} == {first.id: True, second.id: False}
    async with database.tenant(org) as session:
        assert {row.connection_id for row in await session.scalars(select(Credential))} == {second.id}
    assert [one["id"] for one in await listed(database, org)] == [second.id]


async def test_disconnecting_removes_only_the_credentials(
    database: Database, vault: Vault, org: str, credentials: dict[str, Any]
) -> None:
    made = await connect(database, vault, org, credentials=credentials)
    async with database.tenant(org) as session:
        await connections.disconnect(session, kind="postgres")
    async with database.tenant(org) as session:
        assert list(await session.scalars(select(Credential))) == []
        kept = await connections.current(session, "postgres")
        assert (kept.id, kept.status) == (made.id, "disconnected")
        with pytest.raises(IntegrationNotConnected):
            await connections.current(session, "postgres", connected=True)
        with pytest.raises(IntegrationNotConnected):
            await read_credentials(session, vault, kept)
        with pytest.raises(IntegrationNotConnected):
            await connections.disconnect(session, kind="postgres")
    again = await connect(database, vault, org, credentials=credentials)
    assert again.id == made.id


async def test_settings_change_without_credentials(
    database: Database, vault: Vault, org: str, credentials: dict[str, Any]
) -> None:
    with pytest.raises(IntegrationNotConnected):
        await connect(database, vault, org, timeZone="UTC")
    made = await connect(database, vault, org, credentials=credentials, timeZone="UTC", defaultCountry="CA")
    changed = await connect(database, vault, org, timeZone="Asia/Tokyo")
    assert (changed.id, changed.time_zone, changed.default_country) == (made.id, "Asia/Tokyo", "CA")
    assert (await connect(database, vault, org, defaultCountry=None)).default_country is None


async def test_wrong_credentials_and_private_hosts_store_nothing(
    database: Database, vault: Vault, org: str, credentials: dict[str, Any]
) -> None:
    with pytest.raises(AuthenticationRefused):
        await connect(database, vault, org, credentials={**credentials, "password": "wrong"})
    bad_writer = {**credentials, "write": {"user": credentials["write"]["user"], "password": "wrong"}}
    with pytest.raises(AuthenticationRefused):
        await connect(database, vault, org, credentials=bad_writer)
    async with database.tenant(org) as session:
        body = {"credentials": credentials}
        with pytest.raises(EgressRefused):
            await connecting.connect(database, session, vault, EgressGuard(), org_id=org, kind="postgres", body=body)
    assert await listed(database, org) == []


def findings(body: Any, kind: str = "postgres") -> dict[str, str]:
    with pytest.raises(ValidationFailed) as refused:
        connecting.parse_connect(kind, body, Known())
    return {finding.field: finding.code for finding in refused.value.errors}


def test_a_bad_body_is_told_all_at_once() -> None:
    body = {"credential": {}, "credentials": {"hots": "x", "port": "no"}, "timeZone": "America/Torono", "defaultCountry": "XX"}
    found = findings(body)
    assert found["credential"] == "unknown_field"
    assert found["credentials.hots"] == "unknown_field"
    assert found["credentials.port"] == "type"
    assert found["timeZone"] == "time_zone_unknown"
    assert found["defaultCountry"] == "country_unknown"
    with pytest.raises(ValidationFailed) as refused:
        connecting.parse_connect("postgres", body, Known())
    hints = {finding.field: finding.hint for finding in refused.value.errors}
    assert "'credentials'" in (hints["credential"] or "")
    assert "'America/Toronto'" in (hints["timeZone"] or "")
    assert findings({}) == {"credentials": "required"}
    assert findings({"credentials": [], "timeZone": 3, "defaultCountry": 4}) == {
        "credentials": "type",
        "timeZone": "type",
        "defaultCountry": "type",
    }


def test_unknown_and_reserved_kinds() -> None:
    for kind in ("calendly", "hubspot", "opentable"):
        with pytest.raises(Reserved):
            check_kind(kind)
    with pytest.raises(UnknownKind) as unknown:
        connecting.parse_connect("postgre", {}, Known())
    assert "'postgres'" in (unknown.value.hint or "")


async def test_connections_are_of_one_organization(
    database: Database, vault: Vault, org: str, credentials: dict[str, Any]
) -> None:
    await connect(database, vault, org, credentials=credentials)
    other = (await ensure_organization(database, "Other")).id
    assert await listed(database, other) == []
    async with database.tenant(other) as session:
        with pytest.raises(IntegrationNotConnected):
            await connections.current(session, "postgres")


def test_the_identity_of_a_target_ignores_case_of_the_host(credentials: dict[str, Any]) -> None:
    parsed = parse_sql_credentials("postgres", {**credentials, "host": "DB.Example.COM"})
    assert system_of("postgres").target(parsed)["host"] == "db.example.com"
    same = msgspec.structs.replace(parsed, password="other")
    assert system_of("postgres").target(same) == system_of("postgres").target(parsed)
