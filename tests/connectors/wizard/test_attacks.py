"""Live attacks on our own servers: what a session of the generated read-only role lets nobody do.

Each attack runs over a session as the connector opens it, for the role the set-up script makes. Not one of them may change
a row, advance a sequence or leave anything behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import psycopg
import pytest

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.postgres.quoting import identifier
from patchbay.connectors.sql.postgres.scripts import scripts
from patchbay.connectors.sql.postgres.session import Session, open_session
from patchbay.connectors.sql.postgres.wizard import run_checks
from patchbay.connectors.sql.postgres.wizard.permissions import changes
from patchbay.egress.guard import EgressGuard
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])

SETUP = """
CREATE TABLE account (id int PRIMARY KEY, balance int);
INSERT INTO account SELECT n, 100 FROM generate_series(1, 10) n;
CREATE SEQUENCE ticket;
CREATE FUNCTION drain() RETURNS int LANGUAGE plpgsql VOLATILE AS
  'BEGIN UPDATE account SET balance = 0; RETURN 1; END';
CREATE FUNCTION drain_quietly() RETURNS int LANGUAGE plpgsql IMMUTABLE AS
  'BEGIN UPDATE account SET balance = 0; RETURN 1; END';
CREATE VIEW rich AS SELECT * FROM account WHERE balance > 10;
"""
OFF = "SELECT set_config('default_transaction_read_only', 'off', false)"
ATTACKS = [
    "DELETE FROM account",
    "UPDATE account SET balance = 0",
    "INSERT INTO account VALUES (11, 0)",
    "TRUNCATE account",
    "WITH gone AS (DELETE FROM account RETURNING *) SELECT * FROM gone",
    "WITH more AS (INSERT INTO account VALUES (11, 0) RETURNING *) SELECT count(*) FROM more",
    "SELECT nextval('ticket')",
    "SELECT setval('ticket', 99)",
    "SELECT drain()",
    "SELECT drain_quietly()",
    "DELETE FROM rich",
    "SELECT * FROM account FOR UPDATE",
    "MERGE INTO account USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "DROP TABLE account",
    "ALTER TABLE account ADD COLUMN x int",
    "CREATE TABLE mine (id int)",
    "COPY account FROM STDIN",
    "COPY account TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/patchbay_attack'",
    "DO 'BEGIN DELETE FROM account; END'",
    "PREPARE gone AS DELETE FROM account; EXECUTE gone",
    "LOCK TABLE account IN EXCLUSIVE MODE",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "SET SESSION AUTHORIZATION postgres",
    "SET ROLE postgres",
    "EXPLAIN ANALYZE DELETE FROM account",
]


@pytest.fixture
async def prey(tls_postgres: PostgresServer) -> AsyncIterator[dict[str, Any]]:
    """A database set up by our own script; afterwards everything in it must be as it was."""
    database = tls_postgres.create_database(sql=SETUP)["database"]
    role = f"reader_{database}"
    made = scripts(database, read_role=role)
    tls_postgres.execute(database, made.read_only.sql)
    assert made.generated_password is not None
    yield tls_postgres.credentials(database, role, made.generated_password)
    assert tls_postgres.execute(database, "SELECT count(*), sum(balance) FROM account") == [(10, 1000)]
    assert tls_postgres.execute(database, "SELECT last_value, is_called FROM ticket") == [(1, False)]
    assert tls_postgres.execute(database, "SELECT count(*) FROM pg_class WHERE relname = 'mine'") == [(0,)]
    assert tls_postgres.execute(database, f"SELECT rolsuper FROM pg_roles WHERE rolname = '{role}'") == [(False,)]
    tls_postgres.execute(database, made.read_only.revoke)


async def opened(raw: dict[str, Any]) -> Session:
    return await open_session(parse_sql_credentials("postgres", raw), GUARD)


async def refused(session: Session, statement: str) -> None:
    with pytest.raises(psycopg.Error) as failed:
        await session.execute(statement.encode())
    assert failed.value.sqlstate is not None


async def test_no_attack_changes_anything(prey: dict[str, Any]) -> None:
    async with await opened(prey) as session:
        for attack in ATTACKS:
            await refused(session, attack)


async def test_nor_does_one_with_the_session_default_switched_off(prey: dict[str, Any]) -> None:
    async with await opened(prey) as session:
        for statement in (OFF, "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"):
            await session.execute(statement.encode())
        assert await (await session.execute(b"SHOW transaction_read_only")).fetchone() == ("off",)
        for attack in ATTACKS:
            await refused(session, attack)


@pytest.mark.parametrize(
    "attack", ["COMMIT; DELETE FROM account", "ROLLBACK; SET default_transaction_read_only = off; DELETE FROM account"]
)
async def test_stepping_out_of_the_transaction_does_not_help(prey: dict[str, Any], attack: str) -> None:
    async with await opened(prey) as session:
        await session.execute(b"BEGIN READ ONLY")
        # In one simple query both statements would run; the privileges are the wall.
        await refused(session, attack)
        await session.execute(b"ROLLBACK")
        await session.execute(b"BEGIN READ ONLY")
        # The extended protocol, which calls use, takes one statement only.
        with pytest.raises(psycopg.errors.SyntaxError):
            await session.execute(b"SELECT %s::int; COMMIT; DELETE FROM account", [1])
        await session.execute(b"ROLLBACK")


TRAPS = """
CREATE FUNCTION sprung(note text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE FUNCTION number(note text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE FUNCTION sprung_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION sprung_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1; END';

CREATE TABLE with_default (id int, n int DEFAULT number('default'));
CREATE DOMAIN tight AS int CHECK (sprung('domain'));
CREATE TABLE with_domain (id int, d tight);
CREATE TABLE with_check (id int, CHECK (sprung('check')));
CREATE TABLE with_generated (id int, g int GENERATED ALWAYS AS (id + number('generated')) STORED);
CREATE TABLE with_index (id int);
CREATE INDEX ON with_index ((id + number('index')));
CREATE TABLE with_predicate (id int);
CREATE INDEX ON with_predicate (id) WHERE number('predicate') = 1;
CREATE TABLE with_policy (id int);
ALTER TABLE with_policy ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON with_policy USING (sprung('policy')) WITH CHECK (sprung('policy check'));
CREATE TABLE with_rule (id int);
CREATE RULE r AS ON DELETE TO with_rule WHERE number('rule') = 1 DO INSTEAD SELECT number('rule action');
CREATE TABLE with_trigger (id int);
CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON with_trigger EXECUTE FUNCTION sprung_trigger();
CREATE TABLE with_identity (id int GENERATED ALWAYS AS IDENTITY, only_generated int);
CREATE TABLE with_partitions (id int) PARTITION BY LIST ((id + number('partition key')));
CREATE TABLE parent (id int);
CREATE TABLE child (CHECK (sprung('child'))) INHERITS (parent);
CREATE TABLE with_statistics (id int);
CREATE STATISTICS st ON (id + number('statistics')), id FROM with_statistics;
CREATE VIEW through AS SELECT id FROM with_check WHERE sprung('view');
CREATE VIEW instead AS SELECT 1 AS id;
CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON instead FOR EACH ROW EXECUTE FUNCTION sprung_trigger();
CREATE TABLE "odd ""name"" %s" ("c %" int, "d ""e" int);
CREATE TABLE no_columns ();
CREATE TABLE only_identity (id int GENERATED ALWAYS AS IDENTITY);
CREATE EVENT TRIGGER springs ON ddl_command_start EXECUTE FUNCTION sprung_event();
"""


def trapped(server: PostgresServer) -> dict[str, Any]:
    """Credentials for a database where calls of functions are counted, whatever becomes of their transaction."""
    raw = server.create_database(sql=TRAPS)
    server.execute("postgres", f"ALTER DATABASE {raw['database']} SET track_functions = 'all'")
    server.execute(raw["database"], "SELECT pg_stat_reset()")
    return raw


def sprung(server: PostgresServer, database: str) -> set[str]:
    """Which of the owner's functions have run."""
    return {name for (name,) in server.execute(database, "SELECT funcname FROM pg_stat_user_functions WHERE calls > 0")}


@pytest.mark.parametrize("strong", [False, True])
async def test_the_proof_springs_none_of_the_owner_s_traps(tls_postgres: PostgresServer, strong: bool) -> None:
    """A function that is counted sits in every place where PostgreSQL evaluates an owner's function."""
    raw = trapped(tls_postgres)
    database = raw["database"]
    if strong:
        # Also for a role that could write: what it could do is not tried.
        tls_postgres.execute(database, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {raw['user']}")
        tls_postgres.execute(database, "SELECT pg_stat_reset()")
    answer = await run_checks(raw, GUARD)
    proof = next(check for check in answer["checks"] if check["id"] == "read_only_proof")
    assert proof["status"] == ("failed" if strong else "passed")
    assert (proof["facts"]["tablesExplained"] == 0) is strong
    assert sprung(tls_postgres, database) == set()


@pytest.mark.parametrize("table", ["with_index", "with_predicate", "with_policy", "with_rule", "with_statistics"])
async def test_the_traps_do_spring_on_the_tables_that_are_left_out(tls_postgres: PostgresServer, table: str) -> None:
    """So the test above would notice. (The superuser has no policy to obey: an owner's stands in for it.)"""
    database = trapped(tls_postgres)["database"]
    with tls_postgres.connect(database) as connection:
        if table == "with_policy":
            connection.execute(f"CREATE ROLE owner_{database}")
            connection.execute(f"ALTER TABLE with_policy OWNER TO owner_{database}")
            connection.execute("ALTER TABLE with_policy FORCE ROW LEVEL SECURITY")
            connection.execute(f"SET ROLE owner_{database}")
        for statement in changes(identifier("public", table), ["id"], "id"):
            connection.execute(f"EXPLAIN {statement}".encode())
    assert sprung(tls_postgres, database) >= {"sprung" if table == "with_policy" else "number"}


async def test_the_statements_of_the_proof_change_nothing_even_where_they_are_allowed(tls_postgres: PostgresServer) -> None:
    raw = trapped(tls_postgres)
    database = raw["database"]
    tables = (
        ("with_default", ["id", "n"]),
        ("with_domain", ["id", "d"]),
        ("with_check", ["id"]),
        ("with_generated", ["id"]),
        ("with_trigger", ["id"]),
        ("with_identity", ["id", "only_generated"]),
        ('odd "name" %s', ["c %", 'd "e']),
    )
    statements = [s for table, columns in tables for s in changes(identifier("public", table), columns, columns[-1])]
    async with await opened(raw) as session:
        for statement in statements:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await session.execute(f"EXPLAIN {statement}".encode())
    assert sprung(tls_postgres, database) == set()
    tls_postgres.execute(database, "INSERT INTO with_trigger VALUES (1); INSERT INTO with_default VALUES (1, 2)")
    tls_postgres.execute(database, "ALTER EVENT TRIGGER springs DISABLE")
    with tls_postgres.connect(database) as connection:
        for statement in statements:
            connection.execute(f"EXPLAIN {statement}".encode())
        assert connection.execute("SELECT * FROM with_default").fetchall() == [(1, 2)]
        assert connection.execute("SELECT * FROM with_identity").fetchall() == []
