"""Put the practice shop into a database: schema, rows by COPY, indexes, statistics. One transaction: all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from importlib.resources import files
from typing import LiteralString, NamedTuple, cast

import psycopg
from psycopg import sql

from patchbay.cli.demo.practice.rows import SEED, Row, Table, tables

TIME_ZONE = "America/Chicago"
_MARK = f"Practice data of the Patchbay demo, seed {SEED}.1, as of "
_CHUNK = 2_000


class Seeded(NamedTuple):
    """What is in the practice database. ``fresh``: it was filled just now."""

    today: date
    rows: dict[str, int]
    fresh: bool


def seed(connection: psycopg.Connection) -> Seeded:
    """Fill the database this autocommit superuser connection is in, unless it holds today's data already.

    What was there before in its ``public`` schema is dropped: the caller connects to the demo's own database only.
    """
    today = _scalar(connection, "SELECT (now() AT TIME ZONE %s)::date", TIME_ZONE)
    if _mark(connection) == f"{_MARK}{today}":
        return Seeded(today, _counts(connection), fresh=False)
    with connection.transaction():
        # The rows hold the shop's local times without a zone; the session says which zone that is.
        connection.execute(sql.SQL("SET LOCAL TIME ZONE {}").format(TIME_ZONE))
        connection.execute("SET LOCAL synchronous_commit = off")
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public")
        _run(connection, "shop.sql")
        rows = {table.name: _copy(connection, table) for table in tables(today)}
        _run(connection, "shop_indexes.sql")
        for table in rows:
            _restart_identity(connection, table)
        connection.execute(sql.SQL("COMMENT ON SCHEMA public IS {}").format(f"{_MARK}{today}"))
    connection.execute("ANALYZE")
    return Seeded(today, rows, fresh=True)


def _scalar(connection: psycopg.Connection, query: LiteralString, *values: object) -> date:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row[0]


def _mark(connection: psycopg.Connection) -> str | None:
    row = connection.execute("SELECT obj_description(to_regnamespace('public'), 'pg_namespace')").fetchone()
    return row[0] if row else None


def _counts(connection: psycopg.Connection) -> dict[str, int]:
    query = "SELECT relname, reltuples::bigint FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    return dict(connection.execute(query).fetchall())


def _run(connection: psycopg.Connection, name: str) -> None:
    script = files("patchbay.cli.demo.practice").joinpath(name).read_text(encoding="utf-8")
    connection.execute(cast(LiteralString, script))


def _copy(connection: psycopg.Connection, table: Table) -> int:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk in _lines(table.rows):
            copy.write(chunk)
    return len(table.rows)


def _lines(rows: list[Row]) -> Iterator[str]:
    for start in range(0, len(rows), _CHUNK):
        yield "".join(_line(row) for row in rows[start : start + _CHUNK])


def _line(row: Iterable[object]) -> str:
    # COPY's text format; none of the practice words holds a tab, a line end or a backslash.
    return "\t".join("\\N" if value is None else str(value) for value in row) + "\n"


def _restart_identity(connection: psycopg.Connection, table: str) -> None:
    query = "SELECT pg_get_serial_sequence(%s, attname) FROM pg_attribute WHERE attrelid = %s::regclass AND attidentity <> ''"
    for (sequence,) in connection.execute(query, (table, table)).fetchall():
        connection.execute(sql.SQL("SELECT setval({}, (SELECT max(id) FROM {}))").format(sequence, sql.Identifier(table)))
