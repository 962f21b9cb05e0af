"""Tokens at rest: one more sealed row beside the credentials they were got with, so they go when those go."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.oauth.tokens import Tokens
from patchbay.connectors.tables import Credential
from patchbay.store.vault import Sealed, Vault

ROLE = "tokens"


async def read_tokens(session: AsyncSession, vault: Vault, connection_id: str) -> Tokens | None:
    """The stored tokens of a connection, as they are now in the database; None when there are none."""
    row = await session.get(Credential, (connection_id, ROLE), populate_existing=True)
    if row is None:
        return None
    place = Credential.place(connection_id, ROLE)
    return msgspec.json.decode(vault.open(Sealed(row.key_id, row.ciphertext), **place, org_id=row.org_id), type=Tokens)


async def write_tokens(session: AsyncSession, vault: Vault, connection_id: str, org_id: str, tokens: Tokens) -> None:
    """Put ``tokens`` in the place of what was stored."""
    sealed = vault.seal(msgspec.json.encode(tokens), **Credential.place(connection_id, ROLE), org_id=org_id)
    values = {"key_id": sealed.key_id, "ciphertext": sealed.ciphertext}
    await session.execute(
        insert(Credential)
        .values(connection_id=connection_id, role=ROLE, **values)
        .on_conflict_do_update(index_elements=["connection_id", "role"], set_={**values, "updated_at": func.now()})
    )


async def delete_tokens(session: AsyncSession, connection_id: str) -> None:
    """Forget the tokens of a connection."""
    await session.execute(delete(Credential).where(Credential.connection_id == connection_id, Credential.role == ROLE))
