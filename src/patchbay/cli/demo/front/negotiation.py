"""The first packets of a PostgreSQL connection: what a client may ask for before and after TLS.

After the chapter "Frontend/Backend Protocol" of the PostgreSQL documentation: start-up, cancelling requests in progress, SSL
and GSSAPI session encryption.
"""

from __future__ import annotations

import asyncio
import struct

SSL_REQUEST, GSSENC_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
_PROTOCOL_3 = 3
_MAX_STARTUP = 10_000
_MAX_CANCEL = 268


class Refused(Exception):
    """The peer asked for something the front does not do. ``sqlstate`` and the message are told to it."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next start-up packet: its request code and all its bytes.

    A client says nothing more before it is answered, so bytes after the packet are refused: what was sent in the clear must
    never be taken for something sent inside TLS (CVE-2021-23214).

    Raises:
        Refused: its length is none that a start-up packet can have, or more came with it.
        EOFError: the peer went away.
    """
    received = b""
    wanted = 8
    while len(received) < wanted:
        chunk = await reader.read(_MAX_STARTUP)
        if not chunk:
            raise EOFError
        received += chunk
        if len(received) >= 8:
            wanted = _length(received)
    if len(received) > wanted:
        raise Refused("08P01", "received more than one start-up packet at once")
    return struct.unpack("!i", received[4:8])[0], received


def _length(head: bytes) -> int:
    length, code = struct.unpack("!ii", head[:8])
    limit = {SSL_REQUEST: 8, GSSENC_REQUEST: 8, CANCEL_REQUEST: _MAX_CANCEL}.get(code, _MAX_STARTUP)
    if not 8 <= length <= limit:
        raise Refused("08P01", "this is not a PostgreSQL start-up packet")
    return length


def check_startup(code: int, packet: bytes, admitted: frozenset[str]) -> None:
    """Let a start-up message of protocol 3 pass when every user it names is admitted.

    The server behind trusts its own superuser on the socket; the front must not pass that trust on.

    Raises:
        Refused: another protocol, a malformed message, or a user that is not admitted.
    """
    if code >> 16 != _PROTOCOL_3:
        raise Refused("0A000", "only protocol version 3 is spoken here")
    words = packet[8:].split(b"\0")
    if words[-2:] != [b"", b""] or len(words) % 2:
        raise Refused("08P01", "the start-up message is not well-formed")
    users = [value for name, value in zip(words[:-2:2], words[1:-2:2], strict=True) if name == b"user"]
    if not users or any(user.decode(errors="replace") not in admitted for user in users):
        raise Refused("28000", "this user may not connect here")


def error_response(refusal: Refused) -> bytes:
    """The refusal as the protocol's ErrorResponse."""
    fields = (b"SFATAL", b"VFATAL", b"C" + refusal.sqlstate.encode(), b"M" + str(refusal).encode())
    body = b"".join(field + b"\0" for field in fields) + b"\0"
    return b"E" + struct.pack("!i", len(body) + 4) + body
