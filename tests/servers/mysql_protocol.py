"""The server's side of MySQL's protocol, for what Debian has no package of: MySQL 8's log-in, and a proxy that lends sessions.

`MySqlFront` greets as whatever it is told to be, takes the log-in over TLS and answers each command by a function. `Lending`
answers from a few sessions of a real server, one command at a time, as ProxySQL and MaxScale do.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pymysql

from tests.servers.certificates import Certificate

OK = b"\x00\x00\x00\x02\x00\x00\x00"
_SALT = bytes(range(1, 21))
_PROTOCOL_41, _SSL, _SECURE, _PLUGIN, _WITH_DB, _LENENC = 0x200, 0x800, 0x8000, 0x80000, 0x8, 0x200000
_QUIT = 1

Answer = Callable[[int, bytes], Iterable[bytes]]
"""From a connection's number and a command to the packets of its answer."""


def error(number: int, text: str = "refused") -> bytes:
    """An error packet."""
    return b"\xff" + struct.pack("<H", number) + b"#HY000" + text.encode()


def nothing_but_ok(connection: int, command: bytes) -> list[bytes]:
    """Every command succeeds and has no result."""
    return [OK]


class MySqlFront:
    """Takes log-ins with ``password`` by ``plugin``; ``cached`` is MySQL 8's memory of having seen this log-in before."""

    def __init__(
        self,
        certificate: Certificate,
        *,
        greeting: str = "8.0.36",
        plugin: str = "caching_sha2_password",
        password: str | None = None,
        cached: bool = False,
        tls: bool = True,
        answer: Answer = nothing_but_ok,
    ) -> None:
        self.greeting, self.plugin, self.password, self.cached, self.tls = greeting, plugin, password, cached, tls
        self.answer = answer
        self.commands: list[bytes] = []
        self.accepted = 0
        self.port = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as directory:
            for name, text in (("crt", certificate.pem), ("key", certificate.key)):
                (Path(directory) / name).write_text(text)
            self._context.load_cert_chain(Path(directory) / "crt", Path(directory) / "key")

    @contextlib.contextmanager
    def serving(self) -> Iterator[MySqlFront]:
        """Listen on a free port of the loopback, in threads of its own."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            accepting = threading.Thread(target=self._accept, args=(listener,), daemon=True)
            accepting.start()
            yield self
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(10)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, _ = listener.accept()
                self.accepted += 1
                threading.Thread(target=self._serve, args=(wire, 1000 + self.accepted), daemon=True).start()

    def _serve(self, wire: socket.socket, number: int) -> None:
        wire.settimeout(20)
        with contextlib.suppress(OSError, EOFError), wire:
            self._greet(wire, number)
            _, request = _read(wire)
            if not self.tls:
                return
            assert len(request) == 32, "the client must ask for TLS before it says anything else"
            with self._context.wrap_socket(wire, server_side=True) as secure:
                if self._let_in(secure):
                    self._converse(secure, number)

    def _converse(self, wire: socket.socket, number: int) -> None:
        while True:
            _, command = _read(wire)
            if command[0] == _QUIT:
                return
            self.commands.append(command)
            for sequence, packet in enumerate(self.answer(number, command), 1):
                _write(wire, sequence, packet)

    def _greet(self, wire: socket.socket, number: int) -> None:
        flags = _PROTOCOL_41 | _SECURE | _PLUGIN | _WITH_DB | _LENENC | (_SSL if self.tls else 0)
        _write(
            wire,
            0,
            b"\x0a"
            + self.greeting.encode()
            + b"\x00"
            + struct.pack("<I", number)
            + _SALT[:8]
            + b"\x00"
            + struct.pack("<HBHHB10x", flags & 0xFFFF, 45, 2, flags >> 16, 21)
            + _SALT[8:]
            + b"\x00"
            + self.plugin.encode()
            + b"\x00",
        )

    def _let_in(self, wire: socket.socket) -> bool:
        sequence, response = _read(wire)
        sequence += 1
        good = True
        if self.plugin == "caching_sha2_password" and self.password is not None:
            good = self._sha2(wire, sequence, _scramble_of(response), self.password.encode())
            sequence += 1 if self.cached else 2
        _write(wire, sequence, OK if good else error(1045))
        return good

    def _sha2(self, wire: socket.socket, sequence: int, proof: bytes, password: bytes) -> bool:
        """The fast way when the server remembers, else the password itself, which only TLS makes bearable."""
        if self.cached:
            once = hashlib.sha256(password).digest()
            mask = hashlib.sha256(hashlib.sha256(once).digest() + _SALT).digest()
            _write(wire, sequence, b"\x01\x03")
            return proof == bytes(a ^ b for a, b in zip(once, mask, strict=True))
        _write(wire, sequence, b"\x01\x04")
        _, said = _read(wire)
        return said == password + b"\x00"


class Lending:
    """An `Answer` that lends each command one of ``backends``' sessions in turn: nothing of a session stays with a client."""

    def __init__(self, backends: list[pymysql.Connection[Any]]) -> None:
        self._backends = backends
        self._next = 0
        self._turn = threading.Lock()

    def __call__(self, connection: int, command: bytes) -> list[bytes]:
        """See `Answer`."""
        with self._turn:
            self._next += 1
            return _pass_on(self._backends[self._next % len(self._backends)], command)


def _pass_on(backend: Any, command: bytes) -> list[bytes]:
    """The packets a real server answers ``command`` with: one, or those of a result, which two EOF packets end."""
    backend._next_seq_id = 0
    backend.write_packet(command)
    packets: list[bytes] = []
    ends = 0
    while True:
        header = backend._read_bytes(4)
        packet = backend._read_bytes(int.from_bytes(header[:3], "little"))
        packets.append(packet)
        ends += packet[0] == 0xFE and len(packet) < 9
        if packet[0] == 0xFF or (len(packets) == 1 and packet[0] == 0) or ends == 2:
            return packets


def _scramble_of(response: bytes) -> bytes:
    """What a handshake response proves the password with."""
    start = response.index(b"\x00", 32) + 1
    return response[start + 1 : start + 1 + response[start]]


def _read(wire: socket.socket) -> tuple[int, bytes]:
    header = _exactly(wire, 4)
    return header[3], _exactly(wire, int.from_bytes(header[:3], "little"))


def _exactly(wire: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        piece = wire.recv(size - len(got))
        if not piece:
            raise EOFError
        got += piece
    return got


def _write(wire: socket.socket, sequence: int, packet: bytes) -> None:
    wire.sendall(struct.pack("<I", len(packet) | (sequence & 0xFF) << 24) + packet)
