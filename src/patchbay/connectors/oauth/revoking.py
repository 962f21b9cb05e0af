"""Giving tokens back when a connection is disconnected (RFC 7009)."""

from __future__ import annotations

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.connections import IntegrationNotConnected, definition_of, find, lock_credentials
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.oauth.stored_tokens import read_tokens
from patchbay.connectors.oauth.tokens import Tokens
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.connectors.tables import Connection
from patchbay.egress.failures import OutboundFailed
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.store.vault import SecretUnreadable, Vault


class Grant(msgspec.Struct, frozen=True):
    """The tokens of a connection and the client they were given to."""

    credentials: HttpCredentials
    tokens: Tokens


async def grant_of(session: AsyncSession, vault: Vault, kind: str) -> Grant | None:
    """What the connection of ``kind`` holds of the provider's, locked; None where that is nothing, or cannot be read, or is not
    to be given back: some providers (Google) void everything a person agreed to for a client at once, and another connection of
    the organization lives on that.
    """
    connection = await find(session, kind, lock=True)
    if connection is None:
        return None
    await lock_credentials(session, connection.id)
    try:
        tokens = await read_tokens(session, vault, connection.id)
        credentials = await read_credentials(session, vault, connection) if tokens is not None else None
    except (IntegrationNotConnected, SecretUnreadable):
        return None
    if tokens is None or not isinstance(credentials, HttpCredentials) or await _shared(session, vault, connection, credentials):
        return None
    return Grant(credentials, tokens)


async def _shared(session: AsyncSession, vault: Vault, connection: Connection, credentials: HttpCredentials) -> bool:
    """Whether another connection has its tokens by the same client from the same server."""
    others = await session.scalars(
        select(Connection).where(
            Connection.id != connection.id, Connection.status == "connected", Connection.replaced_at.is_(None)
        )
    )
    for other in others.all():
        definition = definition_of(other)
        if definition is None or definition.auth.revocation_url != credentials.auth.revocation_url:
            continue
        try:
            theirs = await read_credentials(session, vault, other)
        except (IntegrationNotConnected, SecretUnreadable):
            continue
        if isinstance(theirs, HttpCredentials) and theirs.secrets.get("clientId") == credentials.secrets.get("clientId"):
            return True
    return False


async def give_back(guard: EgressGuard, grant: Grant | None) -> bool | None:
    """Whether the provider confirms that the tokens are void; None where there were none. Takes a few seconds at most.

    Called when they are gone here already, so nothing depends on it.
    """
    if grant is None:
        return None
    from patchbay.connectors.oauth.endpoints import revoke

    try:
        return await revoke(grant.credentials, guard, grant.tokens)
    except (OutboundFailed, EgressRefused):
        return False
