"""One MySQL source: pools, caps, cancellation, TLS, and servers that die or lie."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import resource
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from ipaddress import ip_network
from typing import Any

import pytest

from patchbay.connectors.breaker import FAILURES
from patchbay.connectors.refusals import (
    CallRefused,
    CredentialsRefused,
    PermissionMissing,
    SchemaChanged,
    SourceBusy,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    ValueNotAccepted,
)
from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.mysql.backend import open_backend
from patchbay.connectors.sql.mysql.execute import Source
from patchbay.connectors.sql.mysql.wire import Answer
from patchbay.connectors.sql.refusals import CertificateForAnotherHost, CertificateNotTrusted, ConnectFailed, TlsNotOffered
from patchbay.egress.guard import CheckedAddress, EgressGuard
from tests.servers.fronts import front
from tests.servers.mariadb import MariaDbServer, quoted
from tests.servers.mysql_protocol import OK, MySqlFront

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])
BY_PHONE = b"SELECT id, name FROM @t customers WHERE phone = '+14165550007' LIMIT 6"
SCHEMA = """
CREATE TABLE customers (id int PRIMARY KEY, name varchar(40), phone varchar(40) CHARACTER SET latin1, KEY (phone));
INSERT INTO customers SELECT seq, concat('name ', seq), concat('+1416555', lpad(seq, 4, '0'))
  FROM seq_1_to_2000;
CREATE TABLE big (id int PRIMARY KEY, body longblob);
INSERT INTO big VALUES (1, repeat('x', 15000000)), (2, 'small');
CREATE VIEW slow AS SELECT id, name, sleep(30) AS waited FROM customers;
"""


@pytest.fixture(scope="module")
def sample(tls_mariadb: MariaDbServer) -> dict[str, Any]:
    return tls_mariadb.create_database(sql=SCHEMA)


@pytest.fixture
async def open_source() -> AsyncGenerator[Callable[..., Source]]:
    """Makes sources that are closed when the test ends."""
    opened: list[Source] = []

    def make(credentials: dict[str, Any], **options: Any) -> Source:
        opened.append(Source(parse_sql_credentials("mysql", credentials), GUARD, **options))
        return opened[-1]

    yield make
    for source in opened:
        await source.close()


async def ask(source: Source, statement: bytes = BY_PHONE, *, seconds: float = 5.0, limit: int = 200_000) -> Answer:
    """Runs ``statement``, in which tables are named after a ``@``: sessions are in no database."""
    database = source._credentials.database.encode()  # pyright: ignore[reportPrivateUsage]
    deadline = asyncio.get_running_loop().time() + seconds
    return await source.execute(statement.replace(b"@t ", b"`%s`." % database), rows=6, limit=limit, deadline=deadline)


def running(server: MariaDbServer, user: str) -> list[str]:
    """What the sessions of an account are doing."""
    listed = server.execute(None, "SELECT coalesce(info, '') FROM information_schema.processlist WHERE user = %s", (user,))
    return [str(info) for (info,) in listed]


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(300):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")


async def test_sessions_are_opened_when_needed_and_kept(
    sample: dict[str, Any], open_source: Any, tls_mariadb: MariaDbServer
) -> None:
    source = open_source(sample, size=3)
    assert running(tls_mariadb, sample["user"]) == []
    assert (await ask(source)).rows == [(b"7", b"name 7")]
    assert len(running(tls_mariadb, sample["user"])) == 1
    await asyncio.gather(*(ask(source) for _ in range(30)))
    assert len(running(tls_mariadb, sample["user"])) <= 3
    await source.close()
    assert source.ended
    await until(lambda: running(tls_mariadb, sample["user"]) == [])


async def test_every_session_has_its_settings(sample: dict[str, Any], open_source: Any, tls_mariadb: MariaDbServer) -> None:
    tls_mariadb.execute(None, f"GRANT INSERT, CREATE, DROP ON {quoted(sample['database'])}.* TO {quoted(sample['user'])}@'%'")
    source = open_source(sample, size=1)
    for change in (b"INSERT INTO @t customers (id) VALUES (-1)", b"CREATE TABLE @t t (id int)", b"TRUNCATE TABLE @t customers"):
        with pytest.raises(CallRefused):
            await ask(source, change)
    seen = await ask(source, b"SELECT @@tx_read_only, @@time_zone, @@character_set_results, @@max_statement_time, @@sql_mode")
    assert seen.rows[0][:4] == (b"1", b"+00:00", b"utf8mb4", b"4.000000")
    assert b"NO_BACKSLASH_ESCAPES" in (seen.rows[0][4] or b"")
    assert (await ask(source, b"SHOW SESSION STATUS LIKE 'Ssl_version'")).rows[0][1] in (b"TLSv1.2", b"TLSv1.3")


async def test_a_second_statement_is_refused(sample: dict[str, Any], open_source: Any) -> None:
    source = open_source(sample)
    with pytest.raises(SourceRefused):
        await ask(source, b"SELECT 1; SELECT 2")
    with pytest.raises(SourceRefused):
        await ask(source, b"LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE @t customers")


async def test_waiting_for_a_session_ends_with_the_deadline(sample: dict[str, Any], open_source: Any) -> None:
    source = open_source(sample, size=1)
    await ask(source)
    holding = asyncio.create_task(ask(source, b"SELECT sleep(0.6)"))
    await asyncio.sleep(0.1)
    with pytest.raises(SourceBusy):
        await ask(source, seconds=0.2)
    await holding
    assert (await ask(source)).rows, "the one that waited in vain did not keep the place"


async def test_a_late_statement_is_ended_on_the_server_too(
    sample: dict[str, Any], open_source: Any, tls_mariadb: MariaDbServer
) -> None:
    source = open_source(sample, size=1)
    with pytest.raises(SourceTimeout):
        await ask(source, b"SELECT waited FROM @t slow WHERE id = 1", seconds=0.3)
    await until(lambda: not any("slow" in info for info in running(tls_mariadb, sample["user"])))
    assert (await ask(source)).rows == [(b"7", b"name 7")]


async def test_a_session_holds_each_statement_to_its_own_deadline(sample: dict[str, Any], open_source: Any) -> None:
    source = open_source(sample, size=1)
    first = (await ask(source, b"SELECT connection_id()", seconds=0.4)).rows
    assert (await ask(source, b"SELECT sleep(0.6), connection_id()", seconds=30)).rows == [(b"0", *first[0])], (
        "the first one's passed"
    )
    for earlier in (30, 0.2):
        before = (await ask(source, b"SELECT connection_id()", seconds=earlier)).rows
        with pytest.raises(SourceTimeout):
            await ask(source, b"SELECT waited FROM @t slow WHERE id = 1", seconds=0.4)
        after = (await ask(source, b"SELECT connection_id()")).rows
        assert after != before, "the server's own limit would have left the session"


async def test_the_servers_own_limit_is_a_timeout(sample: dict[str, Any], open_source: Any) -> None:
    source = open_source(sample, size=1)
    with pytest.raises(SourceTimeout):
        await ask(
            source,
            b"SET STATEMENT max_statement_time = 0.1 FOR SELECT count(*) FROM @t customers a, @t customers b, @t customers c",
        )
    assert (await ask(source)).rows == [(b"7", b"name 7")]


async def test_a_cancelled_caller_ends_the_statement(
    sample: dict[str, Any], open_source: Any, tls_mariadb: MariaDbServer
) -> None:
    source = open_source(sample, size=1)
    task = asyncio.create_task(ask(source, b"SELECT sleep(29)", seconds=40))
    await until(lambda: any("sleep(29)" in info for info in running(tls_mariadb, sample["user"])))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await ask(source)).rows == [(b"7", b"name 7")]
    await until(lambda: not any("sleep(29)" in info for info in running(tls_mariadb, sample["user"])))


async def test_callers_cancelled_in_every_state_leave_the_pool_whole(sample: dict[str, Any], open_source: Any) -> None:
    source = open_source(sample, size=2)
    for step in range(12):
        tasks = [asyncio.create_task(ask(source)) for _ in range(6)]
        await asyncio.sleep(step * 0.002)
        for task in tasks[step % 2 :: 2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    answers = await asyncio.gather(*(ask(source) for _ in range(8)))
    assert all(answer.rows == [(b"7", b"name 7")] for answer in answers)


async def test_a_huge_value_does_not_fill_the_memory(sample: dict[str, Any], open_source: Any) -> None:
    source = open_source(sample, size=1)
    await ask(source)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await ask(source, b"SELECT id, body FROM @t big ORDER BY id DESC", seconds=30)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert (answer.cut, answer.rows) == (True, [(b"2", b"small")])
    assert grown_mb < 8, "15 MB were sent"
    many = await ask(source, b"SELECT repeat('y', 60000) FROM @t customers LIMIT 6")
    assert (many.cut, len(many.rows)) == (True, 3)
    assert (await ask(source)).rows == [(b"7", b"name 7")]


async def test_long_answers_arrive_whole(sample: dict[str, Any], open_source: Any) -> None:
    source = open_source(sample, size=1)
    for length in (10, 250, 251, 16_384, 65_535, 65_536, 300_000, 1_500_000):
        answer = await ask(source, b"SELECT repeat('y', %d), id FROM @t customers LIMIT 3" % length, limit=5_000_000)
        assert not answer.cut
        assert [len(row[0] or b"") for row in answer.rows] == [length] * 3


async def test_the_server_dies_in_the_middle(open_source: Any) -> None:
    server = MariaDbServer.start()
    try:
        source = open_source(server.create_database(sql="CREATE TABLE t (id int); INSERT INTO t VALUES (1)"), size=2)
        await asyncio.gather(*(ask(source, b"SELECT id FROM @t t") for _ in range(4)))
        task = asyncio.create_task(ask(source, b"SELECT sleep(20)", seconds=10))
        await asyncio.sleep(0.3)
        assert server._process is not None  # pyright: ignore[reportPrivateUsage]
        server._process.kill()  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(SourceUnavailable):
            await task
        with pytest.raises(SourceUnavailable):
            await ask(source, b"SELECT id FROM @t t")
    finally:
        server.stop()


async def test_an_idle_session_the_server_ended_is_replaced_unseen(
    sample: dict[str, Any], open_source: Any, tls_mariadb: MariaDbServer
) -> None:
    source = open_source(sample, size=2)
    await asyncio.gather(ask(source), ask(source))
    tls_mariadb.execute(None, f"KILL USER {quoted(sample['user'])}")
    assert (await ask(source)).rows == [(b"7", b"name 7")]


async def test_what_changes_at_the_source(open_source: Any, tls_mariadb: MariaDbServer) -> None:
    credentials = tls_mariadb.create_database(sql="CREATE TABLE t (id int, v int); INSERT INTO t VALUES (1, 2)")
    table = quoted(credentials["database"], "t")
    source = open_source(credentials, size=1)
    assert (await ask(source, b"SELECT v FROM @t t")).rows == [(b"2",)]
    tls_mariadb.execute(None, f"ALTER TABLE {table} DROP v")
    with pytest.raises(SchemaChanged):
        await ask(source, b"SELECT v FROM @t t")
    user = f"{quoted(credentials['user'])}@'%'"
    tls_mariadb.execute(None, f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {user}")
    with pytest.raises(PermissionMissing):
        await ask(source, b"SELECT id FROM @t t")


async def test_a_text_the_column_cannot_hold(sample: dict[str, Any], open_source: Any) -> None:
    with pytest.raises(ValueNotAccepted):
        await ask(open_source(sample), b"SELECT name FROM @t customers WHERE phone = _utf8mb4 x'f09f9880'")


async def test_wrong_credentials_and_dead_hosts_are_refused_and_then_not_tried(sample: dict[str, Any], open_source: Any) -> None:
    with pytest.raises(CredentialsRefused):
        await ask(open_source({**sample, "password": "wrong"}))
    dead = open_source({**sample, "port": 1})
    for _ in range(FAILURES):
        with pytest.raises(SourceUnavailable) as refused:
            await ask(dead)
        assert "Retry-After" not in refused.value.headers
    with pytest.raises(SourceUnavailable) as refused:
        await ask(dead)
    assert refused.value.headers["Retry-After"] == "1"


async def test_a_slow_network_ends_with_the_deadline_and_not_later(
    sample: dict[str, Any], open_source: Any, tls_mariadb: MariaDbServer
) -> None:
    with front(tls_mariadb.host, tls_mariadb.port) as slow:
        source = open_source({**sample, "port": slow.port}, size=1)
        assert (await ask(source)).rows == [(b"7", b"name 7")]
        slow.delay_s = 0.5
        with pytest.raises(SourceTimeout):
            await ask(source, seconds=0.2)
        slow.delay_s = 0.0
        assert (await ask(source)).rows == [(b"7", b"name 7")]
        slow.cut()
        assert (await ask(source)).rows == [(b"7", b"name 7")], "a cut line is replaced unseen"


_COLUMN = b"\x03def\x01d\x01t\x01t" + b"\xc8" + b"x" * 200 + b"\x01c" + b"\x0c\x2d\x00\xff\x00\x00\x00\xfd\x00\x00\x00\x00\x00"


@pytest.mark.parametrize("asked", [b"SELECT", b"SET"])
async def test_columns_without_end_do_not_fill_the_memory(tls_mariadb: MariaDbServer, open_source: Any, asked: bytes) -> None:
    """Of an answer, and of what should have been a setting: a server that means harm gets no more read than one that does not."""

    def answer(connection: int, command: bytes) -> Iterable[bytes]:
        return itertools.chain([b"\xfd\xff\xff\xff"], itertools.repeat(_COLUMN)) if command[1:].startswith(asked) else [OK]

    with MySqlFront(tls_mariadb.authority.issue(), answer=answer).serving() as front:
        credentials = {**tls_mariadb.credentials("d", "u", "p"), "port": front.port}
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with contextlib.suppress(CallRefused):
            assert (await ask(open_source(credentials, size=1), b"SELECT 1")).cut
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000


class TestTls:
    async def opened(self, credentials: dict[str, Any], host: str = "127.0.0.1") -> None:
        target = CheckedAddress(host, credentials["port"], "127.0.0.1")
        backend = await open_backend(parse_sql_credentials("mysql", credentials), target, connect_timeout_s=3.0)
        await backend.close()

    async def test_the_certificate_is_for_the_name_and_not_for_the_address_reached(
        self, sample: dict[str, Any], tls_mariadb: MariaDbServer
    ) -> None:
        with tls_mariadb.serving(tls_mariadb.authority.issue(("db.example.com",))):
            await self.opened({**sample, "host": "db.example.com"}, "db.example.com")
            with pytest.raises(CertificateForAnotherHost):
                await self.opened(sample)
            await self.opened({**sample, "sslmode": "verify-ca"})

    async def test_another_authority_is_not_trusted(self, sample: dict[str, Any]) -> None:
        with pytest.raises(CertificateNotTrusted):
            await self.opened({key: value for key, value in sample.items() if key != "ca_pem"})

    @pytest.mark.parametrize("greeting", ["without TLS", "nothing", "noise"])
    async def test_nothing_is_said_to_a_server_without_tls(self, sample: dict[str, Any], greeting: str) -> None:
        """The one that offers no TLS hears nothing at all: neither the user nor the password."""
        said = {"without TLS": plain_greeting(), "nothing": b"", "noise": b"\xff" * 400}[greeting]
        async with listening(said) as (port, heard):
            with pytest.raises(ConnectFailed) as refused:
                await self.opened({**sample, "port": port})
            assert isinstance(refused.value, TlsNotOffered) or greeting != "without TLS"
        assert heard == [b""]


def plain_greeting() -> bytes:
    """A handshake of protocol 10 whose capabilities leave TLS out."""
    body = b"\n8.0.36\0" + bytes([1, 0, 0, 0]) + b"12345678\0" + b"\xff\xf7" + b"\x21\x02\x00" + b"\xff\x81" + b"\x15"
    body += bytes(10) + b"123456789012\0mysql_native_password\0"
    return len(body).to_bytes(3, "little") + b"\0" + body


@contextlib.asynccontextmanager
async def listening(greeting: bytes) -> AsyncGenerator[tuple[int, list[bytes]]]:
    """A server that greets and writes down what it hears: its port, and that."""
    heard: list[bytes] = []

    def serve() -> None:
        line, _ = server.accept()
        with line:
            line.settimeout(8)
            line.sendall(greeting)
            if not greeting:
                line.shutdown(socket.SHUT_WR)
            heard.append(line.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], heard
        await asyncio.to_thread(thread.join, 10)
