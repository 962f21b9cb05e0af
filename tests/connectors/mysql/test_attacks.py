"""Live attacks on our own server: what a session of the generated read-only account lets nobody do.

Each attack runs over a session as the connector opens it, for the account the set-up script makes. Not one of them may change a
row, advance a sequence, hold anybody up or leave anything behind.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pymysql
import pytest

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.mysql.quoting import identifier
from patchbay.connectors.sql.mysql.scripts import scripts
from patchbay.connectors.sql.mysql.session import Session, open_session
from patchbay.connectors.sql.mysql.wizard import run_checks
from patchbay.connectors.sql.mysql.wizard.permissions import changes
from patchbay.egress.guard import EgressGuard
from tests.servers.mariadb import MariaDbServer, quoted

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])

SETUP = """
CREATE TABLE account (id int PRIMARY KEY, balance int);
INSERT INTO account SELECT seq, 100 FROM seq_1_to_10;
CREATE SEQUENCE ticket;
CREATE TABLE log (what text);
DELIMITER //
CREATE FUNCTION drain() RETURNS int MODIFIES SQL DATA BEGIN UPDATE account SET balance = 0; RETURN 1; END//
CREATE FUNCTION drain_quietly() RETURNS int DETERMINISTIC NO SQL BEGIN UPDATE account SET balance = 0; RETURN 1; END//
CREATE PROCEDURE empty_it() BEGIN DELETE FROM account; END//
DELIMITER ;
CREATE VIEW rich AS SELECT * FROM account WHERE balance > 10;
"""
SWITCHED_OFF = ("SET SESSION TRANSACTION READ WRITE", "SET @@session.tx_read_only = 0")
ATTACKS = [
    "DELETE FROM account",
    "UPDATE account SET balance = 0",
    "INSERT INTO account VALUES (11, 0)",
    "INSERT INTO account SELECT id + 100, 0 FROM account",
    "REPLACE INTO account VALUES (1, 0)",
    "INSERT INTO account VALUES (1, 0) ON DUPLICATE KEY UPDATE balance = 0",
    "DELETE FROM account RETURNING id",
    "UPDATE account a JOIN account b USING (id) SET a.balance = 0",
    "DELETE FROM rich",
    "TRUNCATE account",
    "SELECT 1; DELETE FROM account",
    "PREPARE gone FROM 'DELETE FROM account'",
    "EXECUTE IMMEDIATE 'DELETE FROM account'",
    "BEGIN NOT ATOMIC DELETE FROM account; END",
    "SELECT drain()",
    "SELECT drain_quietly()",
    "DO drain()",
    "CALL empty_it()",
    "SELECT NEXT VALUE FOR ticket",
    "SELECT SETVAL(ticket, 99)",
    "CREATE TABLE mine (id int)",
    "CREATE TABLE mine AS SELECT * FROM account",
    "CREATE TEMPORARY TABLE mine (id int)",
    "CREATE OR REPLACE VIEW rich AS SELECT 1",
    "CREATE FUNCTION mine() RETURNS int RETURN 1",
    "CREATE EVENT mine ON SCHEDULE EVERY 1 DAY DO DELETE FROM account",
    "CREATE TRIGGER mine BEFORE INSERT ON account FOR EACH ROW SET NEW.balance = 0",
    "CREATE DATABASE mine",
    "DROP TABLE account",
    "DROP DATABASE `{database}`",
    "ALTER TABLE account ADD COLUMN x int",
    "RENAME TABLE account TO gone",
    "ANALYZE TABLE account",
    "OPTIMIZE TABLE account",
    "LOCK TABLES account WRITE",
    "LOCK TABLES account READ",
    "FLUSH TABLES WITH READ LOCK",
    "SELECT * FROM account INTO OUTFILE '{file}'",
    "SELECT 'x' INTO DUMPFILE '{file}'",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE log",
    "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE log",
    "EXPLAIN DELETE FROM account",
    "ANALYZE DELETE FROM account",
    "SET GLOBAL tx_read_only = 0",
    "SET GLOBAL general_log = 1",
    "SET PASSWORD FOR 'admin'@'localhost' = ''",
    "GRANT ALL ON *.* TO CURRENT_USER()",
    "SET ROLE admin",
    "INSTALL SONAME 'ha_connect'",
    "SHUTDOWN",
    "KILL 1",
    "SELECT * FROM mysql.global_priv",
]
# What a session that is read-only refuses besides, to anybody.
HOLDING_UP = ["SELECT * FROM account FOR UPDATE"]


@pytest.fixture
async def prey(tls_mariadb: MariaDbServer, tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    """A database set up by our own script; afterwards everything in it must be as it was."""
    database = tls_mariadb.create_database(sql=SETUP)["database"]
    made = scripts(database, read_role=f"r_{database}")
    tls_mariadb.client(None, made.read_only.sql)
    assert made.generated_password is not None
    before = tls_mariadb.execute(database, "SHOW FULL TABLES")
    yield tls_mariadb.credentials(database, made.read_only.role, made.generated_password)
    assert tls_mariadb.execute(database, "SELECT count(*), sum(balance) FROM account") == [(10, 1000)]
    assert tls_mariadb.execute(database, "SELECT next_not_cached_value FROM ticket") == [(1,)]
    assert tls_mariadb.execute(database, "SELECT count(*) FROM log") == [(0,)]
    assert tls_mariadb.execute(database, "SHOW FULL TABLES") == before
    assert not (tls_mariadb.base / "data" / database / "stolen").exists()
    grants = tls_mariadb.execute(None, f"SHOW GRANTS FOR {quoted(made.read_only.role)}@'%'")
    assert [line.split(" TO ")[0] for (line,) in grants] == [
        "GRANT USAGE ON *.*",
        f"GRANT SELECT, SHOW VIEW ON `{database.replace('_', chr(92) + '_')}`.*",
    ]
    tls_mariadb.client(None, made.read_only.revoke)


async def opened(raw: dict[str, Any], **options: Any) -> Session:
    return await open_session(parse_sql_credentials("mysql", raw), GUARD, **options)


async def refused(session: Session, raw: dict[str, Any], attack: str) -> int:
    statement = attack.replace("{database}", raw["database"]).replace("{file}", "stolen")
    with pytest.raises(pymysql.Error) as failed:
        await session.rows(statement)
    assert not session.closed, attack
    return failed.value.args[0]


async def test_no_attack_changes_anything(prey: dict[str, Any]) -> None:
    session = await opened(prey)
    for attack in ATTACKS + HOLDING_UP:
        await refused(session, prey, attack)
    await session.close()


@pytest.mark.parametrize("switch", SWITCHED_OFF)
async def test_nor_does_one_with_the_session_default_switched_off(prey: dict[str, Any], switch: str) -> None:
    session = await opened(prey)
    await session.rows(switch)
    assert await session.rows("SELECT @@session.tx_read_only") == [(0,)]
    for attack in ATTACKS:
        await refused(session, prey, attack)
    await session.rows("START TRANSACTION READ WRITE")
    for attack in ATTACKS[:4]:
        await refused(session, prey, attack)
    await session.rows("COMMIT")
    await session.close()


async def test_waiting_ends_at_the_time_limit(tls_mariadb: MariaDbServer, prey: dict[str, Any]) -> None:
    """A lock that somebody holds, a sleep, a table in use: each ends by the server's own limits."""
    session = await opened(prey, statement_timeout_ms=200)
    with tls_mariadb.connect(prey["database"]) as blocker, blocker.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('taken', 1)")
        cursor.execute("LOCK TABLES account WRITE")
        started = time.monotonic()
        assert await session.rows("SELECT GET_LOCK('taken', 60)") != [(1,)]
        await refused(session, prey, "SELECT count(*) FROM account")
        assert time.monotonic() - started < 30
    assert await refused(session, prey, "SELECT balance FROM account WHERE SLEEP(60) = 0") == 1969
    assert await refused(session, prey, "SELECT BENCHMARK(1000000000000, SHA2(RAND(), 512)) FROM account") == 1969
    await session.close()


async def test_the_read_only_session_alone_is_a_net_and_no_wall(tls_mariadb: MariaDbServer) -> None:
    """For an account that may write: what the session holds back by itself, and what it does not."""
    database = tls_mariadb.create_database(sql=SETUP)["database"]
    user, password = tls_mariadb.create_account("strong", f"ALL ON {quoted(database)}.*")
    raw = tls_mariadb.credentials(database, user, password)
    session = await opened(raw)
    held_back = (
        "DELETE FROM account",
        "INSERT INTO account SELECT id + 100, 0 FROM account",
        "TRUNCATE account",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "DROP TABLE account",
        "SELECT drain()",
        "CALL empty_it()",
        "BEGIN NOT ATOMIC DELETE FROM account; END",
        "EXECUTE IMMEDIATE 'DELETE FROM account'",
        "SELECT NEXT VALUE FOR ticket",
        "LOCK TABLES account WRITE",
    )
    for attack in (*held_back, *HOLDING_UP):
        assert await refused(session, raw, attack) == 1792
    assert await refused(session, raw, "SELECT 1; DELETE FROM account") == 1064
    await session.rows("ANALYZE TABLE account")
    assert tls_mariadb.execute(database, "SELECT count(*), sum(balance) FROM account") == [(10, 1000)]
    await session.rows("SET SESSION TRANSACTION READ WRITE")
    await session.rows("DELETE FROM account")
    assert tls_mariadb.execute(database, "SELECT count(*) FROM account") == [(0,)]
    await session.close()
    proof = next(check for check in (await run_checks(raw, GUARD))["checks"] if check["id"] == "read_only_proof")
    assert proof["status"] == "failed"


TRAPS = """
CREATE TABLE sprung (what text) ENGINE = MyISAM;
DELIMITER //
CREATE FUNCTION trap(what text) RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO sprung VALUES (what); RETURN 1; END//
DELIMITER ;
CREATE TABLE with_trigger (id int);
CREATE TRIGGER before_insert BEFORE INSERT ON with_trigger FOR EACH ROW SET NEW.id = trap('insert');
CREATE TRIGGER before_update BEFORE UPDATE ON with_trigger FOR EACH ROW SET NEW.id = trap('update');
CREATE TRIGGER before_delete BEFORE DELETE ON with_trigger FOR EACH ROW SET @gone = trap('delete');
CREATE VIEW through AS SELECT id FROM with_trigger WHERE trap('view') = 1;
CREATE TABLE `odd ``name``` (`c %s` int);
INSERT INTO with_trigger SELECT 1;
DELETE FROM sprung;
"""


@pytest.mark.parametrize("strong", [False, True])
async def test_the_proof_springs_none_of_the_owner_s_traps(tls_mariadb: MariaDbServer, strong: bool) -> None:
    """A routine that leaves a trace, in a table without transactions, sits where these servers run an owner's code."""
    raw = tls_mariadb.create_database(sql=TRAPS)
    database = raw["database"]
    if strong:
        # Also for an account that could write: what it could do is not tried.
        tls_mariadb.execute(None, f"GRANT ALL ON {database}.* TO {quoted(raw['user'])}@'%'")
    answer = await run_checks(raw, GUARD)
    proof = next(check for check in answer["checks"] if check["id"] == "read_only_proof")
    assert proof["status"] == ("failed" if strong else "passed")
    assert (proof["facts"]["tablesExplained"] == 0) is strong
    assert tls_mariadb.execute(database, "SELECT * FROM sprung") == []
    # The traps do spring, so the line above would notice.
    tls_mariadb.execute(database, "INSERT INTO with_trigger VALUES (1); SELECT * FROM through")
    assert {what for (what,) in tls_mariadb.execute(database, "SELECT what FROM sprung")} >= {"insert", "view"}


async def test_the_statements_of_the_proof_change_nothing_even_where_they_are_allowed(tls_mariadb: MariaDbServer) -> None:
    database = tls_mariadb.create_database(sql=TRAPS)["database"]
    for table, column in (("with_trigger", "id"), ("odd `name`", "c %s")):
        for statement in changes(identifier(table), identifier(column)):
            with tls_mariadb.connect(database) as connection, connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {statement}")
                cursor.execute(statement)
    assert tls_mariadb.execute(database, "SELECT count(*) FROM with_trigger") == [(1,)]
    assert tls_mariadb.execute(database, "SELECT * FROM sprung") == []
