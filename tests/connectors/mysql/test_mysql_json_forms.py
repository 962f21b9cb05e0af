"""Every awkward value as its column's JSON form, from the real server by the way live calls take."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest

from patchbay.connectors.refusals import SchemaChanged
from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.mysql.discovery.types import JSON, resolve_type
from patchbay.connectors.sql.mysql.execute import Source
from patchbay.connectors.sql.mysql.quoting import identifier
from patchbay.connectors.sql.mysql.spatial import geo_json
from patchbay.connectors.sql.mysql.values import NOT_A_TIME, ZERO_DATE, decoders_of
from patchbay.connectors.sql.results import Projection
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import CallResult, Caps, Column
from patchbay.schema_graph.coercion import zone_info
from tests.servers.mariadb import MariaDbServer

pytestmark = pytest.mark.anyio
GUARD = EgressGuard([ip_network("127.0.0.1/32")])

FORMS: list[tuple[str, str, Any]] = [
    ("tinyint(1)", "0", False),
    ("tinyint(1)", "-3", True),
    ("tinyint(4)", "-128", -128),
    ("tinyint(3) unsigned zerofill", "7", 7),
    ("smallint", "-32768", -32768),
    ("mediumint unsigned", "16777215", 16777215),
    ("int", "-2147483648", -2147483648),
    ("int unsigned", "4294967295", 4294967295),
    ("bigint", "-9223372036854775808", "-9223372036854775808"),
    ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
    ("bigint(20) unsigned zerofill", "5", "5"),
    ("year", "2026", 2026),
    ("bit(1)", "b'1'", True),
    ("bit(10)", "b'1000000001'", 513),
    ("bit(64)", "b'1111111111111111111111111111111111111111111111111111111111111111'", "18446744073709551615"),
    ("decimal(65,30)", "-0.1", "-0.100000000000000000000000000000"),
    ("decimal(10,2)", "12345678.90", "12345678.90"),
    ("float", "0.1", 0.1),
    ("double", "1e300", 1e300),
    ("date", "'2026-05-01'", "2026-05-01"),
    ("time", "'10:30:00'", "10:30:00"),
    ("time(6)", "'23:59:59.000001'", "23:59:59.000001"),
    ("timestamp(3)", "'2026-05-01 10:00:00.120'", "2026-05-01T06:00:00.120000-04:00"),
    ("datetime", "'2026-05-01 10:00:00'", "2026-05-01T04:00:00-04:00"),
    ("datetime", "'2026-10-25 02:30:00'", "2026-10-24T20:30:00-04:00"),
    ("datetime(6)", "'9999-12-31 23:59:59.999999'", "9999-12-31T17:59:59.999999-05:00"),
    ("datetime", "'0001-01-01 00:00:00'", "0001-01-01T00:00:00"),
    ("char(5)", "'ab'", "ab"),
    ("varchar(40) CHARACTER SET latin1", "'Grüße'", "Grüße"),
    ("varchar(40) CHARACTER SET utf8mb4", "'\U0001f600 \\\\ ''quoted'''", "\U0001f600 \\ 'quoted'"),
    ("longtext", "''", ""),
    ("binary(4)", "x'00ff'", "AP8AAA=="),
    ("varbinary(9)", "x'27005c'", "JwBc"),
    ("blob", "''", ""),
    ("enum('a','b c')", "'b c'", "b c"),
    ("set('a','b','c d')", "'a,c d'", ["a", "c d"]),
    ("set('a','b')", "''", []),
    (
        "json",
        """'{"a": [1, 2.5, null, "ü"], "b": 12345678901234567890}'""",
        {"a": [1, 2.5, None, "ü"], "b": 12345678901234567890},
    ),
    ("uuid", "'6f1c7e9c-3a0f-4b7e-9a53-1d5a0e3b9c11'", "6f1c7e9c-3a0f-4b7e-9a53-1d5a0e3b9c11"),
    ("inet6", "'2001:db8::1'", "2001:db8::1"),
    ("point", "POINT(1.5, -2)", {"type": "Point", "coordinates": [1.5, -2.0]}),
    (
        "geometry",
        "ST_GeomFromText('GEOMETRYCOLLECTION(LINESTRING(0 0,1 1),MULTIPOINT(1 2,3 4))', 4326)",
        {
            "type": "GeometryCollection",
            "geometries": [
                {"type": "LineString", "coordinates": [[0.0, 0.0], [1.0, 1.0]]},
                {"type": "MultiPoint", "coordinates": [[1.0, 2.0], [3.0, 4.0]]},
            ],
        },
    ),
    (
        "polygon",
        "ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))')",
        {
            "type": "Polygon",
            "coordinates": [[[0, 0], [4, 0], [4, 4], [0, 0]], [[1, 1], [2, 1], [2, 2], [1, 1]]],
        },
    ),
]
ALTERED: list[tuple[str, str, Any, str]] = [
    ("date", "'0000-00-00'", None, ZERO_DATE),
    ("date", "'2026-00-10'", None, ZERO_DATE),
    ("datetime", "'0000-00-00 00:00:00'", None, ZERO_DATE),
    ("datetime", "'2026-02-00 10:00:00'", None, ZERO_DATE),
    ("timestamp", "'0000-00-00 00:00:00'", None, ZERO_DATE),
    ("time", "'30:05:00'", "PT30H5M", NOT_A_TIME),
    ("time(2)", "'-01:00:00.50'", "-PT1H0.50S", NOT_A_TIME),
    ("time", "'-838:59:59'", "-PT838H59M59S", NOT_A_TIME),
]


def column(native: str, name: str) -> Column:
    """As discovery makes it of a column of this type."""
    found = JSON if native == "json" else resolve_type(native.split(" CHARACTER SET")[0])
    return Column("t", name, found.type, found.native_type, zoned=found.zoned, item_type=found.item_type)


async def read(
    server: MariaDbServer, rows: list[tuple[str, str]], *, columns: list[Column] | None = None, zone: str | None = "Europe/Berlin"
) -> CallResult:
    """One row of columns of these types and values, by way of a source and its projection."""
    names = [f"c{n}" for n in range(len(rows))]
    made = ", ".join(f"{name} {native} NULL" for name, (native, _) in zip(names, rows, strict=True))
    values = ", ".join(value for _, value in rows)
    credentials = server.create_database(sql=f"SET sql_mode = ''; CREATE TABLE t ({made}); INSERT INTO t VALUES ({values});")
    source = Source(parse_sql_credentials("mysql", credentials), GUARD, size=1)
    try:
        sql = f"SELECT {', '.join(map(identifier, names))} FROM {identifier(credentials['database'], 't')}"
        deadline = asyncio.get_running_loop().time() + 10
        answer = await source.execute(sql.encode(), rows=2, limit=1_000_000, deadline=deadline)
        seen = columns or [column(native, name) for name, (native, _) in zip(names, rows, strict=True)]
        return Projection(names, Caps(), identifying=False).result(
            answer,
            zone_name="America/Toronto",
            decoders_of=lambda: decoders_of(
                seen, answer.types, agent_zone=zone_info("America/Toronto"), source_zone=zone_info(zone) if zone else None
            ),
            duration_ms=1.0,
        )
    finally:
        await source.close()


async def test_every_value_has_the_form_of_its_column(tls_mariadb: MariaDbServer) -> None:
    result = await read(tls_mariadb, [(native, value) for native, value, _ in FORMS])
    got = list(result.rows[0].values())
    wanted = [form for _, _, form in FORMS]
    assert got == wanted
    assert [type(one) for one in got] == [type(one) for one in wanted]
    assert result.notes == ()


async def test_what_has_no_exact_form_is_said(tls_mariadb: MariaDbServer) -> None:
    result = await read(tls_mariadb, [(native, value) for native, value, _, _ in ALTERED])
    assert list(result.rows[0].values()) == [form for _, _, form, _ in ALTERED]
    assert result.notes == tuple(f"'c{n}' {note}." for n, (*_, note) in enumerate(ALTERED))


async def test_nulls_stay_nulls(tls_mariadb: MariaDbServer) -> None:
    result = await read(tls_mariadb, [(native, "NULL") for native, _, _ in FORMS if native != "timestamp(3)"])
    assert set(result.rows[0].values()) == {None}


async def test_a_datetime_needs_the_connections_zone(tls_mariadb: MariaDbServer) -> None:
    with pytest.raises(LookupError):
        await read(tls_mariadb, [("datetime", "'2026-05-01 10:00:00'")], zone=None)


@pytest.mark.parametrize(
    ("was", "is_"), [("tinyint(1)", "varchar(5)"), ("varchar(5)", "int"), ("date", "datetime"), ("json", "int")]
)
async def test_a_column_of_another_type_than_discovered(tls_mariadb: MariaDbServer, was: str, is_: str) -> None:
    value = {"datetime": "'2026-05-01 10:00:00'"}.get(is_, "5")
    with pytest.raises(SchemaChanged):
        await read(tls_mariadb, [(is_, value)], columns=[column(was, "c0")])


@pytest.mark.parametrize(
    "raw", ["", "00", "0000000001", "000000000101000000", "0000000001" + "07000000" + "ffffffff", "00000000" + "0109000000"]
)
def test_what_is_no_geometry(raw: str) -> None:
    with pytest.raises(ValueError, match="geometry"):
        geo_json(bytes.fromhex(raw))


def test_geometries_in_geometries_without_end() -> None:
    nested = bytes(4) + bytes.fromhex("010700000001000000") * 5_000
    with pytest.raises(ValueError, match="geometry"):
        geo_json(nested)
