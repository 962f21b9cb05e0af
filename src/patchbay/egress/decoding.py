"""Undoing a content coding (RFC 9110, section 8.4.1) up to a bound, so that a small answer cannot become a large one."""

from __future__ import annotations

import zlib

from patchbay.egress.failures import BadEncoding

ACCEPTED = "gzip, deflate"
_GZIP, _ZLIB, _RAW = 31, 15, -15


def decode(body: bytes, coding: str, most: int, *, whole: bool = True) -> bytes:
    """At most ``most`` + 1 bytes of what ``body`` holds, so that the caller can tell a fit from a cut.

    ``whole`` False: ``body`` is the beginning of an answer, and may end anywhere.

    Raises :class:`BadEncoding` for any coding but gzip and deflate, for several of them, and for data that is not in it.
    """
    kind = coding.strip().lower()
    if kind in ("", "identity"):
        return body[: most + 1]
    if not body:
        return b""
    if kind in ("gzip", "x-gzip"):
        return _inflate(body, _GZIP, most, whole)
    if kind == "deflate":
        # Named after zlib's format; some servers send the bare stream all the same.
        zlib_header = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
        return _inflate(body, _ZLIB if zlib_header else _RAW, most, whole)
    raise BadEncoding


def _inflate(body: bytes, window: int, most: int, whole: bool) -> bytes:
    parts: list[bytes] = []
    left = most + 1
    try:
        while body and left > 0:
            stream = zlib.decompressobj(window)
            part = stream.decompress(body, left)
            parts.append(part)
            left -= len(part)
            if whole and left > 0 and not stream.eof:
                raise BadEncoding
            # A gzip body may hold several members one after the other (RFC 1952, section 2.2).
            body = stream.unused_data if window == _GZIP else b""
    except zlib.error:
        raise BadEncoding from None
    return b"".join(parts)
