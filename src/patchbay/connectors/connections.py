"""Connections: which external systems an organization has connected, and the credentials for them.

A connection is identified by its target (type, host, port, database). Connecting to the same target again replaces the
credentials and keeps everything else; another target is another connection, which inherits the data scoping. Whatever
running processes must notice raises ``scoping_version`` and is announced on the channel ``patchbay_connections``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast
from zoneinfo import available_timezones

import msgspec
import phonenumbers
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors import catalog
from patchbay.connectors.catalog import provider
from patchbay.connectors.sql.credentials import SqlCredentials, dump_sql_credentials, parse_sql_credentials
from patchbay.connectors.sql.postgres.session import open_session
from patchbay.connectors.tables import Connection, Credential, Snapshot
from patchbay.egress.guard import EgressGuard
from patchbay.errors import Conflict, Finding, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.store.ids import new_id
from patchbay.store.vault import Sealed, Vault

CHANNEL = "patchbay_connections"
CONNECT_S = 10.0
_MEMBERS = ("credentials", "timeZone", "defaultCountry")
Role = Literal["read", "write"]


class IntegrationNotConnected(Conflict):
    """Refused with integration_not_connected: connect this integration first."""

    code, title, named = "integration_not_connected", "Integration not connected", True


class WriteCredentialsMissing(Conflict):
    """This connection has no write role: connect again with write credentials."""

    code, title, status = "write_credentials_missing", "Write credentials missing", 422


class ConnectRequest(msgspec.Struct, frozen=True):
    """A body of connect that is valid. ``settings`` holds the columns that were sent. ``credentials`` None: keep those stored."""

    kind: str
    credentials: SqlCredentials | None
    settings: Mapping[str, str | None]


def parse_connect(kind: str, body: Mapping[str, Any]) -> ConnectRequest:
    """Read ``{credentials: {…}, timeZone?, defaultCountry?}``; collects all findings into one :class:`ValidationFailed`."""
    provider(kind)
    findings = [
        Finding(name[:64], "unknown_field", f"There is no member {name[:64]!r} here.", did_you_mean(name[:64], _MEMBERS))
        for name in body
        if name not in _MEMBERS
    ]
    settings: dict[str, str | None] = {}
    for member, column, read in (("timeZone", "time_zone", _time_zone), ("defaultCountry", "default_country", _country)):
        if member in body:
            settings[column] = read(body[member], findings)
    credentials = _credentials(kind, body.get("credentials"), settings, findings)
    if findings:
        raise ValidationFailed("The connection is not valid.", errors=findings)
    return ConnectRequest(kind, credentials, settings)


async def connect(session: AsyncSession, vault: Vault, guard: EgressGuard, *, kind: str, body: Mapping[str, Any]) -> Connection:
    """Connect ``kind``: the credentials are proven by logging in, then stored.

    A body without ``credentials`` changes the settings of what is connected. Logging in comes before the first use of
    ``session``, so no transaction waits for it. Raises ValidationFailed, EgressRefused, or the ConnectFailed of the log-in.
    """
    request = parse_connect(kind, body)
    if request.credentials is not None:
        await prove_credentials(request.credentials, guard)
    return await store_connection(session, vault, request)


async def prove_credentials(credentials: SqlCredentials, guard: EgressGuard) -> None:
    """Log in once with each role, to the address the guard checked."""
    checked = await guard.check(credentials.host, credentials.port)
    roles: tuple[Role, ...] = ("read", "write") if credentials.write is not None else ("read",)
    for role in roles:
        opened = await open_session(credentials, guard, role=role, connect_timeout_s=CONNECT_S / len(roles), pinned=checked)
        await opened.close()


async def store_connection(session: AsyncSession, vault: Vault, request: ConnectRequest) -> Connection:
    """Write a connection whose credentials were proven. Two at once for one kind queue up."""
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtext("patchbay connect"), func.hashtext(func.current_setting("app.org"))))
    )
    current_one = await _current(session, request.kind, lock=True)
    if request.credentials is None:
        if current_one is None or current_one.status != "connected":
            raise IntegrationNotConnected(hint="Send the credentials.")
        connection = current_one
    else:
        target = target_of(provider(request.kind).type, request.credentials)
        connection = current_one if current_one is not None and current_one.target == target else None
        if connection is None:
            connection = await _new_connection(session, request.kind, target, current_one)
        connection.status = "connected"
        connection.connected_at = func.now()
        connection.label = f"{request.credentials.database} on {request.credentials.host}"
    for column, value in request.settings.items():
        setattr(connection, column, value)
    connection.scoping_version = Connection.scoping_version + 1 if connection is current_one else 1
    await session.flush()
    await session.refresh(connection)
    if request.credentials is not None:
        await _store_credentials(session, vault, connection, request.credentials)
    await announce(session, connection.id)
    return connection


async def disconnect(session: AsyncSession, *, kind: str) -> Connection:
    """Delete the credentials of ``kind``; its definition, scoping and last snapshot stay. Calls stop within a second."""
    provider(kind)
    connection = await _current(session, kind, lock=True)
    if connection is None or connection.status != "connected":
        raise IntegrationNotConnected
    await session.execute(delete(Credential).where(Credential.connection_id == connection.id))
    connection.status = "disconnected"
    connection.scoping_version = Connection.scoping_version + 1
    await session.flush()
    await session.refresh(connection)
    await announce(session, connection.id)
    return connection


async def list_connections(session: AsyncSession) -> list[dict[str, Any]]:
    """What is or was connected, by kind, in its wire form: no credentials."""
    rows = await session.execute(
        select(Connection, Snapshot.created_at)
        .outerjoin(Snapshot, Snapshot.id == Connection.snapshot_id)
        .where(Connection.replaced_at.is_(None))
        .order_by(Connection.kind)
    )
    return [_json(connection, discovered_at) for connection, discovered_at in rows]


async def connection_json(session: AsyncSession, connection: Connection) -> dict[str, Any]:
    """One connection in its wire form."""
    return _json(connection, await session.scalar(select(Snapshot.created_at).where(Snapshot.id == connection.snapshot_id)))


async def list_catalog(session: AsyncSession) -> list[dict[str, Any]]:
    """The catalog, with what the organization has connected."""
    rows = await session.execute(
        select(Connection.kind, Connection.label).where(Connection.replaced_at.is_(None), Connection.status == "connected")
    )
    return catalog.catalog({kind: label for kind, label in rows})


async def current(session: AsyncSession, kind: str, *, connected: bool = False) -> Connection:
    """The connection of ``kind``, with ``connected`` only while it is connected.

    Raises :class:`UnknownKind`, Reserved, or :class:`IntegrationNotConnected`.
    """
    provider(kind)
    connection = await _current(session, kind)
    if connection is None or (connected and connection.status != "connected"):
        raise IntegrationNotConnected
    return connection


async def read_credentials(session: AsyncSession, vault: Vault, connection: Connection, role: Role = "read") -> SqlCredentials:
    """The stored credentials for ``role``. Raises IntegrationNotConnected or WriteCredentialsMissing when there are none."""
    stored = await session.scalar(select(Credential).where(Credential.connection_id == connection.id, Credential.role == "read"))
    if stored is None:
        raise IntegrationNotConnected
    raw = _open(vault, stored)
    if role == "write":
        writing = await session.scalar(
            select(Credential).where(Credential.connection_id == connection.id, Credential.role == "write")
        )
        if writing is None:
            raise WriteCredentialsMissing
        raw["write"] = _open(vault, writing)
    return parse_sql_credentials(provider(connection.kind).type, raw)


def target_of(type_: str, credentials: SqlCredentials) -> dict[str, Any]:
    """The identity of what is connected."""
    return {
        "type": type_,
        "host": credentials.host.lower(),
        "port": credentials.port,
        "database": credentials.database,
    }


async def announce(session: AsyncSession, connection_id: str) -> None:
    """Tell every process, with the commit, to look at this connection again."""
    await session.execute(select(func.pg_notify(CHANNEL, connection_id)))


async def _current(session: AsyncSession, kind: str, *, lock: bool = False) -> Connection | None:
    query = select(Connection).where(Connection.kind == kind, Connection.replaced_at.is_(None))
    return await session.scalar(query.with_for_update() if lock else query)


async def _new_connection(session: AsyncSession, kind: str, target: dict[str, Any], old: Connection | None) -> Connection:
    if old is not None:
        old.replaced_at = func.now()
        old.status = "disconnected"
        old.scoping_version = Connection.scoping_version + 1
        await session.flush()
        await session.execute(delete(Credential).where(Credential.connection_id == old.id))
        await announce(session, old.id)
    connection = Connection(
        id=new_id("con"),
        kind=kind,
        target=target,
        label="",
        status="connected",
        scoping=dict(old.scoping) if old is not None else {},
        time_zone=old.time_zone if old is not None else None,
        default_country=old.default_country if old is not None else None,
    )
    session.add(connection)
    return connection


async def _store_credentials(session: AsyncSession, vault: Vault, connection: Connection, credentials: SqlCredentials) -> None:
    raw = dump_sql_credentials(credentials)
    write = raw.pop("write", None)
    await session.execute(delete(Credential).where(Credential.connection_id == connection.id))
    for role, secret in (("read", raw), ("write", write)):
        if secret is not None:
            place = Credential.place(connection.id, role)
            sealed = vault.seal(msgspec.json.encode(secret), **place, org_id=connection.org_id)
            session.add(Credential(connection_id=connection.id, role=role, key_id=sealed.key_id, ciphertext=sealed.ciphertext))
    await session.flush()


def _open(vault: Vault, stored: Credential) -> dict[str, Any]:
    place = Credential.place(stored.connection_id, stored.role)
    return msgspec.json.decode(vault.open(Sealed(stored.key_id, stored.ciphertext), **place, org_id=stored.org_id))


def _json(connection: Connection, discovered_at: Any) -> dict[str, Any]:
    return {
        "kind": connection.kind,
        "id": connection.id,
        "status": connection.status,
        "label": connection.label,
        "type": provider(connection.kind).type,
        "target": connection.target,
        "connectedAt": connection.connected_at,
        "discoveredAt": discovered_at,
        "timeZone": connection.time_zone,
        "defaultCountry": connection.default_country,
    }


def _credentials(kind: str, raw: Any, settings: Mapping[str, str | None], findings: list[Finding]) -> SqlCredentials | None:
    if raw is None:
        if not settings:
            findings.append(Finding("credentials", "required", "credentials is needed.", "Send host, database, user, password."))
        return None
    if not isinstance(raw, Mapping):
        findings.append(Finding("credentials", "type", "credentials must be an object."))
        return None
    try:
        return parse_sql_credentials(provider(kind).type, cast("Mapping[str, Any]", raw))
    except ValidationFailed as failed:
        findings.extend(msgspec.structs.replace(f, field=f"credentials.{f.field}") for f in failed.errors)
        return None


def _time_zone(value: Any, findings: list[Finding]) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        findings.append(Finding("timeZone", "type", "timeZone must be a string."))
        return None
    zones = available_timezones()
    if value not in zones:
        hint = did_you_mean(value[:64], zones) or "Use an IANA name such as America/Toronto."
        findings.append(Finding("timeZone", "time_zone_unknown", "There is no such IANA time zone.", hint))
    return value


def _country(value: Any, findings: list[Finding]) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        findings.append(Finding("defaultCountry", "type", "defaultCountry must be a string."))
        return None
    country = value.upper()
    if country not in phonenumbers.SUPPORTED_REGIONS:
        findings.append(
            Finding("defaultCountry", "country_unknown", "There is no such ISO 3166-1 country.", "Two letters, such as CA or DE.")
        )
    return country
