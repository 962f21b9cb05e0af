"""One process's MCP server: started by the first request, ended with the process."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import msgspec
from starlette.requests import Request
from starlette.types import Message

from patchbay.agent_runtime.mcp.asking import Asking
from patchbay.agent_runtime.mcp.sessions import McpSession
from patchbay.agent_runtime.services import Runtime

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

_PROTOCOL = "patchbay.api.mcp.protocol"


class Answered(msgspec.Struct, kw_only=True):
    """What the SDK answers to one message."""

    status: int = 500
    media_type: str | None = None
    body: bytes = b""

    @property
    def began(self) -> bool:
        """Whether this is the result of a handshake that succeeded."""
        if self.status != 200:
            return False
        answer: Any = msgspec.json.decode(self.body)
        return isinstance(answer, dict) and "result" in cast("dict[str, Any]", answer)


class McpHost:
    """Answers the messages of MCP clients. ``close`` ends it; it waits for no call."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._manager: StreamableHTTPSessionManager | None = None
        self._starting = asyncio.Lock()
        self._ending = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def unsupported(self, presented: str) -> bytes | None:
        """The JSON-RPC error for a protocol version that is not spoken here; None for one that is."""
        await self._started()
        return import_module(_PROTOCOL).unsupported(presented)

    async def answer(self, request: Request, raw: bytes, session: McpSession | None, asking: Asking | None = None) -> Answered:
        """The answer to one message, ``raw``, of ``session``; None only for the handshake. The client's leaving ends nothing."""
        manager = await self._started()
        protocol = import_module(_PROTOCOL)
        answered = Answered()
        sent = False

        async def receive() -> Message:
            nonlocal sent
            if sent:
                await self._ending.wait()
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.status = message["status"]
                headers = dict(message.get("headers", ()))
                answered.media_type = headers.get(b"content-type", b"").decode() or None
            else:
                answered.body += message.get("body", b"")

        await manager.handle_request({**request.scope, protocol.SESSION: session, protocol.ASKING: asking}, receive, send)
        return answered

    async def close(self) -> None:
        """End the server."""
        self._ending.set()
        if self._running is not None:
            await self._running

    async def _started(self) -> StreamableHTTPSessionManager:
        async with self._starting:
            if self._manager is not None and self._running is not None and not self._running.done():
                return self._manager
            protocol = await asyncio.to_thread(import_module, _PROTOCOL)
            manager: StreamableHTTPSessionManager = protocol.session_manager(self._runtime)
            ready = asyncio.Event()
            self._running = asyncio.get_running_loop().create_task(self._run(manager, ready), name="patchbay mcp")
            await ready.wait()
            self._manager = manager
            return manager

    async def _run(self, manager: StreamableHTTPSessionManager, ready: asyncio.Event) -> None:
        """The SDK's tasks belong to the task that opened them, so one of ours does that for as long as the process lives."""
        async with manager.run():
            ready.set()
            await self._ending.wait()
