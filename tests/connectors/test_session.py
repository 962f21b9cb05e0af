"""The guarded session against real servers: what it trusts, what it sets, and how it refuses."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import psycopg
import pytest

from patchbay.connectors.sql.credentials import SqlCredentials, parse_sql_credentials
from patchbay.connectors.sql.postgres import refusals, session
from patchbay.connectors.sql.trust import ca_file, nothing
from patchbay.egress.guard import CheckedAddress, EgressGuard, EgressRefused
from tests.servers.certificates import Authority
from tests.servers.fronts import front
from tests.servers.pgbouncer import pgbouncer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
LOOPBACK = [ip_network("127.0.0.1/32")]


@pytest.fixture(scope="module")
def raw(tls_postgres: PostgresServer) -> dict[str, Any]:
    setup = "CREATE TABLE note (id int PRIMARY KEY, body text); INSERT INTO note VALUES (1, 'one')"
    return tls_postgres.create_database(sql=setup, write_tables=("note",))


@pytest.fixture
def credentials(raw: dict[str, Any]) -> SqlCredentials:
    return parse_sql_credentials("postgres", raw)


@pytest.fixture
def guard() -> EgressGuard:
    return EgressGuard(LOOPBACK)


@pytest.fixture
async def reading(credentials: SqlCredentials, guard: EgressGuard) -> AsyncIterator[session.Session]:
    connection = await session.open_session(credentials, guard)
    yield connection
    await connection.close()


async def settings_of(connection: session.Session) -> dict[str, str]:
    names = session.session_settings("read", 1, "")
    rows = await connection.execute("SELECT name, setting FROM pg_settings WHERE lower(name) = ANY(%s)", [list(names)])
    return {name.lower(): value async for name, value in rows}


async def test_a_reading_session_starts_read_only_and_limited(reading: session.Session) -> None:
    found = await settings_of(reading)
    assert found["default_transaction_read_only"] == "on"
    assert found["statement_timeout"] == "4000"
    assert found["lock_timeout"] == "1000"
    assert found["idle_in_transaction_session_timeout"] == "10000"
    assert found["timezone"] == "UTC"
    assert reading.autocommit
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await reading.execute("CREATE TEMPORARY TABLE t ()")


async def test_a_writing_session_is_the_write_role_s(credentials: SqlCredentials, guard: EgressGuard) -> None:
    connection = await session.open_session(credentials, guard, role="write", statement_timeout_ms=700)
    async with connection:
        assert (await settings_of(connection))["default_transaction_read_only"] == "off"
        assert (await settings_of(connection))["lock_timeout"] == "700"
        await connection.execute("INSERT INTO note VALUES (2, 'two')")
        await connection.execute("UPDATE note SET body = 'zwei' WHERE id = 2")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("DELETE FROM note")


async def test_the_role_s_own_settings_do_not_change_the_formats(
    tls_postgres: PostgresServer, credentials: SqlCredentials, guard: EgressGuard
) -> None:
    tls_postgres.execute(
        credentials.database,
        ";".join(
            f"ALTER ROLE {credentials.user} SET {setting}"
            for setting in (
                "intervalstyle = 'sql_standard'",
                "statement_timeout = 1",
                "datestyle = 'German'",
                "default_transaction_read_only = off",
            )
        ),
    )
    try:
        connection = await session.open_session(credentials, guard)
        async with connection:
            found = await settings_of(connection)
        assert (found["intervalstyle"], found["datestyle"], found["statement_timeout"]) == ("postgres", "ISO, YMD", "4000")
        assert found["default_transaction_read_only"] == "on"
    finally:
        tls_postgres.execute(credentials.database, f"ALTER ROLE {credentials.user} RESET ALL")


@pytest.mark.parametrize("ignore", ["extra_float_digits", "options,extra_float_digits"])
@pytest.mark.parametrize("role", ["read", "write"])
async def test_a_pooler_that_takes_no_settings_gets_them_afterwards(
    tls_postgres: PostgresServer, raw: dict[str, Any], guard: EgressGuard, ignore: str, role: Any
) -> None:
    with pgbouncer(tls_postgres, pool_mode="session", ignore=ignore) as port:
        pooled = parse_sql_credentials("postgres", {**raw, "port": port})
        connection = await session.open_session(pooled, guard, role=role, statement_timeout_ms=1234)
        async with connection:
            found = await settings_of(connection)
        assert found["default_transaction_read_only"] == ("on" if role == "read" else "off")
        assert found["statement_timeout"] == "1234"
        target = await guard.check(pooled.host, pooled.port)
        with session.open_session_blocking(pooled, target, role=role, statement_timeout_ms=1234) as blocking:
            assert blocking.execute("SHOW statement_timeout").fetchone() == ("1234ms",)


async def test_a_blocking_session_is_the_same(credentials: SqlCredentials, guard: EgressGuard) -> None:
    target = await guard.check(credentials.host, credentials.port)
    with session.open_session_blocking(credentials, target) as connection:
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
        assert connection.info.get_parameters()["hostaddr"] == "127.0.0.1"
    wrong = parse_sql_credentials("postgres", _raw(credentials, password="wrong"))
    with pytest.raises(refusals.AuthenticationRefused):
        session.open_session_blocking(wrong, target)


# -- what is refused, and how --------------------------------------------------------------------------------------


def _raw(credentials: SqlCredentials, **changes: Any) -> dict[str, Any]:
    members = ("host", "port", "database", "user", "password", "sslmode", "ca_pem")
    return {**{name: getattr(credentials, name) for name in members}, **changes}


async def refusal(raw: dict[str, Any], guard: EgressGuard, **options: Any) -> refusals.ConnectFailed:
    with pytest.raises(refusals.ConnectFailed) as failed:
        await session.open_session(parse_sql_credentials("postgres", raw), guard, **options)
    assert failed.value.hint
    shown = f"{failed.value.detail} {failed.value.hint}"
    for part in (raw["password"], raw["user"], raw["database"], "FATAL"):
        assert part not in shown
    return failed.value


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"password": "wrong-password"}, refusals.AuthenticationRefused),
        ({"user": "nobody_at_all"}, refusals.AuthenticationRefused),
        ({"database": "no_such_database"}, refusals.DatabaseMissing),
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
    tls_postgres: PostgresServer, raw: dict[str, Any], guard: EgressGuard
) -> None:
    async def opens(**changes: Any) -> bool:
        connection = await session.open_session(parse_sql_credentials("postgres", {**raw, **changes}), guard)
        await connection.close()
        return True

    with tls_postgres.serving(tls_postgres.authority.issue(("db.example.com",))):
        assert type(await refusal(raw, guard)) is refusals.CertificateForAnotherHost
        assert await opens(sslmode="verify-ca")
        assert await opens(sslmode="require")
    with tls_postgres.serving(tls_postgres.authority.issue(days=-1)):
        assert type(await refusal(raw, guard)) is refusals.CertificateNotTrusted
        assert type(await refusal({**raw, "sslmode": "verify-ca"}, guard)) is refusals.CertificateNotTrusted
        assert await opens(sslmode="require", ca_pem=None)
    with tls_postgres.serving(Authority("foreign").issue()):
        assert type(await refusal(raw, guard)) is refusals.CertificateNotTrusted
        assert await opens(sslmode="require", ca_pem=None)


async def test_too_many_connections_and_no_entry_say_so(
    tls_postgres: PostgresServer, raw: dict[str, Any], credentials: SqlCredentials, guard: EgressGuard
) -> None:
    tls_postgres.execute("postgres", f"ALTER ROLE {credentials.user} CONNECTION LIMIT 0")
    assert type(await refusal(raw, guard)) is refusals.TooManyConnections
    tls_postgres.execute("postgres", f"ALTER ROLE {credentials.user} CONNECTION LIMIT -1 NOLOGIN")
    assert type(await refusal(raw, guard)) is refusals.AccessRefused
    tls_postgres.execute("postgres", f"ALTER ROLE {credentials.user} LOGIN")
    tls_postgres.execute("postgres", f"REVOKE CONNECT ON DATABASE {credentials.database} FROM PUBLIC")
    assert type(await refusal(raw, guard)) is refusals.AccessRefused
    tls_postgres.execute("postgres", f"GRANT CONNECT ON DATABASE {credentials.database} TO PUBLIC")


async def _serve(answer: bytes) -> asyncio.Server:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(answer)
        await writer.drain()
        writer.close()

    return await asyncio.start_server(reply, "127.0.0.1", 0)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(b"N", refusals.TlsNotOffered), (b"HTTP/1.1 400 Bad Request\r\n\r\n", refusals.NotPostgres)],
)
async def test_what_is_not_postgres_or_not_encrypted_is_refused(
    raw: dict[str, Any], guard: EgressGuard, answer: bytes, kind: type[refusals.ConnectFailed]
) -> None:
    async with await _serve(answer) as server:
        port = server.sockets[0].getsockname()[1]
        assert type(await refusal({**raw, "port": port}, guard)) is kind


async def test_the_deadline_covers_everything(tls_postgres: PostgresServer, raw: dict[str, Any], guard: EgressGuard) -> None:
    with front(tls_postgres.host, tls_postgres.port) as slow:
        slow.silent = True
        assert type(await refusal({**raw, "port": slow.port}, guard, connect_timeout_s=0.2)) is refusals.ConnectionTimedOut

    async def never(name: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises((refusals.ConnectionTimedOut, EgressRefused)):
        await session.open_session(
            parse_sql_credentials("postgres", {**raw, "host": "slow.example.com"}),
            EgressGuard(resolver=never),
            connect_timeout_s=0.05,
        )


async def test_a_private_address_is_refused_before_anything_is_sent(tls_postgres: PostgresServer, raw: dict[str, Any]) -> None:
    with front(tls_postgres.host, tls_postgres.port) as watched:
        with pytest.raises(EgressRefused):
            await session.open_session(parse_sql_credentials("postgres", {**raw, "port": watched.port}), EgressGuard())
        assert watched.accepted == 0


async def test_the_connection_goes_to_the_address_that_was_checked(tls_postgres: PostgresServer, raw: dict[str, Any]) -> None:
    """The name resolves to the server once and elsewhere ever after; its certificate is checked against the name."""
    answers = iter([["127.0.0.1"]])

    async def once(name: str, port: int) -> Sequence[str]:
        return next(answers)

    guard = EgressGuard(LOOPBACK, resolver=once)
    with tls_postgres.serving(tls_postgres.authority.issue(("db.rebind.example",))):
        named = parse_sql_credentials("postgres", {**raw, "host": "DB.rebind.example."})
        async with await session.open_session(named, guard) as connection:
            assert connection.info.hostaddr == "127.0.0.1"


# -- what must not leak in -----------------------------------------------------------------------------------------


async def test_the_environment_changes_nothing(
    raw: dict[str, Any], guard: EgressGuard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / ".postgresql"
    home.mkdir()
    for name in ("root.crt", "root.crl", "postgresql.crt", "postgresql.key"):
        (home / name).write_text("this is not a certificate")
    (tmp_path / ".pgpass").write_text("*:*:*:*:wrong")
    monkeypatch.setenv("HOME", str(tmp_path))
    for option in psycopg.pq.Conninfo.get_defaults():
        if option.envvar:
            monkeypatch.setenv(option.envvar.decode(), "/nonsense")
    for name in ("PGTZ", "PGDATESTYLE", "PGGEQO", "PGSERVICEFILE", "PGSYSCONFDIR"):
        monkeypatch.setenv(name, "/nonsense")
    for changes in ({}, {"sslmode": "require", "ca_pem": None}):
        connection = await session.open_session(parse_sql_credentials("postgres", {**raw, **changes}), guard)
        async with connection:
            assert (await settings_of(connection))["timezone"] == "UTC"


async def test_every_keyword_a_variable_could_fill_is_given(credentials: SqlCredentials) -> None:
    given = session.connect_kwargs(credentials, CheckedAddress("127.0.0.1", 5432, "127.0.0.1"))
    fillable = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults() if option.envvar}
    assert fillable - set(given) == {"service"}


async def test_the_authority_is_kept_in_a_private_file() -> None:
    pem = Authority("kept").pem
    path = Path(ca_file(pem))
    assert path.read_text() == pem
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert ca_file(pem) == str(path)
    path.unlink()
    assert Path(ca_file(pem)).read_text() == pem
    assert not os.path.exists(nothing())
