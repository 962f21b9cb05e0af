"""The way to TLS in PostgreSQL's protocol: the client sends an SSLRequest and the server answers one byte.

https://www.postgresql.org/docs/current/protocol-flow.html, "SSL Session Encryption".
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncGenerator

from patchbay.connectors.sql.postgres.refusals import NotPostgres
from patchbay.connectors.sql.refusals import ConnectionUnreachable, TlsNotOffered
from patchbay.connectors.sql.tls import nothing_more
from patchbay.egress.guard import CheckedAddress

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


@contextlib.asynccontextmanager
async def encrypted(target: CheckedAddress, context: ssl.SSLContext) -> AsyncGenerator[asyncio.StreamWriter]:
    """An encrypted connection that has not logged in, closed at the end."""
    try:
        reader, writer = await asyncio.open_connection(target.address, target.port, limit=1024)
    except OSError:
        raise ConnectionUnreachable from None
    try:
        try:
            writer.write(_SSL_REQUEST)
            answer = await reader.readexactly(1)
        except (OSError, asyncio.IncompleteReadError):
            raise NotPostgres from None
        if answer == b"N":
            raise TlsNotOffered
        if answer != b"S" or not nothing_more(reader):
            raise NotPostgres
        await writer.start_tls(context, server_hostname=target.host)
        yield writer
    finally:
        writer.transport.abort()
