"""Looking back: the history of conversations, and the summary, transcript and receipt of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.conversation.journal import ConversationNotFound
from patchbay.agent_runtime.tables import Conversation, ConversationEvent
from patchbay.agent_runtime.wire import event_json

_SPOKEN = ("user_utterance", "agent_message")


async def list_conversations(
    session: AsyncSession,
    *,
    q: str | None = None,
    agent_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    channel: str | None = None,
    outcome: str | None = None,
    limit: int = 25,
    before: str | None = None,
) -> Sequence[Conversation]:
    """Up to ``limit`` conversations, newest first, those before the id ``before``.

    Every word of ``q`` must be in the summary or in something that was said. ``since`` (inclusive) and ``until`` (exclusive)
    bound when they started.
    """
    query = select(Conversation).order_by(Conversation.id.desc()).limit(limit)
    for word in (q or "").split()[:20]:
        query = query.where(or_(Conversation.summary.icontains(word, autoescape=True), _said(word)))
    for column, value in ((Conversation.agent_id, agent_id), (Conversation.channel, channel), (Conversation.outcome, outcome)):
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(Conversation.started_at >= since)
    if until is not None:
        query = query.where(Conversation.started_at < until)
    if before is not None:
        query = query.where(Conversation.id < before)
    return (await session.scalars(query)).all()


async def get_conversation(session: AsyncSession, conversation_id: str) -> Conversation:
    """One conversation. Raises :class:`ConversationNotFound`."""
    row = await session.get(Conversation, conversation_id)
    if row is None:
        raise ConversationNotFound
    return row


async def transcript(session: AsyncSession, conversation_id: str) -> list[dict[str, Any]]:
    """What was said, in its order: ``{turn, role, text, at}``, the role being ``user`` or ``agent``."""
    await get_conversation(session, conversation_id)
    return [
        {
            "turn": event.turn,
            "role": "user" if event.type == "user_utterance" else "agent",
            "text": event.data.get("text", ""),
            "at": event_json(event)["at"],
        }
        for event in await _events(session, conversation_id, _SPOKEN)
    ]


async def receipt(session: AsyncSession, conversation_id: str) -> Sequence[ConversationEvent]:
    """Every stored event of a conversation in its order."""
    await get_conversation(session, conversation_id)
    return await _events(session, conversation_id, ())


async def _events(session: AsyncSession, conversation_id: str, types: Sequence[str]) -> Sequence[ConversationEvent]:
    query = select(ConversationEvent).where(ConversationEvent.conversation_id == conversation_id).order_by(ConversationEvent.seq)
    if types:
        query = query.where(ConversationEvent.type.in_(types))
    return (await session.scalars(query)).all()


def _said(word: str) -> Any:
    return exists().where(
        ConversationEvent.conversation_id == Conversation.id,
        ConversationEvent.type.in_(_SPOKEN),
        ConversationEvent.data["text"].astext.icontains(word, autoescape=True),
    )
