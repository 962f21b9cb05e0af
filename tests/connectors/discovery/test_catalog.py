"""Reading the catalogue on a real server: answers one by one, what is asked only once, and what must not be mistaken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from patchbay.connectors.sql.postgres.discovery import discover_graph
from patchbay.connectors.sql.postgres.discovery.answers import Query, answers
from patchbay.connectors.sql.postgres.discovery.rows import GENERATED, NOT_NULL, Columns, type_of
from patchbay.schema_graph.model import Graph
from tests.servers.postgres import PostgresServer

SQL = """
CREATE ROLE catalog_reader; CREATE ROLE catalog_owner; CREATE ROLE catalog_group; GRANT catalog_group TO catalog_reader;
CREATE TABLE none_a (id int PRIMARY KEY); CREATE TABLE none_b (id int PRIMARY KEY);
CREATE TABLE read_a (id int PRIMARY KEY); CREATE TABLE read_b (id int PRIMARY KEY);
GRANT SELECT ON read_a, read_b TO catalog_reader;
CREATE TABLE written (id int PRIMARY KEY, v text); GRANT SELECT, INSERT ON written TO catalog_group;
CREATE TABLE granted (id int PRIMARY KEY, a text, b text); GRANT SELECT (id, a), UPDATE (a) ON granted TO catalog_reader;
CREATE TABLE owned (id int PRIMARY KEY); ALTER TABLE owned OWNER TO catalog_owner; REVOKE ALL ON owned FROM catalog_owner;
CREATE TABLE holes (gone int, a text NOT NULL, other_gone int, b int NOT NULL, c int, PRIMARY KEY (b), UNIQUE (c, b));
ALTER TABLE holes DROP COLUMN gone; ALTER TABLE holes DROP COLUMN other_gone;
ALTER TABLE holes ADD COLUMN up int REFERENCES holes (b), ADD COLUMN must int NOT NULL REFERENCES holes (b);
CREATE TABLE later (id int, v int, w varchar(7), UNIQUE (v) DEFERRABLE, UNIQUE (id) INCLUDE (v));
COMMENT ON TABLE holes IS 'with holes'; COMMENT ON COLUMN holes.c IS 'third';
"""


@pytest.fixture(scope="module")
def database(tls_postgres: PostgresServer) -> str:
    return tls_postgres.create_database(sql=SQL)["database"]


@pytest.fixture
def connection(tls_postgres: PostgresServer, database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(tls_postgres.superuser_dsn(database), autocommit=True) as connection:
        yield connection


@pytest.fixture
def graph(connection: psycopg.Connection[Any]) -> Graph:
    connection.execute("GRANT USAGE ON SCHEMA public TO catalog_reader; SET ROLE catalog_reader")
    return discover_graph(connection)


def test_what_is_asked_of_one_relation_holds_only_for_those_that_are_alike(graph: Graph) -> None:
    may = {name: (o.readable, o.insertable, o.updatable) for name, o in graph.objects.items()}
    assert may["none_a"] == may["none_b"] == may["owned"] == (False, False, False)
    assert may["read_a"] == may["read_b"] == (True, False, False)
    assert may["written"] == (True, True, False)
    assert may["granted"] == (True, False, True)
    assert {f.name: (f.readable, f.updatable) for f in graph.objects["granted"].fields} == {
        "id": (True, False), "a": (True, True), "b": (False, False),
    }  # fmt: skip


def test_columns_after_dropped_ones_are_not_mixed_up(graph: Graph) -> None:
    holes = graph.objects["holes"]
    assert [f.name for f in holes.fields] == ["a", "b", "c", "up", "must"]
    assert [f.name for f in holes.fields if f.nullable] == ["c", "up"]
    assert (holes.description, [f.description for f in holes.fields]) == ("with holes", [None, None, "third", None, None])
    assert {key.fields for key in holes.keys} == {("b",), ("c", "b")}
    edges = {edge.name: edge for edge in holes.edges if edge.to_one}
    assert {(e.pairs, e.nullable) for e in edges.values()} == {((("up", "b"),), True), ((("must", "b"),), False)}


def test_a_key_that_is_checked_later_or_carries_more_columns(graph: Graph) -> None:
    later = graph.objects["later"]
    assert [key.fields for key in later.keys] == [("id",)]
    assert [(f.name, f.unique, f.max_length) for f in later.fields] == [("id", True, None), ("v", False, None), ("w", False, 7)]


def test_a_type_with_its_modifier_is_taken_apart() -> None:
    assert type_of((1043 << 32) | 11) == (1043, 11)
    assert type_of((25 << 32) | 0xFFFFFFFF) == (25, -1)
    assert type_of((4_000_000_000 << 32 | 0xFFFFFFFF) - (1 << 64)) == (4_000_000_000, -1)  # as a signed number comes


def test_answers_come_in_order_and_leave_the_connection_usable(connection: psycopg.Connection[Any]) -> None:
    assert list(answers(connection, [Query("SELECT 1"), Query("SELECT 2, 'x'")])) == [[(1,)], [(2, "x")]]
    assert list(answers(connection, [])) == []
    with closing(answers(connection, [Query("SELECT 1"), Query("SELECT 2")])) as unfinished:
        assert next(unfinished) == [(1,)]
    assert connection.execute("SELECT 3").fetchone() == (3,)


def test_many_rows_are_handed_out_while_more_are_coming(connection: psycopg.Connection[Any]) -> None:
    taken: list[tuple[Any, ...]] = []

    def refuse(rows: list[tuple[Any, ...]]) -> None:
        raise KeyError(len(rows))

    many = Query("SELECT n::int8, 'x'::name FROM generate_series(1, 5000) n", taken.extend)
    assert list(answers(connection, [Query("SELECT 1"), many, Query("SELECT 2")])) == [[(1,)], [], [(2,)]]
    assert taken == [(n, "x") for n in range(1, 5001)]
    with pytest.raises(psycopg.errors.DivisionByZero):
        list(
            answers(connection, [Query("SELECT 1 / (4999 - n) FROM generate_series(1, 5000) n", taken.extend), Query("SELECT 2")])
        )
    with pytest.raises(KeyError):
        list(answers(connection, [Query(many.sql, refuse), Query("SELECT 2")]))
    assert connection.execute("SELECT 3").fetchone() == (3,)


def test_columns_come_in_any_order_and_with_gaps() -> None:
    columns = Columns()
    columns.add([(7 << 20 | 4 << 8 | NOT_NULL, "late", 25 << 32), (9 << 20 | 1 << 8, "id", 20 << 32)])
    columns.add([(7 << 20 | 1 << 8, "id", 20 << 32), (9 << 20 | 2 << 8 | GENERATED, "sum", 20 << 32)])
    columns.settle()
    assert [kind[0] for kind in columns.kinds[slice(*columns.span(7))]] == ["id", "late"]
    assert [columns.name(7, number) for number in (-1, 0, 1, 2, 4, 5)] == [None, None, "id", None, "late", None]
    assert [columns.name(9, number) for number in (-1, 0, 1, 2, 3)] == [None, None, "id", "sum", None]
    assert (columns.name(8, 1), columns.span(8), columns.generated(), columns.types()) == (
        None,
        (0, 0),
        [9],
        {20 << 32, 25 << 32},
    )


def test_what_was_told_of_columns_is_told_again_where_more_came() -> None:
    told: list[tuple[tuple[str | None, ...], ...]] = []
    columns = Columns(lambda columns, relations: told.append(tuple([columns.names(relation, (1, 2)) for relation in relations])))
    columns.add([(7 << 20 | 1 << 8, "id", 20 << 32), (8 << 20 | 2 << 8, "b", 20 << 32), (8 << 20 | 1 << 8, "a", 20 << 32)])
    assert told == [(("id", None),)]  # of the last one, more may come
    columns.add([(9 << 20 | 1 << 8, "id", 20 << 32)])
    columns.add([])
    assert told[1:] == [(("a", "b"),)]
    columns.add([(7 << 20 | 2 << 8, "late", 20 << 32)])
    columns.settle()
    assert told[-1] == (("id", "late"), ("a", "b"), ("id", None))


def test_a_column_that_comes_long_after_its_table_is_found(tls_postgres: PostgresServer) -> None:
    many = "; ".join(f"CREATE TABLE t{n} ({', '.join(f'c{at} int' for at in range(30))})" for n in range(150))
    late = "CREATE TABLE early (id int PRIMARY KEY)", many, "ALTER TABLE early ADD up int UNIQUE REFERENCES early (id)"
    made = tls_postgres.create_database(sql="; ".join(late))["database"]
    with psycopg.connect(tls_postgres.superuser_dsn(made), autocommit=True) as connection:
        early = discover_graph(connection).objects["early"]
    assert [(f.name, f.unique, f.indexed) for f in early.fields] == [("id", True, True), ("up", True, True)]
    assert [key.fields for key in early.keys] == [("id",), ("up",)]
    up = early.edge("up")
    assert up is not None
    assert (up.pairs, up.cardinality, up.nullable) == ((("up", "id"),), "one_to_one", True)


def test_a_failing_query_fails_as_itself(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.UndefinedColumn):
        list(answers(connection, [Query("SELECT 1"), Query("SELECT missing"), Query("SELECT 2")]))
    assert connection.execute("SELECT 3").fetchone() == (3,)
    connection.execute("SET statement_timeout = 20")
    with pytest.raises(psycopg.errors.QueryCanceled):
        list(answers(connection, [Query("SELECT pg_sleep(5)"), Query("SELECT 2")]))
    assert connection.execute("SELECT 3").fetchone() == (3,)


def test_a_connection_that_goes_away_is_an_operational_error(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.OperationalError):
        list(answers(connection, [Query("SELECT pg_terminate_backend(pg_backend_pid())"), Query("SELECT 2")]))
    assert connection.closed
