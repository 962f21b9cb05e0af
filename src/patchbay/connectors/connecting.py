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
from patchbay.connectors.connections import IntegrationNotConnected, announce, definition_of, find, forget_credentials
from patchbay.connectors.definition import Definition, parse_definition
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.signing import FixedAuthorizer
from patchbay.connectors.members import Unreadable, text
from patchbay.connectors.oauth.callback_address import callback_url, return_url
from patchbay.connectors.oauth.stored_tokens import write_tokens
from patchbay.connectors.oauth.tokens import Tokens
from patchbay.connectors.provided import Provided
from patchbay.connectors.scoping import parse_scoping
from patchbay.connectors.stored_credentials import read_secrets, write_secrets
from patchbay.connectors.system import Secrets
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection, OAuthState
from patchbay.egress.guard import EgressGuard
from patchbay.egress.urls import BadUrl
from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.store.database import Database
from patchbay.store.ids import new_id
from patchbay.store.vault import Vault

_MEMBERS = ("credentials", "definition", "timeZone", "defaultCountry", "redirectUrl")


class Known(msgspec.Struct, frozen=True):
    """What is kept of a kind before a connect: its definition, its target, and its secrets while it is connected."""

    definition: Definition | None = None
    target: Mapping[str, Any] | None = None
    secrets: Secrets | None = None


class ConnectRequest(msgspec.Struct, frozen=True):
    """A body of connect that is valid. ``settings`` holds the columns that were sent.

    ``credentials`` None: those stored stay, and so does the target. ``proven``: they are as they were, and need no proof.
    ``kept``: they are made of the secrets that are stored. ``return_to``: where a browser is sent after its authorization.
    ``provided``: what a curated provider is connected with. ``account`` is what the account calls itself.
    """

    kind: str
    type: str
    definition: Definition | None
    credentials: Any | None
    settings: Mapping[str, str | None]
    proven: bool = False
    kept: bool = False
    return_to: str | None = None
    provided: Provided | None = None
    account: str | None = None

    @property
    def interactive(self) -> bool:
        """Whether a person has to agree in the browser before it is connected."""
        return self.credentials is not None and self.definition is not None and self.definition.auth.interactive


class Connected(msgspec.Struct, frozen=True):
    """A connection, and the URL at which a person has to agree where its scheme wants that."""

    connection: Connection
    oauth_url: str | None = None


async def connect(
    database: Database,
    session: AsyncSession,
    vault: Vault,
    guard: EgressGuard,
    *,
    org_id: str,
    kind: str,
    body: Mapping[str, Any],
    public_url: str | None = None,
    provided: Provided | None = None,
) -> Connected:
    """Connect ``kind``: the credentials are proven on the system, then stored.

    A body without ``credentials`` changes the settings of what is connected. Where a person has to agree first, the connection
    is pending and its authorization begins; ``public_url`` is where the browser then finds this server. ``provided`` is what a
    curated provider is connected with, in the place of the body's credentials and definition. No transaction waits
    for the system: what is known is read in one of its own, and ``session`` is used only afterwards. Raises ValidationFailed,
    EgressRefused, IntegrationUnavailable, or the typed failure of the system.
    """
    async with database.tenant(org_id, read_only=True) as reading:
        known = await known_of(reading, vault, kind)
    request = parse_connect(kind, body, known, public_url, provided)
    if request.credentials is None or request.proven:
        return Connected(await store_connection(session, vault, request))
    if request.interactive:
        return await _begin(session, vault, guard, request, request.credentials, public_url)
    tokens, account = await _prove(request, request.credentials, guard)
    connection = await store_connection(session, vault, msgspec.structs.replace(request, account=account))
    if tokens is not None:
        await write_tokens(session, vault, connection.id, connection.org_id, tokens)
    return Connected(connection)


async def _prove(request: ConnectRequest, credentials: Any, guard: EgressGuard) -> tuple[Tokens | None, str | None]:
    """Log in; the tokens that were got for it, where the scheme needs some, and what the account calls itself."""
    system = system_of(request.type)
    if request.definition is None or not request.definition.auth.tokens:
        return None, await system.log_in(credentials, guard, None)
    from patchbay.connectors.oauth.endpoints import check_endpoints, client_tokens

    await check_endpoints(guard, request.definition.auth)
    tokens = await client_tokens(credentials, guard)
    return tokens, await system.log_in(credentials, guard, FixedAuthorizer(tokens.signature()))


async def _begin(
    session: AsyncSession,
    vault: Vault,
    guard: EgressGuard,
    request: ConnectRequest,
    credentials: HttpCredentials,
    public_url: str | None,
) -> Connected:
    """Store the client, and send a person to agree. What is connected already serves on until they have."""
    from patchbay.connectors.oauth.authorization import begin
    from patchbay.connectors.oauth.endpoints import check_endpoints

    back_to = callback_url(public_url)
    await check_endpoints(guard, credentials.auth)
    connection = await store_connection(session, vault, request)
    url = await begin(session, vault, connection, credentials, back_to=back_to, return_to=request.return_to)
    return Connected(connection, url)


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


def parse_connect(
    kind: str, body: Mapping[str, Any], known: Known, public_url: str | None = None, provided: Provided | None = None
) -> ConnectRequest:
    """Read ``{credentials?, definition?, timeZone?, defaultCountry?, redirectUrl?}``.

    Raises one :class:`ValidationFailed` with all findings, or IntegrationUnavailable for OAuth without ``public_url``.
    """
    findings = [
        Finding(name[:64], "unknown_field", f"There is no member {name[:64]!r} here.", did_you_mean(name[:64], _MEMBERS))
        for name in body
        if name not in _MEMBERS
    ]
    settings: dict[str, str | None] = {}
    for member, column, read in (("timeZone", "time_zone", _time_zone), ("defaultCountry", "default_country", _country)):
        if member in body:
            settings[column] = read(body[member], findings)
    if provided is not None:
        body = {**body, "credentials": provided.credentials}
    definition = provided.definition if provided is not None else _definition(kind, body, known, findings)
    type_ = PROVIDERS[kind].type if kind in PROVIDERS else definition.type if definition is not None else None
    entered = _Entered()
    if type_ is not None:
        entered = _credentials(type_, definition, body, known, bool(settings), findings)
    if provided is not None and entered.credentials is not None and _is_known(provided.definition, entered.credentials, known):
        entered = msgspec.structs.replace(entered, kept=True)  # the operator's own client, as it was: what there is serves on
    return_to = _return_to(body, definition, public_url, findings)
    if findings or type_ is None:
        raise ValidationFailed("The connection is not valid.", errors=findings)
    return ConnectRequest(
        kind, type_, definition, entered.credentials, settings, entered.proven, entered.kept, return_to, provided
    )


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


class _Entered(msgspec.Struct, frozen=True):
    """Which credentials a body means: those sent, those ``kept``, or with None and ``proven`` that nothing about them changes."""

    credentials: Any | None = None
    proven: bool = False
    kept: bool = False


def _credentials(
    type_: str, definition: Definition | None, body: Mapping[str, Any], known: Known, settings: bool, findings: list[Finding]
) -> _Entered:
    raw = body.get("credentials")
    if raw is None:
        kept = _kept(type_, definition, body, known, settings)
        if kept is not None:
            return kept
        if definition is not None and definition.auth.scheme == "none" and type_ in ("rest", "graphql"):
            raw = {}
    if raw is None:
        findings.append(Finding("credentials", "required", "credentials is needed.", _wanted(type_)))
        return _Entered()
    if not isinstance(raw, Mapping):
        findings.append(Finding("credentials", "type", "credentials must be an object."))
        return _Entered()
    try:
        return _Entered(system_of(type_).parse(cast("Mapping[str, Any]", raw), definition))
    except ValidationFailed as failed:
        findings.extend(msgspec.structs.replace(f, field=f"credentials.{f.field}".rstrip(".")) for f in failed.errors)
        return _Entered()


def _kept(type_: str, definition: Definition | None, body: Mapping[str, Any], known: Known, settings: bool) -> _Entered | None:
    """What a body without credentials means; None where it needs some.

    Those that are kept serve on, under a new definition too, but only for the same target and the same way to authorize: a
    secret is never sent to where it was not given for. Where a person has to agree, everything but a change of settings asks
    them again.
    """
    if definition is None:
        return _Entered(proven=True) if settings else None
    if known.secrets is None:
        return None
    only_settings = settings and not {"definition", "redirectUrl"} & body.keys()
    again = definition.auth.interactive and not only_settings
    if not again and not (settings or "definition" in body):
        return None
    if definition == known.definition and not again:
        return _Entered(proven=True)
    kept = known.definition
    if kept is not None and kept.type == type_ and kept.auth == definition.auth:
        system = system_of(type_)
        credentials = system.load(known.secrets, definition)
        if system.target(credentials) == known.target:
            return _Entered(credentials, kept=True)
    return None


def _is_known(definition: Definition, credentials: Any, known: Known) -> bool:
    """Whether a person is to agree anew to what is connected: the same client at the same system, authorized the same way."""
    kept, system = known.definition, system_of(definition.type)
    return (
        definition.auth.interactive
        and kept is not None
        and kept.auth == definition.auth
        and known.target == system.target(credentials)
        and known.secrets == system.dump(credentials)
    )


def _return_to(
    body: Mapping[str, Any], definition: Definition | None, public_url: str | None, findings: list[Finding]
) -> str | None:
    """Where the browser is sent in the end: ``redirectUrl``, on this server."""
    wanted = body.get("redirectUrl")
    if wanted is None:
        return None
    if definition is None or not definition.auth.interactive:
        findings.append(Finding("redirectUrl", "redirect_unused", "Nobody is sent anywhere to connect this integration."))
        return None
    try:
        return return_url(public_url, text(wanted, most=1_000))
    except Unreadable as unreadable:
        findings.append(Finding("redirectUrl", unreadable.code, unreadable.message))
    except BadUrl as bad:
        message = f"This URL cannot be used: {bad}."
        findings.append(Finding("redirectUrl", "url_invalid", message, "Send a path of this server, such as /integrations."))
    return None


def _wanted(type_: str) -> str:
    if type_ in ("postgres", "mysql"):
        return "Send host, database, user, password."
    return "Send the secrets that the definition's auth scheme asks for."


async def store_connection(session: AsyncSession, vault: Vault, request: ConnectRequest) -> Connection:
    """Write a connection whose credentials were proven, or for which a person is asked now. Two at once for one kind queue up."""
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtext("patchbay connect"), func.hashtext(func.current_setting("app.org"))))
    )
    current_one = await find(session, request.kind, lock=True)
    gone = current_one is None or current_one.status == "disconnected"
    if gone and (request.credentials is None or (request.kept and request.interactive)):
        raise IntegrationNotConnected(hint="Send the credentials.")
    if request.credentials is None:
        assert current_one is not None
        connection = current_one
    else:
        connection = await _entered(session, request, current_one)
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
    if request.credentials is not None and not (request.kept and request.interactive and connection is current_one):
        await write_secrets(session, vault, connection, system_of(request.type).dump(request.credentials))
    await announce(session, connection.id)
    return connection


async def _entered(session: AsyncSession, request: ConnectRequest, current_one: Connection | None) -> Connection:
    """The connection to the target of the credentials, with its status: the one there is, or a new one in its place."""
    system = system_of(request.type)
    target = system.target(request.credentials)
    connection = current_one if current_one is not None and current_one.target == target else None
    serves_on = request.kept and connection is not None and connection.status == "connected"
    if connection is None:
        connection = await _new_connection(session, request.kind, target, current_one)
        if current_one is None and request.provided is not None:
            connection.scoping = {**parse_scoping(request.provided.scoping)}
    if not (request.interactive and connection.label):  # what somebody agreed to keeps its name until they agree anew
        known = request.provided.label if request.provided is not None else system.label(request.credentials)
        connection.label = request.account or known
    if not request.interactive:
        connection.status, connection.status_reason, connection.connected_at = "connected", None, func.now()
    elif not serves_on:
        connection.status, connection.status_reason, connection.connected_at = "pending", "authorization_needed", None
    return connection


async def _new_connection(session: AsyncSession, kind: str, target: dict[str, Any], old: Connection | None) -> Connection:
    if old is not None:
        old.replaced_at = func.now()
        old.status, old.status_reason = "disconnected", None
        old.scoping_version = Connection.scoping_version + 1
        await session.flush()
        await forget_credentials(session, old.id)
        await session.execute(delete(OAuthState).where(OAuthState.connection_id == old.id))
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
