"""The set-up scripts, run into real servers by an administrator, with names made to break them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql as compose

from patchbay.connectors.sql.postgres.scripts import Scripts, scripts
from tests.servers.postgres import PostgresServer

HOSTILE = [
    'x"; DROP TABLE keep; --',
    "x'; DROP TABLE keep; --",
    "$patchbay$; DROP TABLE keep; $patchbay$",
    "$$; DROP TABLE keep; $$",
    "line\nbreak; DROP TABLE keep",
    "carriage\rreturn",
    "back\\slash\\'",
    "per%cent %s %I %% :name :'name' :\"name\"",
    "Ünïcödé 客户 🩺",
    "\u202eright to left",
    "select",
    "a.b",
    "/* comment",
    "-- comment",
    "\\! echo",
    " leading and trailing ",
    "tab\tand\x01control\x7f",
    "n" * 63,
    "ü" * 31,
]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def database(server: PostgresServer, name: str, setup: str) -> Iterator[None]:
    """A database of exactly this name for the length of a test."""
    with server.connect() as connection:
        connection.execute(compose.SQL("CREATE DATABASE {} TEMPLATE template0").format(compose.Identifier(name)))
    try:
        server.execute(name, setup)
        yield
    finally:
        server.drop_database(name)


def roles(server: PostgresServer, *names: str) -> list[str]:
    with server.connect() as connection:
        rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) ORDER BY 1", [list(names)])
        return [name for (name,) in rows]


def login(server: PostgresServer, name: str, user: str, password: str) -> psycopg.Connection[Any]:
    if not server.tls:
        return psycopg.connect(host=str(server.base), port=server.port, dbname=name, user=user, autocommit=True)
    return psycopg.connect(
        host=server.host,
        port=server.port,
        dbname=name,
        user=user,
        password=password,
        sslmode="verify-full",
        sslrootcert=server.ca_file,
        autocommit=True,
    )


def reads_and_cannot_write(server: PostgresServer, name: str, made: Scripts, table: str, password: str | None = None) -> None:
    secret = password or made.generated_password
    assert secret is not None
    with login(server, name, made.read_only.role, secret) as connection:
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
        connection.execute("SET default_transaction_read_only = off")
        target = compose.Identifier(table)
        assert connection.execute(compose.SQL("SELECT count(*) FROM {}").format(target)).fetchone() == (1,)
        for statement in ("DELETE FROM {}", "UPDATE {} SET note = 'x'", "INSERT INTO {} (note) VALUES ('x')", "TRUNCATE {}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(compose.SQL(statement).format(target))  # pyright: ignore[reportArgumentType]


def writes_only(server: PostgresServer, name: str, made: Scripts, table: str) -> None:
    assert made.write is not None
    assert made.write.generated_password is not None
    with login(server, name, made.write.role, made.write.generated_password) as connection:
        target = compose.Identifier(table)
        connection.execute(compose.SQL("INSERT INTO {} (note) VALUES ('new')").format(target))
        connection.execute(compose.SQL("UPDATE {} SET note = 'newer' WHERE note = 'new'").format(target))
        for statement in ("DELETE FROM {}", "TRUNCATE {}", "ALTER TABLE {} ADD COLUMN y int", "DROP TABLE {}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(compose.SQL(statement).format(target))  # pyright: ignore[reportArgumentType]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM keep")


def the_whole_way(server: PostgresServer, suffix: str, *, by_psql: bool) -> None:
    """Make, use, make again and remove both roles, everything called ``suffix``."""
    table = suffix
    setup = (
        "CREATE TABLE keep (id int); INSERT INTO keep VALUES (1);"
        f"CREATE TABLE {quoted(table)} (id serial PRIMARY KEY, note text); INSERT INTO {quoted(table)} (note) VALUES ('one')"
    )
    made = scripts(suffix, [quoted(table)], read_role=suffix, write_role=_other(suffix))
    assert made.write is not None

    def run(script: str) -> None:
        server.psql(suffix, script) if by_psql else server.execute(suffix, script)

    with database(server, suffix, setup):
        for _ in range(2):
            run(made.read_only.sql)
            run(made.write.sql)
        reads_and_cannot_write(server, suffix, made, table)
        writes_only(server, suffix, made, table)
        run(made.read_only.revoke)
        run(made.write.revoke)
        assert server.execute(suffix, "SELECT id FROM keep") == [(1,)]
        run(made.read_only.revoke)
        assert roles(server, made.read_only.role, made.write.role) == []


def _other(name: str) -> str:
    return ("w" + name).encode()[:63].decode(errors="ignore") if len(name.encode()) < 63 else "w" + name[1:]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_names(tls_postgres: PostgresServer, name: str) -> None:
    the_whole_way(tls_postgres, name, by_psql=False)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_names_to_psql(newest_postgres: PostgresServer, name: str) -> None:
    the_whole_way(newest_postgres, name, by_psql=True)


names = st.text(
    st.one_of(
        st.sampled_from("\"'$\\;%:\n\r\t -/*.{}()aZ\u2028é"), st.characters(exclude_characters="\x00", exclude_categories=["Cs"])
    ),
    min_size=1,
    max_size=40,
).filter(lambda n: len(n.encode()) <= 62 and not n.startswith("pg_") and n not in ("public", "none", "postgres", "keep"))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=names, by_psql=st.booleans())
def test_any_name_is_only_a_name(tls_postgres: PostgresServer, name: str, by_psql: bool) -> None:
    the_whole_way(tls_postgres, name, by_psql=by_psql)
