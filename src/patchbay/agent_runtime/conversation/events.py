"""The one thing a conversation emits. The receipt is this stream stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from patchbay.store.ids import new_id

EventType = Literal[
    "user_utterance", "agent_message", "agent_message_delta", "tool_call", "kb_retrieval", "guardrail", "verification",
    "handoff", "done", "error",
]  # fmt: skip
STREAMED_ONLY: frozenset[str] = frozenset({"agent_message_delta", "done", "error"})
"""Types that are streamed and not stored; they have no ``seq``."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event. ``seq`` counts the stored events of a conversation from 1 without a gap; ``turn`` counts from 1."""

    id: str
    seq: int | None
    type: str
    at: datetime
    conversation_id: str
    turn: int
    data: dict[str, Any]


class Sequence:
    """Makes the events of one conversation, numbering those that are stored."""

    def __init__(self, conversation_id: str, *, last_seq: int, turn: int) -> None:
        self.conversation_id = conversation_id
        self.last_seq = last_seq
        self.turn = turn

    def make(self, type: EventType, data: dict[str, Any]) -> Event:
        """The next event of this ``type``, made now."""
        seq: int | None = None
        if type not in STREAMED_ONLY:
            self.last_seq += 1
            seq = self.last_seq
        return Event(
            id=new_id("evt"),
            seq=seq,
            type=type,
            at=datetime.now(UTC),
            conversation_id=self.conversation_id,
            turn=self.turn,
            data=data,
        )
