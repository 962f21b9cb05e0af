"""Why the platform's own database refuses is said in a few words, whichever command meets it."""

from __future__ import annotations

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from patchbay.cli.diagnosis.reason import why_refused
from tests.servers.postgres import PostgresServer


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"password": "wrong"}, "the user or the password is not accepted"),
        ({"dbname": "none_such"}, "there is no such database"),
        ({"sslmode": "disable"}, "it does not accept this user from here, or not without TLS"),
        ({"port": "1"}, "nobody listens there"),
        ({"host": "database.invalid"}, "its host name does not resolve"),
        ({"sslrootcert": "system"}, "its certificate is not accepted"),
    ],
)
def test_a_connection_that_fails(tls_postgres: PostgresServer, changes: dict[str, str], reason: str) -> None:
    address = {
        "host": tls_postgres.host, "port": str(tls_postgres.port), "user": "postgres", "dbname": "postgres",
        "password": tls_postgres.superuser_password, "sslmode": "verify-full", "sslrootcert": str(tls_postgres.ca_file),
    }  # fmt: skip
    engine = create_engine("postgresql+psycopg://", poolclass=NullPool, connect_args={**address, **changes})
    with pytest.raises(DBAPIError) as refused:
        engine.connect()
    assert why_refused(refused.value) == reason


def test_a_user_who_may_not_create_tables(tls_postgres: PostgresServer) -> None:
    reader = tls_postgres.create_database()
    address = {**reader, "dbname": reader["database"], "sslrootcert": str(tls_postgres.ca_file)}
    wanted = {name: address[name] for name in ("host", "port", "user", "password", "dbname", "sslmode", "sslrootcert")}
    engine = create_engine("postgresql+psycopg://", poolclass=NullPool, connect_args=wanted)
    statement = text("SET default_transaction_read_only = off; COMMIT; CREATE TABLE public.anything (id int)")
    with engine.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(statement)
    assert why_refused(refused.value) == "the user may not do what Patchbay needs"


def test_anything_else_is_left_to_the_log() -> None:
    assert why_refused(RuntimeError("hunter2")) is None
