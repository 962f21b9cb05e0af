"""The TLS front: verify-full works, anything less than TLS or than a password does not, and nothing a peer does breaks it."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from patchbay.cli.demo.front.authority import make_identity
from patchbay.cli.demo.front.negotiation import CANCEL_REQUEST, GSSENC_REQUEST, SSL_REQUEST
from patchbay.cli.demo.front.tls_front import TlsFront
from patchbay.cli.demo.practice.server import PracticeDatabase

if TYPE_CHECKING:
    from tests.practice.conftest import RunningFront


def request(code: int) -> bytes:
    return struct.pack("!ii", 8, code)


def startup(**parameters: str) -> bytes:
    body = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items()) + b"\0"
    return struct.pack("!ii", len(body) + 8, 196608) + body


def answer(front: RunningFront, sent: bytes, *, close: bool = False) -> bytes:
    """All that the front says to these bytes until it hangs up."""
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as peer:
        peer.sendall(sent)
        if close:
            peer.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := peer.recv(4096):
            received += chunk
        return received


def until_idle(front: RunningFront) -> None:
    give_up = time.monotonic() + 10
    while front.front.open_connections and time.monotonic() < give_up:
        time.sleep(0.01)
    assert front.front.open_connections == 0


def test_verify_full_reaches_the_shop(front: RunningFront) -> None:
    with psycopg.connect(**front.kwargs()) as connection:
        assert connection.execute("SELECT count(*) FROM customers").fetchone() == (12_000,)
        assert connection.pgconn.ssl_in_use
    until_idle(front)


def test_localhost_is_named_in_the_certificate_too(front: RunningFront) -> None:
    with psycopg.connect(**front.kwargs(host="localhost", hostaddr="127.0.0.1")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_another_name_is_refused_by_the_client(front: RunningFront) -> None:
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        psycopg.connect(**front.kwargs(host="db.example.com", hostaddr="127.0.0.1"))


def test_another_authority_is_refused_by_the_client(front: RunningFront, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text(make_identity().ca_pem)
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(**front.kwargs(sslrootcert=str(other)))
    until_idle(front)


def test_plaintext_is_refused(front: RunningFront) -> None:
    with pytest.raises(psycopg.OperationalError, match="only TLS connections are accepted"):
        psycopg.connect(**front.kwargs(sslmode="disable"))


@pytest.mark.parametrize("password", ["wrong", None])
def test_the_role_must_give_its_password(front: RunningFront, practice: PracticeDatabase, password: str | None) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(**front.kwargs(password=password))
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(practice.conninfo, user="reader", password=password)


def test_the_superuser_the_socket_trusts_does_not_come_through(front: RunningFront, practice: PracticeDatabase) -> None:
    with psycopg.connect(practice.conninfo) as trusted:
        assert trusted.info.user == "postgres"
    with pytest.raises(psycopg.OperationalError, match="may not connect here"):
        psycopg.connect(**front.kwargs(user="postgres"))


def test_naming_two_users_does_not_slip_one_past(front: RunningFront) -> None:
    context = ssl.create_default_context(cafile=str(front.ca))
    both = b"user\0reader\0user\0postgres\0database\0fairmont_repair\0\0"
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as raw:
        raw.sendall(request(SSL_REQUEST))
        assert raw.recv(1) == b"S"
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as peer:
            peer.sendall(struct.pack("!ii", len(both) + 8, 196608) + both)
            assert b"may not connect here" in peer.recv(4096)


def test_a_large_result_arrives_whole(front: RunningFront) -> None:
    with psycopg.connect(**front.kwargs()) as connection:
        row = connection.execute("SELECT string_agg(repeat(name, 40), '') FROM customers").fetchone()
        assert row is not None
        assert connection.execute("SELECT length(string_agg(repeat(name, 40), '')) FROM customers").fetchone() == (len(row[0]),)


def test_large_parameters_arrive_whole(front: RunningFront) -> None:
    with psycopg.connect(**front.kwargs()) as connection:
        assert connection.execute("SELECT length(%s::text)", ("x" * 5_000_000,)).fetchone() == (5_000_000,)


def test_many_connections_at_a_time(front: RunningFront) -> None:
    def count(_: int) -> object:
        with psycopg.connect(**front.kwargs()) as connection:
            return connection.execute("SELECT count(*) FROM staff").fetchone()

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(count, range(64))) == [(42,)] * 64
    until_idle(front)


def test_one_too_many_waits_then_is_told_so_and_the_others_go_on(front: RunningFront) -> None:
    held = [psycopg.connect(**front.kwargs()) for _ in range(24)]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**front.kwargs())
    assert b"too many connections" in answer(front, request(SSL_REQUEST))
    assert [connection.execute("SELECT 1").fetchone() for connection in held] == [(1,)] * 24
    for connection in held:
        connection.close()
    until_idle(front)
    with psycopg.connect(**front.kwargs()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_cancelling_reaches_the_server(front: RunningFront) -> None:
    with psycopg.connect(**front.kwargs()) as connection:
        timer = threading.Timer(0.3, connection.cancel_safe)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(20)")
        timer.join()
    until_idle(front)


def test_cancelling_in_the_clear_as_older_clients_do(front: RunningFront, practice: PracticeDatabase) -> None:
    with psycopg.connect(**front.kwargs()) as connection:
        packet = struct.pack("!iii", 16, CANCEL_REQUEST, connection.info.backend_pid) + b"\0\0\0\0"
        assert answer(front, packet) == b"", "the server ignores a wrong secret and hangs up"
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_gssapi_is_declined_then_tls_goes_on(front: RunningFront) -> None:
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as peer:
        peer.sendall(request(GSSENC_REQUEST))
        assert peer.recv(1) == b"N"
        peer.sendall(request(SSL_REQUEST))
        assert peer.recv(1) == b"S"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"not a PostgreSQL start-up packet"),
        (b"\0\0\0\0\0\0\0\0", b"not a PostgreSQL start-up packet"),
        (b"\x7f\xff\xff\xff\0\3\0\0", b"not a PostgreSQL start-up packet"),
        (b"\xff" * 64, b"not a PostgreSQL start-up packet"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"not a PostgreSQL start-up packet"),
        (request(SSL_REQUEST) + b"x", b"more than one start-up packet"),
        (request(SSL_REQUEST) + startup(user="postgres"), b"more than one start-up packet"),
        (struct.pack("!ii", 9, SSL_REQUEST) + b"x", b"not a PostgreSQL start-up packet"),
        (startup(user="reader"), b"only TLS connections"),
    ],
)
def test_garbage_is_refused_in_the_protocols_own_words(front: RunningFront, sent: bytes, said: bytes) -> None:
    received = answer(front, sent)
    assert received[:1] == b"E"
    assert said in received
    until_idle(front)


@pytest.mark.parametrize("sent", [b"", b"\0", b"\0\0\0\x08\x04\xd2", b"\0\0\1\0\0\3\0\0user\0"])
def test_a_peer_that_goes_away_leaves_nothing(front: RunningFront, sent: bytes) -> None:
    assert answer(front, sent, close=True) == b""
    until_idle(front)


@pytest.mark.parametrize("sent", [b"", b"\0\0\0", request(SSL_REQUEST)])
def test_a_peer_that_says_nothing_more_is_cut_off(front: RunningFront, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as peer:
        peer.sendall(sent)
        received = b""
        while chunk := peer.recv(64):
            received += chunk
    assert received == (b"S" if sent == request(SSL_REQUEST) else b"")
    until_idle(front)


def test_garbage_inside_tls_is_refused(front: RunningFront) -> None:
    context = ssl.create_default_context(cafile=str(front.ca))
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as raw:
        raw.sendall(request(SSL_REQUEST))
        assert raw.recv(1) == b"S"
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as peer:
            peer.sendall(request(SSL_REQUEST))
            assert b"only protocol version 3" in peer.recv(4096)
    until_idle(front)


def test_a_client_killed_in_mid_query_frees_its_place(front: RunningFront, owner: psycopg.Connection) -> None:
    connection = psycopg.connect(**front.kwargs(application_name="to be cut"))
    connection.execute("SELECT 1")
    connection.pgconn.send_query(b"SELECT pg_sleep(0.5)")
    with socket.socket(fileno=os.dup(connection.pgconn.socket)) as torn:
        torn.shutdown(socket.SHUT_RDWR)
    until_idle(front)
    connection.close()


def test_a_server_that_is_gone_hangs_up(front: RunningFront, practice: PracticeDatabase) -> None:
    with psycopg.connect(**front.kwargs()) as connection, psycopg.connect(practice.conninfo, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    until_idle(front)


def test_no_server_behind_hangs_up(front: RunningFront, tmp_path: Path) -> None:
    identity = make_identity()
    nowhere = TlsFront(tmp_path / "nothing", identity.context, frozenset({"reader"}))
    port = front.loop.call(nowhere.start())
    (tmp_path / "nowhere.pem").write_text(identity.ca_pem)
    with pytest.raises(psycopg.OperationalError, match="closed"):
        psycopg.connect(**front.kwargs(port=port, sslrootcert=str(tmp_path / "nowhere.pem")))
    front.loop.call(nowhere.stop())


def test_a_taken_port_gives_another(front: RunningFront) -> None:
    second = TlsFront(Path("unused"), make_identity().context, frozenset())
    port = front.loop.call(second.start(front.port))
    assert port not in (0, front.port)
    front.loop.call(second.stop())


def test_stopping_cuts_who_is_connected(front: RunningFront) -> None:
    connection = psycopg.connect(**front.kwargs())
    front.loop.call(front.front.stop())
    assert front.front.open_connections == 0
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


def test_work_that_takes_too_long_is_given_up(front: RunningFront) -> None:
    with pytest.raises(TimeoutError):
        front.loop.call(asyncio.sleep(30), timeout_s=0.01)
