"""What the set-up scripts grant and refuse, on the oldest and the newest server at hand, as a superuser and as less."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from patchbay.connectors.sql.postgres.scripts import scripts
from tests.servers.postgres import PostgresServer

SETUP = """
CREATE SCHEMA sales;
CREATE SCHEMA "Ärger; --";
CREATE TABLE plain (id int PRIMARY KEY, note text);
INSERT INTO plain VALUES (1, 'one');
CREATE TABLE counted (id serial PRIMARY KEY, note text);
CREATE TABLE identified (id int GENERATED ALWAYS AS IDENTITY, note text);
CREATE SEQUENCE shared;
CREATE TABLE drawing (id int DEFAULT nextval('shared'), note text);
CREATE TABLE sales.orders (id int PRIMARY KEY, plain_id int REFERENCES plain);
CREATE TABLE "Ärger; --".t (id int);
CREATE VIEW sales.open AS SELECT * FROM sales.orders;
CREATE MATERIALIZED VIEW sales.totals AS SELECT count(*) FROM sales.orders;
"""


@pytest.fixture(params=["tls_postgres", "newest_postgres"])
def server(request: pytest.FixtureRequest) -> PostgresServer:
    return request.getfixturevalue(request.param)


@pytest.fixture
def database(server: PostgresServer) -> Iterator[str]:
    name = server.create_database(sql=SETUP)["database"]
    yield name
    server.drop_database(name)


def role_names() -> tuple[str, str]:
    tail = secrets.token_hex(4)
    return f"reader_{tail}", f"writer_{tail}"


def as_role(server: PostgresServer, database: str, role: str) -> psycopg.Connection[Any]:
    """Acting as a role: what it may do is the same as if it had logged in."""
    connection = server.connect(database)
    connection.execute(f'SET SESSION AUTHORIZATION "{role}"'.encode())
    return connection


def test_everything_is_readable_now_and_later(server: PostgresServer, database: str) -> None:
    reader, _ = role_names()
    made = scripts(database, read_role=reader)
    server.execute(database, made.read_only.sql)
    later = "CREATE TABLE later (id int); CREATE SCHEMA newer; CREATE TABLE newer.t (id int)"
    server.execute(database, later)
    with as_role(server, database, reader) as connection:
        for name in ("plain", "sales.orders", "sales.open", "sales.totals", '"Ärger; --".t', "later", "newer.t"):
            connection.execute(f"SELECT * FROM {name}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT nextval('shared')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM pg_authid")
    server.execute(database, made.read_only.revoke)
    assert server.execute(database, f"SELECT count(*) FROM pg_roles WHERE rolname = '{reader}'") == [(0,)]


def test_writing_is_for_the_named_tables_with_what_they_need(server: PostgresServer, database: str) -> None:
    _, writer = role_names()
    made = scripts(database, ["counted", "public.identified", "drawing", "sales.orders"], write_role=writer)
    assert made.write is not None
    server.execute(database, made.write.sql)
    with as_role(server, database, writer) as connection:
        for table in ("counted", "identified", "drawing"):
            connection.execute(f"INSERT INTO {table} (note) VALUES ('x')".encode())
            connection.execute(f"UPDATE {table} SET note = 'y' WHERE note = 'x'".encode())
        connection.execute("INSERT INTO sales.orders VALUES (1, 1)")
        for refused in (
            "SELECT * FROM plain",
            "INSERT INTO plain VALUES (2, 'x')",
            "DELETE FROM counted",
            "TRUNCATE counted",
            "CREATE TABLE mine (id int)",
            "SELECT setval('shared', 100)",
        ):
            if refused.startswith("CREATE") and server.version < 150000:
                continue
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(refused.encode())
    fewer = scripts(database, ["counted"], write_role=writer)
    assert fewer.write is not None
    server.execute(database, fewer.write.sql)
    with as_role(server, database, writer) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("INSERT INTO drawing (note) VALUES ('x')")
    server.execute(database, fewer.write.revoke)


def test_a_role_that_was_there_before_is_not_touched(server: PostgresServer, database: str) -> None:
    reader, writer = role_names()
    server.execute(database, f"CREATE ROLE {reader} LOGIN PASSWORD 'mine'; CREATE ROLE {writer}")
    made = scripts(database, ["plain"], read_role=reader, write_role=writer)
    assert made.write is not None
    before = server.execute("postgres", f"SELECT rolpassword FROM pg_authid WHERE rolname = '{reader}'")
    for script in (made.read_only.sql, made.read_only.revoke, made.write.sql, made.write.revoke):
        with pytest.raises(psycopg.errors.RaiseException):
            server.execute(database, script)
        with pytest.raises(AssertionError, match="not made by"):
            server.psql(database, script)
    assert server.execute("postgres", f"SELECT rolpassword FROM pg_authid WHERE rolname = '{reader}'") == before
    server.execute(database, f"DROP ROLE {reader}; DROP ROLE {writer}")


def test_nothing_happens_in_another_database(server: PostgresServer, database: str) -> None:
    reader, _ = role_names()
    made = scripts(database, read_role=reader)
    with pytest.raises(psycopg.errors.RaiseException):
        server.execute("postgres", made.read_only.sql)
    with pytest.raises(AssertionError, match="connect to that one"):
        server.psql("postgres", made.read_only.sql)
    assert server.execute("postgres", f"SELECT count(*) FROM pg_roles WHERE rolname = '{reader}'") == [(0,)]


def test_a_missing_or_a_system_table_undoes_everything(server: PostgresServer, database: str) -> None:
    _, writer = role_names()
    for table, error in (("missing", psycopg.errors.UndefinedTable), ("pg_class", psycopg.errors.RaiseException)):
        made = scripts(database, [table], write_role=writer)
        assert made.write is not None
        with pytest.raises(error):
            server.execute(database, made.write.sql)
    assert server.execute(database, f"SELECT count(*) FROM pg_roles WHERE rolname = '{writer}'") == [(0,)]


def test_an_administrator_who_is_no_superuser_can_run_them(server: PostgresServer) -> None:
    """As on managed services: the owner of the database, with CREATEROLE."""
    admin = f"admin_{secrets.token_hex(4)}"
    database = server.create_database()["database"]
    server.execute(database, f"CREATE ROLE {admin} CREATEROLE; ALTER DATABASE {database} OWNER TO {admin}")
    server.execute(database, f"ALTER SCHEMA public OWNER TO {admin}")
    reader, writer = role_names()
    made = scripts(database, ["plain", "counted"], read_role=reader, write_role=writer)
    assert made.write is not None
    with as_role(server, database, admin) as connection:
        connection.execute(SETUP.encode())
        for script in (made.read_only.sql, made.write.sql, made.read_only.sql, made.write.sql):
            connection.execute(script.encode())
    with as_role(server, database, reader) as connection:
        assert connection.execute("SELECT * FROM plain").fetchall() == [(1, "one")]
    with as_role(server, database, writer) as connection:
        connection.execute("INSERT INTO counted (note) VALUES ('x')")
    with as_role(server, database, admin) as connection:
        for script in (made.read_only.revoke, made.write.revoke):
            connection.execute(script.encode())
    assert server.execute(database, f"SELECT count(*) FROM pg_roles WHERE rolname IN ('{reader}', '{writer}')") == [(0,)]
    server.drop_database(database)


def test_tables_of_others_are_left_out_with_a_warning(server: PostgresServer) -> None:
    """Where the administrator may not grant everything, the rest is granted all the same."""
    admin = f"admin_{secrets.token_hex(4)}"
    database = server.create_database(sql="CREATE TABLE theirs (id int)")["database"]
    server.execute(database, f"CREATE ROLE {admin} CREATEROLE; ALTER DATABASE {database} OWNER TO {admin}")
    server.execute(database, f"GRANT ALL ON SCHEMA public TO {admin} WITH GRANT OPTION")
    reader, _ = role_names()
    made = scripts(database, read_role=reader)
    with as_role(server, database, admin) as connection:
        connection.execute("CREATE TABLE ours (id int)")
        connection.execute(made.read_only.sql.encode())
    with as_role(server, database, reader) as connection:
        connection.execute("SELECT * FROM ours")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM theirs")
    server.drop_database(database)


@pytest.mark.parametrize("password", ["'; DROP TABLE plain; --", "back\\slash", "пароль 🩺", "$patchbay$", '"', "x" * 200])
def test_the_password_is_the_password(tls_postgres: PostgresServer, password: str) -> None:
    database = tls_postgres.create_database(sql=SETUP)["database"]
    reader, _ = role_names()
    made = scripts(database, read_role=reader, password=password)
    for strings in ("on", "off"):
        with tls_postgres.connect(database) as connection:
            connection.execute(f"SET standard_conforming_strings = {strings}; SET escape_string_warning = off".encode())
            connection.execute(made.read_only.sql.encode())
        psycopg.connect(
            host=tls_postgres.host,
            port=tls_postgres.port,
            dbname=database,
            user=reader,
            password=password,
            sslmode="verify-full",
            sslrootcert=tls_postgres.ca_file,
        ).close()
    tls_postgres.execute(database, made.read_only.revoke)
