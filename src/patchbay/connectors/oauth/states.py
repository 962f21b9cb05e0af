"""States: the proof that a browser which comes back is the one that was sent, kept until it does.

A state is 256 random bits (RFC 6749, section 10.12). Only its SHA-256 is stored, with the organization, the connection and,
sealed, the PKCE verifier. It ends after ten minutes, with the first use, or with the next one for the same connection.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta

import msgspec
from sqlalchemy import delete, func, or_, text
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.tables import OAuthState
from patchbay.store.database import Database
from patchbay.store.ids import new_id
from patchbay.store.vault import Sealed, Vault

LIFE = timedelta(minutes=10)
_STATE = re.compile(r"[A-Za-z0-9_-]{43}")


class Errand(msgspec.Struct, frozen=True):
    """What has to be known when the browser comes back. ``back_to`` is the redirect URI that was sent along."""

    verifier: str
    back_to: str

    def __repr__(self) -> str:
        return f"Errand(back_to={self.back_to!r})"


class Returned(msgspec.Struct, frozen=True):
    """A state that was taken: whose connection it is for, and where the person goes in the end."""

    connection_id: str
    errand: Errand
    return_to: str | None


async def new_state(session: AsyncSession, vault: Vault, connection_id: str, errand: Errand, return_to: str | None) -> str:
    """A state for an authorization that begins now; those of the connection before it are void."""
    await forget_states(session, connection_id)
    state = secrets.token_urlsafe(32)
    state_id = new_id("oas")
    org_id = await session.scalar(text("SELECT current_setting('app.org')"))
    sealed = vault.seal(msgspec.json.encode(errand), **OAuthState.place(state_id), org_id=str(org_id))
    session.add(
        OAuthState(
            id=state_id,
            connection_id=connection_id,
            state_hash=_hash(state),
            key_id=sealed.key_id,
            ciphertext=sealed.ciphertext,
            return_to=return_to,
            expires_at=func.now() + LIFE,
        )
    )
    await session.flush()
    return state


async def owner_of(database: Database, state: str) -> str | None:
    """The organization that a state belongs to; None for one that is unknown, used or over."""
    if not _STATE.fullmatch(state):
        return None
    async with database.anonymous() as session:
        query = text("SELECT org_id FROM oauth_state_owner(CAST(:hash AS bytea))")
        return await session.scalar(query, {"hash": _hash(state)})


async def take_state(session: AsyncSession, vault: Vault, state: str) -> Returned | None:
    """Use a state up, in the organization of ``session``. Of two that bring the same one, one gets it and the other None."""
    query = (
        delete(OAuthState)
        .where(OAuthState.state_hash == _hash(state), OAuthState.expires_at > func.clock_timestamp())
        .returning(
            OAuthState.id,
            OAuthState.connection_id,
            OAuthState.org_id,
            OAuthState.key_id,
            OAuthState.ciphertext,
            OAuthState.return_to,
        )
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    opened = vault.open(Sealed(row.key_id, row.ciphertext), **OAuthState.place(row.id), org_id=row.org_id)
    return Returned(row.connection_id, msgspec.json.decode(opened, type=Errand), row.return_to)


async def forget_states(session: AsyncSession, connection_id: str) -> None:
    """Void the states of a connection, and clear away the organization's that are over."""
    over = OAuthState.expires_at < func.now()
    await session.execute(delete(OAuthState).where(or_(OAuthState.connection_id == connection_id, over)))


def _hash(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()
