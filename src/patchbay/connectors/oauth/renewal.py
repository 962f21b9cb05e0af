"""Renewing the tokens of one connection, once, however many processes want to.

Whoever renews holds a lock on the row of the connection's credentials, and reads the tokens again once it has it: what another
process brought meanwhile is used, not renewed again. A refresh token often works only once, so the next one is stored in the
transaction that holds the lock, before anything is done with what came with it.
"""

from __future__ import annotations

import asyncio
import time
from weakref import WeakKeyDictionary

import msgspec
import psycopg
import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.oauth.endpoints import client_tokens, refreshed_tokens
from patchbay.connectors.oauth.refusals import TokenRefused
from patchbay.connectors.oauth.status import Reason, note_reason
from patchbay.connectors.oauth.stored_tokens import delete_tokens, read_tokens, write_tokens
from patchbay.connectors.oauth.tokens import Tokens
from patchbay.connectors.refusals import CredentialsRefused, NotConnected
from patchbay.connectors.tables import Credential
from patchbay.egress.failures import OutboundFailed
from patchbay.egress.guard import EgressGuard, EgressRefused
from patchbay.store.database import Database
from patchbay.store.vault import Vault

AT_ONCE = 4
"""Renewals of one process at the same time: each holds a database connection while a foreign server thinks."""
LOCK_TIMEOUT = "25s"
STORE_FAILURES = (SQLAlchemyError, psycopg.Error, OSError)
"""What comes of a platform store that does not answer, or makes us wait too long."""
_STORE_ATTEMPTS = 6
_places: WeakKeyDictionary[Database, asyncio.Semaphore] = WeakKeyDictionary()
_log = structlog.get_logger(__name__)


class Held(msgspec.Struct, frozen=True):
    """The connection whose tokens are kept, and what is needed to renew them."""

    database: Database
    vault: Vault
    guard: EgressGuard
    org_id: str
    connection_id: str
    credentials: HttpCredentials


class _Renewed(msgspec.Struct, frozen=True):
    """What came of it: the tokens to use, if any; whether they replace what is stored, ``read`` before; what to say of the
    connection, unless nothing new is known.
    """

    tokens: Tokens | None
    store: bool = False
    read: Tokens | None = None
    note: bool = True
    reason: Reason | None = None


async def current_tokens(held: Held, refused: str | None = None) -> Tokens:
    """Tokens to sign with: those that are stored, renewed first when they are due or ``refused`` is their access token.

    While the authorization server cannot be reached, tokens serve until they end. Raises CredentialsRefused when a person has
    to do something, NotConnected when the credentials are gone, an OutboundFailed or EgressRefused without anything to use.
    """
    async with held.database.tenant(held.org_id, read_only=True) as session:
        stored = await read_tokens(session, held.vault, held.connection_id)
    if _serves(stored, refused):
        assert stored is not None
        return stored
    async with _places.setdefault(held.database, asyncio.Semaphore(AT_ONCE)):
        renewed = await _renew(held, refused)
    if renewed.note:
        async with held.database.tenant(held.org_id) as session:
            await note_reason(session, held.connection_id, renewed.reason)
    if renewed.tokens is None:
        raise CredentialsRefused
    return renewed.tokens


def _serves(tokens: Tokens | None, refused: str | None) -> bool:
    return tokens is not None and tokens.access_token != refused and time.time() < tokens.due_at


async def _renew(held: Held, refused: str | None) -> _Renewed:
    renewed: _Renewed | None = None
    try:
        async with held.database.tenant(held.org_id) as session:
            await _lock(session, held.connection_id)
            stored = await read_tokens(session, held.vault, held.connection_id)
            if _serves(stored, refused):
                return _Renewed(stored, note=False)
            renewed = await _ask(held, stored, refused)
            await _store(session, held, renewed)
    except STORE_FAILURES:
        if renewed is None or renewed.tokens is None or not renewed.store:
            raise
        await _store_again(held, renewed)
    return renewed


async def _lock(session: AsyncSession, connection_id: str) -> None:
    """Wait for our turn. The credentials' own row is the lock: it goes when the connection is disconnected."""
    await session.execute(text("SELECT set_config('lock_timeout', :limit, true)"), {"limit": LOCK_TIMEOUT})
    row = select(Credential.role).where(Credential.connection_id == connection_id, Credential.role == "read").with_for_update()
    if await session.scalar(row) is None:
        raise NotConnected


async def _ask(held: Held, stored: Tokens | None, refused: str | None) -> _Renewed:
    """Ask the authorization server. What is stored serves on where it still can."""
    usable = stored if stored is not None and stored.access_token != refused and time.time() < stored.useless_at else None
    interactive = held.credentials.auth.interactive
    try:
        if not interactive:
            return _Renewed(await client_tokens(held.credentials, held.guard), store=True, read=stored)
        if stored is None or stored.refresh_token is None:
            return _Renewed(usable, store=usable is None, reason="reauthorization_required")
        return _Renewed(await refreshed_tokens(held.credentials, held.guard, stored), store=True, read=stored)
    except TokenRefused as error:
        if interactive and error.ends_grant:
            left = usable.without_refresh() if usable is not None else None
            return _Renewed(left, store=True, read=stored, reason="reauthorization_required")
        # The client is refused, not the grant: a refresh token is worth keeping, a token that was refused is not.
        return _Renewed(usable, store=usable is None and not interactive, reason="credentials_refused")
    except (OutboundFailed, EgressRefused) as error:
        if usable is None:
            raise
        _log.warning("tokens could not be renewed yet", connection_id=held.connection_id, error=error.code)
        return _Renewed(usable, note=False)


async def _store(session: AsyncSession, held: Held, renewed: _Renewed) -> None:
    if not renewed.store:
        return
    if renewed.tokens is None:
        await delete_tokens(session, held.connection_id)
    else:
        await write_tokens(session, held.vault, held.connection_id, held.org_id, renewed.tokens)


async def _store_again(held: Held, renewed: _Renewed) -> None:
    """The store failed us after the server had given new tokens: the old refresh token may be spent, so we go on trying.

    Only over what we had read ourselves: nobody else's tokens are replaced.
    """
    for attempt in range(_STORE_ATTEMPTS):
        await asyncio.sleep(0.2 * 2**attempt)
        try:
            async with held.database.tenant(held.org_id) as session:
                await _lock(session, held.connection_id)
                if await read_tokens(session, held.vault, held.connection_id) == renewed.read:
                    await _store(session, held, renewed)
                return
        except STORE_FAILURES:
            _log.warning("new tokens are not stored yet", connection_id=held.connection_id, attempt=attempt + 1)
    _log.error("new tokens could not be stored", connection_id=held.connection_id)
