"""The connection test on real servers: what each check says when things are right, and when they are not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

import pymysql
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.mysql.pooler import detect_pooling
from patchbay.connectors.sql.mysql.session import open_session
from patchbay.connectors.sql.mysql.wizard import CHECK_IDS, run, run_checks
from patchbay.connectors.sql.mysql.wizard.examination import Examination
from patchbay.connectors.sql.postgres.wizard import CHECK_IDS as POSTGRES_CHECK_IDS
from patchbay.connectors.sql.wizard import speed
from patchbay.connectors.sql.wizard.checks import Step, Verdict, examine
from patchbay.egress.guard import EgressGuard
from tests.servers.certificates import Authority
from tests.servers.fronts import front
from tests.servers.mariadb import MariaDbServer, quoted
from tests.servers.mysql_protocol import OK, Lending, MySqlFront

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])
ROUTINE = "CREATE DEFINER=CURRENT_USER FUNCTION {database}.wipe() RETURNS int MODIFIES SQL DATA RETURN 1"


@pytest.fixture(scope="module")
def chinook(tls_mariadb: MariaDbServer) -> dict[str, Any]:
    return tls_mariadb.create_database(dataset="chinook", write_tables=("Customer", "Invoice"))


async def examined(raw: dict[str, Any], guard: EgressGuard = GUARD, **options: Any) -> dict[str, dict[str, Any]]:
    """The checks by id, with what must hold for every answer."""
    answer = await run_checks(raw, guard, **options)
    assert set(answer) == {"ok", "checks"}
    assert tuple(check["id"] for check in answer["checks"]) == CHECK_IDS == POSTGRES_CHECK_IDS
    for check in answer["checks"]:
        assert set(check) == {"id", "status", "message", "hint", "facts", "durationMs"}
        assert check["status"] in ("passed", "warning", "failed", "skipped")
        assert check["message"]
        assert check["hint"] or check["status"] not in ("failed", "warning")
        assert "PASSWORD '" not in str(check)
        for secret in (raw.get("password"), (raw.get("write") or {}).get("password")):
            assert not secret or secret not in str(check)
    assert answer["ok"] == all(check["status"] != "failed" for check in answer["checks"])
    return {check["id"]: check for check in answer["checks"]}


def statuses(checks: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: check["status"] for name, check in checks.items()}


async def test_a_good_connection_passes_every_check(chinook: dict[str, Any]) -> None:
    checks = await examined(chinook)
    assert set(statuses(checks).values()) == {"passed"}
    assert checks["tls"]["facts"]["version"] == "TLSv1.3"
    assert checks["tls"]["facts"]["chain"] == "verified"
    assert 85 <= checks["tls"]["facts"]["daysLeft"] <= 90
    assert checks["authentication"]["facts"]["product"] == "MariaDB"
    assert checks["schema_readable"]["facts"] == {"tables": 11, "readable": 11}
    assert checks["read_probe"]["facts"]["samples"] >= 20
    assert checks["read_probe"]["facts"]["read"] == "table"
    proof = checks["read_only_proof"]["facts"]
    assert proof["writable"] == {"insert": 0, "update": 0, "delete": 0, "truncate": 0}
    assert proof["tablesExplained"] == proof["explainRefused"] == 24
    assert proof["oneStatementPerMessage"]
    assert proof["sessionReadOnly"]
    assert proof["temporaryTableRefused"]
    assert proof["defaultCanBeSwitchedOff"]
    assert checks["pooler"]["facts"]["mode"] == "direct"
    assert checks["write_role"]["facts"]["insert"] == 2
    assert checks["latency"]["facts"]["verdict"] == "speak_now"


async def test_it_holds_on_views_routines_and_odd_names(tls_mariadb: MariaDbServer) -> None:
    checks = await examined(tls_mariadb.create_database(dataset="sakila"))
    assert (checks["read_only_proof"]["status"], checks["excess_privileges"]["status"]) == ("passed", "passed")
    assert checks["write_role"]["status"] == "skipped"
    odd = "CREATE TABLE `o``d'd\"%s;` (`c``o'l` int, g int AS (`c``o'l` + 1) STORED); CREATE TABLE only (g int AS (1) STORED)"
    checks = await examined(tls_mariadb.create_database("odd_'`\"%_name", odd))
    assert set(statuses(checks).values()) == {"passed", "skipped"}
    assert checks["read_only_proof"]["facts"]["tablesExplained"] == 3
    tls_mariadb.drop_database("odd_'`\"%_name")


# -- credentials and network ---------------------------------------------------------------------------------------


async def test_weak_sslmode_and_misspelled_members_are_said_first(chinook: dict[str, Any]) -> None:
    checks = await examined({**chinook, "sslmode": "disable", "prot": 1})
    assert statuses(checks) == {**dict.fromkeys(CHECK_IDS, "skipped"), "credentials": "failed"}


async def test_a_private_address_is_refused(chinook: dict[str, Any]) -> None:
    checks = await examined({**chinook, "host": "169.254.169.254"})
    assert (checks["credentials"]["status"], checks["address"]["status"]) == ("passed", "failed")
    assert checks["reachable"]["status"] == "skipped"


async def test_a_closed_port_is_unreachable(chinook: dict[str, Any]) -> None:
    checks = await examined({**chinook, "port": 1})
    assert (checks["reachable"]["status"], checks["tls"]["status"]) == ("failed", "skipped")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": "wrong-password"}, "authentication_refused"),
        ({"database": "no_such_database", "write": None}, "access_refused"),
    ],
)
async def test_a_refused_log_in_stops_what_needs_it(chinook: dict[str, Any], changes: dict[str, Any], code: str) -> None:
    checks = await examined({**chinook, **changes})
    assert checks["authentication"]["status"] == "failed"
    assert checks["authentication"]["facts"]["code"] == code
    assert ("the name" in (checks["authentication"]["hint"] or "")) == ("database" in changes)
    after = ("schema_readable", "read_probe", "read_only_proof", "excess_privileges", "pooler", "latency")
    assert {checks[name]["status"] for name in after} == {"skipped"}


async def test_the_certificate_is_reported_even_when_it_is_refused(tls_mariadb: MariaDbServer, chinook: dict[str, Any]) -> None:
    async def tls(**changes: Any) -> dict[str, Any]:
        return (await examined({**chinook, **changes}))["tls"]

    with tls_mariadb.serving(tls_mariadb.authority.issue(("db.example.com",))):
        named = await tls()
        assert (named["status"], named["facts"]["hostMatches"], named["facts"]["chain"]) == ("failed", False, "verified")
        assert named["facts"]["names"] == ["db.example.com"]
        assert (await tls(sslmode="verify-ca"))["status"] == "passed"
    with tls_mariadb.serving(tls_mariadb.authority.issue(days=-3)):
        expired = await tls()
        assert (expired["status"], expired["facts"]["chain"]) == ("failed", "expired")
        assert (await tls(sslmode="require", ca_pem=None))["status"] == "warning"
    with tls_mariadb.serving(tls_mariadb.authority.issue(days=5)):
        soon = await tls()
        assert (soon["status"], "4 days" in soon["message"]) == ("warning", True)
    with tls_mariadb.serving(Authority("foreign").issue()):
        foreign = await tls()
        assert (foreign["status"], foreign["facts"]["chain"]) == ("failed", "unknown_authority")


async def test_without_ca_pem_the_public_authorities_count(chinook: dict[str, Any]) -> None:
    checks = await examined({**chinook, "ca_pem": None})
    assert (checks["tls"]["status"], checks["tls"]["facts"]["authority"]) == ("failed", "system")
    unverified = await examined({**chinook, "ca_pem": None, "sslmode": "require"})
    assert unverified["tls"]["status"] == "warning"
    assert unverified["authentication"]["status"] == "passed"


async def test_no_tls_and_what_is_not_mysql_at_all(tls_mariadb: MariaDbServer, chinook: dict[str, Any]) -> None:
    with MySqlFront(tls_mariadb.authority.issue(), tls=False).serving() as plain:
        checks = await examined({**chinook, "port": plain.port})
        assert checks["tls"]["facts"]["code"] == "tls_not_offered"

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        checks = await examined({**chinook, "port": server.sockets[0].getsockname()[1]})
        assert checks["tls"]["facts"]["code"] == "not_mysql"


async def test_what_is_slipped_in_before_tls_is_not_taken_for_encrypted(
    tls_mariadb: MariaDbServer, chinook: dict[str, Any]
) -> None:
    """Somebody on the way adds a packet in the clear after the greeting, to be read once the connection is encrypted."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        MySqlFront(tls_mariadb.authority.issue())._greet(theirs, 1)
        greeting = ours.recv(4096)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting + b"\x07\x00\x00\x02" + OK)
        with contextlib.suppress(OSError):
            await reader.read(4096)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        checks = await examined({**chinook, "port": server.sockets[0].getsockname()[1], "write": None})
    assert (checks["tls"]["status"], checks["tls"]["facts"]["code"]) == ("failed", "not_mysql")


# -- time ----------------------------------------------------------------------------------------------------------


async def test_silence_ends_at_the_deadline(tls_mariadb: MariaDbServer, chinook: dict[str, Any]) -> None:
    with front(tls_mariadb.host, tls_mariadb.port) as silent:
        silent.silent = True
        checks = await examined({**chinook, "port": silent.port}, deadline_s=1.0)
    assert (checks["reachable"]["status"], checks["tls"]["status"], checks["latency"]["status"]) == (
        "passed",
        "failed",
        "skipped",
    )


async def test_a_far_database_needs_a_filler(
    tls_mariadb: MariaDbServer, chinook: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ("credentials", "address", "reachable", "tls", "authentication", "read_probe", "latency")
    monkeypatch.setattr(run, "STEPS", tuple(step for step in run.STEPS if step.id in wanted))
    monkeypatch.setattr(speed, "BUDGET_S", 1.0)
    monkeypatch.setattr(speed, "FEWEST_READS", 2)
    with front(tls_mariadb.host, tls_mariadb.port) as far:
        far.delay_s = 0.31
        answer = await run_checks({**chinook, "port": far.port}, GUARD)
    checks = {check["id"]: check for check in answer["checks"]}
    assert answer["ok"], checks
    assert checks["latency"]["facts"]["verdict"] == "needs_filler"


async def test_a_connection_that_breaks_fails_the_check_and_not_the_test(
    tls_mariadb: MariaDbServer, chinook: dict[str, Any]
) -> None:
    with front(tls_mariadb.host, tls_mariadb.port) as breaking:
        running = asyncio.create_task(examined({**chinook, "port": breaking.port}))
        while breaking.accepted < 3:
            await asyncio.sleep(0.001)
        breaking.target = ("127.0.0.1", 1)
        breaking.cut()
        checks = await running
    assert "failed" in statuses(checks).values()


async def test_a_dead_connection_does_not_outlast_the_deadline(tls_mariadb: MariaDbServer, chinook: dict[str, Any]) -> None:
    """Once logged in, the other side falls silent: the thread that waits for it is let go."""
    with front(tls_mariadb.host, tls_mariadb.port) as dying:
        known = parse_sql_credentials("mysql", {**chinook, "port": dying.port})
        target = await GUARD.check(known.host, known.port)
        examination = Examination(raw={}, kind="mysql", guard=GUARD, credentials=known, target=target)

        async def stuck(examination: Examination) -> Verdict:
            session = await examination.reading()
            dying.delay_s = 60
            await session.rows("SELECT 1")
            return Verdict("passed", "It answered.")

        async with asyncio.timeout(8):
            check = await examine(Step("stuck", stuck, timeout_s=1.0), examination, 9.0)
            await examination.close()
    assert (check.status, "in time" in check.message) == ("failed", True)


async def test_a_test_that_is_given_up_closes_its_sessions(tls_mariadb: MariaDbServer, chinook: dict[str, Any]) -> None:
    with front(tls_mariadb.host, tls_mariadb.port) as watched:
        running = asyncio.create_task(run_checks({**chinook, "port": watched.port}, GUARD))
        while watched.accepted < 3:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        count = "SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = %s"
        for _ in range(200):
            if tls_mariadb.execute(None, count, (chinook["user"],)) == [(0,)]:
                break
            await asyncio.sleep(0.02)
        assert tls_mariadb.execute(None, count, (chinook["user"],)) == [(0,)]


# -- privileges ------------------------------------------------------------------------------------------------------


async def test_an_administrator_is_not_read_only(tls_mariadb: MariaDbServer, chinook: dict[str, Any]) -> None:
    user, password = tls_mariadb.create_account("admin", "ALL PRIVILEGES ON *.*")
    checks = await examined({**chinook, "user": user, "password": password})
    assert checks["read_only_proof"]["status"] == "failed"
    assert checks["read_only_proof"]["facts"]["writable"]["delete"] >= 11
    assert checks["read_only_proof"]["facts"]["tablesExplained"] == 0
    assert checks["excess_privileges"]["status"] == "failed"
    assert f"REVOKE ALL PRIVILEGES ON *.* FROM `{user}`@`%`;" in checks["excess_privileges"]["hint"]


@pytest.mark.parametrize(
    ("grant", "privilege", "status", "proof"),
    [
        ("GRANT INSERT ON {database}.note TO {user}", "INSERT", "warning", "failed"),
        ("GRANT UPDATE (body) ON {database}.note TO {user}", "UPDATE", "warning", "failed"),
        ("GRANT DELETE ON {database}.* TO {user}", "DELETE", "warning", "failed"),
        ("GRANT DROP ON {database}.note TO {user}", "DROP", "warning", "failed"),
        ("GRANT DELETE ON {database}.note TO PUBLIC", "DELETE", "warning", "failed"),
        ("GRANT CREATE ON {database}.* TO {user}", "CREATE", "warning", "passed"),
        ("GRANT ALTER ON {database}.note TO {user}", "ALTER", "failed", "passed"),
        ("GRANT TRIGGER ON {database}.note TO {user}", "TRIGGER", "warning", "passed"),
        ("GRANT LOCK TABLES ON {database}.* TO {user}", "LOCK TABLES", "warning", "passed"),
        ("GRANT FILE ON *.* TO {user}", "FILE", "failed", "passed"),
        ("GRANT SUPER ON *.* TO {user}", "SUPER", "failed", "passed"),
        ("GRANT PROCESS ON *.* TO {user}", "PROCESS", "warning", "passed"),
        ("GRANT CREATE USER ON *.* TO {user}", "CREATE USER", "failed", "passed"),
        ("GRANT SELECT ON *.* TO {user}", "SELECT", "warning", "passed"),
        ("GRANT SELECT ON mysql.* TO {user}", "SELECT", "warning", "passed"),
        ("GRANT GRANT OPTION ON {database}.* TO {user}", "GRANT OPTION", "failed", "passed"),
        (ROUTINE + "; GRANT EXECUTE ON FUNCTION {database}.wipe TO {user}", "EXECUTE", "warning", "passed"),
        (
            "CREATE ROLE r_{name}; GRANT r_{name} TO {user}; GRANT DELETE ON {database}.note TO r_{name}",
            "DELETE",
            "warning",
            "failed",
        ),
        (
            "CREATE ROLE a_{name}; CREATE ROLE b_{name}; GRANT b_{name} TO a_{name}; GRANT a_{name} TO {user}; "
            "GRANT DELETE ON {database}.note TO b_{name}",
            "DELETE",
            "warning",
            "failed",
        ),
    ],
)
async def test_each_privilege_too_many_is_found_and_can_be_mended(
    tls_mariadb: MariaDbServer, grant: str, privilege: str, status: str, proof: str
) -> None:
    raw = tls_mariadb.create_database(sql="CREATE TABLE note (id int, body text); INSERT INTO note VALUES (1, 'one')")
    names = {"user": f"{quoted(raw['user'])}@'%'", "name": raw["user"], "database": raw["database"]}
    tls_mariadb.execute(None, grant.format(**names))
    checks = await examined(raw)
    assert (checks["excess_privileges"]["status"], checks["read_only_proof"]["status"]) == (status, proof)
    found = checks["excess_privileges"]["facts"]["excess"]
    assert [excess["privilege"] for excess in found] == [privilege]
    assert found[0]["mend"]
    for statement in found[0]["mend"]:
        tls_mariadb.execute(None, statement)
    mended = await examined(raw)
    assert (mended["excess_privileges"]["status"], mended["read_only_proof"]["status"]) == ("passed", "passed")


async def test_temporary_tables_are_worth_a_remark_only(tls_mariadb: MariaDbServer) -> None:
    raw = tls_mariadb.create_database(sql="CREATE TABLE note (id int)")
    tls_mariadb.execute(None, f"GRANT CREATE TEMPORARY TABLES ON {raw['database']}.* TO {quoted(raw['user'])}@'%'")
    checks = await examined(raw)
    assert checks["excess_privileges"]["status"] == "passed"
    assert [excess["severity"] for excess in checks["excess_privileges"]["facts"]["excess"]] == ["info"]
    assert checks["read_only_proof"]["facts"]["temporaryTableRefused"]


async def test_the_write_role_is_judged_by_its_own_purpose(tls_mariadb: MariaDbServer) -> None:
    setup = "CREATE TABLE note (id int, body text); CREATE TABLE other (id int)"
    raw = tls_mariadb.create_database(sql=setup, write_tables=("note",))
    writer, note = f"{quoted(raw['write']['user'])}@'%'", f"{raw['database']}.note"
    assert (await examined(raw))["write_role"]["status"] == "passed"
    tls_mariadb.execute(None, f"GRANT DELETE ON {note} TO {writer}")
    check = (await examined(raw))["write_role"]
    assert (check["status"], "REVOKE DELETE" in check["hint"]) == ("warning", True)
    tls_mariadb.execute(None, f"REVOKE INSERT, UPDATE, DELETE ON {note} FROM {writer}")
    check = (await examined(raw))["write_role"]
    assert (check["status"], check["message"].count("nowhere")) == ("failed", 1)


async def test_a_database_that_is_empty_or_hidden(tls_mariadb: MariaDbServer) -> None:
    empty = await examined(tls_mariadb.create_database())
    assert (empty["schema_readable"]["status"], empty["read_probe"]["facts"]["read"]) == ("failed", "constant")
    raw = tls_mariadb.create_database(sql="CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE VIEW v AS SELECT * FROM a")
    user, password = tls_mariadb.create_account("part", f"SELECT ON {raw['database']}.a", f"INSERT ON {raw['database']}.b")
    part = await examined({**raw, "user": user, "password": password})
    assert (part["schema_readable"]["status"], part["schema_readable"]["facts"]) == ("warning", {"tables": 2, "readable": 1})


async def test_an_old_server_is_warned_of(tls_mariadb: MariaDbServer, chinook: dict[str, Any]) -> None:
    with MySqlFront(tls_mariadb.authority.issue(), greeting="5.6.51", answer=lambda number, command: [OK]).serving() as old:
        checks = await examined({**chinook, "port": old.port, "write": None})
    assert (checks["authentication"]["status"], checks["authentication"]["facts"]["product"]) == ("warning", "MySQL")


async def test_a_replica_that_takes_no_writes_is_as_good(tls_mariadb: MariaDbServer, chinook: dict[str, Any]) -> None:
    tls_mariadb.execute(None, "SET GLOBAL read_only = 1")
    try:
        checks = await examined({**chinook, "write": None})
    finally:
        tls_mariadb.execute(None, "SET GLOBAL read_only = 0")
    assert checks["read_only_proof"]["status"] == "passed"
    # It refuses before it looks at the privileges, so its refusals are no evidence; the grants are.
    assert checks["read_only_proof"]["facts"]["tablesExplained"] == 0
    assert not checks["read_only_proof"]["facts"]["defaultCanBeSwitchedOff"]


# -- proxies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("backends", "mode"), [(1, "transaction"), (3, "transaction")])
async def test_a_proxy_that_lends_its_sessions_is_found(
    tls_mariadb: MariaDbServer, chinook: dict[str, Any], backends: int, mode: str
) -> None:
    def behind() -> pymysql.Connection[Any]:
        return pymysql.connect(
            unix_socket=tls_mariadb.socket,
            user=chinook["user"],
            password=chinook["password"],
            database=chinook["database"],
            ssl={"ca": tls_mariadb.ca_file, "check_hostname": False},
        )

    held = [behind() for _ in range(backends)]
    proxy = MySqlFront(tls_mariadb.authority.issue(), greeting="10.11.6-MariaDB", answer=Lending(held))
    with proxy.serving():
        checks = await examined({**chinook, "port": proxy.port, "write": None})
    assert (checks["pooler"]["status"], checks["pooler"]["facts"]["mode"]) == ("warning", mode)
    assert checks["pooler"]["facts"]["evidence"] in ("shared_backend", "changed_backend", "lost_setting")
    for connection in held:
        connection.close()


async def test_a_proxy_that_keeps_sessions_whole_is_told_apart(tls_mariadb: MariaDbServer, chinook: dict[str, Any]) -> None:
    """Each client has a session of the server to itself; only the announced number gives the proxy away."""
    sessions: dict[int, Lending] = {}
    opened: list[pymysql.Connection[Any]] = []

    def own(number: int, command: bytes) -> list[bytes]:
        if number not in sessions:
            opened.append(
                pymysql.connect(
                    unix_socket=tls_mariadb.socket,
                    user=chinook["user"],
                    password=chinook["password"],
                    database=chinook["database"],
                    ssl={"ca": tls_mariadb.ca_file, "check_hostname": False},
                )
            )
            sessions[number] = Lending([opened[-1]])
        return sessions[number](number, command)

    with MySqlFront(tls_mariadb.authority.issue(), greeting="10.11.6-MariaDB", answer=own).serving() as proxy:
        known = parse_sql_credentials("mysql", {**chinook, "port": proxy.port})
        first, second = await open_session(known, GUARD), await open_session(known, GUARD)
        pooling = await detect_pooling(first, second)
        assert (await first.rows("SELECT @@session.net_write_timeout")) == [(10,)]
        await first.close()
        await second.close()
    for connection in opened:
        connection.close()
    assert (pooling.mode, pooling.evidence) == ("session", None)


raws = st.dictionaries(
    st.sampled_from(["host", "port", "database", "user", "password", "sslmode", "ca_pem", "write", "x"]),
    st.one_of(st.none(), st.text(max_size=20), st.integers(), st.lists(st.none()), st.sampled_from(["127.0.0.1", "require"])),
)


@settings(max_examples=60, deadline=None)
@given(raws)
def test_there_is_an_answer_to_any_nonsense(raw: dict[str, Any]) -> None:
    async def nowhere(name: str, port: int) -> Sequence[str]:
        return []

    answer = asyncio.run(run_checks(raw, EgressGuard(resolver=nowhere), deadline_s=2.0))
    assert not answer["ok"]
    assert tuple(check["id"] for check in answer["checks"]) == CHECK_IDS
