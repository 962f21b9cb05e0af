"""The events of a conversation on the wire: as frames of a stream, and as messages."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request

from patchbay.agent_runtime.conversation.events import Event, EventType
from patchbay.agent_runtime.conversation.turn import Turn
from patchbay.agent_runtime.wire import event_json
from patchbay.api.envelope import Shown
from patchbay.api.streams import EventStream, frame
from patchbay.api.times import Stamp

CONVERSATION_ID = "Patchbay-Conversation-Id"


class EventShown(Shown):
    """One event. `data` depends on `type`; what is only streamed has no `seq`."""

    id: str
    seq: int | None = Field(default=None, description="Counts the stored events of a conversation without a gap.")
    type: EventType
    at: Stamp
    conversation_id: str
    turn: int
    data: dict[str, Any]


class MessageShown(Shown):
    """Something that was said."""

    id: str
    role: Literal["user", "assistant"]
    content: str
    turn: int
    created_at: Stamp


def event_stream(request: Request, turn: Turn) -> EventStream:
    """The events of a turn as server-sent events, ended by ``done`` or ``error``."""
    return EventStream(request, _frames(turn), failed=_failed, headers={CONVERSATION_ID: turn.conversation_id})


async def _frames(turn: Turn) -> AsyncGenerator[bytes]:
    async with aclosing(turn.events()) as events:
        async for event in events:
            yield frame(event.type, _frame_data(event))


def _frame_data(event: Event) -> dict[str, Any]:
    """The event; the last one of a stream has the members of its data at the top as well."""
    shown = event_json(event)
    return {**event.data, **shown} if event.type in ("done", "error") else shown


def _failed(problem: dict[str, Any]) -> bytes:
    return frame("error", {"type": "error", "problem": problem, "data": {"problem": problem}})


STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Frames `event: TYPE` and `data: EVENT`, ended by `event: done` or `event: error`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
"""The ``responses`` of a route that streams events."""
