"""Hearing a whole turn out, for the answers that are not streamed."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from patchbay.agent_runtime.conversation.events import Event
from patchbay.agent_runtime.conversation.turn import Turn
from patchbay.api.presence import while_present


@dataclass(slots=True)
class Heard:
    """A finished turn: what happened, the outcome it ended with, or the problem it broke off with."""

    events: list[Event] = field(default_factory=list[Event])
    outcome: str | None = None
    problem: dict[str, Any] | None = None

    @property
    def said(self) -> list[Event]:
        """The agent's messages."""
        return [event for event in self.events if event.type == "agent_message"]


async def hear_out(request: Request, turn: Turn) -> Heard:
    """Every event of ``turn``. When the client goes away meanwhile, the work is cancelled (``ClientDisconnect``)."""
    return await while_present(request, _hear(turn))


async def _hear(turn: Turn) -> Heard:
    heard = Heard()
    async with aclosing(turn.events()) as events:
        async for event in events:
            _take(heard, event)
    return heard


def _take(heard: Heard, event: Event) -> None:
    if event.type == "error":
        heard.problem = event.data["problem"]
    elif event.type == "done":
        heard.outcome = event.data["outcome"]
    elif event.type != "agent_message_delta":
        heard.events.append(event)
