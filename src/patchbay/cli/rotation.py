"""Sealing stored credentials again under the newest master key."""

from __future__ import annotations

import msgspec
from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.organizations import list_organizations
from patchbay.connectors.tables import Credential
from patchbay.store.database import Database
from patchbay.store.vault import Sealed, SecretUnreadable, Vault

BATCH = 100


class Rotation(msgspec.Struct):
    """How many credentials were sealed again, were under the newest key already, and could not be read."""

    resealed: int = 0
    current: int = 0
    unreadable: int = 0


async def reseal_credentials(database: Database, vault: Vault, *, batch: int = BATCH) -> Rotation:
    """Seal every credential of every organization under the vault's newest key, ``batch`` rows a transaction.

    Idempotent and resumable: what is under the newest key is left alone, and every batch stands for itself. A row that cannot
    be read is counted and left as it is.
    """
    done = Rotation()
    for organization in await list_organizations(database):
        async with database.tenant(organization.id, read_only=True) as session:
            counted = select(func.count()).select_from(Credential).where(Credential.key_id == vault.newest)
            done.current += await session.scalar(counted) or 0
        after: tuple[str, str] | None = ("", "")
        while after is not None:
            async with database.tenant(organization.id) as session:
                after = await _reseal_some(session, vault, after, batch, done)
    return done


async def _reseal_some(
    session: AsyncSession, vault: Vault, after: tuple[str, str], batch: int, done: Rotation
) -> tuple[str, str] | None:
    """Seal the next rows behind ``after`` again and return where they end, or None when there are no more."""
    place = tuple_(Credential.connection_id, Credential.role)
    query = (
        select(Credential)
        .where(Credential.key_id != vault.newest, place > after)
        .order_by(Credential.connection_id, Credential.role)
        .limit(batch)
        .with_for_update()
    )
    rows = (await session.scalars(query)).all()
    for row in rows:
        bound = Credential.place(row.connection_id, row.role)
        try:
            secret = vault.open(Sealed(row.key_id, row.ciphertext), **bound, org_id=row.org_id)
        except SecretUnreadable:
            done.unreadable += 1
            continue
        sealed = vault.seal(secret, **bound, org_id=row.org_id)
        row.key_id, row.ciphertext = sealed.key_id, sealed.ciphertext
        done.resealed += 1
    await session.flush()
    return (rows[-1].connection_id, rows[-1].role) if len(rows) == batch else None
