"""The connection test on real servers: what each check says when things are right, and when they are not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.postgres.wizard import CHECK_IDS, run, run_checks
from patchbay.connectors.sql.postgres.wizard.examination import Examination
from patchbay.connectors.sql.wizard import speed
from patchbay.connectors.sql.wizard.checks import Step, Verdict, examine
from patchbay.connectors.sql.wizard.speed import latency_verdict, percentile
from patchbay.egress.guard import EgressGuard
from tests.servers.certificates import Authority
from tests.servers.fronts import front
from tests.servers.pgbouncer import pgbouncer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
DEFINER = "LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM note'"
GUARD = EgressGuard([ip_network("127.0.0.1/32")])


@pytest.fixture(scope="module")
def chinook(tls_postgres: PostgresServer) -> dict[str, Any]:
    return tls_postgres.create_database(dataset="chinook", write_tables=("customer", "invoice"))


async def examined(raw: dict[str, Any], guard: EgressGuard = GUARD, **options: Any) -> dict[str, dict[str, Any]]:
    """The checks by id, with what must hold for every answer."""
    answer = await run_checks(raw, guard, **options)
    assert set(answer) == {"ok", "checks"}
    assert tuple(check["id"] for check in answer["checks"]) == CHECK_IDS
    for check in answer["checks"]:
        assert set(check) == {"id", "status", "message", "hint", "facts", "durationMs"}
        assert check["status"] in ("passed", "warning", "failed", "skipped")
        assert check["message"]
        assert check["hint"] or check["status"] not in ("failed", "warning")
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
    assert checks["schema_readable"]["facts"] == {"tables": 11, "readable": 11, "schemas": 1, "inClosedSchemas": 0}
    assert checks["read_probe"]["facts"]["samples"] >= 20
    assert checks["read_probe"]["facts"]["read"] == "table"
    proof = checks["read_only_proof"]["facts"]
    assert proof["writable"] == {"insert": 0, "update": 0, "delete": 0, "truncate": 0}
    assert proof["tablesExplained"] == proof["explainRefused"] > 0
    assert proof["oneStatementPerMessage"]
    assert proof["sessionReadOnly"]
    assert proof["temporaryTableRefused"]
    assert proof["defaultCanBeSwitchedOff"]
    assert checks["pooler"]["facts"]["mode"] == "direct"
    assert checks["write_role"]["facts"]["insert"] == 2
    assert checks["latency"]["facts"]["verdict"] == "speak_now"


@pytest.mark.parametrize("dataset", ["torture", "adventureworks", "omop-cdm", "northwind", "sakila", "umami"])
async def test_it_holds_on_every_data_set(tls_postgres: PostgresServer, dataset: str) -> None:
    checks = await examined(tls_postgres.create_database(dataset=dataset))
    assert checks["read_only_proof"]["status"] == "passed"
    assert checks["excess_privileges"]["status"] in ("passed", "warning")
    assert checks["write_role"]["status"] == "skipped"


# -- credentials and network ---------------------------------------------------------------------------------------


async def test_weak_sslmode_and_misspelled_members_are_said_first(chinook: dict[str, Any]) -> None:
    checks = await examined({**chinook, "sslmode": "disable", "prot": 1})
    assert statuses(checks) == {**dict.fromkeys(CHECK_IDS, "skipped"), "credentials": "failed"}
    assert {error["code"] for error in checks["credentials"]["facts"]["errors"]} == {"sslmode_too_weak", "unknown_field"}


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "::1", "64:ff9b::7f00:1"])
async def test_a_private_address_is_refused(chinook: dict[str, Any], host: str) -> None:
    checks = await examined({**chinook, "host": host})
    assert (checks["credentials"]["status"], checks["address"]["status"]) == ("passed", "failed")
    assert "PATCHBAY_EGRESS_ALLOW" in checks["address"]["hint"]
    assert checks["reachable"]["status"] == "skipped"


async def test_a_closed_port_is_unreachable(chinook: dict[str, Any]) -> None:
    checks = await examined({**chinook, "port": 1})
    assert checks["reachable"]["status"] == "failed"
    assert checks["tls"]["status"] == "skipped"


@pytest.mark.parametrize(
    ("changes", "failed", "code"),
    [
        ({"password": "wrong-password"}, "authentication", "authentication_refused"),
        ({"database": "no_such_database", "write": None}, "authentication", "database_missing"),
    ],
)
async def test_a_refused_log_in_stops_what_needs_it(
    chinook: dict[str, Any], changes: dict[str, Any], failed: str, code: str
) -> None:
    checks = await examined({**chinook, **changes})
    assert checks[failed]["status"] == "failed"
    assert checks[failed]["facts"]["code"] == code
    after = ("schema_readable", "read_probe", "read_only_proof", "excess_privileges", "pooler", "latency")
    assert {checks[name]["status"] for name in after} == {"skipped"}


async def test_the_certificate_is_reported_even_when_it_is_refused(tls_postgres: PostgresServer, chinook: dict[str, Any]) -> None:
    async def tls(**changes: Any) -> dict[str, Any]:
        return (await examined({**chinook, **changes}))["tls"]

    with tls_postgres.serving(tls_postgres.authority.issue(("db.example.com",))):
        named = await tls()
        assert (named["status"], named["facts"]["hostMatches"], named["facts"]["chain"]) == ("failed", False, "verified")
        assert named["facts"]["names"] == ["db.example.com"]
        assert (await tls(sslmode="verify-ca"))["status"] == "passed"
    with tls_postgres.serving(tls_postgres.authority.issue(days=-3)):
        expired = await tls()
        assert (expired["status"], expired["facts"]["chain"]) == ("failed", "expired")
        assert expired["facts"]["daysLeft"] < 0
        assert (await tls(sslmode="require", ca_pem=None))["status"] == "warning"
    with tls_postgres.serving(tls_postgres.authority.issue(days=5)):
        soon = await tls()
        assert soon["status"] == "warning"
        assert "4 days" in soon["message"]
    with tls_postgres.serving(Authority("foreign").issue()):
        foreign = await tls()
        assert (foreign["status"], foreign["facts"]["chain"]) == ("failed", "unknown_authority")
        assert foreign["facts"]["hostMatches"]


async def test_without_ca_pem_the_public_authorities_count(chinook: dict[str, Any]) -> None:
    checks = await examined({**chinook, "ca_pem": None})
    assert checks["tls"]["status"] == "failed"
    assert checks["tls"]["facts"]["authority"] == "system"
    assert "ca_pem" in checks["tls"]["hint"]
    unverified = await examined({**chinook, "ca_pem": None, "sslmode": "require"})
    assert unverified["tls"]["status"] == "warning"
    assert unverified["authentication"]["status"] == "passed"


async def test_a_certificate_can_be_its_own_authority(tls_postgres: PostgresServer, chinook: dict[str, Any]) -> None:
    alone = Authority("127.0.0.1")
    with tls_postgres.serving(alone.itself()):
        checks = await examined({**chinook, "ca_pem": alone.pem, "sslmode": "verify-ca"})
    assert checks["tls"]["status"] == "passed"
    assert checks["tls"]["facts"]["selfSigned"]
    assert checks["authentication"]["status"] == "passed"


# -- time ----------------------------------------------------------------------------------------------------------


async def test_silence_ends_at_the_deadline(tls_postgres: PostgresServer, chinook: dict[str, Any]) -> None:
    with front(tls_postgres.host, tls_postgres.port) as silent:
        silent.silent = True
        checks = await examined({**chinook, "port": silent.port}, deadline_s=1.0)
    assert checks["reachable"]["status"] == "passed"
    assert checks["tls"]["status"] == "failed"
    assert checks["latency"]["status"] == "skipped"


async def test_when_the_time_is_up_the_rest_is_skipped(chinook: dict[str, Any]) -> None:
    async def slow(name: str, port: int) -> Sequence[str]:
        await asyncio.sleep(0.2)
        return ["127.0.0.1"]

    guard = EgressGuard([ip_network("127.0.0.1/32")], resolver=slow)
    checks = await examined({**chinook, "host": "db.example.com"}, guard, deadline_s=0.05)
    assert checks["address"]["status"] == "failed"
    assert checks["reachable"]["status"] == "skipped"


async def test_a_far_database_needs_a_filler(
    tls_postgres: PostgresServer, chinook: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ("credentials", "address", "reachable", "tls", "authentication", "read_probe", "latency")
    monkeypatch.setattr(run, "STEPS", tuple(step for step in run.STEPS if step.id in wanted))
    monkeypatch.setattr(speed, "BUDGET_S", 1.0)
    monkeypatch.setattr(speed, "FEWEST_READS", 2)
    with front(tls_postgres.host, tls_postgres.port) as far:
        far.delay_s = 0.31
        answer = await run_checks({**chinook, "port": far.port}, GUARD)
    checks = {check["id"]: check for check in answer["checks"]}
    assert answer["ok"]
    assert checks["read_probe"]["facts"]["samples"] >= 1
    assert checks["latency"]["facts"]["verdict"] == "needs_filler"
    assert checks["latency"]["status"] == "warning"


async def test_a_connection_that_breaks_fails_the_check_and_not_the_test(
    tls_postgres: PostgresServer, chinook: dict[str, Any]
) -> None:
    with front(tls_postgres.host, tls_postgres.port) as breaking:
        running = asyncio.create_task(examined({**chinook, "port": breaking.port}))
        while breaking.accepted < 3:
            await asyncio.sleep(0.001)
        breaking.target = ("127.0.0.1", 1)
        breaking.cut()
        checks = await running
    assert "failed" in statuses(checks).values()


async def test_a_dead_connection_does_not_outlast_the_deadline(tls_postgres: PostgresServer, chinook: dict[str, Any]) -> None:
    """Once logged in, the other side falls silent: a driver that asks it to cancel would wait for ten seconds more."""
    with front(tls_postgres.host, tls_postgres.port) as dying:
        known = parse_sql_credentials("postgres", {**chinook, "port": dying.port})
        target = await GUARD.check(known.host, known.port)
        examination = Examination(raw={}, kind="postgres", guard=GUARD, credentials=known, target=target)

        async def stuck(examination: Examination) -> Verdict:
            session = await examination.reading()
            dying.delay_s = 60
            await session.execute(b"SELECT 1")
            return Verdict("passed", "It answered.")

        async with asyncio.timeout(8):
            check = await examine(Step("stuck", stuck, timeout_s=1.0), examination, 9.0)
            await examination.close()
    assert (check.status, "in time" in check.message) == ("failed", True)


async def test_a_test_that_is_given_up_closes_its_sessions(tls_postgres: PostgresServer, chinook: dict[str, Any]) -> None:
    with front(tls_postgres.host, tls_postgres.port) as watched:
        running = asyncio.create_task(run_checks({**chinook, "port": watched.port}, GUARD))
        while watched.accepted < 3:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        open_now = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'patchbay test'"
        for _ in range(200):
            if tls_postgres.execute("postgres", open_now) == [(0,)]:
                break
            await asyncio.sleep(0.02)
        assert tls_postgres.execute("postgres", open_now) == [(0,)]


@pytest.mark.parametrize(
    ("p95", "verdict"),
    [(0, "speak_now"), (300, "speak_now"), (300.1, "needs_filler"), (1500, "needs_filler"), (1500.1, "not_for_voice")],
)
def test_the_verdict_follows_p95(p95: float, verdict: str) -> None:
    assert latency_verdict(p95) == verdict


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_a_sample_that_enough_do_not_exceed(samples: list[float], share: float) -> None:
    value = percentile(samples, share)
    assert value in samples
    assert sum(sample <= value for sample in samples) >= share * len(samples)


# -- privileges and poolers ----------------------------------------------------------------------------------------


async def test_an_administrator_is_not_read_only(tls_postgres: PostgresServer, chinook: dict[str, Any]) -> None:
    raw = {**chinook, "user": tls_postgres.superuser, "password": tls_postgres.superuser_password}
    checks = await examined(raw)
    assert checks["read_only_proof"]["status"] == "failed"
    assert checks["read_only_proof"]["facts"]["writable"]["delete"] == 11
    assert checks["excess_privileges"]["status"] == "failed"
    assert 'ALTER ROLE "postgres" NOSUPERUSER;' in checks["excess_privileges"]["hint"]


@pytest.mark.parametrize(
    ("grant", "privilege", "status", "proof"),
    [
        ("GRANT INSERT ON note TO {role}", "INSERT", "warning", "failed"),
        ("GRANT UPDATE (body) ON note TO {role}", None, "passed", "failed"),
        ("GRANT DELETE ON note TO PUBLIC", "DELETE", "warning", "failed"),
        ("GRANT TRUNCATE ON note TO {role}", "TRUNCATE", "warning", "failed"),
        ("GRANT REFERENCES ON note TO {role}", "REFERENCES", "warning", "passed"),
        ("GRANT TRIGGER ON note TO {role}", "TRIGGER", "warning", "passed"),
        ("GRANT USAGE ON SEQUENCE counter TO {role}", "SEQUENCE USAGE", "warning", "passed"),
        ("GRANT CREATE ON SCHEMA public TO {role}", "CREATE ON SCHEMA", "warning", "passed"),
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", "CREATE ON SCHEMA", "warning", "passed"),
        ("GRANT CREATE ON DATABASE {database} TO {role}", "CREATE ON DATABASE", "warning", "passed"),
        ("ALTER TABLE note OWNER TO {role}", "OWNER", "failed", "failed"),
        ("ALTER ROLE {role} CREATEROLE", "CREATEROLE", "failed", "passed"),
        ("ALTER ROLE {role} CREATEDB", "CREATEDB", "warning", "passed"),
        ("ALTER ROLE {role} REPLICATION", "REPLICATION", "failed", "passed"),
        ("ALTER ROLE {role} BYPASSRLS", "BYPASSRLS", "failed", "passed"),
        ("GRANT pg_write_all_data TO {role}", "MEMBER", "failed", "failed"),
        ("GRANT pg_execute_server_program TO {role}", "MEMBER", "failed", "passed"),
        (f"CREATE FUNCTION wipe() RETURNS void {DEFINER}", "EXECUTE", "warning", "passed"),
        (f"CREATE PROCEDURE purge() {DEFINER}", "EXECUTE", "warning", "passed"),
        ("CREATE ROLE w_{role}; GRANT w_{role} TO {role}; GRANT DELETE ON note TO w_{role}", "DELETE", "warning", "failed"),
    ],
)
async def test_each_privilege_too_many_is_found_and_can_be_mended(
    tls_postgres: PostgresServer, grant: str, privilege: str | None, status: str, proof: str
) -> None:
    setup = "CREATE TABLE note (id int, body text); INSERT INTO note VALUES (1, 'one'); CREATE SEQUENCE counter"
    raw = tls_postgres.create_database(sql=setup)
    tls_postgres.execute(raw["database"], grant.format(role=raw["user"], database=raw["database"]))
    checks = await examined(raw)
    assert (checks["excess_privileges"]["status"], checks["read_only_proof"]["status"]) == (status, proof)
    if privilege is None:
        return
    found = [excess for excess in checks["excess_privileges"]["facts"]["excess"] if excess["severity"] != "info"]
    assert [excess["privilege"] for excess in found] == [privilege]
    assert found[0]["mend"]
    for statement in found[0]["mend"]:
        tls_postgres.execute(raw["database"], statement.replace("…", "postgres"))
    mended = await examined(raw)
    assert mended["excess_privileges"]["status"] == "passed"


async def test_the_write_role_is_judged_by_its_own_purpose(tls_postgres: PostgresServer) -> None:
    setup = "CREATE TABLE note (id serial, body text); CREATE TABLE other (id int)"
    raw = tls_postgres.create_database(sql=setup, write_tables=("note",))
    writer = raw["write"]["user"]
    assert (await examined(raw))["write_role"]["status"] == "passed"
    tls_postgres.execute(raw["database"], f"GRANT DELETE ON note TO {writer}")
    check = (await examined(raw))["write_role"]
    assert check["status"] == "warning"
    assert "REVOKE DELETE" in check["hint"]
    tls_postgres.execute(raw["database"], f"REVOKE ALL ON note FROM {writer}")
    check = (await examined(raw))["write_role"]
    assert (check["status"], check["message"].count("nowhere")) == ("failed", 1)


async def test_a_role_that_sees_nothing_and_a_database_that_is_empty(tls_postgres: PostgresServer) -> None:
    raw = tls_postgres.create_database()
    empty = await examined(raw)
    assert (empty["schema_readable"]["status"], empty["read_probe"]["facts"]["read"]) == ("failed", "constant")
    tls_postgres.execute(raw["database"], "CREATE SCHEMA shut; CREATE TABLE shut.t (id int)")
    shut = await examined(raw)
    assert shut["schema_readable"]["status"] == "failed"
    assert shut["schema_readable"]["facts"]["inClosedSchemas"] == 1


@pytest.mark.parametrize(
    ("pool_mode", "ignore", "mode", "status"),
    [
        ("transaction", "extra_float_digits", "transaction", "warning"),
        ("transaction", "options,extra_float_digits", "transaction", "warning"),
        ("statement", "options,extra_float_digits", "transaction", "warning"),
        ("session", "extra_float_digits", "session", "passed"),
    ],
)
async def test_a_pooler_is_seen_for_what_it_is(
    tls_postgres: PostgresServer, chinook: dict[str, Any], pool_mode: str, ignore: str, mode: str, status: str
) -> None:
    with pgbouncer(tls_postgres, pool_mode=pool_mode, ignore=ignore) as port:
        checks = await examined({**chinook, "port": port})
    assert (checks["pooler"]["facts"]["mode"], checks["pooler"]["status"]) == (mode, status)


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
