"""A web server that misbehaves in one chosen way, on the loop of the test that uses it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import ssl
import struct
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field

PIECE = b"x" * 65_536
RECORD = {"id": "c1", "name": "Ada", "balance": "9007199254740993", "open": True}


@dataclass
class Upstream:
    """``url`` of the server, what was asked of it, and how much it got rid of."""

    url: str
    requests: list[bytes] = field(default_factory=list)
    sent: int = 0
    connections: int = 0


@dataclass
class Turn:
    """One request being answered badly."""

    upstream: Upstream
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            self.upstream.sent += len(piece)
        await self.writer.drain()
        await asyncio.sleep(0)  # the client is on the same loop

    async def answer(self, body: bytes, status: str = "200 OK", kind: str = "application/json", headers: str = "") -> None:
        """A correct answer."""
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        await self.say(head.encode() + body)

    async def redirect(self, location: str, status: str = "302 Found") -> None:
        await self.answer(b"", status, headers=f"Location: {location}\r\n")


Behaviour = Callable[[Turn], Awaitable[None]]
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


async def good(turn: Turn) -> None:
    await turn.answer(json.dumps(RECORD).encode())


async def slow_drip(turn: Turn) -> None:
    await turn.say(_HEAD + b"Content-Length: 100000\r\n\r\n")
    while True:
        await turn.say(b" ")
        await asyncio.sleep(0.02)


async def slow_header(turn: Turn) -> None:
    await turn.say(b"HTTP/1.1 200 OK\r\n")
    for number in range(10_000):
        await turn.say(b"X" if number % 40 else b"\r\nX: ")
        await asyncio.sleep(0.02)


async def silence(turn: Turn) -> None:
    await asyncio.Event().wait()


async def endless_chunks(turn: Turn) -> None:
    await turn.say(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        await turn.say(b"10000\r\n" + PIECE + b"\r\n")


async def endless_until_close(turn: Turn) -> None:
    await turn.say(_HEAD + b"Connection: close\r\n\r\n")
    while True:
        await turn.say(PIECE)


async def claims_much(turn: Turn) -> None:
    await turn.say(_HEAD + b"Content-Length: 99999999999\r\n\r\n" + PIECE)


async def endless_header(turn: Turn) -> None:
    await turn.say(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        await turn.say(PIECE)


async def many_headers(turn: Turn) -> None:
    await turn.say(b"HTTP/1.1 200 OK\r\n")
    for number in range(200_000):
        await turn.say(f"X-{number}: y\r\n".encode())


async def endless_continue(turn: Turn) -> None:
    while True:
        await turn.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0)


def _bomb(window: int) -> bytes:
    """65 MB, packed without ever being whole."""
    packer = zlib.compressobj(1, wbits=window)
    return b"".join(packer.compress(PIECE) for _ in range(1_000)) + packer.flush()


async def gzip_bomb(turn: Turn) -> None:
    await turn.answer(_bomb(31), headers="Content-Encoding: gzip\r\n")


async def members_bomb(turn: Turn) -> None:
    await turn.answer(gzip.compress(PIECE) * 3_000, headers="Content-Encoding: gzip\r\n")


async def deflate_bomb(turn: Turn) -> None:
    await turn.answer(_bomb(15), headers="Content-Encoding: deflate\r\n")


async def doubly_packed(turn: Turn) -> None:
    await turn.answer(gzip.compress(gzip.compress(b"{}")), headers="Content-Encoding: gzip, gzip\r\n")


async def unasked_coding(turn: Turn) -> None:
    await turn.answer(b"\x0b\x02\x80{}\x03", headers="Content-Encoding: br\r\n")


async def broken_gzip(turn: Turn) -> None:
    await turn.answer(gzip.compress(json.dumps(RECORD).encode())[:-12], headers="Content-Encoding: gzip\r\n")


async def wrong_type(turn: Turn) -> None:
    await turn.answer(b"<html>secret-in-page</html>", kind="text/html")


async def not_json(turn: Turn) -> None:
    await turn.answer(b"secret-in-page, not JSON")


async def deep_json(turn: Turn) -> None:
    await turn.answer(b"[" * 1_000_000)


async def bad_text(turn: Turn) -> None:
    await turn.answer(b'{"id": "\xff\xfe"}')


async def server_error(turn: Turn) -> None:
    await turn.answer(b'{"error": "secret-in-page"}', "500 Internal Server Error")


async def overloaded(turn: Turn) -> None:
    await turn.answer(b"", "503 Service Unavailable", headers="Retry-After: 86400\r\n")


async def too_many(turn: Turn) -> None:
    await turn.answer(b"", "429 Too Many Requests", headers="Retry-After: 30\r\n")


async def reset_in_the_body(turn: Turn) -> None:
    await turn.say(_HEAD + b"Content-Length: 1000\r\n\r\n{")
    transport_socket: socket.socket = turn.writer.get_extra_info("socket")
    transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    turn.writer.transport.abort()


async def closed_in_the_body(turn: Turn) -> None:
    await turn.say(_HEAD + b'Content-Length: 1000\r\n\r\n{"id": ')
    turn.writer.close()


async def closed_at_once(turn: Turn) -> None:
    turn.writer.close()


async def garbage_chunks(turn: Turn) -> None:
    await turn.say(_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nsecret-in-page\r\n0\r\n\r\n")


async def two_lengths(turn: Turn) -> None:
    await turn.say(_HEAD + b"Content-Length: 2\r\nContent-Length: 20\r\n\r\n{}")


async def another_protocol(turn: Turn) -> None:
    await turn.say(b"SSH-2.0-secret-in-page\r\n")


async def switched(turn: Turn) -> None:
    await turn.say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")


def redirecting(location: str, status: str = "302 Found") -> Behaviour:
    async def redirect(turn: Turn) -> None:
        await turn.redirect(location, status)

    return redirect


async def redirect_loop(turn: Turn) -> None:
    await turn.redirect("/again")


async def lying(turn: Turn) -> None:
    """What the schema calls scalars hold objects and lists."""
    lies = {"id": {"card": "secret-in-page"}, "name": ["secret-in-page"], "balance": "a lot", "open": {"secret-in-page": 1}}
    await turn.answer(json.dumps(lies).encode())


# What follows is odd, but right: such an answer is taken.


async def http_1_0(turn: Turn) -> None:
    await turn.say(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + json.dumps(RECORD).encode())
    turn.writer.close()


async def trailers(turn: Turn) -> None:
    body = json.dumps(RECORD).encode()
    await turn.say(_HEAD + b"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
    for at in range(0, len(body), 7):
        piece = body[at : at + 7]
        await turn.say(f"{len(piece):x};note=1\r\n".encode() + piece + b"\r\n")
    await turn.say(b"0\r\nX-Sum: 1\r\n\r\n")


async def with_mark(turn: Turn) -> None:
    await turn.answer(b"\xef\xbb\xbf" + json.dumps(RECORD).encode())


async def packed(turn: Turn) -> None:
    await turn.answer(gzip.compress(json.dumps(RECORD).encode()), headers="Content-Encoding: gzip\r\n")


async def bare_deflate(turn: Turn) -> None:
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(json.dumps(RECORD).encode()) + packer.flush()
    await turn.answer(body, headers="Content-Encoding: deflate\r\nSet-Cookie: tracked=1; Path=/\r\n")


@contextlib.asynccontextmanager
async def misbehaving(*behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Upstream]:
    """A server whose n-th request meets the n-th behaviour, and every further one the last."""
    upstream = Upstream("")
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        upstream.connections += 1
        try:
            while True:
                request = await _request(reader)
                number = len(upstream.requests)
                upstream.requests.append(request)
                await behaviours[min(number, len(behaviours) - 1)](Turn(upstream, reader, writer))
                if writer.is_closing():
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            handlers.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    upstream.url = f"{'https' if tls else 'http'}://localhost:{port}"
    try:
        yield upstream
    finally:
        server.close()
        for handler in list(handlers):
            handler.cancel()
        if handlers:
            await asyncio.wait(handlers)
        # What was aborted, and what was accepted a moment ago, ends in the loop's next rounds.
        await server.wait_closed()
        await asyncio.sleep(0.01)


async def _request(reader: asyncio.StreamReader) -> bytes:
    """Head and body of one request."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.split(b":")[1]))
    return head
