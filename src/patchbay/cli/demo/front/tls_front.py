"""The front itself: accepts on loopback, speaks TLS, and forwards bytes to the server's Unix socket."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from patchbay.cli.demo.front.authority import HOST
from patchbay.cli.demo.front.negotiation import (
    CANCEL_REQUEST,
    GSSENC_REQUEST,
    SSL_REQUEST,
    Refused,
    check_startup,
    error_response,
    read_packet,
)

_GONE = (OSError, EOFError, TimeoutError)
_CHUNK = 65_536
_LINGER_S = 1.0


class TlsFront:
    """TLS on ``127.0.0.1`` in front of the PostgreSQL at ``target`` (a Unix socket).

    Only users in ``admitted`` come through. A peer has ``negotiation_s`` seconds to get as far as a start-up message, waiting
    for a place included: ``max_connections`` are served at a time, as many again may wait. Each direction holds at most one
    chunk and the transport's own buffer.
    """

    def __init__(
        self,
        target: Path,
        context: ssl.SSLContext,
        admitted: frozenset[str],
        *,
        max_connections: int = 80,
        negotiation_s: float = 10.0,
    ) -> None:
        self._target = target
        self._context = context
        self._admitted = admitted
        self._max_connections = max_connections
        self._negotiation_s = negotiation_s
        self._places = asyncio.Semaphore(max_connections)
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def open_connections(self) -> int:
        """How many peers are connected."""
        return len(self._open)

    async def start(self, port: int = 0) -> int:
        """Listen on ``port``, or on a free one when it is 0 or taken; returns the port."""
        try:
            self._server = await asyncio.start_server(self._accept, HOST, port, limit=_CHUNK)
        except OSError:
            if port == 0:
                raise
            self._server = await asyncio.start_server(self._accept, HOST, 0, limit=_CHUNK)
        return self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._serve_or_refuse(reader, writer)
        except asyncio.CancelledError:
            # Only stop() cancels: asyncio has nothing left to report about this task.
            writer.transport.abort()
        finally:
            self._open.discard(task)

    async def _serve_or_refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            give_up = asyncio.get_running_loop().time() + self._negotiation_s
            await self._take_place(give_up)
            try:
                await self._serve(reader, writer, give_up)
            finally:
                self._places.release()
        except Refused as refusal:
            writer.write(error_response(refusal))
        except _GONE:
            pass
        await _close(writer)

    async def _take_place(self, give_up: float) -> None:
        if len(self._open) > 2 * self._max_connections:
            raise Refused("53300", "too many connections")
        try:
            async with asyncio.timeout_at(give_up):
                await self._places.acquire()
        except TimeoutError:
            raise Refused("53300", "too many connections") from None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, give_up: float) -> None:
        async with asyncio.timeout_at(give_up):
            opening = await self._negotiate(reader, writer)
            upstream_reader, upstream_writer = await asyncio.open_unix_connection(str(self._target), limit=_CHUNK)
        try:
            upstream_writer.write(opening)
            await _forward_both((reader, writer), (upstream_reader, upstream_writer))
        finally:
            await _close(upstream_writer)

    async def _negotiate(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Get from the first byte to the packet that is passed on: a start-up message inside TLS, or a request to cancel."""
        code, packet = await read_packet(reader)
        if code == GSSENC_REQUEST:
            writer.write(b"N")
            code, packet = await read_packet(reader)
        if code == CANCEL_REQUEST:
            return packet
        if code != SSL_REQUEST:
            raise Refused("28000", "only TLS connections are accepted here")
        writer.write(b"S")
        await writer.start_tls(self._context, ssl_handshake_timeout=self._negotiation_s)
        code, packet = await read_packet(reader)
        if code != CANCEL_REQUEST:
            check_startup(code, packet, self._admitted)
        return packet


async def _forward_both(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter], server: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    """Forward until either side is done. The protocol has no use for half a connection, so the first end ends both."""
    tasks = [
        asyncio.create_task(_forward(client[0], server[1])),
        asyncio.create_task(_forward(server[0], client[1])),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    """Send what is still buffered, then end the connection; a peer that does not take it is cut off."""
    writer.close()
    try:
        await asyncio.wait_for(writer.wait_closed(), _LINGER_S)
    except TimeoutError:
        writer.transport.abort()
    except OSError:
        pass
