"""Discovery side by side, in one run: ours, the bare catalogue queries with a plain dict graph, SQLAlchemy's bulk reflection.

    uv run --locked python benchmarks/discovery.py [--repeats 5]

Starts a PostgreSQL of its own and makes databases of 500, 2,000 and 5,000 tables with 12 columns each. Every measurement
is a process of its own, for its peak memory, and connects anew (cold server caches); connecting and importing are not timed.
Each variant runs as its users run it: the harness leaves the garbage collector alone, so it works as it does by default
unless a variant pauses it itself, as discovery does. Variants alternate, so that a busy machine is busy for all of them.
Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

SIZES = (500, 2000, 5000)
COLUMNS = 12
VARIANTS = ("bare", "ours", "sqlalchemy")


def make_database(connection: psycopg.Connection[Any], tables: int) -> None:
    """``tables`` tables of twelve columns: a primary key, a foreign key to another table, an index, comments, a few types."""
    names = [
        "name text NOT NULL", "email text", "city varchar(30)", "amount numeric(12,2)", "created timestamptz DEFAULT now()",
        "status text", "note text", "quantity int DEFAULT 0", "active boolean", "born date",
    ]  # fmt: skip
    for start in range(1, tables + 1, 100):
        statements: list[str] = []
        for n in range(start, min(start + 100, tables + 1)):
            target = f" REFERENCES t{max(1, n // 2)}(id)" if n > 1 else ""
            statements.append(f"CREATE TABLE t{n} (id bigserial PRIMARY KEY, ref_id bigint{target}, {', '.join(names)})")
            statements.append(f"CREATE INDEX ON t{n} (email)")
            statements.append(f"COMMENT ON COLUMN t{n}.note IS 'what was said'")
        connection.execute("; ".join(statements).encode())
    connection.execute("ANALYZE pg_catalog.pg_class; ANALYZE pg_catalog.pg_attribute; ANALYZE pg_catalog.pg_constraint")


def bare(dsn: str) -> tuple[float, int]:
    """Our own catalogue queries, every row decoded, and the least graph that could be called one: nested dictionaries."""
    from patchbay.connectors.sql.postgres.discovery.catalog import read_catalog
    from patchbay.connectors.sql.postgres.discovery.rows import type_of

    with psycopg.connect(dsn, autocommit=True) as connection:
        began = time.perf_counter()
        catalog = read_catalog(connection)
        graph: dict[int, dict[str, Any]] = {
            oid: {"schema": r.schema, "name": r.name, "kind": r.kind, "columns": {}, "keys": [], "indexes": []}
            for oid, r in catalog.relations.items()
        }
        types: dict[int, str] = {}
        for oid, table in graph.items():
            columns, comments = table["columns"], catalog.comments.get(oid, {})
            begin, end = catalog.columns.span(oid)
            for at in range(begin, end):
                name, packed, flags = catalog.columns.kinds[at]
                native = types.get(packed) or types.setdefault(packed, catalog.type_names[type_of(packed)])
                number = catalog.columns.places[at] >> 8 & 0xFFF
                columns[name] = {"number": number, "type": native, "flags": flags, "comment": comments.get(number)}
        for name, oid, own, target, other in catalog.foreign_keys:
            if oid in graph:
                graph[oid]["keys"].append({"name": name, "own": own, "target": target, "other": other})
        for oid, name, method, numbers, width, flags in catalog.indexes:
            index = {"name": name, "flags": flags, "method": method, "columns": numbers.split()[:width]}
            if oid in graph:
                graph[oid]["indexes"].append(index)
        return time.perf_counter() - began, sum(len(t["columns"]) for t in graph.values())


def ours(dsn: str) -> tuple[float, int]:
    """The complete normalized graph."""
    from patchbay.connectors.sql.postgres.discovery import discover_graph

    with psycopg.connect(dsn, autocommit=True) as connection:
        began = time.perf_counter()
        graph = discover_graph(connection)
        return time.perf_counter() - began, sum(len(obj.fields) for obj in graph.objects.values())


def sqlalchemy(dsn: str) -> tuple[float, int]:
    """SQLAlchemy's bulk reflection of columns, keys, foreign keys, indexes, unique constraints and comments."""
    from sqlalchemy import create_engine, inspect

    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn))
    with engine.connect() as connection:
        began = time.perf_counter()
        inspector = inspect(connection)
        columns = inspector.get_multi_columns()
        for read in (
            inspector.get_multi_pk_constraint,
            inspector.get_multi_foreign_keys,
            inspector.get_multi_indexes,
            inspector.get_multi_unique_constraints,
            inspector.get_multi_table_comment,
        ):
            read()
        return time.perf_counter() - began, sum(len(found) for found in columns.values())


def measure(variant: str, dsn: str) -> None:
    """One measurement, in this process: prints seconds, fields found and peak memory in MB."""
    seconds, fields = {"bare": bare, "ours": ours, "sqlalchemy": sqlalchemy}[variant](dsn)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "fields": fields, "peak": peak}))


def run(variant: str, dsn: str) -> dict[str, float]:
    """One measurement in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--measure", variant, dsn], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def compare(repeats: int) -> None:
    """Measure all variants on all sizes and print the table."""
    from tests.servers.postgres import PostgresServer

    server = PostgresServer.start(max_locks_per_transaction="512")
    try:
        print("| tables | columns | variant | median ms | best ms | ours / this | peak MB | µs a column |")
        print("|---|---|---|---|---|---|---|---|")
        for tables in SIZES:
            name = f"bench_{tables}"
            server.execute("postgres", f"CREATE DATABASE {name}")
            with psycopg.connect(server.superuser_dsn(name), autocommit=True) as connection:
                make_database(connection, tables)
            print_size(tables, server.superuser_dsn(name), repeats)
    finally:
        server.stop()


def print_size(tables: int, dsn: str, repeats: int) -> None:
    """The rows of the table for one database."""
    runs: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(repeats):
        for variant in VARIANTS:
            runs[variant].append(run(variant, dsn))
    median = {v: statistics.median(r["seconds"] for r in found) for v, found in runs.items()}
    for variant in VARIANTS:
        found = runs[variant]
        assert all(r["fields"] == tables * COLUMNS for r in found), "a variant did not find every column"
        best, peak = min(r["seconds"] for r in found), max(r["peak"] for r in found)
        print(
            f"| {tables:,} | {tables * COLUMNS:,} | {variant} | {median[variant] * 1e3:,.0f} | {best * 1e3:,.0f} "
            f"| {median['ours'] / median[variant]:.2f} | {peak:.0f} | {median[variant] * 1e6 / (tables * COLUMNS):.1f} |"
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--measure", nargs=2, metavar=("VARIANT", "DSN"))
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure)
    else:
        compare(arguments.repeats)


if __name__ == "__main__":
    main()
