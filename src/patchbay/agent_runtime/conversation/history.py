"""What a model is told of the conversation so far: the stored events, and nothing a client claims.

What a skill found before something was blocked stays in the receipt, but a model is not told it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.conversation.model import (
    AgentMessage,
    Message,
    ToolCallRequest,
    ToolMessage,
    ToolOutcome,
    UserMessage,
)
from patchbay.agent_runtime.conversation.tools import HAND_OFF, outcome_from_event
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.connectors.refusals import ScopedOut
from patchbay.connectors.scoping import scoped_out

_WINDOW = 120
_LAST = text(
    "SELECT type, data FROM conversation_events WHERE conversation_id = :id"
    " AND type IN ('user_utterance', 'agent_message', 'tool_call') AND data ->> 'state' IS DISTINCT FROM 'started'"
    f" ORDER BY seq DESC LIMIT {_WINDOW}"
)

Narrow = Callable[[Mapping[str, Any]], dict[str, Any]]
_NO_LONGER = ToolOutcome(status="refused", code=ScopedOut.code, message=ScopedOut.say)


async def load_history(session: AsyncSession, conversation_id: str, agent: FrozenAgent, level: int) -> Sequence[Message]:
    """The last messages and tool outcomes of a conversation, oldest first, beginning with something the caller said.

    Rows are told only of skills that ``agent`` has, that a caller of ``level`` may use and whose calls data scoping permits now,
    and of those only fields that may still be told.
    """
    rows = (await session.execute(_LAST, {"id": conversation_id})).all()
    used = {row.data["slug"] for row in rows if row.type == "tool_call" and "result" in row.data and "slug" in row.data}
    skills = {slug: s for slug, s in agent.by_slug.items() if slug in used and agent.gates.of(s.id).level <= level}
    blocked = await scoped_out(session, {slug: skill.call for slug, skill in skills.items()}) if skills else set[str]()
    tellable = {slug: partial(agent.gates.of(skill.id).row, level=level) for slug, skill in skills.items() if slug not in blocked}
    return messages(((row.type, row.data) for row in reversed(rows)), tellable)


def messages(events: Iterable[tuple[str, dict[str, Any]]], tellable: Mapping[str, Narrow]) -> Sequence[Message]:
    """Stored events, as (type, data), as messages. ``tellable`` gives, by slug, what of a row that a skill found may be told."""
    told: list[Message] = []
    for type, data in events:
        match type:
            case "user_utterance":
                told.append(UserMessage(text=data["text"]))
            case "agent_message":
                told.append(AgentMessage(text=data["text"]))
            case _:
                told.extend(_tool(data, tellable))
    first = next((i for i, m in enumerate(told) if isinstance(m, UserMessage)), len(told))
    return told[first:]


def _tool(data: dict[str, Any], tellable: Mapping[str, Narrow]) -> Sequence[Message]:
    name = data.get("slug") or (HAND_OFF if data.get("toolName") == HAND_OFF else None)
    if name is None:
        return ()
    arguments = msgspec.json.encode(data.get("arguments", {})).decode()
    request = ToolCallRequest(call_id=data["callId"], name=name, arguments=arguments)
    outcome = outcome_from_event(data)
    if outcome.rows:
        narrow = tellable.get(name)
        rows = [narrow(row) for row in outcome.rows] if narrow is not None else []
        outcome = _NO_LONGER if narrow is None else msgspec.structs.replace(outcome, rows=rows)
    answer = ToolMessage(call_id=data["callId"], tool=name, outcome=outcome)
    return AgentMessage(text="", calls=(request,)), answer
