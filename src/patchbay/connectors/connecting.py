"""Connecting: a body is read, the credentials are proven on the system itself, and what was proven is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from zoneinfo import available_timezones

import msgspec
import phonenumbers
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.uploads import attach_upload
from patchbay.connectors.catalog import PROVIDERS, check_kind, unknown_kind
from patchbay.connectors.connections import IntegrationNotConnected, announce, definition_of, find
from patchbay.connectors.definition import Definition, parse_definition
from patchbay.connectors.stored_credentials import read_secrets, write_secrets
from patchbay.connectors.system import Secrets
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection, Credential
from patchbay.egress.guard import EgressGuard
from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.store.database import Database
from patchbay.store.ids import new_id
from patchbay.store.vault import Vault

_MEMBERS = ("credentials", "definition", "timeZone", "defaultCountry")


class Known(msgspec.Struct, frozen=True):
    """What is kept of a kind before a connect: its definition, its target, and its secrets while it is connected."""

    definition: Definition | None = None
    target: Mapping[str, Any] | None = None
    secrets: Secrets | None = None


class ConnectRequest(msgspec.Struct, frozen=True):
    """A body of connect that is valid. ``settings`` holds the columns that were sent.

    ``credentials`` None: those stored stay, and so does the target. ``proven``: they are as they were, and need no proof.
    """

    kind: str
    type: str
    definition: Definition | None
    credentials: Any | None
    settings: Mapping[str, str | None]
    proven: bool = False


async def connect(
    database: Database,
    session: AsyncSession,
    vault: Vault,
    guard: EgressGuard,
    *,
    org_id: str,
    kind: str,
    body: Mapping[str, Any],
) -> Connection:
    """Connect ``kind``: the credentials are proven on the system, then stored.

    A body without ``credentials`` changes the settings of what is connected. No transaction waits for the system: what is
    known is read in one of its own, and ``session`` is used only afterwards. Raises ValidationFailed, EgressRefused, or the
    typed failure of the system.
    """
    async with database.tenant(org_id, read_only=True) as reading:
        known = await known_of(reading, vault, kind)
    request = parse_connect(kind, body, known)
    if request.credentials is not None and not request.proven:
        await system_of(request.type).log_in(request.credentials, guard, None)
    return await store_connection(session, vault, request)


async def known_of(session: AsyncSession, vault: Vault, kind: str) -> Known:
    """What is kept of ``kind``. Raises Reserved."""
    check_kind(kind)
    connection = await find(session, kind)
    if connection is None:
        return Known()
    try:
        secrets = await read_secrets(session, vault, connection)
    except IntegrationNotConnected:
        secrets = None
    return Known(definition_of(connection), connection.target, secrets)


def parse_connect(kind: str, body: Mapping[str, Any], known: Known) -> ConnectRequest:
    """Read ``{credentials?, definition?, timeZone?, defaultCountry?}``; one :class:`ValidationFailed` with all findings."""
    findings = [
        Finding(name[:64], "unknown_field", f"There is no member {name[:64]!r} here.", did_you_mean(name[:64], _MEMBERS))
        for name in body
        if name not in _MEMBERS
    ]
    settings: dict[str, str | None] = {}
    for member, column, read in (("timeZone", "time_zone", _time_zone), ("defaultCountry", "default_country", _country)):
        if member in body:
            settings[column] = read(body[member], findings)
    definition = _definition(kind, body, known, findings)
    type_ = PROVIDERS[kind].type if kind in PROVIDERS else definition.type if definition is not None else None
    credentials, proven = None, False
    if type_ is not None:
        credentials, proven = _credentials(type_, definition, body, known, bool(settings), findings)
    if findings or type_ is None:
        raise ValidationFailed("The connection is not valid.", errors=findings)
    return ConnectRequest(kind, type_, definition, credentials, settings, proven)


def _definition(kind: str, body: Mapping[str, Any], known: Known, findings: list[Finding]) -> Definition | None:
    """The definition sent, else the one that is kept; None for a built-in kind. Raises UnknownKind without any."""
    sent = body.get("definition")
    if kind in PROVIDERS:
        if sent is not None:
            message = f"{kind} is built in and takes no definition."
            findings.append(Finding("definition", "definition_unused", message, "Choose a kind of your own, such as my_crm."))
        return None
    if sent is not None:
        return parse_definition(sent, findings)
    if known.definition is None:
        raise unknown_kind(kind, ())
    return known.definition


def _credentials(
    type_: str, definition: Definition | None, body: Mapping[str, Any], known: Known, settings: bool, findings: list[Finding]
) -> tuple[Any | None, bool]:
    """The credentials and whether they are proven already.

    Those that are kept serve on, under a new definition too, but only for the same target and the same way to authorize: a
    secret is never sent to where it was not given for.
    """
    system = system_of(type_)
    raw = body.get("credentials")
    if raw is None and definition is None and settings:
        return None, True
    if raw is None and known.secrets is not None and (settings or "definition" in body):
        if definition is None or definition == known.definition:
            return None, True
        kept = known.definition
        if kept is not None and kept.type == type_ and kept.auth == definition.auth:
            credentials = system.load(known.secrets, definition)
            if system.target(credentials) == known.target:
                return credentials, False
    if raw is None and definition is not None and definition.auth.scheme == "none" and type_ in ("rest", "graphql"):
        raw = {}
    if raw is None:
        findings.append(Finding("credentials", "required", "credentials is needed.", _wanted(type_)))
        return None, False
    if not isinstance(raw, Mapping):
        findings.append(Finding("credentials", "type", "credentials must be an object."))
        return None, False
    try:
        return system.parse(cast("Mapping[str, Any]", raw), definition), False
    except ValidationFailed as failed:
        findings.extend(msgspec.structs.replace(f, field=f"credentials.{f.field}".rstrip(".")) for f in failed.errors)
        return None, False


def _wanted(type_: str) -> str:
    if type_ in ("postgres", "mysql"):
        return "Send host, database, user, password."
    return "Send the secrets that the definition's auth scheme asks for."


async def store_connection(session: AsyncSession, vault: Vault, request: ConnectRequest, status: str = "connected") -> Connection:
    """Write a connection whose credentials were proven. Two at once for one kind queue up."""
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtext("patchbay connect"), func.hashtext(func.current_setting("app.org"))))
    )
    current_one = await find(session, request.kind, lock=True)
    if request.credentials is None:
        if current_one is None or current_one.status != "connected":
            raise IntegrationNotConnected(hint="Send the credentials.")
        connection = current_one
    else:
        system = system_of(request.type)
        target = system.target(request.credentials)
        connection = current_one if current_one is not None and current_one.target == target else None
        if connection is None:
            connection = await _new_connection(session, request.kind, target, current_one)
        connection.status = status
        connection.connected_at = func.now()
        connection.label = system.label(request.credentials)
    if request.definition is not None:
        connection.definition = request.definition.to_json()
        document = request.definition.document
        if document is not None and document.file_id is not None:
            await attach_upload(session, document.file_id)
    for column, value in request.settings.items():
        setattr(connection, column, value)
    connection.scoping_version = Connection.scoping_version + 1 if connection is current_one else 1
    await session.flush()
    await session.refresh(connection)
    if request.credentials is not None:
        await write_secrets(session, vault, connection, system_of(request.type).dump(request.credentials))
    await announce(session, connection.id)
    return connection


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
