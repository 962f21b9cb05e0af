"""What a model is told of the conversation so far: the stored events, and nothing a client claims.

What a skill found before something was blocked stays in the receipt, but a model is not told it again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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
    tellable = {
        slug: {o.leaf for o in agent.gates.of(skill.id).outputs(skill.call.outputs, level)}
        for slug, skill in skills.items()
        if slug not in blocked
    }
    return messages(((row.type, row.data) for row in reversed(rows)), tellable)


def messages(events: Iterable[tuple[str, dict[str, Any]]], tellable: Mapping[str, Collection[str]]) -> Sequence[Message]:
    """Stored events, as (type, data), as messages. ``tellable`` holds, by slug, the leaves of what skills found."""
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


def _tool(data: dict[str, Any], tellable: Mapping[str, Collection[str]]) -> Sequence[Message]:
    name = data.get("slug") or (HAND_OFF if data.get("toolName") == HAND_OFF else None)
    if name is None:
        return ()
    arguments = msgspec.json.encode(data.get("arguments", {})).decode()
    request = ToolCallRequest(call_id=data["callId"], name=name, arguments=arguments)
    outcome = outcome_from_event(data)
    if outcome.rows:
        leaves = tellable.get(name)
        outcome = _NO_LONGER if leaves is None else _narrowed(outcome, leaves)
    answer = ToolMessage(call_id=data["callId"], tool=name, outcome=outcome)
    return AgentMessage(text="", calls=(request,)), answer


def _narrowed(outcome: ToolOutcome, leaves: Collection[str]) -> ToolOutcome:
    rows = [{leaf: value for leaf, value in row.items() if leaf in leaves} for row in outcome.rows]
    return msgspec.structs.replace(outcome, rows=rows)
