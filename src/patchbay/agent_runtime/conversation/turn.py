"""A prepared turn: everything that could be refused has been; what is left is to iterate its events once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import structlog

from patchbay.agent_runtime.conversation.engine import Engine
from patchbay.agent_runtime.conversation.events import Event
from patchbay.agent_runtime.conversation.journal import Held, Journal
from patchbay.errors import PatchbayError

_log = structlog.get_logger(__name__)


class Turn:
    """One or more turns of a conversation, ready to run."""

    def __init__(self, held: Held, journal: Journal, engine: Engine, said: Sequence[str], first: Event, *, ends: bool) -> None:
        self._held = held
        self._journal = journal
        self._engine = engine
        self._said = said
        self._first = first
        self._ends = ends

    @property
    def conversation_id(self) -> str:
        """The conversation this turn belongs to."""
        return self._held.id

    @property
    def agent_id(self) -> str:
        """The agent that answers."""
        return self._held.agent_id

    async def events(self) -> AsyncGenerator[Event]:
        """The events as they happen, then ``done`` or ``error``. Stopping early ends the work and keeps what has happened."""
        self._journal.stay_alive()
        settled = False
        try:
            for number, said in enumerate(self._said):
                yield self._first if number == 0 else self._engine.hear(said)
                async with aclosing(self._engine.answer()) as events:
                    last: Event | None = None
                    async for event in events:
                        if last is not None:
                            yield last
                        last = event if event.type == "agent_message" else None
                        if last is None:
                            yield event
                settled = number == len(self._said) - 1
                summary = self._engine.remember()
                settled = settled or self._engine.ends
                if settled:
                    await self._journal.finish(
                        outcome=self._engine.outcome, summary=summary, ends=self._ends or self._engine.ends
                    )
                else:
                    await asyncio.shield(self._journal.flush())
                if last is not None:
                    yield last
                if settled:
                    break
            yield self._journal.make("done", {"conversationId": self._held.id, "outcome": self._engine.outcome})
        except PatchbayError as refusal:
            yield self._journal.make("error", {"problem": _problem(refusal)})
        except Exception:
            _log.exception("conversation could not be kept", conversation_id=self._held.id)
            yield self._journal.make("error", {"problem": _problem(PatchbayError("The conversation could not be stored."))})
        finally:
            self._journal.rest()
            if not settled:
                self._engine.abandon()
                summary = self._engine.remember()
                self._journal.finish_detached(outcome=self._engine.outcome, summary=summary, ends=self._ends)

    async def collect(self) -> list[Event]:
        """All events at once."""
        return [event async for event in self.events()]


def _problem(refusal: PatchbayError) -> dict[str, object]:
    named = f"https://docs.flowyte.com/errors/{refusal.code}" if refusal.named else "about:blank"
    return {"type": named, "title": refusal.title, "status": refusal.status, "code": refusal.code, "detail": refusal.detail}
