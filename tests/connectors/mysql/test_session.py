"""The guarded session against real servers: what it trusts, what it sets, and how it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from typing import Any

import pymysql
import pytest

from patchbay.connectors.sql import refusals
from patchbay.connectors.sql.credentials import SqlCredentials, parse_sql_credentials
from patchbay.connectors.sql.mysql import session
from patchbay.connectors.sql.mysql.refusals import DatabaseNotOpen, NotMySql, connect_refusal
from patchbay.connectors.sql.mysql.server import Server, read_server, session_settings, session_statement
from patchbay.egress.guard import EgressGuard, EgressRefused
from tests.servers.certificates import Authority
from tests.servers.fronts import front
from tests.servers.mariadb import MariaDbServer
from tests.servers.mysql_protocol import OK, MySqlFront, error

pytestmark = pytest.mark.anyio
LOOPBACK = [ip_network("127.0.0.1/32")]
MARIADB = Server("MariaDB", (10, 11, 0))


@pytest.fixture(scope="module")
def raw(tls_mariadb: MariaDbServer) -> dict[str, Any]:
    setup = "CREATE TABLE note (id int PRIMARY KEY, body text); INSERT INTO note VALUES (1, 'one')"
    return tls_mariadb.create_database(sql=setup, write_tables=("note",))


@pytest.fixture
def credentials(raw: dict[str, Any]) -> SqlCredentials:
    return parse_sql_credentials("mysql", raw)


@pytest.fixture
def guard() -> EgressGuard:
    return EgressGuard(LOOPBACK)


@pytest.fixture
async def reading(credentials: SqlCredentials, guard: EgressGuard) -> AsyncIterator[session.Session]:
    opened = await session.open_session(credentials, guard)
    yield opened
    await opened.close()


async def settings_of(opened: session.Session) -> dict[str, str]:
    names = list(session_settings("read", 1, opened.server))
    (row,) = await opened.rows("SELECT " + ", ".join(f"CAST(@@session.{name} AS CHAR)" for name in names))
    return dict(zip(names, row, strict=True))


async def test_a_reading_session_is_read_only_limited_and_of_fixed_formats(reading: session.Session) -> None:
    found = await settings_of(reading)
    assert found["tx_read_only"] == "ON"
    assert float(found["max_statement_time"]) == 4.0
    assert (found["lock_wait_timeout"], found["innodb_lock_wait_timeout"], found["idle_transaction_timeout"]) == ("1", "1", "10")
    assert (found["time_zone"], found["character_set_client"], found["autocommit"]) == ("+00:00", "utf8mb4", "ON")
    modes = set(found["sql_mode"].split(","))
    assert {"STRICT_ALL_TABLES", "NO_BACKSLASH_ESCAPES"} <= modes
    assert not modes & {"ANSI_QUOTES", "NO_ZERO_DATE", "PIPES_AS_CONCAT"}
    for statement in ("CREATE TEMPORARY TABLE t (id int)", "CREATE TABLE t (id int)", "TRUNCATE note"):
        with pytest.raises(pymysql.Error) as refused:
            await reading.rows(statement)
        assert refused.value.args[0] == 1792


async def test_a_writing_session_is_the_write_role_s(credentials: SqlCredentials, guard: EgressGuard) -> None:
    opened = await session.open_session(credentials, guard, role="write", statement_timeout_ms=700)
    found = await settings_of(opened)
    assert (found["tx_read_only"], float(found["max_statement_time"])) == ("OFF", 0.7)
    await opened.rows("INSERT INTO note VALUES (2, 'two')")
    await opened.rows("UPDATE note SET body = 'zwei' WHERE id = 2")
    with pytest.raises(pymysql.Error, match="denied"):
        await opened.rows("DELETE FROM note")
    await opened.close()


async def test_the_server_s_own_configuration_does_not_change_what_is_read(
    tls_mariadb: MariaDbServer, credentials: SqlCredentials, guard: EgressGuard
) -> None:
    theirs = {
        "sql_mode": "'ANSI_QUOTES,PIPES_AS_CONCAT'",
        "time_zone": "'+05:30'",
        "max_statement_time": "0",
        "autocommit": "0",
        "sql_auto_is_null": "1",
        "tx_read_only": "0",
        "collation_connection": "'latin1_swedish_ci'",
    }
    before = {name: tls_mariadb.execute(None, f"SELECT @@global.{name}")[0][0] for name in theirs}
    for name, value in theirs.items():
        tls_mariadb.execute(None, f"SET GLOBAL {name} = {value}")
    try:
        opened = await session.open_session(credentials, guard)
        found = await settings_of(opened)
        assert (found["time_zone"], found["autocommit"], found["sql_auto_is_null"], found["tx_read_only"]) == (
            "+00:00",
            "ON",
            "OFF",
            "ON",
        )
        assert await opened.rows(r"""SELECT "a", 'b\' , 'é😀'""") == [("a", "b\\", "é😀")]
        await opened.close()
    finally:
        for name, value in before.items():
            tls_mariadb.execute(None, f"SET GLOBAL {name} = %s", (value,))


async def test_statements_end_at_the_time_limit(credentials: SqlCredentials, guard: EgressGuard) -> None:
    opened = await session.open_session(credentials, guard, statement_timeout_ms=100)
    with pytest.raises(pymysql.Error) as ended:
        await opened.rows("SELECT body FROM note WHERE SLEEP(20) = 0")
    assert ended.value.args[0] == 1969
    assert await opened.rows("SELECT 1") == [(1,)]
    await opened.close()


async def test_one_message_is_one_statement(reading: session.Session) -> None:
    for statement in ("SELECT 1; SELECT 2", "PREPARE both FROM 'SELECT 1; SELECT 2'"):
        with pytest.raises(pymysql.ProgrammingError):
            await reading.rows(statement)


async def test_no_file_of_this_machine_is_sent(tls_mariadb: MariaDbServer, raw: dict[str, Any], guard: EgressGuard) -> None:
    """A hostile server asks for a file in place of an answer, which the protocol of LOAD DATA LOCAL lets it do."""

    def ask_for_a_file(connection: int, command: bytes) -> list[bytes]:
        return [b"\xfb/etc/passwd"] if b"SELECT 1" in command else [OK]

    thief = MySqlFront(tls_mariadb.authority.issue(), password=raw["password"], answer=ask_for_a_file)
    with thief.serving():
        opened = await session.open_session(parse_sql_credentials("mysql", {**raw, "port": thief.port}), guard)
        with pytest.raises((pymysql.Error, RuntimeError)):
            await opened.rows("SELECT 1")
        await opened.close()
    assert not any(b"root:" in command for command in thief.commands)


async def test_a_blocking_session_is_the_same(credentials: SqlCredentials, guard: EgressGuard) -> None:
    target = await guard.check(credentials.host, credentials.port)

    def work() -> list[session.Row]:
        connection = session.open_session_blocking(credentials, target)
        try:
            return connection.rows("SELECT @@session.tx_read_only, @@session.time_zone")
        finally:
            connection.close()
            connection.close()

    assert await asyncio.to_thread(work) == [(1, "+00:00")]
    wrong = parse_sql_credentials("mysql", _raw(credentials, password="wrong"))
    with pytest.raises(refusals.AuthenticationRefused):
        await asyncio.to_thread(session.open_session_blocking, wrong, target)
    elsewhere = parse_sql_credentials("mysql", _raw(credentials, port=1))
    with pytest.raises(refusals.ConnectionUnreachable):
        await asyncio.to_thread(session.open_session_blocking, elsewhere, await guard.check(credentials.host, 1))


async def test_a_password_is_sent_as_utf8(tls_mariadb: MariaDbServer, raw: dict[str, Any], guard: EgressGuard) -> None:
    user, password = f"ünï_{raw['user']}", "pässwörd 😀 '\\ \" %s"
    tls_mariadb.execute(None, f"CREATE USER `{user}`@'%%' IDENTIFIED BY %s REQUIRE SSL", (password,))
    tls_mariadb.execute(None, f"GRANT SELECT ON `{raw['database']}`.* TO `{user}`@'%'")
    opened = await session.open_session(parse_sql_credentials("mysql", {**raw, "user": user, "password": password}), guard)
    assert (await opened.rows("SELECT CURRENT_USER()"))[0][0] == f"{user}@%"
    await opened.close()


# -- MySQL 8, and what stands in between -----------------------------------------------------------------------------


@pytest.mark.parametrize("cached", [True, False])
async def test_mysql_8_s_log_in_works_over_tls(
    tls_mariadb: MariaDbServer, raw: dict[str, Any], guard: EgressGuard, cached: bool
) -> None:
    eight = MySqlFront(tls_mariadb.authority.issue(), password=raw["password"], cached=cached)
    with eight.serving():
        here = {**raw, "port": eight.port}
        opened = await session.open_session(parse_sql_credentials("mysql", here), guard, statement_timeout_ms=1500)
        assert opened.server == Server("MySQL", (8, 0, 36))
        await opened.close()
        assert type(await refusal({**here, "password": "wrong-password"}, guard)) is refusals.AuthenticationRefused
    (settings,) = [command[1:].decode() for command in eight.commands if b"sql_mode" in command]
    assert settings == session_statement("read", 1500, opened.server)
    assert "@@session.transaction_read_only = 1" in settings
    assert "@@session.max_execution_time = 1500" in settings
    assert "max_statement_time" not in settings


async def test_a_proxy_that_announces_another_product_is_found_out(
    tls_mariadb: MariaDbServer, raw: dict[str, Any], guard: EgressGuard
) -> None:
    def mariadb_behind(connection: int, command: bytes) -> list[bytes]:
        return [error(1193)] if b"max_execution_time" in command else [OK]

    proxy = MySqlFront(tls_mariadb.authority.issue(), greeting="8.0.11 (ProxySQL)", answer=mariadb_behind)
    with proxy.serving():
        opened = await session.open_session(parse_sql_credentials("mysql", {**raw, "port": proxy.port}), guard)
        assert opened.server.product == "MariaDB"
        await opened.close()


async def test_a_session_whose_settings_are_refused_is_not_used(
    tls_mariadb: MariaDbServer, raw: dict[str, Any], guard: EgressGuard
) -> None:
    def no_settings(connection: int, command: bytes) -> list[bytes]:
        return [error(1231)] if b"sql_mode" in command else [OK]

    with MySqlFront(tls_mariadb.authority.issue(), answer=no_settings).serving() as odd:
        assert type(await refusal({**raw, "port": odd.port}, guard)) is refusals.ConnectFailed


@pytest.mark.parametrize(
    ("greeting", "server"),
    [
        ("5.5.5-10.11.19-MariaDB-0+deb12u1", Server("MariaDB", (10, 11, 19))),
        ("11.4.2-MariaDB-log", Server("MariaDB", (11, 4, 2))),
        ("8.4.0", Server("MySQL", (8, 4, 0))),
        ("5.7.44-log", Server("MySQL", (5, 7, 44))),
        ("8.0.mysql_aurora.3.05.2", Server("MySQL", (8, 0, 0))),
        ("anything", Server("MySQL", (0, 0, 0))),
    ],
)
def test_a_server_is_known_by_its_greeting(greeting: str, server: Server) -> None:
    assert read_server(greeting) == server


def test_old_servers_get_the_names_they_know() -> None:
    assert "tx_read_only" in session_settings("read", 1, Server("MySQL", (5, 7, 19)))
    assert "transaction_read_only" in session_settings("read", 1, Server("MySQL", (5, 7, 20)))
    assert "transaction_read_only" in session_settings("read", 1, Server("MariaDB", (11, 4, 0)))
    assert "idle_transaction_timeout" not in session_settings("read", 1, Server("MariaDB", (10, 2, 0)))
    assert session_settings("write", 1, MARIADB)["tx_read_only"] == "0"


# -- what is refused, and how ----------------------------------------------------------------------------------------


def _raw(credentials: SqlCredentials, **changes: Any) -> dict[str, Any]:
    members = ("host", "port", "database", "user", "password", "sslmode", "ca_pem")
    return {**{name: getattr(credentials, name) for name in members}, **changes}


async def refusal(raw: dict[str, Any], guard: EgressGuard, **options: Any) -> refusals.ConnectFailed:
    with pytest.raises(refusals.ConnectFailed) as failed:
        await session.open_session(parse_sql_credentials("mysql", raw), guard, **options)
    assert failed.value.hint
    shown = f"{failed.value.detail} {failed.value.hint}"
    for part in (raw["password"], raw["user"], raw["database"], "using password"):
        assert part not in shown
    return failed.value


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"password": "wrong-password"}, refusals.AuthenticationRefused),
        ({"user": "nobody_at_all"}, refusals.AuthenticationRefused),
        # The server tells nobody which databases there are.
        ({"database": "no_such_database"}, DatabaseNotOpen),
        ({"port": 1}, refusals.ConnectionUnreachable),
        ({"ca_pem": None}, refusals.CertificateNotTrusted),
        ({"ca_pem": Authority("another").pem}, refusals.CertificateNotTrusted),
        ({"ca_pem": Authority("another").pem, "sslmode": "require"}, refusals.CertificateNotTrusted),
    ],
)
async def test_each_refusal_has_its_kind(
    raw: dict[str, Any], guard: EgressGuard, changes: dict[str, Any], kind: type[refusals.ConnectFailed]
) -> None:
    assert type(await refusal({**raw, **changes}, guard)) is kind


async def test_the_certificate_is_judged_as_sslmode_asks(
    tls_mariadb: MariaDbServer, raw: dict[str, Any], guard: EgressGuard
) -> None:
    async def opens(**changes: Any) -> bool:
        opened = await session.open_session(parse_sql_credentials("mysql", {**raw, **changes}), guard)
        await opened.close()
        return True

    with tls_mariadb.serving(tls_mariadb.authority.issue(("db.example.com",))):
        assert type(await refusal(raw, guard)) is refusals.CertificateForAnotherHost
        assert await opens(sslmode="verify-ca")
        assert await opens(sslmode="require")
    with tls_mariadb.serving(tls_mariadb.authority.issue(days=-1)):
        assert type(await refusal(raw, guard)) is refusals.CertificateNotTrusted
        assert type(await refusal({**raw, "sslmode": "verify-ca"}, guard)) is refusals.CertificateNotTrusted
        assert await opens(sslmode="require", ca_pem=None)
    with tls_mariadb.serving(Authority("foreign").issue()):
        assert type(await refusal(raw, guard)) is refusals.CertificateNotTrusted
        assert await opens(sslmode="require", ca_pem=None)


async def test_limits_and_locks_say_so(tls_mariadb: MariaDbServer, raw: dict[str, Any], guard: EgressGuard) -> None:
    account = f"`{raw['user']}`@'%'"
    tls_mariadb.execute(None, f"ALTER USER {account} WITH MAX_USER_CONNECTIONS 1")
    opened = await session.open_session(parse_sql_credentials("mysql", raw), guard)
    assert type(await refusal(raw, guard)) is refusals.TooManyConnections
    await opened.close()
    tls_mariadb.execute(None, f"ALTER USER {account} WITH MAX_USER_CONNECTIONS 0 ACCOUNT LOCK")
    assert type(await refusal(raw, guard)) is refusals.AccessRefused
    tls_mariadb.execute(None, f"ALTER USER {account} ACCOUNT UNLOCK")


async def test_a_server_without_tls_is_refused_before_anything_is_said(
    tls_mariadb: MariaDbServer, raw: dict[str, Any], guard: EgressGuard
) -> None:
    with MySqlFront(tls_mariadb.authority.issue(), tls=False).serving() as plain:
        assert type(await refusal({**raw, "port": plain.port}, guard)) is refusals.TlsNotOffered


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", NotMySql),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", NotMySql),
        (b"\x04\x00\x00\x00\x09abc", NotMySql),
        (b"\x15\x00\x00\x00\xff\x10\x04Too many connections"[:25], refusals.TooManyConnections),
        (b"\x0b\x00\x00\x00\xff\x6a\x04Host '10", refusals.AccessRefused),
    ],
)
async def test_what_is_not_mysql_or_refuses_at_once_is_told_apart(
    raw: dict[str, Any], guard: EgressGuard, said: bytes, kind: type[refusals.ConnectFailed]
) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert type(await refusal({**raw, "port": port}, guard)) is kind


def test_both_drivers_errors_are_read_alike() -> None:
    import asyncmy.errors

    for module in (pymysql.err, asyncmy.errors):
        assert type(connect_refusal(module.OperationalError(1045, "x"))) is refusals.AuthenticationRefused
        assert type(connect_refusal(module.OperationalError(1049, "x"))) is refusals.DatabaseMissing
        assert type(connect_refusal(module.OperationalError(2013, "x"))) is refusals.ConnectionUnreachable
        assert type(connect_refusal(module.OperationalError(4711, "x"))) is refusals.ConnectFailed


async def test_the_deadline_covers_everything(tls_mariadb: MariaDbServer, raw: dict[str, Any], guard: EgressGuard) -> None:
    with front(tls_mariadb.host, tls_mariadb.port) as slow:
        slow.silent = True
        assert type(await refusal({**raw, "port": slow.port}, guard, connect_timeout_s=0.2)) is refusals.ConnectionTimedOut
        slow.silent, slow.delay_s = False, 0.15
        assert type(await refusal({**raw, "port": slow.port}, guard, connect_timeout_s=0.5)) is refusals.ConnectionTimedOut

    async def never(name: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises((refusals.ConnectionTimedOut, EgressRefused)):
        await session.open_session(
            parse_sql_credentials("mysql", {**raw, "host": "slow.example.com"}),
            EgressGuard(resolver=never),
            connect_timeout_s=0.05,
        )


async def test_a_private_address_is_refused_before_anything_is_sent(tls_mariadb: MariaDbServer, raw: dict[str, Any]) -> None:
    with front(tls_mariadb.host, tls_mariadb.port) as watched:
        with pytest.raises(EgressRefused):
            await session.open_session(parse_sql_credentials("mysql", {**raw, "port": watched.port}), EgressGuard())
        assert watched.accepted == 0


async def test_the_connection_goes_to_the_address_that_was_checked(tls_mariadb: MariaDbServer, raw: dict[str, Any]) -> None:
    """The name resolves to the server once and elsewhere ever after; its certificate is checked against the name."""
    answers = iter([["127.0.0.1"]])

    async def once(name: str, port: int) -> Sequence[str]:
        return next(answers)

    guard = EgressGuard(LOOPBACK, resolver=once)
    with tls_mariadb.serving(tls_mariadb.authority.issue(("db.rebind.example",))):
        named = parse_sql_credentials("mysql", {**raw, "host": "DB.rebind.example."})
        opened = await session.open_session(named, guard)
        assert await opened.rows("SELECT 1") == [(1,)]
        await opened.close()


async def test_a_cut_ends_a_statement_that_waits(credentials: SqlCredentials, guard: EgressGuard) -> None:
    opened = await session.open_session(credentials, guard)
    waiting = asyncio.create_task(opened.rows("DO SLEEP(3)"))
    await asyncio.sleep(0.05)
    opened.cut()
    with pytest.raises(pymysql.Error):
        await waiting
    assert opened.closed
    await opened.close()


async def test_a_statement_that_is_given_up_takes_the_session_with_it(credentials: SqlCredentials, guard: EgressGuard) -> None:
    opened = await session.open_session(credentials, guard)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await opened.rows("SELECT SLEEP(3)")
    assert opened.closed
    with pytest.raises(pymysql.Error):
        await opened.rows("SELECT 2")
    await opened.close()
