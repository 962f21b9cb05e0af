"""The credentials of connections at rest: sealed row by row, read back for whoever reaches the system."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.connections import IntegrationNotConnected, definition_of, forget_credentials, type_of
from patchbay.connectors.system import Role, Secrets
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection, Credential
from patchbay.errors import Conflict
from patchbay.store.vault import Sealed, Vault

ROLES: tuple[Role, ...] = ("read", "write")


class WriteCredentialsMissing(Conflict):
    """This connection has no write role: connect again with write credentials."""

    code, title, status = "write_credentials_missing", "Write credentials missing", 422


async def read_credentials(session: AsyncSession, vault: Vault, connection: Connection, role: Role = "read") -> Any:
    """The stored credentials, as the connection's type has them. Those of the write role are among them only for ``write``.

    Raises IntegrationNotConnected or WriteCredentialsMissing when there are none.
    """
    secrets = await read_secrets(session, vault, connection)
    if role == "write" and "write" not in secrets:
        raise WriteCredentialsMissing
    wanted = {name: secret for name, secret in secrets.items() if name == "read" or role == "write"}
    return system_of(type_of(connection)).load(wanted, definition_of(connection))


async def every_credential(session: AsyncSession, vault: Vault, connection: Connection) -> Any:
    """The stored credentials with those of the write role, where there are any. Raises IntegrationNotConnected."""
    secrets = await read_secrets(session, vault, connection)
    return system_of(type_of(connection)).load(secrets, definition_of(connection))


async def read_secrets(session: AsyncSession, vault: Vault, connection: Connection) -> Secrets:
    """What is sealed of a connection, by role. Raises IntegrationNotConnected when nothing is."""
    rows = await session.scalars(select(Credential).where(Credential.connection_id == connection.id, Credential.role.in_(ROLES)))
    secrets = {row.role: _open(vault, row) for row in rows}
    if "read" not in secrets:
        raise IntegrationNotConnected
    return secrets


async def write_secrets(session: AsyncSession, vault: Vault, connection: Connection, secrets: Secrets) -> None:
    """Replace everything that is sealed of a connection, tokens too."""
    await forget_credentials(session, connection.id)
    for role, secret in secrets.items():
        place = Credential.place(connection.id, role)
        sealed = vault.seal(msgspec.json.encode(secret), **place, org_id=connection.org_id)
        session.add(Credential(connection_id=connection.id, role=role, key_id=sealed.key_id, ciphertext=sealed.ciphertext))
    await session.flush()


async def seal_of(session: AsyncSession, connection: Connection) -> bytes:
    """What changes when the system is to be reached in another way: new credentials, or a new definition."""
    rows = await session.scalars(
        select(Credential.ciphertext).where(Credential.connection_id == connection.id, Credential.role.in_(ROLES))
    )
    definition = msgspec.json.encode(connection.definition, order="sorted")
    return hashlib.sha256(b"".join([definition, *sorted(rows)])).digest()


def _open(vault: Vault, stored: Credential) -> dict[str, Any]:
    place = Credential.place(stored.connection_id, stored.role)
    return msgspec.json.decode(vault.open(Sealed(stored.key_id, stored.ciphertext), **place, org_id=stored.org_id))
