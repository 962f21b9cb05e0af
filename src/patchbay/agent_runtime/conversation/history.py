"""What a model is told of the conversation so far: the stored events, and nothing a client claims."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.conversation.model import AgentMessage, Message, ToolCallRequest, ToolMessage, UserMessage
from patchbay.agent_runtime.conversation.tools import HAND_OFF, outcome_from_event

_WINDOW = 120
_LAST = text(
    "SELECT type, data FROM conversation_events WHERE conversation_id = :id"
    " AND type IN ('user_utterance', 'agent_message', 'tool_call') AND data ->> 'state' IS DISTINCT FROM 'started'"
    f" ORDER BY seq DESC LIMIT {_WINDOW}"
)


async def load_history(session: AsyncSession, conversation_id: str) -> Sequence[Message]:
    """The last messages and tool outcomes of a conversation, oldest first, beginning with something the caller said."""
    rows = (await session.execute(_LAST, {"id": conversation_id})).all()
    return messages((row.type, row.data) for row in reversed(rows))


def messages(events: Iterable[tuple[str, dict[str, Any]]]) -> Sequence[Message]:
    """Stored events, as (type, data), as messages."""
    told: list[Message] = []
    for type, data in events:
        match type:
            case "user_utterance":
                told.append(UserMessage(text=data["text"]))
            case "agent_message":
                told.append(AgentMessage(text=data["text"]))
            case _:
                told.extend(_tool(data))
    first = next((i for i, m in enumerate(told) if isinstance(m, UserMessage)), len(told))
    return told[first:]


def _tool(data: dict[str, Any]) -> Sequence[Message]:
    name = data.get("slug") or (HAND_OFF if data.get("toolName") == HAND_OFF else None)
    if name is None:
        return ()
    arguments = msgspec.json.encode(data.get("arguments", {})).decode()
    request = ToolCallRequest(call_id=data["callId"], name=name, arguments=arguments)
    answer = ToolMessage(call_id=data["callId"], tool=name, outcome=outcome_from_event(data))
    return AgentMessage(text="", calls=(request,)), answer
