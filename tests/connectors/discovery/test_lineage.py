"""What views, generated columns and inheriting tables read, on a real server; and what a least-privileged role sees."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from patchbay.connectors.sql.credentials import parse_sql_credentials
from patchbay.connectors.sql.postgres.discovery import discover_graph
from patchbay.connectors.sql.postgres.session import open_session_blocking
from patchbay.egress.guard import CheckedAddress
from patchbay.schema_graph.model import Graph
from patchbay.schema_graph.scoping import Scoping, View, permits
from tests.servers.postgres import PostgresServer

SQL = """
CREATE SCHEMA hidden; CREATE SCHEMA "Odd.One";
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, ssn text, phone text, born date);
COMMENT ON COLUMN people.born IS 'date of birth';
CREATE TABLE other (id int, note text, UNIQUE (id));
CREATE TABLE "Odd.One"."a.b" (id int PRIMARY KEY, "x""y" text);
CREATE VIEW named AS SELECT id, name FROM people;
CREATE VIEW over_named AS SELECT name FROM named;
CREATE VIEW counted AS SELECT count(*) AS n FROM people;
CREATE VIEW whole AS SELECT people AS row FROM people;
CREATE VIEW filtered AS SELECT name FROM people WHERE ssn IS NOT NULL;
CREATE VIEW stats AS SELECT attname, most_common_vals::text FROM pg_stats WHERE tablename = 'people';
CREATE VIEW told AS SELECT query_to_xml('select * from people', true, false, '') AS x;
CREATE VIEW sized AS SELECT pg_relation_size('people') AS bytes;
CREATE VIEW harmless AS SELECT lower(note) AS note, now() AS at, random() AS r FROM other;
CREATE FUNCTION peek(i int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM people WHERE id = i';
CREATE FUNCTION liar(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN (SELECT ssn FROM people LIMIT 1); END';
CREATE VIEW peeking AS SELECT id, peek(id) AS p FROM other;
CREATE VIEW laundering AS SELECT p FROM peeking;
CREATE AGGREGATE last_of(text) (SFUNC = textcat, STYPE = text);
CREATE VIEW aggregated AS SELECT last_of(note) AS n FROM other;
CREATE MATERIALIZED VIEW kept AS SELECT name FROM people WITH NO DATA;
CREATE TABLE made (id int PRIMARY KEY, a text, b text, ab text GENERATED ALWAYS AS (a || b) STORED,
  lied text GENERATED ALWAYS AS (liar(a)) STORED);
CREATE TABLE holder (id int PRIMARY KEY, who people, many people[]);
CREATE TABLE base (id int PRIMARY KEY, v text); CREATE TABLE grown (extra text) INHERITS (base);
CREATE TABLE hidden.secret (id int PRIMARY KEY);
CREATE TABLE parted (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY RANGE (id);
CREATE TABLE hidden.deep PARTITION OF parted_1 FOR VALUES FROM (0) TO (10);
CREATE VIEW over_deep AS SELECT id AS number FROM hidden.deep;
CREATE TABLE ruled (id int PRIMARY KEY, v text); CREATE RULE r AS ON UPDATE TO ruled DO ALSO DELETE FROM other;
CREATE TABLE kinds (i8 int8, n numeric(9,2), f float8, t time, tz timetz, ts timestamp, tstz timestamptz, iv interval, u uuid,
  b bytea, j json, x xml, pt point, r int4range, ip inet, m money, bits bit(3), c char(5), ch "char", ai int[][], o oid);
CREATE INDEX people_low ON people (lower(name)); CREATE INDEX people_part ON people (phone) WHERE phone IS NOT NULL;
CREATE INDEX people_born ON people USING hash (born); CREATE INDEX other_brin ON other USING brin (note);
INSERT INTO people SELECT i, 'n', 's', '(555) 010-' || lpad(i::text, 4, '0'), NULL FROM generate_series(1, 50) i;
"""


@pytest.fixture(scope="module")
def credentials(tls_postgres: PostgresServer) -> dict[str, Any]:
    return tls_postgres.create_database(sql=SQL)


@pytest.fixture(scope="module")
def graph(tls_postgres: PostgresServer, credentials: dict[str, Any]) -> Graph:
    with psycopg.connect(tls_postgres.superuser_dsn(credentials["database"]), autocommit=True) as connection:
        return discover_graph(connection)


def hidden_by(graph: Graph, *tables: str, **columns: tuple[str, ...]) -> set[str]:
    free = View(graph, Scoping(("no_such_table",)))  # what is opaque is gone already
    return set(free.object_names()) - set(View(graph, Scoping(tables, columns)).object_names())


def test_direct_reads_name_the_columns(graph: Graph) -> None:
    reads = {name: {d.object: d.fields for d in obj.reads} for name, obj in graph.objects.items()}
    assert reads["named"] == {"people": ("id", "name")}
    assert reads["over_named"] == {"named": ("name",)}
    assert reads["counted"] == {"people": ()}
    assert reads["whole"] == {"people": None}
    assert reads["filtered"] == {"people": ("name", "ssn")}


def test_a_blocked_table_takes_along_every_view_over_it(graph: Graph) -> None:
    assert hidden_by(graph, "people") == {"people", "named", "over_named", "counted", "whole", "filtered", "kept"}


def test_a_blocked_column_takes_along_the_views_that_read_it(graph: Graph) -> None:
    assert hidden_by(graph, people=("ssn",)) == {"whole", "filtered"}
    holder = View(graph, Scoping((), {"people": ("ssn",)})).object("holder")
    assert holder is not None
    assert [f.name for f in holder.fields] == ["id"]


def test_what_cannot_be_closed_is_opaque_with_a_reason(graph: Graph) -> None:
    opaque = {name for name, obj in graph.objects.items() if obj.opaque}
    assert opaque == {"stats", "told", "sized", "peeking", "aggregated"}
    seen = View(graph, Scoping(("other_thing",))).object_names()
    assert not opaque & set(seen)
    assert "laundering" not in seen
    assert "harmless" in seen
    allowed = View(graph, Scoping(("other_thing",), {}, ("peeking",))).object_names()
    assert {"peeking", "laundering"} <= set(allowed)


def test_generated_columns_name_their_sources_or_are_opaque(graph: Graph) -> None:
    made = graph.objects["made"]
    assert made.field("ab").computed_from == ("a", "b")
    assert made.field("lied").opaque
    assert [f.name for f in View(graph, Scoping((), {"made": ("b",)})).object("made").fields] == ["id", "a"]


def test_inheriting_and_nested_partitions_lie_under_their_table(graph: Graph) -> None:
    assert graph.objects["base"].partitions == ("grown",)
    assert [f.name for f in graph.objects["grown"].fields] == ["id", "v", "extra"]
    assert graph.objects["parted"].partitions == ("hidden.deep", "parted_1")
    assert not {"parted_1", "hidden.deep"} & set(graph.objects)
    assert hidden_by(graph, "hidden.deep") == {"parted", "over_deep"}
    assert hidden_by(graph, "grown") == {"grown", "base"}


def test_rows_of_a_part_are_rows_of_the_whole(graph: Graph) -> None:
    assert hidden_by(graph, "base") == {"base", "grown"}
    assert [f.name for f in View(graph, Scoping((), {"base": ("v",)})).object("grown").fields] == ["id", "extra"]
    assert hidden_by(graph, "parted") == {"parted", "over_deep"}
    assert hidden_by(graph, "parted_1") == {"parted", "over_deep"}
    assert hidden_by(graph, parted=("id",)) == {"over_deep"}
    touches = View(graph).touches("grown", ("v", "extra"))
    assert not permits(Scoping((), {"base": ("v",)}), graph.default_schema, touches)
    assert permits(Scoping((), {"base": ("id",)}), graph.default_schema, touches)


def test_names_with_dots_and_quotes(graph: Graph) -> None:
    odd = graph.objects['"Odd.One"."a.b"']
    assert [f.name for f in odd.fields] == ["id", 'x"y']
    assert '"Odd.One"."a.b"' not in View(graph, Scoping(('"Odd.One"."a.b"',))).object_names()
    assert View(graph).object(odd.slug) == odd


def test_types(graph: Graph) -> None:
    kinds = {f.name: (f.type, f.native_type) for f in graph.objects["kinds"].fields}
    assert kinds == {
        "i8": ("integer", "bigint"), "n": ("decimal", "numeric(9,2)"), "f": ("number", "double precision"),
        "t": ("time", "time without time zone"), "tz": ("time", "time with time zone"),
        "ts": ("datetime", "timestamp without time zone"), "tstz": ("datetime", "timestamp with time zone"),
        "iv": ("duration", "interval"), "u": ("uuid", "uuid"), "b": ("bytes", "bytea"), "j": ("json", "json"),
        "x": ("string", "xml"), "pt": ("string", "point"), "r": ("string", "int4range"), "ip": ("string", "inet"),
        "m": ("string", "money"), "bits": ("string", "bit(3)"), "c": ("string", "character(5)"), "ch": ("string", '"char"'),
        "ai": ("array", "integer[]"), "o": ("integer", "oid"),
    }  # fmt: skip
    fields = {f.name: f for f in graph.objects["kinds"].fields}
    assert {n for n, f in fields.items() if not f.filterable} == {"j", "x", "pt"}
    assert {n for n, f in fields.items() if f.zoned} == {"tz", "tstz"}
    assert fields["c"].max_length == 5


def test_only_total_indexes_that_serve_equality_count(graph: Graph) -> None:
    people = graph.objects["people"]
    assert {f.name for f in people.fields if f.indexed} == {"id", "born"}
    assert {i.name: (i.fields, i.partial) for i in people.indexes}["people_low"] == ((None,), False)
    assert {i.name: i.partial for i in people.indexes}["people_part"]
    assert not graph.objects["other"].field("note").indexed
    assert people.field("born").badges == ("pii",)


def test_a_table_with_write_rules_offers_no_writes(graph: Graph) -> None:
    assert "ruled.read" in graph.operations
    assert "ruled.update" not in graph.operations
    assert "made.update" in graph.operations


def test_formats_come_from_statistics_or_rows_and_never_from_a_blocked_column(
    tls_postgres: PostgresServer, credentials: dict[str, Any], graph: Graph
) -> None:
    assert graph.objects["people"].field("phone").formats == ("(999) 999-9999",)
    with psycopg.connect(tls_postgres.superuser_dsn(credentials["database"]), autocommit=True) as connection:
        blocked = discover_graph(connection, Scoping((), {"people": ("phone",)}))
        connection.execute("ANALYZE people")
        analyzed = discover_graph(connection)
    assert blocked.objects["people"].field("phone").formats == ()
    assert analyzed.objects["people"].field("phone").formats == ("(999) 999-9999",)
    assert analyzed.objects["people"].estimate == 50


def test_a_least_privileged_role_is_shown_what_it_may_do(tls_postgres: PostgresServer, credentials: dict[str, Any]) -> None:
    with tls_postgres.connect(credentials["database"]) as connection:
        user = psycopg.sql.Identifier(credentials["user"])
        for grant in (
            "REVOKE ALL ON other FROM {}",
            "REVOKE ALL ON people FROM {}",
            "GRANT SELECT (id, name), UPDATE (name) ON people TO {}",
            "REVOKE ALL ON SCHEMA hidden FROM {}",
        ):
            connection.execute(psycopg.sql.SQL(grant).format(user))
    parsed = parse_sql_credentials("postgres", credentials)
    opened = open_session_blocking(parsed, CheckedAddress(parsed.host, parsed.port, "127.0.0.1"))
    try:
        graph = discover_graph(opened)
    finally:
        opened.close()
    people = graph.objects["people"]
    assert {f.name for f in people.fields if f.readable} == {"id", "name"}
    assert {f.name for f in people.fields if f.updatable} == {"name"}
    assert people.field("phone").formats == ()
    assert not graph.objects["other"].readable
    assert "other.read" not in graph.operations
    assert not graph.objects["hidden.secret"].readable
    assert View(graph).operation("people.update") is not None
    assert View(graph).operation("people.insert") is None
