"""A customer's own service as it should be: it takes only what is signed with its secret, and remembers what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Service:
    """``answer`` is what it does with a request whose signature is right."""

    url: str = ""
    secret: str = ""
    answer: Any = field(default_factory=dict)
    seen: list[tuple[str, str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    forged: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            Webhook(self.secret).verify(body, headers, json_parse=False)
        except WebhookVerificationError:
            self.forged += 1
            return web.Response(status=403)
        self.seen.append((request.method, request.path_qs, msgspec.json.decode(body) if body else None))
        self.headers.append(headers)
        return await self.answer(request) if callable(self.answer) else web.json_response(self.answer)


@contextlib.asynccontextmanager
async def serving(answer: Any) -> AsyncGenerator[Service]:
    """The service on a port of this machine."""
    service = Service(answer=answer)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", service.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()
        await asyncio.sleep(0.01)  # what was aborted ends in the loop's next rounds


async def lost(request: web.Request) -> web.StreamResponse:
    """The answer never comes: the connection is cut."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def slow(request: web.Request) -> web.StreamResponse:
    """The answer comes too late."""
    await asyncio.sleep(1.5)
    return web.json_response({})
