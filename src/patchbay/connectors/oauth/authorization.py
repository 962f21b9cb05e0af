"""The authorization code grant (RFC 6749, section 4.1) with PKCE (RFC 7636): a person agrees in the browser, and comes back.

Follows RFC 9700: S256 always, a state for one use, an exact redirect URI, no token in any URL, and the issuer compared where the
server names itself (RFC 9207).
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.connections import IntegrationNotConnected, announce, definition_of, type_of
from patchbay.connectors.definition import Auth
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.signing import FixedAuthorizer
from patchbay.connectors.oauth.endpoints import code_tokens, revoke
from patchbay.connectors.oauth.states import Errand, Returned, forget_states, new_state, owner_of, take_state
from patchbay.connectors.oauth.status import Reason
from patchbay.connectors.oauth.stored_tokens import write_tokens
from patchbay.connectors.oauth.tokens import Tokens
from patchbay.connectors.stored_credentials import read_secrets, seal_of, write_secrets
from patchbay.connectors.system import Secrets
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection
from patchbay.egress.failures import OutboundFailed
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.egress.urls import BadUrl, read_url
from patchbay.errors import PatchbayError
from patchbay.store.database import Database
from patchbay.store.vault import SecretUnreadable, Vault

CODE_MOST = 4_096

Recorded = Callable[[AsyncSession, str, bool], Awaitable[object]]
"""Writes down, in the transaction that makes it so, that an authorization of a connection (its id) ended, and whether well."""


class StateUnknown(PatchbayError):
    """This authorization is over: it was used already, took too long, or another one was begun. Connect again."""

    code, status, title = "authorization_over", 400, "Authorization over"


class Finished(msgspec.Struct, frozen=True):
    """How an authorization ended: ``reason`` is None when the connection is connected."""

    kind: str
    reason: Reason | None
    return_to: str | None


class _Order(msgspec.Struct, frozen=True):
    """What was read when the browser came back, before anybody else is asked."""

    connection_id: str
    kind: str
    type: str
    display_name: str
    returned: Returned
    credentials: HttpCredentials
    secrets: Secrets
    seal: bytes


async def begin(
    session: AsyncSession,
    vault: Vault,
    connection: Connection,
    credentials: HttpCredentials,
    *,
    back_to: str,
    return_to: str | None,
) -> str:
    """The URL at which a person agrees (RFC 6749, section 4.1.1). Authorizations of the connection begun before are void."""
    from authlib.oauth2.rfc6749 import parameters
    from authlib.oauth2.rfc7636 import challenge

    auth = credentials.auth
    verifier = secrets.token_urlsafe(64)
    state = await new_state(session, vault, connection.id, Errand(verifier, back_to), return_to)
    # The library has no types.
    url: str = cast(Any, parameters).prepare_grant_uri(
        auth.authorization_url,
        client_id=credentials.secrets["clientId"],
        response_type="code",
        redirect_uri=back_to,
        scope=list(auth.scopes) or None,
        state=state,
        code_challenge=cast(Any, challenge).create_s256_code_challenge(verifier),
        code_challenge_method="S256",
        **auth.parameters,
    )
    return url


async def finish(
    database: Database,
    vault: Vault,
    guard: EgressGuard,
    *,
    state: str,
    code: str | None,
    error: str | None,
    issuer: str | None,
    recorded: Recorded,
) -> Finished:
    """What follows when a browser comes back: the code is exchanged, the token proven, the connection connected.

    A refusal of the person's or the provider's leaves the connection as it was and its reason with it. The state is used up
    before anything else happens. Raises :class:`StateUnknown`.
    """
    org_id = await owner_of(database, state)
    if org_id is None:
        raise StateUnknown
    async with database.tenant(org_id) as session:
        order = await _take(session, vault, state)
    # Leaving the transaction above has used the state up, whatever follows.
    if order is None:
        raise StateUnknown
    tokens, account, reason = await _exchange(order, guard, code=code, error=error, issuer=issuer)
    async with database.tenant(org_id) as session:
        connection = await _still(session, order)
        if connection is not None:
            if tokens is not None and reason is None:
                await _connect(session, vault, connection, order, tokens, account)
            elif connection.status == "pending":
                connection.status_reason = reason
            await session.flush()
            await recorded(session, connection.id, reason is None)
    if tokens is not None and (connection is None or reason is not None):
        await _give_back(order, guard, tokens)
    if connection is None:
        raise StateUnknown
    return Finished(order.kind, reason, order.returned.return_to)


async def _take(session: AsyncSession, vault: Vault, state: str) -> _Order | None:
    try:
        returned = await take_state(session, vault, state)
        if returned is None:
            return None
        connection = await session.scalar(select(Connection).where(Connection.id == returned.connection_id))
        definition = definition_of(connection) if connection is not None else None
        if connection is None or definition is None or connection.replaced_at is not None:
            return None
        stored = await read_secrets(session, vault, connection)
    except (IntegrationNotConnected, SecretUnreadable):
        return None
    type_ = type_of(connection)
    return _Order(
        connection_id=connection.id,
        kind=connection.kind,
        type=type_,
        display_name=definition.display_name,
        returned=returned,
        credentials=system_of(type_).load(stored, definition),
        secrets=stored,
        seal=await seal_of(session, connection),
    )


async def _exchange(
    order: _Order, guard: EgressGuard, *, code: str | None, error: str | None, issuer: str | None
) -> tuple[Tokens | None, str | None, Reason | None]:
    """The tokens, what the account calls itself, and what is wrong. What went wrong is ours to name: nothing of the provider's
    words is kept.
    """
    auth = order.credentials.auth
    if not _same_server(auth, issuer):
        return None, None, "authorization_failed"
    if error is not None or not code or len(code) > CODE_MOST:
        return None, None, "authorization_denied" if error == "access_denied" else "authorization_failed"
    errand = order.returned.errand
    try:
        tokens = await code_tokens(order.credentials, guard, code=code, verifier=errand.verifier, back_to=errand.back_to)
    except PatchbayError:
        return None, None, "authorization_failed"
    try:
        account = await system_of(order.type).log_in(order.credentials, guard, FixedAuthorizer(tokens.signature()))
    except PatchbayError:
        return tokens, None, "verification_failed"
    return tokens, account, None


def _same_server(auth: Auth, issuer: str | None) -> bool:
    """RFC 9207, section 2.4. Without an issuer in the definition, the one that is named must share the endpoint's origin."""
    if auth.issuer is not None:
        return issuer == auth.issuer
    if issuer is None:
        return True
    try:
        return read_url(issuer).origin == read_url(auth.authorization_url or "").origin
    except BadUrl:
        return False


async def _still(session: AsyncSession, order: _Order) -> Connection | None:
    """The connection, locked, if it is still entered as it was when the code was exchanged."""
    query = select(Connection).where(Connection.id == order.connection_id)
    connection = await session.scalar(query.with_for_update(key_share=True))
    if connection is None or connection.replaced_at is not None or connection.status == "disconnected":
        return None
    return connection if await seal_of(session, connection) == order.seal else None


async def _connect(
    session: AsyncSession, vault: Vault, connection: Connection, order: _Order, tokens: Tokens, account: str | None
) -> None:
    """Store the tokens. The secrets are sealed anew with them, which is how every process notices that somebody else agreed."""
    connection.status, connection.status_reason = "connected", None
    connection.connected_at = func.now()
    if order.credentials.account is not None:
        connection.label = account or order.display_name
    connection.scoping_version = Connection.scoping_version + 1
    await session.flush()
    await write_secrets(session, vault, connection, order.secrets)
    await write_tokens(session, vault, connection.id, connection.org_id, tokens)
    await forget_states(session, connection.id)
    await announce(session, connection.id)


async def _give_back(order: _Order, guard: EgressGuard, tokens: Tokens) -> None:
    """Tokens that are not kept are not left lying about, where the provider lets us say so."""
    try:
        await revoke(order.credentials, guard, tokens)
    except (OutboundFailed, EgressRefused):
        return


def settled(finished: Finished) -> dict[str, Any]:
    """What is told to the page a person is sent to."""
    return {"integration": finished.kind, "status": "failed" if finished.reason else "connected", "reason": finished.reason}
