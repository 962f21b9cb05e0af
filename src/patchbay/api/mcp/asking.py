"""The answer to a call that may ask the person at the client: plain JSON when it did not, else a stream of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from fastapi import Response
from starlette.requests import Request

from patchbay.agent_runtime.mcp.asking import Asking
from patchbay.agent_runtime.mcp.sessions import McpSession
from patchbay.api.mcp.host import Answered
from patchbay.api.platform import Platform
from patchbay.api.problems import Internal
from patchbay.api.streams import EventStream, frame

_FAILED = {"code": -32603, "message": "The call broke off."}


async def answer_or_ask(request: Request, platform: Platform, raw: bytes, session: McpSession) -> Response:
    """The response to one ``tools/call``. The call runs to its end whatever the client does."""
    asking = Asking(platform.runtime, session)
    done: list[Answered] = []

    async def work() -> None:
        try:
            done.append(await platform.mcp.answer(request, raw, session, asking))
        finally:
            asking.over()

    platform.runtime.detach(work())
    first = await asking.next()
    if first is not None:
        return EventStream(request, _frames(first, asking, done), failed=_failed)
    if not done:
        raise Internal
    return Response(done[0].body, done[0].status, media_type=done[0].media_type)


async def _frames(first: dict[str, Any], asking: Asking, done: list[Answered]) -> AsyncGenerator[bytes]:
    try:
        message: dict[str, Any] | None = first
        while message is not None:
            yield frame("message", message)
            message = await asking.next()
        if not done:
            raise Internal
        yield frame("message", msgspec.Raw(done[0].body))
    finally:
        asking.leave()


def _failed(problem: dict[str, Any]) -> bytes:
    return frame("message", {"jsonrpc": "2.0", "id": None, "error": _FAILED})
