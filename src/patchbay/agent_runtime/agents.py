"""Agents: create, list, get, patch and delete. Every change of a draft raises its version, which If-Match compares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agent_draft import AgentDraft, changed_draft, read_draft
from patchbay.agent_runtime.hand_made.own_connections import let_go_all
from patchbay.agent_runtime.knowledge.files import forget_all
from patchbay.agent_runtime.tables import Agent, AgentVersion, Conversation
from patchbay.agent_runtime.wire import agent_json
from patchbay.errors import Conflict, NotFound, ValidationFailed
from patchbay.store.ids import new_id


class AgentNotFound(NotFound):
    """There is no such agent in your organization."""


class DuplicateName(Conflict):
    """That name is taken; names are unique."""

    code, title = "duplicate_name", "Duplicate name"


class AgentStale(Conflict):
    """The agent has changed since the version in If-Match; rebase on the state in this answer and try again."""

    code, title = "stale_version", "Stale version"


async def create_agent(session: AsyncSession, body: Any) -> Agent:
    """A new draft agent. Raises :class:`ValidationFailed` or :class:`DuplicateName`."""
    draft = read_draft(body)
    agent = Agent(id=new_id("agt"), name=draft.name, draft=draft.stored(), version=1)
    session.add(agent)
    await _flush_named(session, draft)
    await session.refresh(agent)
    return agent


async def list_agents(
    session: AsyncSession,
    *,
    status: Literal["draft", "published"] | None = None,
    q: str | None = None,
    limit: int = 25,
    after: str | None = None,
) -> Sequence[Agent]:
    """Up to ``limit`` agents, newest first, those after the id ``after``. ``q`` is looked for in the name."""
    query = select(Agent).where(Agent.deleted_at.is_(None)).order_by(Agent.id.desc()).limit(limit)
    if status not in (None, "draft", "published"):
        raise ValidationFailed("status must be draft or published")
    if status == "published":
        query = query.where(Agent.published_version_id.is_not(None))
    elif status == "draft":
        query = query.where(Agent.published_version_id.is_(None))
    if q:
        query = query.where(Agent.name.icontains(q, autoescape=True))
    if after:
        query = query.where(Agent.id < after)
    return (await session.scalars(query)).all()


async def get_agent(session: AsyncSession, agent_id: str, *, lock: bool = False) -> Agent:
    """One agent; with ``lock`` nobody else changes it until the transaction ends. Raises :class:`AgentNotFound`."""
    query = select(Agent).where(Agent.id == agent_id, Agent.deleted_at.is_(None))
    agent = await session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)
    if agent is None:
        raise AgentNotFound
    return agent


async def patch_agent(session: AsyncSession, agent_id: str, body: Any, *, if_match: int | None = None) -> Agent:
    """Change the draft by a JSON merge patch. Raises :class:`AgentStale` with the members ``agent`` and ``version``."""
    agent = await get_agent(session, agent_id, lock=True)
    if if_match is not None and if_match != agent.version:
        published = await published_number(session, agent)
        raise AgentStale(extensions={"agent": agent_json(agent, published=published), "version": agent.version})
    draft = changed_draft(agent.draft, agent.name, body)
    stored = draft.stored()
    if (draft.name, stored) != (agent.name, agent.draft):
        agent.name, agent.draft, agent.version = draft.name, stored, agent.version + 1
        await _flush_named(session, draft)
        await session.refresh(agent)
    return agent


async def delete_agent(session: AsyncSession, agent_id: str) -> None:
    """Take the agent away: its name becomes free, its open conversations end; its knowledge and the secrets of its webhooks are
    deleted.
    """
    agent = await get_agent(session, agent_id, lock=True)
    agent.deleted_at = func.now()
    await session.flush()
    await let_go_all(session, agent_id)
    await forget_all(session, agent_id)
    await session.execute(
        update(Conversation)
        .where(Conversation.agent_id == agent_id, Conversation.status == "active")
        .values(status="ended", outcome=func.coalesce(Conversation.outcome, "agent_deleted"), ended_at=func.now())
    )


async def touch_draft(session: AsyncSession, agent_id: str) -> None:
    """Raise the draft's version: something that belongs to it has changed."""
    await session.execute(update(Agent).where(Agent.id == agent_id).values(version=Agent.version + 1))


async def published_number(session: AsyncSession, agent: Agent) -> int | None:
    """The number of the version that is live, or None."""
    if agent.published_version_id is None:
        return None
    return await session.scalar(select(AgentVersion.number).where(AgentVersion.id == agent.published_version_id))


async def _flush_named(session: AsyncSession, draft: AgentDraft) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        raise DuplicateName(f"There is already an agent named {draft.name!r} (duplicate_name).") from error
