"""The way to TLS in MySQL's protocol: the server greets, the client answers with an SSLRequest and shakes hands.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html; MariaDB's is the same in this.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncGenerator

from patchbay.connectors.sql.mysql.refusals import NotMySql, refused_greeting
from patchbay.connectors.sql.refusals import ConnectionUnreachable, TlsNotOffered
from patchbay.connectors.sql.tls import nothing_more
from patchbay.egress.guard import CheckedAddress

_PROTOCOL = 10
_MOST_BYTES = 1024
_ERROR = 0xFF
_CLIENT_SSL = 0x0800
_CLIENT_PROTOCOL_41 = 0x0200
_CLIENT_SECURE_CONNECTION = 0x8000
_MAX_PACKET = 1 << 24
_UTF8MB4 = 45


@contextlib.asynccontextmanager
async def encrypted(target: CheckedAddress, context: ssl.SSLContext) -> AsyncGenerator[asyncio.StreamWriter]:
    """An encrypted connection that has not logged in, closed at the end."""
    try:
        reader, writer = await asyncio.open_connection(target.address, target.port, limit=_MOST_BYTES)
    except OSError:
        raise ConnectionUnreachable from None
    try:
        try:
            greeting = await _greeting(reader)
        except (OSError, asyncio.IncompleteReadError):
            raise NotMySql from None
        if not _capabilities(greeting) & _CLIENT_SSL:
            raise TlsNotOffered
        if not nothing_more(reader):
            raise NotMySql
        flags = _CLIENT_SSL | _CLIENT_PROTOCOL_41 | _CLIENT_SECURE_CONNECTION
        request = struct.pack("<IIB23x", flags, _MAX_PACKET, _UTF8MB4)
        writer.write(struct.pack("<I", len(request) | 1 << 24) + request)
        await writer.start_tls(context, server_hostname=target.host)
        yield writer
    finally:
        writer.transport.abort()


async def _greeting(reader: asyncio.StreamReader) -> bytes:
    """The payload of the server's first packet; a refusal in its place is raised as what it means."""
    header = await reader.readexactly(4)
    length, sequence = int.from_bytes(header[:3], "little"), header[3]
    if sequence != 0 or not 1 <= length <= _MOST_BYTES:
        raise NotMySql
    payload = await reader.readexactly(length)
    if payload[0] == _ERROR and length >= 3:
        raise refused_greeting(int.from_bytes(payload[1:3], "little"))
    if payload[0] != _PROTOCOL:
        raise NotMySql
    return payload


def _capabilities(greeting: bytes) -> int:
    """The lower capability flags: after the version's text, the connection's number and eight bytes of challenge."""
    end = greeting.find(b"\x00", 1)
    flags = greeting[end + 14 : end + 16]
    if end < 0 or len(flags) < 2:
        raise NotMySql
    return int.from_bytes(flags, "little")
