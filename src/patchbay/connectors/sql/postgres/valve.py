"""A valve on a socket that libpq reads: bytes pass in counted portions.

libpq reads a socket until it runs dry. A server that sends as fast as we read (one value of a gigabyte) would so be taken
into memory in a single call, with the event loop standing still. Once an answer does not fit one first, bounded read, the
valve puts one end of a socket pair under libpq's descriptor and hands over at most :data:`PORTION` bytes at a time from
the real socket; when the answer is complete, the real socket goes back. What passes is ciphertext: TLS stays in libpq.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios

PORTION = 32_768


class Valve:
    """Closed it does not exist to libpq; open, :meth:`pass_portion` moves the next bytes. ``descriptor`` is the real socket."""

    def __init__(self, libpq_descriptor: int) -> None:
        self._under = libpq_descriptor
        self.descriptor = os.dup(libpq_descriptor)
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        self._far = far
        self._near = os.dup(near.fileno())
        os.dup2(near.fileno(), libpq_descriptor)
        near.close()

    def pass_portion(self) -> int:
        """Move what is there, at most :data:`PORTION` bytes; returns how many, 0 at the end of the stream."""
        try:
            portion = os.read(self.descriptor, PORTION)
        except BlockingIOError:
            return -1
        if portion:
            self._far.sendall(portion)
        return len(portion)

    def unread(self) -> int:
        """Bytes handed over that libpq has not taken yet."""
        return struct.unpack("i", fcntl.ioctl(self._near, termios.FIONREAD, b"\0\0\0\0"))[0]

    def remove(self) -> None:
        """Put the real socket back under libpq's descriptor."""
        os.dup2(self.descriptor, self._under)
        self._far.close()
        os.close(self._near)
        os.close(self.descriptor)
