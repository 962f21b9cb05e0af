"""A compiled call against a live database: what is proven, what counts as blocked, what is reported."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import msgspec
import psycopg
import pytest

from patchbay.connectors.proving import CallNotProvable, FilterNotIndexed, prove
from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.postgres import prove as proof
from patchbay.connectors.sql.provenance import NotReadable, Reference, references
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import Candidate, Touch
from tests.connectors import shop
from tests.servers.pgbouncer import pgbouncer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])


@pytest.fixture(scope="module")
def credentials(tls_postgres: PostgresServer) -> dict[str, Any]:
    return tls_postgres.create_database(sql=shop.SQL)


async def proven(candidate: Candidate, credentials: dict[str, Any]) -> Any:
    return await prove(candidate, shop.view(), credentials=parse_sql_credentials("postgres", credentials), guard=GUARD)


def with_sql(candidate: Candidate, sql: str) -> Candidate:
    return msgspec.structs.replace(candidate, body=msgspec.structs.replace(candidate.body, sql=sql))


async def test_a_sound_call_is_frozen_as_it_was_compiled(credentials: dict[str, Any]) -> None:
    candidate = shop.candidate(shop.FIND_TICKET)
    result = await proven(candidate, credentials)
    assert result.call.body == candidate.body
    assert result.call.touches == candidate.plan.touches
    assert result.call.time_zone == shop.ZONE
    assert result.warnings == ()
    assert 0 < result.estimate.cost < 100
    assert result.estimate.scanned == ()


@pytest.mark.parametrize(
    "swap",
    [
        ('"r"."email" AS "customer_email"', '"r"."ssn" AS "customer_email"'),
        ('"r"."email" AS "customer_email"', 'upper("r"."email") AS "customer_email"'),
        ('"r"."email" AS "customer_email"', '"r"."email" || \'\' AS "customer_email"'),
        ('"r"."email" AS "customer_email"', '(SELECT "c"."ssn" FROM "customers" AS "c" LIMIT 1) AS "customer_email"'),
        (" WHERE ", ' WHERE "r"."ssn" > \'5\' AND '),
        (" LIMIT ", ' ORDER BY "r"."ssn" LIMIT '),
        ('"r"."name" AS "customer_name"', '"r"."email" AS "customer_name"'),
        ('"r"."email" AS "customer_email"', '"r".* '),
        (" WHERE ", " WHERE pg_sleep(1) IS NULL AND "),
    ],
)
async def test_what_is_not_the_plans_counts_as_blocked(credentials: dict[str, Any], swap: tuple[str, str]) -> None:
    candidate = shop.candidate(shop.FIND_CUSTOMER)
    assert swap[0] in candidate.body.sql
    with pytest.raises(CallNotProvable) as refused:
        await proven(with_sql(candidate, candidate.body.sql.replace(*swap)), credentials)
    assert refused.value.reason == "provenance_unproven"
    assert "ssn" not in str(refused.value) + str(refused.value.hint)


async def test_the_touches_must_cover_the_predicates(credentials: dict[str, Any]) -> None:
    candidate = shop.candidate(shop.FIND_CUSTOMER)
    plan = msgspec.structs.replace(candidate.plan, touches=(Touch("customers", ("id", "name", "email")),))
    with pytest.raises(CallNotProvable):
        await proven(msgspec.structs.replace(candidate, plan=plan), credentials)


async def test_a_column_that_is_gone_says_rediscover(tls_postgres: PostgresServer) -> None:
    credentials = tls_postgres.create_database(sql=shop.SQL)
    tls_postgres.execute(credentials["database"], "ALTER TABLE customers DROP email")
    with pytest.raises(CallNotProvable) as refused:
        await proven(shop.candidate(shop.FIND_CUSTOMER), credentials)
    assert refused.value.reason == "schema_changed"
    assert refused.value.extensions == {"reason": "schema_changed"}
    assert "SELECT" not in str(refused.value)


async def test_a_missing_privilege_is_told(tls_postgres: PostgresServer) -> None:
    credentials = tls_postgres.create_database(sql=shop.SQL)
    tls_postgres.execute(credentials["database"], f'REVOKE SELECT ON customers FROM "{credentials["user"]}"')
    with pytest.raises(CallNotProvable) as refused:
        await proven(shop.candidate(shop.FIND_CUSTOMER), credentials)
    assert refused.value.reason == "permission_missing"


async def test_another_table_of_the_same_shape_is_not_the_one(tls_postgres: PostgresServer) -> None:
    """A view put in a table's place has its columns, but is not what was discovered at that oid's name only."""
    credentials = tls_postgres.create_database(sql=shop.SQL)
    candidate = shop.candidate(shop.FIND_CUSTOMER)
    tls_postgres.execute(
        credentials["database"],
        "CREATE SCHEMA other; CREATE TABLE other.customers (LIKE public.customers); GRANT USAGE ON SCHEMA other TO PUBLIC;"
        "GRANT SELECT ON other.customers TO PUBLIC",
    )
    with pytest.raises(CallNotProvable):
        await proven(with_sql(candidate, candidate.body.sql.replace('"public"."customers"', '"other"."customers"')), credentials)


async def test_a_parameter_of_another_type_is_refused(tls_postgres: PostgresServer) -> None:
    credentials = tls_postgres.create_database(sql=shop.SQL)
    tls_postgres.execute(
        credentials["database"], "ALTER TABLE tickets ALTER state TYPE int USING 1; ALTER TABLE tickets ALTER id TYPE text"
    )
    with pytest.raises(CallNotProvable) as refused:
        await proven(shop.candidate(shop.FIND_TICKET), credentials)
    assert refused.value.reason == "parameter_mismatch"


async def test_a_timestamp_without_zone_needs_the_connections_zone(credentials: dict[str, Any]) -> None:
    candidate = shop.candidate(shop.FIND_TICKET)
    bare = msgspec.structs.replace(candidate, plan=msgspec.structs.replace(candidate.plan, time_zone=None))
    with pytest.raises(CallNotProvable) as refused:
        await proven(bare, credentials)
    assert refused.value.reason == "time_zone_missing"


async def test_phone_formats_outside_the_sample_are_reported(tls_postgres: PostgresServer) -> None:
    credentials = tls_postgres.create_database(sql=shop.SQL)
    tls_postgres.execute(credentials["database"], "UPDATE customers SET phone = '(416) 555-0199' WHERE id = 7")
    (warning,) = (await proven(shop.candidate(shop.FIND_CUSTOMER), credentials)).warnings
    assert (warning.field, warning.code) == ("inputs.0", "phone_format_unseen")
    assert "'(999) 999-9999'" in warning.message
    assert "0199" not in warning.message


async def test_a_scan_the_planner_thinks_too_long_is_refused(
    credentials: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {**shop.FIND_CUSTOMER, "inputs": [{"param": "mail", "arg": "email", "required": True}]}
    allowed = await proven(shop.candidate(body), credentials)
    assert allowed.estimate.scanned == ("customers",)
    monkeypatch.setattr(proof, "UNINDEXED_COST_MOST", allowed.estimate.cost - 1)
    with pytest.raises(FilterNotIndexed) as refused:
        await proven(shop.candidate(body), credentials)
    (finding,) = refused.value.errors
    assert finding.field == "inputs.0"
    assert 'CREATE INDEX CONCURRENTLY ON "public"."customers" ("email")' in (finding.hint or "")


async def test_calls_through_a_view_are_proven_by_the_view(credentials: dict[str, Any]) -> None:
    body = {**shop.FIND_CUSTOMER, "operation": "directory.read", "projection": [{"path": ["name"], "leaf": "customer_name"}]}
    call = (await proven(shop.candidate(body), credentials)).call
    assert {touch.object for touch in call.touches} == {"directory", "customers"}


async def test_through_a_pooler_nothing_prepared_stays_behind(credentials: dict[str, Any], tls_postgres: PostgresServer) -> None:
    with pgbouncer(tls_postgres) as port:
        through = {**credentials, "port": port}
        for _ in range(3):
            await proven(shop.candidate(shop.FIND_TICKET), through)
        broken = with_sql(shop.candidate(shop.FIND_CUSTOMER), 'SELECT "r"."name" AS a, "r"."name" AS b FROM "customers" AS "r"')
        for _ in range(2):
            with pytest.raises(CallNotProvable):
                await proven(broken, through)
        session = await psycopg.AsyncConnection.connect(
            host=through["host"], port=through["port"], dbname=through["database"], user=through["user"],
            password=through["password"], sslmode="require", autocommit=True, prepare_threshold=None,
        )  # fmt: skip
        async with session:
            counted = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'pb_estimate%'"
            left = await (await session.execute(counted)).fetchone()
        assert left == (0,)


def test_every_reference_counts() -> None:
    sql = (
        'SELECT "a"."x" AS "out" FROM "s"."t" AS "a" LEFT JOIN "u" AS "b" ON "a"."k" = "b"."k" '
        'WHERE "a"."p" = ANY(CAST($1 AS TEXT[])) AND ("b"."q" = $2 OR $2 IS NULL) ORDER BY "b"."o" DESC NULLS LAST LIMIT 6'
    )
    expected = {("s", "t", "x"), ("s", "t", "k"), (None, "u", "k"), ("s", "t", "p"), (None, "u", "q"), (None, "u", "o")}
    assert references(sql) == {Reference(*one) for one in expected}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "DELETE FROM t",
        "WITH d AS (DELETE FROM t RETURNING a) SELECT d.a FROM d",
        "SELECT a.x FROM t AS a FOR UPDATE",
        "SELECT x FROM t AS a",
        "SELECT a.x INTO new FROM t AS a",
        "SELECT a.x FROM t AS a UNION SELECT b.y FROM u AS b",
        "SELECT a.x FROM f(1) AS a",
        "SELECT a.x FROM t AS a, LATERAL (SELECT b.y FROM u AS b) AS c",
        "SELECT a.x FROM t AS a WHERE EXISTS (SELECT 1 FROM u)",
        "SELECT a.x FROM t AS a GROUP BY a.x",
        "SELECT a FROM t AS a",
        "SELECT a.x::regclass::text::int + 1 FROM t AS a",
        "not sql at all (",
    ],
)
def test_what_cannot_be_told_is_not_readable(sql: str) -> None:
    with pytest.raises(NotReadable):
        references(sql)
