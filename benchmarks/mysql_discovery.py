"""MySQL discovery side by side, in one run: ours, the plain ``information_schema`` queries with a plain dict graph, SQLAlchemy.

    uv run --locked python benchmarks/mysql_discovery.py [--repeats 5]

Starts a MariaDB of its own with databases of 200 and 1,000 tables of 12 columns each. Every measurement is a process of its own,
for its peak memory, over the guarded session that discovery opens; connecting and importing are not timed. Each variant runs as
its users run it: the harness leaves the garbage collector alone. Variants alternate, so that a busy machine is busy for all of
them. Prints a table in Markdown.
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

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

SIZES = (200, 1000)
COLUMNS = 12
VARIANTS = ("bare", "ours", "sqlalchemy")
PLAIN = {
    "tables": "TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, TABLE_COMMENT FROM information_schema.TABLES",
    "columns": "TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, PRIVILEGES, "
    "COLUMN_COMMENT, GENERATION_EXPRESSION FROM information_schema.COLUMNS",
    "indexes": "TABLE_NAME, INDEX_NAME, NON_UNIQUE, SEQ_IN_INDEX, COLUMN_NAME, SUB_PART, INDEX_TYPE, IGNORED "
    "FROM information_schema.STATISTICS",
    "keys": "TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME "
    "FROM information_schema.KEY_COLUMN_USAGE",
    "views": "TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS",
}
"""What discovery needs to know, asked for as one would."""


def make_database(server: Any, tables: int) -> dict[str, Any]:
    """``tables`` tables of twelve columns: a primary key, a foreign key to another table, an index, comments, a few types."""
    columns = (
        "name varchar(200) NOT NULL, email varchar(200), city varchar(30), amount decimal(12,2), "
        "created timestamp NULL DEFAULT current_timestamp(), status varchar(20), note text COMMENT 'what was said', "
        "quantity int DEFAULT 0, active tinyint(1), born date"
    )
    statements = [
        f"CREATE TABLE t{n} (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, ref_id bigint unsigned, {columns}, KEY (email)"
        + (f", FOREIGN KEY (ref_id) REFERENCES t{max(1, n // 2)} (id))" if n > 1 else ")")
        for n in range(1, tables + 1)
    ]
    return server.create_database(sql=";\n".join(statements) + ";")


def connected(credentials: dict[str, Any]) -> Any:
    """A guarded session, as discovery opens it."""
    from patchbay.connectors.sql.credentials import parse_sql_credentials
    from patchbay.connectors.sql.mysql.session import open_session_blocking
    from patchbay.egress.guard import CheckedAddress

    address = CheckedAddress(credentials["host"], credentials["port"], credentials["host"])
    return open_session_blocking(parse_sql_credentials("mysql", credentials), address, statement_timeout_ms=60_000)


def bare(credentials: dict[str, Any]) -> tuple[float, int]:
    """Plain queries for the same facts, and the least graph that could be called one: nested dictionaries."""
    connection = connected(credentials)
    began = time.perf_counter()
    rows = {name: connection.rows(f"SELECT {query} WHERE TABLE_SCHEMA = DATABASE()") for name, query in PLAIN.items()}
    graph: dict[str, dict[str, Any]] = {
        name: {"kind": kind, "engine": engine, "rows": estimate, "comment": comment, "columns": {}, "keys": [], "indexes": {}}
        for name, kind, engine, estimate, comment in rows["tables"]
    }
    for table, name, place, kind, nullable, default, extra, privileges, comment, expression in rows["columns"]:
        graph[table]["columns"][name] = {
            "place": place, "type": kind, "nullable": nullable == "YES", "default": default is not None, "extra": extra,
            "privileges": privileges.split(","), "comment": comment, "expression": expression,
        }  # fmt: skip
    for table, name, non_unique, place, column, prefix, method, _ in rows["indexes"]:
        index = graph[table]["indexes"].setdefault(name, {"unique": not non_unique, "method": method, "columns": []})
        index["columns"].append((place, column, prefix))
    for table, name, place, column, target, other in rows["keys"]:
        if target is not None:
            graph[table]["keys"].append({"name": name, "place": place, "own": column, "target": target, "other": other})
    return time.perf_counter() - began, sum(len(table["columns"]) for table in graph.values())


def ours(credentials: dict[str, Any]) -> tuple[float, int]:
    """The complete normalized graph."""
    from patchbay.connectors.sql.mysql.discovery import discover_graph

    connection = connected(credentials)
    began = time.perf_counter()
    graph = discover_graph(connection)
    return time.perf_counter() - began, sum(len(obj.fields) for obj in graph.objects.values())


def sqlalchemy(credentials: dict[str, Any]) -> tuple[float, int]:
    """SQLAlchemy's bulk reflection of columns, keys, foreign keys, indexes, unique constraints and comments."""
    from sqlalchemy import create_engine, inspect

    engine = create_engine("mysql+pymysql://", creator=lambda: connected(credentials))
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


def measure(variant: str, credentials: str) -> None:
    """One measurement, in this process: prints seconds, fields found and peak memory in MB."""
    seconds, fields = {"bare": bare, "ours": ours, "sqlalchemy": sqlalchemy}[variant](json.loads(credentials))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "fields": fields, "peak": peak}))


def run(variant: str, credentials: dict[str, Any]) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", variant]
    done = subprocess.run(command, input=json.dumps(credentials), check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def compare(repeats: int) -> None:
    """Measure all variants on all sizes and print the table."""
    from tests.servers.mariadb import MariaDbServer

    server = MariaDbServer.start()
    try:
        print("| tables | columns | variant | median ms | best ms | ours / this | peak MB | µs a column |")
        print("|---|---|---|---|---|---|---|---|")
        for tables in SIZES:
            print_size(tables, make_database(server, tables), repeats)
    finally:
        server.stop()


def print_size(tables: int, credentials: dict[str, Any], repeats: int) -> None:
    """The rows of the table for one database."""
    runs: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(repeats):
        for variant in VARIANTS:
            runs[variant].append(run(variant, credentials))
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
    """Read the command line. A measurement reads the credentials from standard input."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--measure", metavar="VARIANT")
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, sys.stdin.read())
    else:
        compare(arguments.repeats)


if __name__ == "__main__":
    main()
