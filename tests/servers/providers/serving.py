"""Simulated providers at a port of this machine, each in a thread of its own, so that tests that block can ask them too."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import TypeVar

from aiohttp import web

from tests.servers.certificates import Authority
from tests.servers.providers.provider import Provider
from tests.servers.upstreams.tls import server_context

P = TypeVar("P", bound=Provider)


@contextlib.contextmanager
def serving(provider: P) -> Iterator[P]:
    """``provider`` over TLS while the block runs; its ``url`` and ``ca`` are set."""
    authority, loop, ready = Authority(), asyncio.new_event_loop(), threading.Event()
    app = web.Application(client_max_size=1_000_000)
    app.router.add_route("*", "/{tail:.*}", provider.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(authority.issue())).start()
        provider.url, provider.ca = f"https://127.0.0.1:{runner.addresses[0][1]}", authority.pem
        ready.set()

    def serve() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.run_until_complete(asyncio.sleep(0.01))  # what was aborted ends in the loop's next rounds
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ready.wait(30)
        yield provider
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
