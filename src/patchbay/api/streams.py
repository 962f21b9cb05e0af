"""Server-sent events. Whatever can be refused is refused before a stream is made; a later failure is a last ``error`` frame.

The work runs in the task that answers the request. When the client goes away that task is cancelled, and the work with it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import anyio
import msgspec
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from patchbay.api.problems import Internal, problem_document
from patchbay.api.request_log import logger, where_it_failed
from patchbay.api.visit import visit_of
from patchbay.errors import PatchbayError

KEEPALIVE_S = 15.0
Failed = Callable[[dict[str, Any]], bytes]
"""Turns the problem object of a failure in mid-stream into the last frame."""


def frame(event: str, data: Any) -> bytes:
    """One frame: ``event:`` and ``data:`` with compact JSON on one line."""
    return format_sse_event(event=event, data_str=msgspec.json.encode(data).decode())


def data_frame(data: Any) -> bytes:
    """A frame without a name, as OpenAI's clients read them."""
    return format_sse_event(data_str=msgspec.json.encode(data).decode())


class EventStream(Response):
    """A response that streams ``frames``. ``failed`` makes the last frame when they break off."""

    media_type = EventSourceResponse.media_type

    def __init__(self, request: Request, frames: AsyncGenerator[bytes], *, failed: Failed, headers: dict[str, str] | None = None):
        kept = {"Cache-Control": "no-cache, no-store", "X-Accel-Buffering": "no", **(headers or {})}
        super().__init__(status_code=200, headers=kept)
        del self.headers["content-length"]
        self.visit = visit_of(request)
        self.frames = frames
        self.failed = failed
        self._last_sent = time.monotonic()
        self._sending = anyio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the work is done or the client is gone."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with anyio.create_task_group() as group:
            group.start_soon(self._cancel_when_gone, receive, group.cancel_scope)
            group.start_soon(self._keep_alive, send)
            await self._pump(send)
            group.cancel_scope.cancel()

    async def _pump(self, send: Send) -> None:
        try:
            async with aclosing(self.frames) as frames:
                async for chunk in frames:
                    await self._send(send, chunk)
        except Exception as error:
            await self._send(send, self.failed(self._problem(error)))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _problem(self, error: Exception) -> dict[str, Any]:
        if not isinstance(error, PatchbayError):
            logger.error("stream_failed", error=type(error).__name__, where=where_it_failed(error))
            error = Internal()
        return problem_document(error, instance=self.visit.path, request_id=self.visit.request_id)

    async def _send(self, send: Send, chunk: bytes) -> None:
        async with self._sending:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            self._last_sent = time.monotonic()

    async def _keep_alive(self, send: Send) -> None:
        while True:
            idle = time.monotonic() - self._last_sent
            if idle >= KEEPALIVE_S:
                await self._send(send, KEEPALIVE_COMMENT)
                idle = 0.0
            await anyio.sleep(KEEPALIVE_S - idle)

    @staticmethod
    async def _cancel_when_gone(receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        scope.cancel()
