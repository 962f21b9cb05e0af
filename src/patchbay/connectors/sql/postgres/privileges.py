"""What the logged-in role may do beyond its purpose, read from the catalogues in a few set-based queries.

Nothing is attempted: the server is asked what it would permit (`has_table_privilege` and its family), counting what comes
through PUBLIC and through memberships. Each finding carries the statements that mend it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from patchbay.connectors.sql.postgres.quoting import identifier
from patchbay.connectors.sql.postgres.session import Role, Session
from patchbay.connectors.sql.privileges import MOST_NAMED, Excess, Severity, WriteAccess, gravest_first

_THROUGH = "(a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE'))"
_OURS = "pg_catalog.left(n.nspname::text, 3) <> 'pg_' AND n.nspname <> 'information_schema'"

_WRITE_ACCESS = f"""
WITH relation AS (
  SELECT n.nspname, c.relname,
    pg_catalog.has_table_privilege(c.oid, 'INSERT') OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT') AS ins,
    pg_catalog.has_table_privilege(c.oid, 'UPDATE') OR pg_catalog.has_any_column_privilege(c.oid, 'UPDATE') AS upd,
    pg_catalog.has_table_privilege(c.oid, 'DELETE') AS del,
    pg_catalog.has_table_privilege(c.oid, 'TRUNCATE') AS tru
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'f') AND {_OURS} AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
)
SELECT count(*) FILTER (WHERE ins), count(*) FILTER (WHERE upd), count(*) FILTER (WHERE del), count(*) FILTER (WHERE tru),
  (SELECT pg_catalog.array_agg(ARRAY[nspname::text, relname::text]) FROM (
    SELECT nspname, relname FROM relation WHERE ins OR upd OR del OR tru ORDER BY 1, 2 LIMIT {MOST_NAMED}) first_few)
FROM relation
"""

_ATTRIBUTES = """
SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
FROM pg_catalog.pg_roles WHERE rolname = current_user
"""

# Direct memberships through which a role with powers over data or the server is reached, with the powers reached.
_MEMBERSHIPS = """
SELECT parent.rolname, pg_catalog.array_agg(power.rolname::text ORDER BY power.rolname)
FROM pg_catalog.pg_auth_members m
JOIN pg_catalog.pg_roles me ON me.oid = m.member AND me.rolname = current_user
JOIN pg_catalog.pg_roles parent ON parent.oid = m.roleid
JOIN pg_catalog.pg_roles power ON pg_catalog.pg_has_role(parent.oid, power.oid, 'MEMBER')
WHERE power.rolsuper OR power.rolcreaterole OR power.rolbypassrls OR power.rolreplication OR power.rolname = ANY(%s)
GROUP BY parent.rolname ORDER BY parent.rolname
"""
_POWERS = (
    "pg_write_all_data",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_execute_server_program",
    "pg_signal_backend",
    "pg_maintain",
    "pg_create_subscription",
    "pg_checkpoint",
    "pg_use_reserved_connections",
    "rds_superuser",
    "cloudsqlsuperuser",
    "azure_pg_admin",
    "alloydbsuperuser",
    "neon_superuser",
    "supabase_admin",
)

# One row for each kind of privilege, schema and grantee (null for PUBLIC) it comes through, with the objects. What comes
# with ownership or with a predefined role has no entry here: it is reported as such.
_TABLES = f"""
SELECT held.privilege, n.nspname, granted.who, count(*),
  (pg_catalog.array_agg(c.relname::text ORDER BY c.relname))[1:{MOST_NAMED}]
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN pg_catalog.unnest(%s::text[]) AS held(privilege)
CROSS JOIN LATERAL (
  SELECT r.rolname AS who FROM pg_catalog.aclexplode(c.relacl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
  WHERE a.privilege_type = held.privilege AND {_THROUGH}
) granted
WHERE c.relkind IN ('r', 'p', 'v', 'f') AND {_OURS} AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_SEQUENCES = f"""
SELECT n.nspname, count(*), (pg_catalog.array_agg(c.relname::text ORDER BY c.relname))[1:{MOST_NAMED}]
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND {_OURS} AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
  AND EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) a
    WHERE a.privilege_type IN ('USAGE', 'UPDATE') AND {_THROUGH})
GROUP BY 1 ORDER BY 1
"""

_OWNED = f"""
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {_OURS} AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
ORDER BY 1, 2
"""

_CREATE_IN = f"""
SELECT n.nspname, EXISTS (
    SELECT FROM pg_catalog.aclexplode(n.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')
FROM pg_catalog.pg_namespace n
WHERE {_OURS} AND pg_catalog.has_schema_privilege(n.oid, 'CREATE') ORDER BY 1
"""

_DATABASE = """
SELECT d.datname, pg_catalog.has_database_privilege(d.oid, 'CREATE'), pg_catalog.has_database_privilege(d.oid, 'TEMPORARY')
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
"""

_DEFINERS = f"""
SELECT n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid),
  p.proacl IS NULL OR EXISTS (SELECT FROM pg_catalog.aclexplode(p.proacl) a WHERE a.grantee = 0), p.prokind
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND p.provolatile = 'v' AND {_OURS}
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
  AND p.prorettype <> 'pg_catalog.trigger'::regtype AND p.prorettype <> 'pg_catalog.event_trigger'::regtype
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1, 2, 3
"""


async def write_access(session: Session) -> WriteAccess:
    """What the session's role may change, as the server's own privilege functions say."""
    (row,) = await _rows(session, _WRITE_ACCESS)
    names = [".".join(parts) for parts in row[4] or ()]
    return WriteAccess(insert=row[0], update=row[1], delete=row[2], truncate=row[3], on=tuple(names))


async def find_excess(session: Session, purpose: Role) -> list[Excess]:
    """Everything the session's role may do beyond ``purpose``, the gravest first."""
    (attributes,) = await _rows(session, _ATTRIBUTES)
    role: str = attributes[0]
    found = _attributes(role, attributes)
    if attributes[1]:
        # A superuser may do everything; listing it all would hide that one line.
        return found
    found += _memberships(role, await _rows(session, _MEMBERSHIPS, [list(_POWERS)]))
    found += _ownership(await _rows(session, _OWNED))
    too_many = ["DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
    if purpose == "read":
        too_many = ["INSERT", "UPDATE", *too_many]
        found += _sequences(role, await _rows(session, _SEQUENCES))
    found += _tables(role, await _rows(session, _TABLES, [too_many]))
    found += _creation(role, await _rows(session, _CREATE_IN))
    found += _database(role, (await _rows(session, _DATABASE))[0])
    found += _definers(role, await _rows(session, _DEFINERS))
    return gravest_first(found)


async def _rows(session: Session, query: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
    return await (await session.execute(query.encode(), values)).fetchall()


def _attributes(role: str, row: tuple[Any, ...]) -> list[Excess]:
    meanings: tuple[tuple[str, Severity, str], ...] = (
        ("SUPERUSER", "severe", "It is a superuser: no privilege binds it."),
        ("CREATEROLE", "severe", "It may create and change roles."),
        ("CREATEDB", "warning", "It may create databases."),
        ("REPLICATION", "severe", "It may copy the whole server by replication."),
        ("BYPASSRLS", "severe", "Row-level security does not bind it."),
    )
    return [
        Excess(
            privilege=name,
            severity=severity,
            message=message,
            count=1,
            on=(),
            mend=(f"ALTER ROLE {identifier(role)} NO{name};",),
        )
        for (name, severity, message), held in zip(meanings, row[1:], strict=True)
        if held
    ]


def _memberships(role: str, rows: Iterable[tuple[Any, ...]]) -> list[Excess]:
    return [
        Excess(
            privilege="MEMBER",
            severity="severe",
            message="It belongs to a role with powers over all data or over the server.",
            count=len(powers),
            on=tuple(dict.fromkeys([parent, *powers])),
            mend=(f"REVOKE {identifier(parent)} FROM {identifier(role)};",),
        )
        for parent, powers in rows
    ]


def _ownership(rows: Sequence[tuple[Any, ...]]) -> list[Excess]:
    if not rows:
        return []
    named = rows[:MOST_NAMED]
    return [
        Excess(
            privilege="OWNER",
            severity="severe",
            message="It owns tables or views (or belongs to their owner), so it may change and drop them.",
            count=len(rows),
            on=tuple(f"{schema}.{name}" for schema, name in named),
            mend=tuple(f"ALTER TABLE {identifier(schema, name)} OWNER TO …;" for schema, name in named),
        )
    ]


def _tables(role: str, rows: Iterable[tuple[Any, ...]]) -> list[Excess]:
    return [
        Excess(
            privilege=privilege,
            severity="warning",
            message=f"It holds {privilege} on tables.",
            count=count,
            on=tuple(f"{schema}.{name}" for name in names),
            mend=(_take_back(role, who, f"{privilege} ON ALL TABLES IN SCHEMA {identifier(schema)}"),),
        )
        for privilege, schema, who, count, names in rows
    ]


def _sequences(role: str, rows: Iterable[tuple[Any, ...]]) -> list[Excess]:
    return [
        Excess(
            privilege="SEQUENCE USAGE",
            severity="warning",
            message="It may advance sequences.",
            count=count,
            on=tuple(f"{schema}.{name}" for name in names),
            mend=(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {identifier(schema)} FROM {identifier(role)}, PUBLIC;",),
        )
        for schema, count, names in rows
    ]


def _creation(role: str, rows: Iterable[tuple[Any, ...]]) -> list[Excess]:
    return [
        Excess(
            privilege="CREATE ON SCHEMA",
            severity="warning",
            message="It may create objects in a schema.",
            count=1,
            on=(schema,),
            mend=(f"REVOKE CREATE ON SCHEMA {identifier(schema)} FROM {'PUBLIC' if public else identifier(role)};",),
        )
        for schema, public in rows
    ]


def _database(role: str, row: tuple[Any, ...]) -> list[Excess]:
    database, create, temporary = row
    found: list[Excess] = []
    if create:
        found.append(
            Excess(
                privilege="CREATE ON DATABASE",
                severity="warning",
                message="It may create schemas in the database.",
                count=1,
                on=(database,),
                mend=(f"REVOKE CREATE ON DATABASE {identifier(database)} FROM {identifier(role)}, PUBLIC;",),
            )
        )
    if temporary:
        found.append(
            Excess(
                privilege="TEMPORARY",
                severity="info",
                message="It may create temporary tables, as everyone may by default; a read-only session refuses them.",
                count=1,
                on=(database,),
                mend=(f"REVOKE TEMPORARY ON DATABASE {identifier(database)} FROM {identifier(role)}, PUBLIC;",),
            )
        )
    return found


def _definers(role: str, rows: Sequence[tuple[Any, ...]]) -> list[Excess]:
    if not rows:
        return []
    named = rows[:MOST_NAMED]
    return [
        Excess(
            privilege="EXECUTE",
            severity="warning",
            message="It may call functions that run with their owner's privileges and may change data.",
            count=len(rows),
            on=tuple(f"{schema}.{name}" for schema, name, *_ in named),
            mend=tuple(
                f"REVOKE EXECUTE ON {'PROCEDURE' if kind == 'p' else 'FUNCTION'} {identifier(schema, name)}({arguments}) "
                f"FROM {'PUBLIC' if public else identifier(role)};"
                for schema, name, arguments, public, kind in named
            ),
        )
    ]


def _take_back(role: str, grantee: str | None, what: str) -> str:
    """The statement that ends a privilege held through ``grantee``: PUBLIC (None), the role, or one it belongs to."""
    if grantee is None:
        return f"REVOKE {what} FROM PUBLIC;"
    if grantee == role:
        return f"REVOKE {what} FROM {identifier(role)};"
    return f"REVOKE {identifier(grantee)} FROM {identifier(role)};"
