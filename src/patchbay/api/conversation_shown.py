"""A conversation on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from patchbay.api.envelope import Shown
from patchbay.api.times import Stamp


class ConversationShown(Shown):
    """The summary of a conversation; a chat session is one."""

    id: str
    agent_id: str
    version_id: str | None = Field(description="The published version it runs; null for the draft.")
    draft_mode: bool
    channel: str
    status: Literal["active", "ended"]
    outcome: str | None
    summary: str | None
    turns: int
    skills_used: list[str]
    started_at: Stamp
    ended_at: Stamp | None
    duration_ms: int | None


class TranscriptTurn(Shown):
    """One thing said: by whom, in which turn of the conversation."""

    turn: int
    role: Literal["user", "agent"]
    text: str
    at: Stamp
