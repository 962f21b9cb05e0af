"""The channels over text: the tester, chat sessions and OpenAI-compatible completions. All are adapters over one engine.

A ``prepare_…`` function refuses everything that can be refused and stores what the caller said; the :class:`Turn` it gives
back only has to be iterated. After that, trouble is an ``error`` event, never an exception.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import get_agent
from patchbay.agent_runtime.bodies import read_body
from patchbay.agent_runtime.channel_bodies import ChatMessage, ChatSessionCreate, SessionFacts, Simulation
from patchbay.agent_runtime.conversation.engine import Engine
from patchbay.agent_runtime.conversation.history import load_history
from patchbay.agent_runtime.conversation.journal import (
    AgentDeleted,
    ConversationNotFound,
    Held,
    Journal,
    SessionEnded,
    claim,
    open_conversation,
)
from patchbay.agent_runtime.conversation.turn import Turn
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.agent_runtime.guardrails.levels import level_at
from patchbay.agent_runtime.lost_writes import tell_of_turn
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.tables import Conversation, ConversationEvent
from patchbay.agent_runtime.versions import NoPublishedVersion, agent_of, compile_draft
from patchbay.errors import Reserved

CHAT = "chat"
SIMULATION = "simulation"
CHANNELS = (CHAT, SIMULATION)
"""Chat sessions and completions are ``chat``; the tester's runs are ``simulation``."""


async def prepare_simulation(runtime: Runtime, org_id: str, agent_id: str, body: Any) -> Turn:
    """A run of the tester: a conversation of its own, of one utterance or several, that ends with the stream."""
    wanted = read_body(Simulation, body)
    if wanted.mode == "voice":
        raise Reserved("Voice in the tester is reserved: it is not open yet. Use mode text.")
    said = wanted.utterances()
    async with runtime.database.tenant(org_id) as session:
        agent = await _agent(session, org_id, agent_id, draft=wanted.draft_mode)
        held = await _open(session, org_id, agent, channel=SIMULATION, facts=wanted.session, hold=True)
        return await _begin(session, runtime, agent, held, said, ends=True, via="simulate")


async def create_session(session: AsyncSession, org_id: str, body: Any) -> Conversation:
    """A new chat session, pinned to the version that is live now. Raises :class:`NoPublishedVersion`."""
    wanted = read_body(ChatSessionCreate, body)
    agent = await _agent(session, org_id, wanted.agent_id, draft=wanted.draft_mode)
    held = await _open(session, org_id, agent, channel=CHAT, facts=wanted.session, hold=False, via="session")
    return await get_session(session, held.id)


async def get_session(session: AsyncSession, conversation_id: str) -> Conversation:
    """A chat session. Raises :class:`ConversationNotFound`."""
    row = await session.scalar(
        select(Conversation)
        .where(Conversation.id == conversation_id, Conversation.channel == CHAT)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise ConversationNotFound
    return row


async def prepare_message(runtime: Runtime, org_id: str, conversation_id: str, body: Any) -> Turn:
    """One message of a chat session. Raises :class:`SessionEnded`, :class:`TurnInProgress` or :class:`ConversationNotFound`."""
    wanted = read_body(ChatMessage, body)
    return await continue_conversation(runtime, org_id, conversation_id, wanted.content)


async def continue_conversation(
    runtime: Runtime, org_id: str, conversation_id: str, said: str, *, agent_id: str | None = None, via: str = "session"
) -> Turn:
    """The next turn of a chat conversation (of ``agent_id``, where given). ``via`` is how these words arrive."""
    async with runtime.database.tenant(org_id) as session:
        held = await claim(session, conversation_id)
        if held.channel != CHAT or agent_id not in (None, held.agent_id):
            raise ConversationNotFound
        agent = await agent_of(session, org_id, held.agent_id, held.version_id)
        return await _begin(session, runtime, agent, held, [said], ends=False, via=via)


async def open_chat(
    runtime: Runtime, org_id: str, agent_id: str, said: str, *, via: str, history: tuple[tuple[str, str], ...]
) -> Turn:
    """The first turn of a chat conversation with the live version. ``history`` is what the client claims was said before."""
    async with runtime.database.tenant(org_id) as session:
        agent = await _agent(session, org_id, agent_id, draft=False)
        held = await _open(session, org_id, agent, channel=CHAT, facts=None, hold=True, via=via)
        return await _begin(session, runtime, agent, held, [said], ends=False, untrusted=history, via=via)


async def list_messages(
    session: AsyncSession, conversation_id: str, *, limit: int = 25, after: int | None = None
) -> Sequence[ConversationEvent]:
    """Up to ``limit`` messages of a chat session in their order, those after the ``seq`` ``after``."""
    await get_session(session, conversation_id)
    query = (
        select(ConversationEvent)
        .where(ConversationEvent.conversation_id == conversation_id)
        .where(ConversationEvent.type.in_(("user_utterance", "agent_message")))
        .order_by(ConversationEvent.seq)
        .limit(limit)
    )
    if after is not None:
        query = query.where(ConversationEvent.seq > after)
    return (await session.scalars(query)).all()


async def end_session(session: AsyncSession, conversation_id: str, *, channel: str = CHAT) -> Conversation:
    """Close a session of a channel. Raises :class:`SessionEnded` when it has ended already."""
    row = await session.scalar(
        select(Conversation).where(Conversation.id == conversation_id, Conversation.channel == channel).with_for_update()
    )
    if row is None:
        raise ConversationNotFound
    if row.status != "active":
        raise AgentDeleted if row.outcome == "agent_deleted" else SessionEnded
    await tell_of_turn(session, row)
    row.status, row.ended_at = "ended", func.now()
    await session.flush()
    await session.refresh(row)
    return row


async def _begin(
    session: AsyncSession,
    runtime: Runtime,
    agent: FrozenAgent,
    held: Held,
    said: Sequence[str],
    *,
    ends: bool,
    via: str,
    untrusted: tuple[tuple[str, str], ...] = (),
) -> Turn:
    level = level_at(held.state.get("verified", {}), time.time())
    history = await load_history(session, held.id, agent, level) if held.last_seq else ()
    journal = Journal(runtime, held)
    engine = Engine(runtime, agent, held, journal, history, untrusted_history=untrusted, via=via)
    waited = "pending" in held.state
    first = engine.hear(said[0])
    # A confirmation is used up by what was heard, even by a process that does not live to answer it.
    await journal.write(session, state=waited)
    return Turn(held, journal, engine, said, first, ends=ends)


async def _open(
    session: AsyncSession,
    org_id: str,
    agent: FrozenAgent,
    *,
    channel: str,
    facts: SessionFacts | None,
    hold: bool,
    via: str = "simulate",
) -> Held:
    return await open_conversation(
        session,
        org_id=org_id,
        agent_id=agent.agent_id,
        version_id=agent.version_id,
        channel=channel,
        facts=facts.known() if facts else {},
        state={"via": via},
        hold=hold,
    )


async def _agent(session: AsyncSession, org_id: str, agent_id: str, *, draft: bool) -> FrozenAgent:
    if draft:
        return await compile_draft(session, agent_id)
    row = await get_agent(session, agent_id)
    if row.published_version_id is None:
        raise NoPublishedVersion
    return await agent_of(session, org_id, agent_id, row.published_version_id)
