"""Hearing a whole turn out, for the answers that are not streamed."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.requests import ClientDisconnect, Request

from patchbay.agent_runtime.conversation.events import Event
from patchbay.agent_runtime.conversation.turn import Turn


@dataclass(slots=True)
class Heard:
    """A finished turn: what happened, the outcome it ended with, or the problem it broke off with."""

    events: list[Event] = field(default_factory=list[Event])
    outcome: str | None = None
    problem: dict[str, Any] | None = None
    finished: bool = False

    @property
    def said(self) -> list[Event]:
        """The agent's messages."""
        return [event for event in self.events if event.type == "agent_message"]


async def hear_out(request: Request, turn: Turn) -> Heard:
    """Every event of ``turn``. When the client goes away meanwhile, the work is cancelled (:class:`ClientDisconnect`)."""
    heard = Heard()
    async with anyio.create_task_group() as group:
        group.start_soon(_cancel_when_gone, request, group.cancel_scope)
        async with aclosing(turn.events()) as events:
            async for event in events:
                _take(heard, event)
        group.cancel_scope.cancel()
    if not heard.finished:
        raise ClientDisconnect
    return heard


def _take(heard: Heard, event: Event) -> None:
    heard.finished = event.type in ("done", "error")
    if event.type == "error":
        heard.problem = event.data["problem"]
    elif event.type == "done":
        heard.outcome = event.data["outcome"]
    elif event.type != "agent_message_delta":
        heard.events.append(event)


async def _cancel_when_gone(request: Request, scope: anyio.CancelScope) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
