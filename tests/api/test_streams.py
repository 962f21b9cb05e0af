"""Server-sent events: frames, failures in mid-stream, keep-alives, and clients that go away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.requests import Request

from patchbay.api import streams
from patchbay.api.streams import EventStream, frame
from patchbay.api.visit import open_visit
from patchbay.errors import Unavailable

pytestmark = pytest.mark.anyio


class Wire:
    """The other end of an ASGI response: keeps what is sent; ``leave`` hangs up."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    @property
    def body(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent).decode()

    @property
    def ended(self) -> bool:
        return self.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


async def stream(frames: AsyncGenerator[bytes], wire: Wire) -> None:
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/api/v1/x", "headers": []}
    open_visit(scope, "request-1")
    response = EventStream(Request(scope), frames, failed=lambda problem: frame("error", {"problem": problem}))
    await response(scope, wire.receive, wire.send)


async def test_frames_arrive_as_they_are_and_the_stream_ends() -> None:
    async def frames() -> AsyncGenerator[bytes]:
        yield frame("agent_message", {"text": "two\nlines, an ü and a \u2028"})
        yield frame("done", {"outcome": "answered"})

    wire = Wire()
    await stream(frames(), wire)
    assert wire.body == (
        'event: agent_message\ndata: {"text":"two\\nlines, an ü and a \u2028"}\n\nevent: done\ndata: {"outcome":"answered"}\n\n'
    )
    assert wire.ended
    headers = dict(wire.sent[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert b"content-length" not in headers


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [(Unavailable("The source sleeps."), "unavailable", 503), (KeyError("secret"), "internal_error", 500)],
)
async def test_a_failure_in_mid_stream_is_a_last_frame(error: Exception, code: str, status: int) -> None:
    async def frames() -> AsyncGenerator[bytes]:
        yield frame("agent_message", {})
        raise error

    wire = Wire()
    await stream(frames(), wire)
    name, data = wire.body.strip().split("\n\n")[-1].split("\n")
    problem = json.loads(data.removeprefix("data: "))["problem"]
    assert (name, problem["code"], problem["status"]) == ("event: error", code, status)
    assert problem["requestId"] == "request-1"
    assert "secret" not in wire.body
    assert wire.ended


async def test_the_work_is_cancelled_and_cleaned_up_when_the_client_goes() -> None:
    state: list[str] = []
    started = asyncio.Event()

    async def frames() -> AsyncGenerator[bytes]:
        try:
            yield frame("agent_message", {})
            started.set()
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            state.append("cancelled")
            raise
        finally:
            state.append("cleaned up")

    wire = Wire()
    task = asyncio.create_task(stream(frames(), wire))
    await started.wait()
    wire.gone.set()
    await task
    assert state == ["cancelled", "cleaned up"]
    assert not wire.ended


async def test_a_silent_stream_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "KEEPALIVE_S", 0.01)
    wire = Wire()

    async def frames() -> AsyncGenerator[bytes]:
        while ": ping" not in wire.body:
            await asyncio.sleep(0.001)
        yield frame("done", {})

    await stream(frames(), wire)
    assert wire.body.endswith("event: done\ndata: {}\n\n")
