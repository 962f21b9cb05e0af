"""The behaviour scorecard, what a database is and holds: values undamaged, keys whole, and one change pausing one skill.

docs/scorecard.md lists the cases (tests/docs/test_scorecard_page.py holds the two together).
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from patchbay.store.clock import TRUSTED_S
from tests.api.guides.operator_desk import Desk
from tests.servers.mariadb import MariaDbServer
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.anyio

POSTGRES: list[tuple[str, str, str, Any]] = [
    ("length", "interval", "'1 year 2 days 3 hours'", "P1Y2DT3H"),
    ("address", "inet", "'10.0.0.1'", "10.0.0.1"),
    ("network", "cidr", "'10.0.0.0/8'", "10.0.0.0/8"),
    ("until", "timestamptz", "'infinity'", None),
    ("since", "date", "'-infinity'", None),
    ("bytes", "bytea", "'\\x00ff10'", "AP8Q"),
    ("price", "numeric(12,2)", "10.50", "10.50"),
    ("precise", "numeric", "123456789012345678901234567890.123456789", "123456789012345678901234567890.123456789"),
    ("large", "bigint", "9007199254740993", "9007199254740993"),
    ("at", "timestamptz", "'2031-03-04 17:30:00.25+00'", "2031-03-04T12:30:00.250000-05:00"),
    ("day", "date", "'2031-03-04'", "2031-03-04"),
    ("flag", "boolean", "true", True),
    ("more", "jsonb", """'{"a": [1, null, "ü"]}'""", {"a": [1, None, "ü"]}),
    ("tags", "text[]", "ARRAY['a,b', NULL, 'c']", ["a,b", None, "c"]),
    ("quoted", "text", "'naïve \"☃\" \\ ''x'''", "naïve \"☃\" \\ 'x'"),
]
MYSQL: list[tuple[str, str, str, Any]] = [
    ("more", "json", """'{"a": [1, null, "ü"]}'""", {"a": [1, None, "ü"]}),
    ("price", "decimal(12,2)", "10.50", "10.50"),
    ("precise", "decimal(40,10)", "123456789012345678901234567890.1234567891", "123456789012345678901234567890.1234567891"),
    ("large", "bigint unsigned", "18446744073709551615", "18446744073709551615"),
    ("zero_day", "date", "'0000-00-00'", None),
    ("zero_time", "datetime", "'0000-00-00 00:00:00'", None),
    ("at", "timestamp NULL", "'2031-03-04 17:30:00'", "2031-03-04T12:30:00-05:00"),
    ("flag", "tinyint(1)", "1", True),
    ("bytes", "varbinary(9)", "x'00ff10'", "AP8Q"),
    ("state", "enum('on its way','there')", "'there'", "there"),
]


def table(columns: list[tuple[str, str, str, Any]]) -> str:
    made = ", ".join(f"c_{name} {type_}" for name, type_, _, _ in columns)
    values = ", ".join(value for _, _, value, _ in columns)
    return f"CREATE TABLE things (id int PRIMARY KEY, {made}); INSERT INTO things VALUES (1, {values});"


async def read(desk: Desk, kind: str, columns: list[tuple[str, str, str, Any]]) -> dict[str, Any]:
    skill = await desk.bind(kind, "things.read", ["id"], [f"c_{name}" for name, *_ in columns])
    await desk.publish()
    came = await desk.call(skill, {"id": 1})
    assert came["status"] == "succeeded", came
    (row,) = came["rows"]
    expected = {f"c_{name}": value for name, _, _, value in columns}
    assert row == expected
    assert [type(value) for value in row.values()] == [type(value) for value in expected.values()]
    return came


async def test_no_value_of_postgres_is_damaged(desk: Desk, tls_postgres: PostgresServer) -> None:
    """Elsewhere an interval came as the inside of a program's type, an address with a mask, infinity as the number 1.

    Here the form follows the column, and what JSON cannot hold is null and said.
    """
    await desk.connect("postgres", tls_postgres.create_database(sql=table(POSTGRES)), timeZone="UTC")
    came = await read(desk, "postgres", POSTGRES)
    assert [note.split("'")[1] for note in came["notes"]] == ["c_until", "c_since"]


async def test_no_value_of_mariadb_is_damaged(desk: Desk, tls_mariadb: MariaDbServer) -> None:
    """Elsewhere a JSON column came as text.

    Here JSON is JSON, decimals are their digits, and a zero date is null and said.
    """
    database = tls_mariadb.create_database(sql="SET sql_mode = '';" + table(MYSQL))
    await desk.connect("mysql", database, timeZone="UTC")
    came = await read(desk, "mysql", MYSQL)
    assert [note.split("'")[1] for note in came["notes"]] == ["c_zero_day", "c_zero_time"]


async def test_a_large_number_is_found_by_itself(desk: Desk, tls_postgres: PostgresServer) -> None:
    """Elsewhere values were altered silently; a number beyond 2^53 that is rounded on its way in finds another record.

    Here it is read exactly, as a number or as text, and its neighbour is another record.
    """
    rows = "CREATE TABLE things (id bigint PRIMARY KEY, name text); INSERT INTO things VALUES"
    credentials = tls_postgres.create_database(sql=f"{rows} (9007199254740992, 'even'), (9007199254740993, 'odd')")
    await desk.connect("postgres", credentials)
    skill = await desk.bind("postgres", "things.read", ["id"], ["name", "id"])
    await desk.publish()
    for said in (9007199254740993, "9007199254740993"):
        assert (await desk.call(skill, {"id": said}))["rows"] == [{"name": "odd", "id": "9007199254740993"}]
    for said in (1.5, "1e3x", True, 2**63, None, [1]):
        came = await desk.call(skill, {"id": said})
        assert (came["status"], came["rows"]) == ("refused", []), said


async def torture(desk: Desk, tls_postgres: PostgresServer) -> None:
    """The schema made of everything awkward, connected."""
    rows = """
        INSERT INTO t.region VALUES ('US', 'W', 'West'), ('US', 'E', 'East'), ('CA', 'W', 'Prairies');
        INSERT INTO t.store (country, code, m, e) VALUES
            ('US', 'W', 'happy', 'w@example.com'), ('US', 'E', 'sad', 'e@example.com');
        INSERT INTO t.ev VALUES (1, '2025-05-01', 1), (2, '2026-05-01', 2);
        DROP SCHEMA big CASCADE; ANALYZE;
    """
    await desk.connect("postgres", tls_postgres.create_database(dataset="torture", sql=rows))


async def test_a_composite_key_is_one_relationship_of_column_pairs(desk: Desk, tls_postgres: PostgresServer) -> None:
    """Elsewhere the two columns of a foreign key came as four pairs: each with each.

    Here a relationship is one list of pairs in their order, and a join over it finds the one neighbour.
    """
    await torture(desk, tls_postgres)
    store = await desk.caller.ask("GET", "/integrations/postgres/objects/t.store")
    regions = [edge for edge in store["relationships"] if edge["target"] == "t.region" and not edge["via"]]
    assert [(edge["pairs"], edge["cardinality"]) for edge in regions] == [
        ([["country", "country"], ["code", "code"]], "many_to_one")
    ]
    skill = await desk.bind("postgres", "t.store.read", ["id"], [f"{regions[0]['name']}.name"])
    await desk.publish()
    for number, name in ((1, "West"), (2, "East")):
        rows = (await desk.call(skill, {"id": number}))["rows"]
        assert [list(row.values()) for row in rows] == [[name]]


async def test_domains_and_composites_keep_their_type(desk: Desk, tls_postgres: PostgresServer) -> None:
    """Elsewhere a domain is flattened to text, and a composite type is no type at all.

    Here each column says the type the database has for it, and an enum its values.
    """
    await torture(desk, tls_postgres)
    store = await desk.caller.ask("GET", "/integrations/postgres/objects/t.store")
    fields = {field["name"]: field for field in store["fields"]}
    assert "email" in fields["e"]["nativeType"]
    assert fields["e"]["type"] == "string"
    assert "addr" in fields["a"]["nativeType"]
    assert (fields["m"]["type"], fields["m"]["allowedValues"]) == ("enum", ["sad", "ok", "happy"])
    assert (fields["tags"]["type"], fields["tags"]["itemType"]) == ("array", "string")
    assert fields["full_name"]["generated"]


async def test_partitions_are_not_repeated(desk: Desk, tls_postgres: PostgresServer) -> None:
    """Elsewhere each partition is a table of its own with relationships of its own.

    Here the partitioned table is the one object, and reads through it find what is in any partition.
    """
    await torture(desk, tls_postgres)
    schema = await desk.caller.ask("GET", "/integrations/postgres/schema")
    assert [one["name"] for one in schema["objects"] if one["name"].startswith("t.ev")] == ["t.ev"]
    targets = [edge["target"] for one in schema["objects"] for edge in one["relationships"]]
    assert not [target for target in targets if target.startswith("t.ev_")]
    event = next(one for one in schema["objects"] if one["name"] == "t.ev")
    assert [edge["pairs"] for edge in event["relationships"] if edge["target"] == "t.store"] == [[["store_id", "id"]]]
    skill = await desk.bind("postgres", "t.ev.read", ["id"], ["at"])
    await desk.publish()
    assert [(await desk.call(skill, {"id": n}))["rows"] for n in (1, 2)] == [[{"at": "2025-05-01"}], [{"at": "2026-05-01"}]]


async def test_a_dropped_column_pauses_the_one_skill_that_used_it(desk: Desk, tls_postgres: PostgresServer) -> None:
    """Elsewhere one column less takes a whole permission with it, or every call begins to fail.

    Here the skill that used it is paused and says why; the other goes on answering.
    """
    rows = "CREATE TABLE things (id int PRIMARY KEY, name text, price int); INSERT INTO things VALUES (1, 'Lamp', 5)"
    credentials = tls_postgres.create_database(sql=rows)
    await desk.connect("postgres", credentials)
    named = await desk.bind("postgres", "things.read", ["id"], ["name"], toolName="Name")
    priced = await desk.bind("postgres", "things.read", ["id"], ["price"], toolName="Price")
    await desk.publish()
    tls_postgres.execute(credentials["database"], "ALTER TABLE things DROP COLUMN price")
    await desk.caller.ask("POST", "/integrations/postgres/discover")
    await asyncio.sleep(TRUSTED_S)
    came = await desk.call(priced, {"id": 1})
    assert (came["status"], came["code"], came["rows"]) == ("refused", "schema_changed", [])
    assert (await desk.call(named, {"id": 1}))["rows"] == [{"name": "Lamp"}]
    drift = await desk.caller.ask("GET", "/integrations/postgres/drift")
    assert {one["name"]: one["paused"] for one in drift["skills"]} == {"Name": False, "Price": True}
