"""Every awkward value, asked of a real server: what it becomes in a result. The table is the documentation's proof."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.decoding import Altered
from patchbay.connectors.sql.postgres.execute import Source
from patchbay.connectors.sql.postgres.values import NOT_FINITE, UNBOUNDED, decoder, decoders_of
from patchbay.connectors.sql.results import Projection
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallResult, Caps
from patchbay.schema_graph.coercion import zone_info
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

TYPES = """
CREATE TYPE mood AS ENUM ('so so', 'h"appy', 'a,b', 'NULL');
CREATE DOMAIN posint AS bigint CHECK (VALUE > 0);
CREATE DOMAIN tags AS text[];
CREATE TYPE point3 AS (x int, y int, z text);
"""

FORMS: list[tuple[str, Any]] = [
    ("NULL::int", None),
    ("true", True),
    ("false", False),
    ("(-32768)::smallint", -32768),
    ("2147483647::int", 2147483647),
    ("4294967295::oid", 4294967295),
    ("9007199254740993::bigint", "9007199254740993"),
    ("7::bigint", "7"),
    ("0.10::numeric", "0.10"),
    ("123456789012345678901234567890.123456789::numeric", "123456789012345678901234567890.123456789"),
    ("1::numeric(10,2)", "1.00"),
    ("0.1::float8", 0.1),
    ("'1e300'::float8", 1e300),
    ("0.1::float4", 0.1),
    ("'naïve ☃ \t\"'::text", 'naïve ☃ \t"'),
    ("'ab'::char(4)", "ab  "),
    ("'x'::\"char\"", "x"),
    ("'\\x00ff10'::bytea", "AP8Q"),
    ("''::bytea", ""),
    ("'2026-05-01'::date", "2026-05-01"),
    ("'0044-03-15 BC'::date", "-0043-03-15"),
    ("'12026-05-01'::date", "+12026-05-01"),
    ("'10:30'::time", "10:30:00"),
    ("'24:00'::time", "24:00:00"),
    ("'10:30:00.5'::time", "10:30:00.5"),
    ("'10:30+02'::timetz", "10:30:00+02:00"),
    ("'10:30-05:30'::timetz", "10:30:00-05:30"),
    ("'2026-05-01 10:00:00.25+00'::timestamptz", "2026-05-01T06:00:00.250000-04:00"),
    ("'2026-12-01 10:00:00+00'::timestamptz", "2026-12-01T05:00:00-05:00"),
    ("'2026-05-01 10:00:00'::timestamp", "2026-05-01T04:00:00-04:00"),
    ("'2026-10-25 02:30:00'::timestamp", "2026-10-24T20:30:00-04:00"),
    ("'0044-03-15 12:00:00+00 BC'::timestamptz", "-0043-03-15T12:00:00+00:00"),
    ("'1850-01-01 12:00:00+00'::timestamptz", "1850-01-01T12:00:00+00:00"),
    ("'294276-12-31 23:59:59+00'::timestamptz", "+294276-12-31T23:59:59+00:00"),
    ("interval '1 year 2 months 3 days 4 hours 5 minutes 6.7 seconds'", "P1Y2M3DT4H5M6.7S"),
    ("interval '-1 day +2 hours'", "P-1DT2H"),
    ("interval '-90 minutes'", "PT-1H-30M"),
    ("interval '0'", "PT0S"),
    ("interval '0.05 seconds'", "PT0.05S"),
    ("""'{"a": [1, 2.5, null, "ü"], "b": {"c": true}}'::jsonb""", {"a": [1, 2.5, None, "ü"], "b": {"c": True}}),
    ("'null'::json", None),
    ("'12345678901234567890'::jsonb", 12345678901234567890),
    ("'6f1c7e9c-3a0f-4b7e-9a53-1d5a0e3b9c11'::uuid", "6f1c7e9c-3a0f-4b7e-9a53-1d5a0e3b9c11"),
    ("'10.0.0.1'::inet", "10.0.0.1"),
    ("'10.0.0.0/8'::cidr", "10.0.0.0/8"),
    ("'08:00:2b:01:02:03'::macaddr", "08:00:2b:01:02:03"),
    ("'<a>1</a>'::xml", "<a>1</a>"),
    ("B'1010'", "1010"),
    ("'a fat cat'::tsvector", "'a' 'cat' 'fat'"),
    ("int4range(1, 5)", "[1,5)"),
    ("'{[1,3), [5,7)}'::int4multirange", "{[1,3),[5,7)}"),
    ("point(1, 2)", "(1,2)"),
    ("'h\"appy'::mood", 'h"appy'),
    ("12::posint", "12"),
    ("ROW(1, 2, 'a b')::point3", '(1,2,"a b")'),
    ("ARRAY[1, NULL, 3]", [1, None, 3]),
    ("ARRAY[[1, 2], [3, 4]]", [[1, 2], [3, 4]]),
    ("'{}'::int[]", []),
    ("'[0:1]={7,8}'::int[]", [7, 8]),
    ("ARRAY['a,b', 'c\"d', 'e\\f', '', 'NULL', NULL, '{}', ' x ']", ["a,b", 'c"d', "e\\f", "", "NULL", None, "{}", " x "]),
    ("ARRAY[9007199254740993::bigint]", ["9007199254740993"]),
    ("ARRAY[1.50::numeric]", ["1.50"]),
    ("ARRAY[true, false]", [True, False]),
    ("ARRAY['2026-05-01 10:00+00'::timestamptz]", ["2026-05-01T06:00:00-04:00"]),
    ("ARRAY['\\x01'::bytea]", ["AQ=="]),
    ("""ARRAY['{"a": 1}'::jsonb]""", [{"a": 1}]),
    ("ARRAY['(1,1),(0,0)'::box, '(2,2),(0,0)'::box]", ["(1,1),(0,0)", "(2,2),(0,0)"]),
    ("ARRAY['so so', 'h\"appy', 'a,b', 'NULL']::mood[]", ["so so", 'h"appy', "a,b", "NULL"]),
    ("ARRAY[5::posint, 6::posint]", ["5", "6"]),
    ("ARRAY['a', NULL]::tags", ["a", None]),
    ("ARRAY[ROW(1, 2, 'x,y')::point3]", ['(1,2,"x,y")']),
    ("ARRAY[interval '1 day']", ["P1D"]),
]
ALTERED: list[tuple[str, Any, str]] = [
    ("'NaN'::numeric", None, NOT_FINITE),
    ("'Infinity'::numeric", None, NOT_FINITE),
    ("'NaN'::float8", None, NOT_FINITE),
    ("'-Infinity'::float4", None, NOT_FINITE),
    ("'infinity'::timestamptz", None, UNBOUNDED),
    ("'-infinity'::timestamp", None, UNBOUNDED),
    ("'infinity'::date", None, UNBOUNDED),
    ("ARRAY[1.5, 'NaN'::float8]", [1.5, None], NOT_FINITE),
    ("ARRAY['infinity'::date]", [None], UNBOUNDED),
]


@pytest.fixture(scope="module")
def source_of(tls_postgres: PostgresServer) -> Any:
    """Asks one expression of a database with the types above, the way a call is run."""
    credentials = tls_postgres.create_database(sql=TYPES)

    async def ask(select: str, *, source_zone: str | None = "Europe/Berlin") -> CallResult:
        source = Source(parse_sql_credentials("postgres", credentials), EgressGuard([ip_network("127.0.0.1/32")]), size=1)
        try:
            deadline = asyncio.get_running_loop().time() + 10
            answer = await source.execute(f"SELECT {select}".encode(), [], rows=5, limit=1_000_000, deadline=deadline)
            leaves = [f"c{n}" for n in range(len(answer.oids))]
            projection = Projection(leaves, Caps(), identifying=False)
            return projection.result(
                answer,
                zone_name="America/Toronto",
                decoders_of=lambda: decoders_of(
                    answer.oids,
                    agent_zone=zone_info("America/Toronto"),
                    source_zone=zone_info(source_zone) if source_zone else None,
                    elements=source.elements,
                ),
                duration_ms=1.0,
            )
        finally:
            await source.pool.close()

    return ask


async def test_every_value_has_the_form_of_its_column(source_of: Any) -> None:
    result = await source_of(", ".join(f"{expression} AS c{n}" for n, (expression, _) in enumerate(FORMS)))
    got = dict(zip((expression for expression, _ in FORMS), result.rows[0].values(), strict=True))
    assert got == dict(FORMS)
    assert [type(v) for v in got.values()] == [type(v) for _, v in FORMS]
    assert result.notes == ()


async def test_what_json_cannot_hold_is_null_with_a_note(source_of: Any) -> None:
    result = await source_of(", ".join(expression for expression, _, _ in ALTERED))
    assert list(result.rows[0].values()) == [value for _, value, _ in ALTERED]
    assert result.notes == tuple(f"'c{n}' {note}." for n, (_, _, note) in enumerate(ALTERED))


async def test_the_form_does_not_depend_on_what_the_role_prefers(tls_postgres: PostgresServer) -> None:
    credentials = tls_postgres.create_database(sql="CREATE TABLE t (d date)")
    role = credentials["user"]
    for setting in (
        "datestyle = 'SQL, DMY'",
        "intervalstyle = 'sql_standard'",
        "timezone = 'Asia/Tokyo'",
        "bytea_output = 'escape'",
    ):
        tls_postgres.execute("postgres", f"ALTER ROLE {role} SET {setting}")
    source = Source(parse_sql_credentials("postgres", credentials), EgressGuard([ip_network("127.0.0.1/32")]), size=1)
    deadline = asyncio.get_running_loop().time() + 10
    answer = await source.execute(
        b"SELECT date '2026-05-01', interval '1 day 2 hours', '\\x01'::bytea, '2026-05-01 10:00+00'::timestamptz",
        [],
        rows=1,
        limit=100_000,
        deadline=deadline,
    )
    await source.pool.close()
    assert answer.rows == [(b"2026-05-01", b"1 day 02:00:00", b"\\x01", b"2026-05-01 10:00:00+00")]


async def test_a_timestamp_without_zone_needs_one(source_of: Any) -> None:
    with pytest.raises(LookupError):
        await source_of("'2026-05-01 10:00'::timestamp", source_zone=None)


def test_bytes_that_are_no_text_are_replaced_and_said() -> None:
    read = decoder(25, agent_zone=zone_info("UTC"), source_zone=None, elements={})
    with pytest.raises(Altered) as altered:
        read(b"a\xff")
    assert altered.value.value == "a\N{REPLACEMENT CHARACTER}"
