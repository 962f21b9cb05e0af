"""The catalogue as PostgreSQL 12 to 18 keep it, read by a few set-based queries in one pipelined read-only transaction.

Never one query per table, no default text, no per-column function call where a table-level one answers. Everything is
read as the connected role: relations of extensions and of the system are left out, the role's privileges come along.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import msgspec
import psycopg

Rows: TypeAlias = Sequence[tuple[Any, ...]]

FIRST_USER_OID = 16384

_RELATIONS = """
SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text, c.relispartition, c.reltuples::float8,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usage,
       pg_catalog.has_table_privilege(c.oid, 'SELECT')::int
         | (pg_catalog.has_table_privilege(c.oid, 'INSERT')::int << 1)
         | (pg_catalog.has_table_privilege(c.oid, 'UPDATE')::int << 2) AS privileges,
       d.description
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_description d
  ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = 0
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
"""

# flags: 1 not null, 2 default, 4 readable, 8 insertable and 16 updatable by a grant on the column itself, 32 identity always,
# 64 identity by default, 128 generated. Sorting is left to the reader: it is cheaper there.
_COLUMNS = """
SELECT a.attrelid::int8, a.attnum, a.attname::text, a.atttypid::int8, a.atttypmod,
       a.attnotnull::int | (a.atthasdef::int << 1)
         | CASE a.attidentity WHEN 'a' THEN 32 WHEN 'd' THEN 64 ELSE 0 END
         | CASE WHEN a.attgenerated = '' THEN 0 ELSE 128 END
         | CASE WHEN a.attacl IS NULL THEN 0
                ELSE (pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')::int << 2)
                   | (pg_catalog.has_column_privilege(c.oid, a.attnum, 'INSERT')::int << 3)
                   | (pg_catalog.has_column_privilege(c.oid, a.attnum, 'UPDATE')::int << 4) END
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""

_COLUMN_COMMENTS = """
SELECT d.objoid::int8, d.objsubid, d.description FROM pg_catalog.pg_description d
WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid > 0 AND d.objoid >= 16384
"""

# A foreign key's own and target columns are paired by position. Copies on partitions have a parent constraint.
_CONSTRAINTS = """
SELECT k.oid::int8, k.conname::text, k.contype::text, k.conrelid::int8, k.conkey::text, k.confrelid::int8, k.confkey::text
FROM pg_catalog.pg_constraint k
WHERE k.contype IN ('p', 'u', 'f') AND k.conparentid = 0 AND k.conrelid >= 16384 {condition}
ORDER BY k.conrelid, k.conname
"""

# Keys behind p and u constraints are read from here too: their index tells what they really guarantee.
_INDEXES = """
SELECT i.indrelid::int8, c.relname::text, i.indisunique AND i.indimmediate, i.indpred IS NOT NULL, m.amname::text,
       i.indkey::text, i.indnkeyatts
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_am m ON m.oid = c.relam
WHERE i.indisvalid AND i.indisready AND i.indislive AND i.indrelid >= 16384 AND NOT c.relispartition
ORDER BY i.indrelid, c.relname
"""

_INHERITANCE = "SELECT inhparent::int8, inhrelid::int8 FROM pg_catalog.pg_inherits ORDER BY inhparent, inhseqno, inhrelid"

_TREE_OIDS = r"':(relid|funcid|opfuncid|opno|aggfnoid|winfnoid|tsmhandler) ([1-9][0-9]*)'"

_VIEWS = f"""
SELECT r.ev_class::int8, r.ev_action::text ~ ':varattno 0 ' AS whole_row,
       ARRAY(SELECT DISTINCT pg_catalog.concat(m[1], ' ', m[2])
             FROM pg_catalog.regexp_matches(r.ev_action::text, {_TREE_OIDS}, 'g') AS m) AS used,
       pg_catalog.md5(pg_catalog.pg_get_viewdef(r.ev_class)) AS definition
FROM pg_catalog.pg_rewrite r
JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
WHERE r.ev_type = '1' AND c.relkind IN ('v', 'm') AND c.oid >= 16384
"""

_VIEW_DEPENDENCIES = """
SELECT r.ev_class::int8, d.refclassid = 'pg_catalog.pg_class'::regclass, d.refobjid::int8, d.refobjsubid
FROM pg_catalog.pg_rewrite r
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
WHERE r.ev_type = '1' AND d.refobjid <> r.ev_class
  AND d.refclassid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass)
"""

# Tables on which a write does something else or more than it says.
_WRITE_RULES = "SELECT DISTINCT ev_class::int8 FROM pg_catalog.pg_rewrite WHERE ev_type <> '1' AND ev_class >= 16384"

_GENERATED = f"""
SELECT d.adrelid::int8, d.adnum,
       ARRAY(SELECT DISTINCT m[1]::int FROM pg_catalog.regexp_matches(d.adbin::text, ':varattno ([0-9]+)', 'g') AS m),
       ARRAY(SELECT DISTINCT pg_catalog.concat(m[1], ' ', m[2])
             FROM pg_catalog.regexp_matches(d.adbin::text, {_TREE_OIDS}, 'g') AS m)
FROM pg_catalog.pg_attrdef d
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated <> ''
"""

# Built-in functions that run queries, read what is not in the statement, or answer differently each time they are asked.
_TELLING_FUNCTIONS = r"""
SELECT oid::int8 FROM pg_catalog.pg_proc
WHERE oid < 16384 AND (
  (provolatile = 'v'
   AND proname NOT IN ('random', 'clock_timestamp', 'timeofday', 'gen_random_uuid', 'uuidv4', 'uuidv7', 'setseed'))
  OR proname ~ '^(query|table|cursor|schema|database)_to_xml' OR proname ~ '^(obj|col|shobj)_description$'
  OR proname ~ '^(has_|lo_|to_reg|ts_stat|ts_rewrite|inet_server|inet_client|currval|lastval)'
  OR (proname ~ '^pg_'
      AND proname NOT IN ('pg_typeof', 'pg_size_pretty', 'pg_size_bytes', 'pg_column_size', 'pg_client_encoding')))
"""

_TELLING_OPERATORS = "SELECT oid::int8 FROM pg_catalog.pg_operator WHERE oid >= 16384"

_TYPES = """
WITH RECURSIVE used(oid) AS (
  SELECT pg_catalog.unnest(%s::oid[])
  UNION
  SELECT next.oid FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid
  CROSS JOIN LATERAL (
    SELECT t.typbasetype UNION ALL SELECT t.typelem
    UNION ALL
    SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS next(oid) WHERE next.oid <> 0
)
SELECT t.oid::int8, t.typname::text, t.typtype::text, t.typcategory::text, t.typbasetype::int8, t.typtypmod, t.typelem::int8,
       t.typcategory = 'A' AS is_array,
       CASE WHEN c.relkind <> 'c' THEN c.oid::int8 END AS row_of,
       EXISTS (SELECT FROM pg_catalog.pg_opclass o
               WHERE o.opcintype = t.oid AND o.opcdefault AND o.opcmethod IN (403, 405)) AS equal,
       CASE WHEN t.typtype = 'e' THEN
         ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e
               WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) END AS labels,
       CASE WHEN t.typtype = 'c' THEN (
         SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
                  a.attname, a.atttypid::int8, a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod))
                ORDER BY a.attnum)::text
         FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END AS members
FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
"""

_TYPE_NAMES = """
SELECT pair.oid::int8, pair.typmod, pg_catalog.format_type(pair.oid, pair.typmod)
FROM ROWS FROM (pg_catalog.unnest(%s::oid[]), pg_catalog.unnest(%s::int4[])) AS pair(oid, typmod)
"""


class Relation(NamedTuple):
    """A row of pg_class. ``kind`` is its relkind; ``privileges`` has bit 0 for SELECT, 1 for INSERT, 2 for UPDATE."""

    oid: int
    schema: str
    name: str
    kind: str
    is_partition: bool
    estimate: float
    usage: bool
    privileges: int
    description: str | None


class TypeRow(NamedTuple):
    """A row of pg_type, with an enum's labels and a composite's members (JSON: name, type, modifier, spelling)."""

    oid: int
    name: str
    kind: str
    category: str
    base: int
    base_modifier: int
    element: int
    is_array: bool
    row_of: int | None
    equal: bool
    labels: list[str] | None
    members: str | None


class Catalog(msgspec.Struct, frozen=True):
    """Everything read, as rows."""

    default_schema: str
    relations: dict[int, Relation]
    columns: Rows
    comments: dict[tuple[int, int], str]
    constraints: Rows
    indexes: Rows
    inheritance: Rows
    views: Rows
    view_dependencies: Rows
    write_rules: frozenset[int]
    generated: Rows
    telling: frozenset[int]
    types: dict[int, TypeRow]
    type_names: dict[tuple[int, int], str]


@lru_cache(maxsize=4096)
def column_numbers(text: str) -> tuple[int, ...]:
    """The numbers in an int2 array or vector as text: far cheaper than having each array parsed, since few differ."""
    return tuple(int(number) for number in text.strip("{}").replace(",", " ").split())


def read_catalog(connection: psycopg.Connection[Any]) -> Catalog:
    """Read the catalogue in one short snapshot. Raises psycopg.Error; the connection must be in autocommit mode."""
    condition = "AND NOT k.conperiod" if connection.info.server_version >= 180000 else ""
    queries = [
        "SELECT coalesce(pg_catalog.current_schema(), 'public')::text",
        _RELATIONS,
        _COLUMNS,
        _COLUMN_COMMENTS,
        _CONSTRAINTS.format(condition=condition),
        _INDEXES,
        _INHERITANCE,
        _VIEWS,
        _VIEW_DEPENDENCIES,
        _WRITE_RULES,
        _GENERATED,
        _TELLING_FUNCTIONS,
        _TELLING_OPERATORS,
    ]
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        first = _pipelined(connection, [(query, None) for query in queries])
        used = list({(row[3], row[4]) for row in first[2]})
        oids, modifiers = [oid for oid, _ in used], [modifier for _, modifier in used]
        types, names = _pipelined(connection, [(_TYPES, (sorted(set(oids)),)), (_TYPE_NAMES, (oids, modifiers))])
        connection.execute("COMMIT")
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise
    (default_row,), relations, columns, comments, constraints, indexes, inheritance, *rest = first
    views, view_dependencies, write_rules, generated, functions, operators = rest
    return Catalog(
        default_schema=default_row[0],
        relations={row[0]: Relation(*row) for row in relations},
        columns=columns,
        comments={(oid, number): text for oid, number, text in comments},
        constraints=constraints,
        indexes=indexes,
        inheritance=inheritance,
        views=views,
        view_dependencies=view_dependencies,
        write_rules=frozenset(row[0] for row in write_rules),
        generated=generated,
        telling=frozenset(row[0] for row in (*functions, *operators)),
        types={row[0]: TypeRow(*row) for row in types},
        type_names={(oid, modifier): name for oid, modifier, name in names},
    )


def _pipelined(connection: psycopg.Connection[Any], queries: Sequence[tuple[str, Sequence[Any] | None]]) -> list[Rows]:
    """The rows of each query, sent together and answered in order."""
    with connection.pipeline():
        cursors = [connection.cursor() for _ in queries]
        for cursor, (query, parameters) in zip(cursors, queries, strict=True):
            cursor.execute(query.encode(), parameters)
    return [cursor.fetchall() for cursor in cursors]
