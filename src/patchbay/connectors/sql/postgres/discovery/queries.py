"""What is asked of the catalogue, in SQL that PostgreSQL 12 to 18 understand.

Set-based, never one query per table, without default text and without sorting; joins that are cheaper by oid in the reader are
left to it, and functions are called once for what is alike instead of once per row: that is most of the time a large schema
takes. Queries of the first round are always asked, those of the second only where the first found something to ask about.
"""

from __future__ import annotations

from patchbay.connectors.sql.postgres.discovery.rows import ALWAYS, BY_DEFAULT, DEFAULT, GENERATED, INSERT, NOT_NULL, READ, UPDATE

DEFAULT_SCHEMA = "SELECT coalesce(pg_catalog.current_schema(), 'public')::text"

SCHEMAS = """
SELECT n.oid, n.nspname, coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), false) FROM pg_catalog.pg_namespace n
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""

# Owner and grants stand for the privileges: those are asked about once for all relations that are alike in both.
RELATIONS = """
SELECT c.oid, c.relnamespace, c.relname, c.relkind::text, c.relispartition, c.reltuples::float8, c.relowner, c.relacl::text
FROM pg_catalog.pg_class c
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""

# Two numbers and the name, since every further column costs server and reader as much as the look-up itself: the place
# (relation << 20 | number << 8 | flags) and the type (oid << 32 | modifier). Grants on single columns are rare.
COLUMNS = f"""
SELECT (a.attrelid::int8 << 20) | (a.attnum::int << 8)
         | CASE WHEN a.attnotnull THEN {NOT_NULL} ELSE 0 END | CASE WHEN a.atthasdef THEN {DEFAULT} ELSE 0 END
         | CASE a.attidentity WHEN '' THEN 0 WHEN 'a' THEN {ALWAYS} ELSE {BY_DEFAULT} END
         | CASE a.attgenerated WHEN '' THEN 0 ELSE {GENERATED} END
         | CASE WHEN a.attacl IS NULL THEN 0 ELSE
             CASE WHEN pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT') THEN {READ} ELSE 0 END
             | CASE WHEN pg_catalog.has_column_privilege(c.oid, a.attnum, 'INSERT') THEN {INSERT} ELSE 0 END
             | CASE WHEN pg_catalog.has_column_privilege(c.oid, a.attnum, 'UPDATE') THEN {UPDATE} ELSE 0 END END,
       a.attname,
       (a.atttypid::int8 << 32) | (a.atttypmod & 4294967295)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
WHERE a.attnum > 0 AND NOT a.attisdropped
  AND c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
"""

COMMENTS = """
SELECT d.objoid, d.objsubid, d.description FROM pg_catalog.pg_description d
WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid >= 16384
"""

# Own and target columns are paired by position. Copies on partitions have a parent constraint.
FOREIGN_KEYS = """
SELECT k.conname, k.conrelid, k.conkey::text, k.confrelid, k.confkey::text
FROM pg_catalog.pg_constraint k
WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid >= 16384
"""
NOT_OVER_PERIODS = " AND NOT k.conperiod"
"""What :data:`FOREIGN_KEYS` needs besides from PostgreSQL 18 on: a period's key has no equal target row."""

# Keys behind constraints are read from here too: their index tells what they really guarantee.
INDEXES = """
SELECT i.indrelid, c.relname, c.relam, i.indkey::text, i.indnkeyatts,
       CASE WHEN i.indisunique AND i.indimmediate THEN 1 ELSE 0 END | CASE WHEN i.indpred IS NULL THEN 0 ELSE 2 END
         | CASE WHEN i.indisprimary THEN 4 ELSE 0 END
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indisvalid AND i.indisready AND i.indislive AND i.indrelid >= 16384 AND NOT c.relispartition
  AND c.relnamespace <> 'pg_toast'::regnamespace
"""

METHODS = "SELECT oid, amname FROM pg_catalog.pg_am"

EXTENSION_MEMBERS = """
SELECT e.objid FROM pg_catalog.pg_depend e
WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass AND e.classid = 'pg_catalog.pg_class'::regclass AND e.deptype = 'e'
"""

# Relations that are alike in owner and grants are asked about through a few of them: one may have been dropped meanwhile.
PRIVILEGES = f"""
SELECT one.oid, CASE WHEN pg_catalog.has_table_privilege(one.oid, 'SELECT') THEN {READ} ELSE 0 END
  | CASE WHEN pg_catalog.has_table_privilege(one.oid, 'INSERT') THEN {INSERT} ELSE 0 END
  | CASE WHEN pg_catalog.has_table_privilege(one.oid, 'UPDATE') THEN {UPDATE} ELSE 0 END
FROM pg_catalog.unnest(%s::oid[]) AS one(oid)
WHERE pg_catalog.has_table_privilege(one.oid, 'SELECT') IS NOT NULL
"""

INHERITANCE = "SELECT inhparent::int8, inhrelid::int8 FROM pg_catalog.pg_inherits ORDER BY inhparent, inhseqno, inhrelid"

_TREE_OIDS = r"':(relid|funcid|opfuncid|opno|aggfnoid|winfnoid|tsmhandler) ([1-9][0-9]*)'"

VIEWS = f"""
SELECT r.ev_class::int8, r.ev_action::text ~ ':varattno 0 ' AS whole_row,
       ARRAY(SELECT DISTINCT pg_catalog.concat(m[1], ' ', m[2])
             FROM pg_catalog.regexp_matches(r.ev_action::text, {_TREE_OIDS}, 'g') AS m) AS used,
       pg_catalog.md5(pg_catalog.pg_get_viewdef(r.ev_class)) AS definition
FROM pg_catalog.pg_rewrite r
JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
WHERE r.ev_type = '1' AND c.relkind IN ('v', 'm') AND c.oid >= 16384
"""

VIEW_DEPENDENCIES = """
SELECT r.ev_class::int8, d.refclassid = 'pg_catalog.pg_class'::regclass, d.refobjid::int8, d.refobjsubid
FROM pg_catalog.pg_rewrite r
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
WHERE r.ev_type = '1' AND r.ev_class >= 16384 AND d.refobjid <> r.ev_class
  AND d.refclassid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass)
"""

# Tables on which a write does something else or more than it says.
WRITE_RULES = "SELECT DISTINCT ev_class::int8 FROM pg_catalog.pg_rewrite WHERE ev_type <> '1' AND ev_class >= 16384"

GENERATED_COLUMNS = f"""
SELECT d.adrelid::int8, d.adnum,
       ARRAY(SELECT DISTINCT m[1]::int FROM pg_catalog.regexp_matches(d.adbin::text, ':varattno ([0-9]+)', 'g') AS m),
       ARRAY(SELECT DISTINCT pg_catalog.concat(m[1], ' ', m[2])
             FROM pg_catalog.regexp_matches(d.adbin::text, {_TREE_OIDS}, 'g') AS m)
FROM pg_catalog.pg_attrdef d
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated <> ''
WHERE d.adrelid = ANY(%s::oid[])
"""

# Built-in functions that run queries, read what is not in the statement, or answer differently each time they are asked.
TELLING_FUNCTIONS = r"""
SELECT oid::int8 FROM pg_catalog.pg_proc
WHERE oid < 16384 AND (
  (provolatile = 'v'
   AND proname NOT IN ('random', 'clock_timestamp', 'timeofday', 'gen_random_uuid', 'uuidv4', 'uuidv7', 'setseed'))
  OR proname ~ '^(query|table|cursor|schema|database)_to_xml' OR proname ~ '^(obj|col|shobj)_description$'
  OR proname ~ '^(has_|lo_|to_reg|ts_stat|ts_rewrite|inet_server|inet_client|currval|lastval)'
  OR (proname ~ '^pg_'
      AND proname NOT IN ('pg_typeof', 'pg_size_pretty', 'pg_size_bytes', 'pg_column_size', 'pg_client_encoding')))
"""

TELLING_OPERATORS = "SELECT oid::int8 FROM pg_catalog.pg_operator WHERE oid >= 16384"

# The types in use are few: OFFSET 0 has each looked up by its oid, instead of all types joined to all relations.
TYPES = """
WITH RECURSIVE used(oid) AS (
  SELECT pg_catalog.unnest(%s::oid[])
  UNION
  SELECT next.oid FROM used
  CROSS JOIN LATERAL (SELECT t.* FROM pg_catalog.pg_type t WHERE t.oid = used.oid OFFSET 0) t
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
FROM used
CROSS JOIN LATERAL (SELECT t.* FROM pg_catalog.pg_type t WHERE t.oid = used.oid OFFSET 0) t
LEFT JOIN LATERAL (SELECT c.oid, c.relkind FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid OFFSET 0) c ON true
"""

TYPE_NAMES = """
SELECT pair.oid::int8, pair.typmod, pg_catalog.format_type(pair.oid, pair.typmod)
FROM ROWS FROM (pg_catalog.unnest(%s::oid[]), pg_catalog.unnest(%s::int4[])) AS pair(oid, typmod)
"""
