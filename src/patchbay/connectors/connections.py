"""Connections: which external systems an organization has connected.

A connection is identified by its target (type, and host, port and database or base URL). Connecting to the same target again
replaces the credentials and keeps everything else; another target is another connection, which inherits the data scoping.
Whatever running processes must notice raises ``scoping_version`` and is announced on the channel ``patchbay_connections``.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors import catalog
from patchbay.connectors.catalog import Provider, check_kind, custom_provider, offered, unknown_kind
from patchbay.connectors.definition import Definition, stored_definition
from patchbay.connectors.tables import Connection, Credential, OAuthState, Snapshot
from patchbay.errors import Conflict
from patchbay.schema_graph.call import WEBHOOK

CHANNEL = "patchbay_connections"
HIDDEN = f"{WEBHOOK}:"
"""What the kinds of connections that belong to skills made by hand begin with: they are listed nowhere, and no path of this API
can name them."""


class IntegrationNotConnected(Conflict):
    """Refused with integration_not_connected: connect this integration first."""

    code, title, named = "integration_not_connected", "Integration not connected", True


async def provider_of(session: AsyncSession, kind: str) -> Provider:
    """The provider of ``kind``: built in, or of the organization's own. Raises UnknownKind or Reserved."""
    check_kind(kind)
    known = offered().get(kind)
    if known is not None:
        return known
    connection = await find(session, kind)
    definition = definition_of(connection) if connection is not None else None
    if definition is None:
        own = await session.scalars(select(Connection.kind).where(Connection.definition.is_not(None)))
        raise unknown_kind(kind, own)
    return custom_provider(kind, definition)


async def current(session: AsyncSession, kind: str, *, connected: bool = False) -> Connection:
    """The connection of ``kind``, with ``connected`` only while it is connected.

    Raises :class:`UnknownKind`, Reserved, or :class:`IntegrationNotConnected`.
    """
    await provider_of(session, kind)
    connection = await find(session, kind)
    if connection is None or (connected and connection.status != "connected"):
        pending = connection is not None and connection.status == "pending"
        raise IntegrationNotConnected(hint="Open its oauthUrl in a browser; POST …/connect gives a new one." if pending else None)
    return connection


async def find(session: AsyncSession, kind: str, *, lock: bool = False) -> Connection | None:
    """The row of what ``kind`` is or was last connected to; None when it never was.

    With ``lock``, whoever else wants to change it waits. Rows that refer to it can still be added: a renewal of tokens does,
    while it holds the credentials that a disconnect waits for.
    """
    query = select(Connection).where(Connection.kind == kind, Connection.replaced_at.is_(None))
    return await session.scalar(query.with_for_update(key_share=True) if lock else query)


def definition_of(connection: Connection) -> Definition | None:
    """What its organization said the system is; None for a built-in kind."""
    return stored_definition(connection.definition)


def type_of(connection: Connection) -> str:
    """The type of system behind it: postgres, mysql, rest or graphql."""
    return connection.target["type"]


async def disconnect(session: AsyncSession, *, kind: str) -> Connection:
    """Delete the credentials of ``kind``; its definition, scoping and last snapshot stay. Calls stop within a second."""
    await provider_of(session, kind)
    connection = await find(session, kind, lock=True)
    if connection is None or connection.status == "disconnected":
        raise IntegrationNotConnected
    await forget_credentials(session, connection.id)
    await session.execute(delete(OAuthState).where(OAuthState.connection_id == connection.id))
    connection.status, connection.status_reason = "disconnected", None
    connection.scoping_version = Connection.scoping_version + 1
    await session.flush()
    await session.refresh(connection)
    await announce(session, connection.id)
    return connection


async def lock_credentials(session: AsyncSession, connection_id: str) -> None:
    """Wait for whoever is renewing the tokens of a connection; statements from here on see what they stored."""
    sealed = select(Credential.role).where(Credential.connection_id == connection_id)
    await session.execute(sealed.order_by(Credential.role).with_for_update())


async def forget_credentials(session: AsyncSession, connection_id: str) -> None:
    """Delete everything that is sealed of a connection, what a renewal under way adds to it included."""
    await lock_credentials(session, connection_id)
    await session.execute(delete(Credential).where(Credential.connection_id == connection_id))


async def announce(session: AsyncSession, connection_id: str) -> None:
    """Tell every process, with the commit, to look at this connection again."""
    await session.execute(select(func.pg_notify(CHANNEL, connection_id)))


async def list_connections(session: AsyncSession) -> list[dict[str, Any]]:
    """What is or was connected, by kind, in its wire form: no credentials."""
    rows = await session.execute(
        select(Connection, Snapshot.created_at)
        .outerjoin(Snapshot, Snapshot.id == Connection.snapshot_id)
        .where(Connection.replaced_at.is_(None), Connection.kind.not_like(f"{HIDDEN}%"))
        .order_by(Connection.kind)
    )
    return [_json(connection, discovered_at) for connection, discovered_at in rows]


async def connection_json(session: AsyncSession, connection: Connection) -> dict[str, Any]:
    """One connection in its wire form."""
    return _json(connection, await session.scalar(select(Snapshot.created_at).where(Snapshot.id == connection.snapshot_id)))


async def list_catalog(session: AsyncSession) -> list[dict[str, Any]]:
    """The catalog: the built-in providers and the organization's own, with what is connected."""
    rows = await session.scalars(select(Connection).where(Connection.replaced_at.is_(None)).order_by(Connection.kind))
    connections = list(rows)
    taken = offered()
    own = [
        custom_provider(one.kind, definition)
        for one in connections
        if one.kind not in taken and (definition := definition_of(one)) is not None
    ]
    return catalog.catalog(own, {one.kind: one.label for one in connections if one.status == "connected"})


def _json(connection: Connection, discovered_at: Any) -> dict[str, Any]:
    return {
        "kind": connection.kind,
        "id": connection.id,
        "status": connection.status,
        "statusReason": connection.status_reason,
        "label": connection.label,
        "type": type_of(connection),
        "target": connection.target,
        "definition": None if connection.kind in offered() else connection.definition,
        "connectedAt": connection.connected_at,
        "discoveredAt": discovered_at,
        "timeZone": connection.time_zone,
        "defaultCountry": connection.default_country,
    }
