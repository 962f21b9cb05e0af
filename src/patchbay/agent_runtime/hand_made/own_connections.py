"""The connections that belong to skills made by hand: each holds where one skill goes and what authorizes it there.

They are listed nowhere. A version keeps calling what it was published with, so a skill whose address or secrets change gets
another connection; the secrets of one that nothing uses any more are deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.tables import AgentVersion, Skill
from patchbay.connectors.connections import HIDDEN, announce, forget_credentials
from patchbay.connectors.stored_credentials import write_secrets
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection
from patchbay.store.ids import new_id
from patchbay.store.vault import Vault


async def connect_own(session: AsyncSession, vault: Vault, skill_id: str, type_: str, credentials: Any) -> Connection:
    """A new connection of a skill to a system of this type."""
    system = system_of(type_)
    connection = Connection(
        id=new_id("con"),
        kind=f"{HIDDEN}{skill_id}",
        target=system.target(credentials),
        label=system.label(credentials),
        status="connected",
        scoping={},
        connected_at=func.now(),
    )
    session.add(connection)
    await session.flush()
    await session.refresh(connection)
    await write_secrets(session, vault, connection, system.dump(credentials))
    return connection


async def replace_own(
    session: AsyncSession, vault: Vault, skill_id: str, old: Connection, type_: str, credentials: Any
) -> Connection:
    """Another connection in the place of ``old``, which versions may still call."""
    old.kind = f"{old.kind}:{old.id}"
    await session.flush()
    return await connect_own(session, vault, skill_id, type_, credentials)


async def connections_of(session: AsyncSession, skill_id: str) -> Sequence[Connection]:
    """The connections a skill has: the draft's, and those that versions were published with."""
    kind = f"{HIDDEN}{skill_id}"
    own = (Connection.kind == kind) | Connection.kind.startswith(f"{kind}:", autoescape=True)
    query = select(Connection).where(own, Connection.status == "connected").order_by(Connection.id)
    return (await session.scalars(query)).all()


async def let_go_unused(session: AsyncSession, agent_id: str, skill_id: str, *, used: str | None = None) -> None:
    """Give up the connections that neither the draft (``used``) nor any version of the agent can call: their secrets are deleted,
    and a call that still names one is refused.
    """
    for connection in await connections_of(session, skill_id):
        query = select(AgentVersion.id).where(AgentVersion.agent_id == agent_id, _names(connection.id)).limit(1)
        published = await session.scalar(query)
        if published is None and connection.id != used:
            await _let_go(session, connection)


async def let_go_all(session: AsyncSession, agent_id: str) -> None:
    """Give up every such connection of an agent that is deleted, those of its published versions too: none of them runs any
    more.
    """
    skill = func.split_part(Connection.kind, ":", 2)
    drafted = select(Skill.id).where(Skill.agent_id == agent_id, Skill.id == skill).exists()
    published = select(AgentVersion.id).where(AgentVersion.agent_id == agent_id, _names(Connection.id)).exists()
    own = Connection.kind.startswith(HIDDEN, autoescape=True)
    query = select(Connection).where(own, Connection.status == "connected", or_(drafted, published)).order_by(Connection.id)
    for connection in (await session.scalars(query)).all():
        await _let_go(session, connection)


def _names(connection_id: object) -> ColumnElement[bool]:
    """Whether a version's document names the connection."""
    return func.strpos(func.encode(AgentVersion.document, "escape"), connection_id) > 0


async def _let_go(session: AsyncSession, connection: Connection) -> None:
    await forget_credentials(session, connection.id)
    connection.status, connection.replaced_at = "disconnected", func.now()
    connection.scoping_version = Connection.scoping_version + 1
    await session.flush()
    await announce(session, connection.id)
