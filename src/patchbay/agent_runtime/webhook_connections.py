"""The hidden connections that webhooks are reached by, one for each place a skill was at, and when they are given up."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.tables import AgentVersion, Skill
from patchbay.connectors.connections import HIDDEN, announce, forget_credentials
from patchbay.connectors.tables import Connection


async def connections_of(session: AsyncSession, skill_id: str) -> Sequence[Connection]:
    """Those of one skill, in the order they were made."""
    kind = f"{HIDDEN}{skill_id}"
    own = (Connection.kind == kind) | Connection.kind.startswith(f"{kind}:", autoescape=True)
    query = select(Connection).where(own, Connection.status == "connected").order_by(Connection.id)
    return (await session.scalars(query)).all()


async def forget_unused(session: AsyncSession, agent_id: str, skill_id: str, *, used: str | None = None) -> None:
    """Give up the connections of a webhook that neither the draft (``used``) nor any version of the agent can call: their secrets
    are deleted, and a call that still names one is refused.
    """
    for connection in await connections_of(session, skill_id):
        query = select(AgentVersion.id).where(AgentVersion.agent_id == agent_id, _names(connection.id)).limit(1)
        published = await session.scalar(query)
        if published is None and connection.id != used:
            await _forget(session, connection)


async def forget_all(session: AsyncSession, agent_id: str) -> None:
    """Give up every webhook of an agent that is deleted, those of its published versions too: none of them runs any more."""
    skill = func.split_part(Connection.kind, ":", 2)
    drafted = select(Skill.id).where(Skill.agent_id == agent_id, Skill.id == skill).exists()
    published = select(AgentVersion.id).where(AgentVersion.agent_id == agent_id, _names(Connection.id)).exists()
    webhooks = Connection.kind.startswith(HIDDEN, autoescape=True)
    query = select(Connection).where(webhooks, Connection.status == "connected", or_(drafted, published)).order_by(Connection.id)
    for connection in (await session.scalars(query)).all():
        await _forget(session, connection)


def _names(connection_id: object) -> ColumnElement[bool]:
    """Whether a version's document names the connection."""
    return func.strpos(func.encode(AgentVersion.document, "escape"), connection_id) > 0


async def _forget(session: AsyncSession, connection: Connection) -> None:
    await forget_credentials(session, connection.id)
    connection.status, connection.replaced_at = "disconnected", func.now()
    connection.scoping_version = Connection.scoping_version + 1
    await session.flush()
    await announce(session, connection.id)
