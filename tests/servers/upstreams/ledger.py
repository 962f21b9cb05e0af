"""What an upstream has done: each write once for its idempotency key, with trouble after the work where a test wants some."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from aiohttp import web

Trouble = Literal["none", "lost", "failed", "slow"]
"""What comes between the work and its answer: the connection is lost, a gateway says 502, or it takes ``SLOW_S``."""
SLOW_S = 3.0
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass
class Ledger:
    """``done`` has the writes carried out, ``asked`` how many arrived. ``troubles`` are for the next ones, in their order.

    ``honours_keys``: a key that was seen gets the first answer again, and nothing is done.
    """

    honours_keys: bool = True
    troubles: list[Trouble] = field(default_factory=list)
    done: list[Any] = field(default_factory=list)
    asked: int = 0
    _answers: dict[str, tuple[bytes, int, bytes, str]] = field(default_factory=dict)

    async def carry_out(
        self, request: web.Request, key: str | None, what: Any, work: Callable[[], web.Response]
    ) -> web.StreamResponse:
        """The answer to a write: of the work, or of the work that was done for this key before."""
        self.asked += 1
        told = msgspec.json.encode(what)
        known = self._answers.get(key) if key is not None and self.honours_keys else None
        if known is not None:
            first, status, body, kind = known
            answer = web.Response(status=status, body=body, content_type=kind)
            if first != told:
                answer = web.json_response({"error": "the key was used for something else"}, status=409)
        else:
            self.done.append(what)
            answer = work()
            if key is not None:
                assert isinstance(answer.body, bytes)
                self._answers[key] = (told, answer.status, answer.body, answer.content_type)
        trouble = self.troubles.pop(0) if self.troubles else "none"
        if trouble == "lost":
            assert request.transport is not None
            request.transport.abort()
        elif trouble == "failed":
            return web.json_response({"error": "secret"}, status=502)
        elif trouble == "slow":
            await asyncio.sleep(SLOW_S)
        return answer


def key_in(headers: Mapping[str, str], body: Any) -> str | None:
    """The idempotency key of a request, by the header of that name or the member of its body."""
    inside = body if isinstance(body, dict) else {}
    return headers.get("Idempotency-Key") or inside.get("idempotency_key") or inside.get("idempotencyKey")


def overlaid(record: Any, given: Any) -> Any:
    """A made-up record with what was given for it, member by member."""
    if isinstance(record, dict) and isinstance(given, dict):
        return {name: overlaid(value, given[name]) if name in given else value for name, value in record.items()}
    if isinstance(record, list) and isinstance(given, list):
        return [overlaid(record[0] if record else {}, one) for one in given]
    return given
