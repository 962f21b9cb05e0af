"""A TCP front for tests: between a client and a server, it can be slow, cut connections, or lead somewhere else."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any


class Front:
    """Forwards connections to ``target``; runs in a thread of its own, so that blocking tests can use it too.

    ``delay_s`` is added before each piece of an answer is passed on; ``silent`` accepts and then says nothing; ``accepted``
    counts the connections so far.
    """

    host = "127.0.0.1"

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.delay_s = 0.0
        self.silent = False
        self.accepted = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Begin to listen on a free port."""
        self._thread.start()
        self._run(self._listen())

    def cut(self) -> None:
        """Reset every open connection."""
        self._run(self._cut())

    def stop(self) -> None:
        """Stop listening and cut what is open."""
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # what was aborted ends in the loop's next rounds

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        self._open.add(writer)
        upstream: asyncio.StreamWriter | None = None
        try:
            if self.silent:
                await reader.read()
                return
            answers, upstream = await asyncio.open_connection(*self.target)
            self._open.add(upstream)
            await asyncio.gather(self._pass(reader, upstream, lambda: 0.0), self._pass(answers, writer, lambda: self.delay_s))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for end in (writer, upstream):
                if end is not None:
                    self._open.discard(end)
                    end.transport.abort()
            self._tasks.discard(task)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: Callable[[], float]) -> None:
        while piece := await source.read(65536):
            if wait := delay():
                await asyncio.sleep(wait)
            sink.write(piece)
            await sink.drain()
        if sink.can_write_eof():
            with contextlib.suppress(OSError):
                sink.write_eof()


@contextlib.contextmanager
def front(host: str, port: int) -> Iterator[Front]:
    """A front before ``host:port`` for the length of a test."""
    made = Front((host, port))
    made.start()
    try:
        yield made
    finally:
        made.stop()
