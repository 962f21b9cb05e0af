"""Giving tokens back when a connection is disconnected (RFC 7009)."""

from __future__ import annotations

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.connections import IntegrationNotConnected, find, lock_credentials
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.oauth.stored_tokens import read_tokens
from patchbay.connectors.oauth.tokens import Tokens
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.egress.failures import OutboundFailed
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.store.vault import SecretUnreadable, Vault


class Grant(msgspec.Struct, frozen=True):
    """The tokens of a connection and the client they were given to."""

    credentials: HttpCredentials
    tokens: Tokens


async def grant_of(session: AsyncSession, vault: Vault, kind: str) -> Grant | None:
    """What the connection of ``kind`` holds of the provider's, locked; None where that is nothing, or cannot be read."""
    connection = await find(session, kind, lock=True)
    if connection is None:
        return None
    await lock_credentials(session, connection.id)
    try:
        tokens = await read_tokens(session, vault, connection.id)
        credentials = await read_credentials(session, vault, connection) if tokens is not None else None
    except (IntegrationNotConnected, SecretUnreadable):
        return None
    return Grant(credentials, tokens) if tokens is not None and isinstance(credentials, HttpCredentials) else None


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
