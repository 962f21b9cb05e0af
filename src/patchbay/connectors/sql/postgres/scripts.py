"""The scripts that make, and unmake, the roles Patchbay logs in as.

Each script runs as it is on PostgreSQL 12 to 18: through psql or as one multi-statement query, by an administrator who is
connected to the database it is for. It is one transaction, so it happens entirely or not at all; it can be run again; it
touches only roles that such a script made (they carry a comment). No name appears in a comment of the script, and every
name and text in it is quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent

from patchbay.connectors.sql.postgres.quoting import check_name, dollar_quoted, identifier, literal, split_name
from patchbay.connectors.sql.postgres.scram import storable, stored_form
from patchbay.connectors.sql.scripts import READ_ROLE, WRITE_ROLE, Script, Scripts, Unfit, make_scripts

_OLD_PUBLIC = (
    "Up to PostgreSQL 14, and in databases upgraded from it, everyone may create tables in the schema public. "
    "If nothing relies on that, run: REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
)
_TEMPORARY = (
    "Everyone who may connect may create temporary tables unless that is taken from PUBLIC; "
    "a read-only session refuses them, so this is harmless."
)
_FUTURE = (
    "Tables that other roles create later are readable only where the administrator who runs this script may set their "
    "default privileges; otherwise run it again."
)
_TRIGGERS = "Triggers run with the write role's privileges: what they touch may need grants of its own."
_CLEAR = "The password is not plain ASCII, so it stands in the script itself: a server that logs statements will log it."


class _Postgres:
    """PostgreSQL's part of the scripts."""

    def check_database(self, name: str) -> None:
        check_name(name)

    def check_role(self, name: str) -> None:
        check_name(name)
        # PostgreSQL reserves these even when they are quoted.
        if name.startswith("pg_") or name in ("public", "none"):
            raise Unfit("reserved", "PostgreSQL reserves this role name; choose another.")

    def check_password(self, password: str) -> None:
        if "\x00" in password or any(0xD800 <= ord(c) < 0xE000 for c in password):
            raise Unfit("character", "The password holds a character that cannot be sent.")

    def read_table(self, name: str, database: str) -> tuple[str, ...]:
        parts = split_name(name)
        if len(parts) == 2 and (parts[0].startswith("pg_") or parts[0] == "information_schema"):
            raise Unfit("system_table", "Writing to PostgreSQL's own tables is never granted.")
        return parts

    def reading(self, database: str, role: str, password: str) -> Script:
        return Script(role=role, sql=_read_script(database, role, password), revoke=_revoke_script(database, role, _READ_MARK))

    def writing(self, database: str, role: str, password: str, tables: Sequence[tuple[str, ...]]) -> Script:
        return Script(
            role=role, sql=_write_script(database, role, password, tables), revoke=_revoke_script(database, role, _WRITE_MARK)
        )

    def warnings(self, passwords: Sequence[str], *, writes: bool) -> list[str]:
        clear = not all(storable(password) for password in passwords)
        return [_OLD_PUBLIC, _TEMPORARY, _FUTURE, *([_TRIGGERS] if writes else ()), *([_CLEAR] if clear else ())]


def scripts(
    database: str,
    tables: Sequence[str] = (),
    *,
    read_role: str = READ_ROLE,
    write_role: str = WRITE_ROLE,
    password: str | None = None,
    write_password: str | None = None,
) -> Scripts:
    """The scripts for ``database``, see `sql.scripts.make_scripts`."""
    return make_scripts(
        _Postgres(),
        database,
        tables,
        read_role=read_role,
        write_role=write_role,
        password=password,
        write_password=write_password,
    )


_READ_MARK = "Patchbay read-only role"
_WRITE_MARK = "Patchbay write role"


def _read_script(database: str, role: str, password: str) -> str:
    name = identifier(role)
    return _joined(
        "-- A read-only role. Run this as an administrator, connected to the database it is for. It can be run again.",
        "BEGIN;",
        _do(_CREATE, database, role, _READ_MARK),
        f"ALTER ROLE {name} WITH LOGIN CONNECTION LIMIT 20 PASSWORD {_secret(password)};",
        f"COMMENT ON ROLE {name} IS {literal(_READ_MARK)};",
        "-- A net under the privileges: sessions start read-only, and nothing runs or waits for long.",
        f"ALTER ROLE {name} SET default_transaction_read_only = 'on';",
        _limits(name),
        f"GRANT CONNECT ON DATABASE {identifier(database)} TO {name};",
        "-- Reading every table and view in every schema that is not PostgreSQL's own.",
        _do(_GRANT_READING, database, role, _READ_MARK),
        "-- And those that are created later.",
        _do(_GRANT_FUTURE, database, role, _READ_MARK),
        "COMMIT;",
    )


def _write_script(database: str, role: str, password: str, tables: Sequence[tuple[str, ...]]) -> str:
    name = identifier(role)
    grants = ",\n  ".join(identifier(*parts) for parts in tables)
    return _joined(
        "-- A role that may insert into and update the tables below, and nothing else. Never DELETE, TRUNCATE or DDL.",
        "-- Run this as an administrator, connected to the database it is for. Run again, it replaces what was granted.",
        "BEGIN;",
        _do(_CREATE, database, role, _WRITE_MARK),
        f"ALTER ROLE {name} WITH LOGIN CONNECTION LIMIT 20 PASSWORD {_secret(password)};",
        f"COMMENT ON ROLE {name} IS {literal(_WRITE_MARK)};",
        _limits(name),
        _do(_FORGET_GRANTS, database, role, _WRITE_MARK),
        f"GRANT CONNECT ON DATABASE {identifier(database)} TO {name};",
        "-- An update needs to read the rows it finds.",
        f"GRANT SELECT, INSERT, UPDATE ON TABLE\n  {grants}\nTO {name};",
        "-- The schemas they are in, and the sequences their defaults draw from.",
        _do(_GRANT_AROUND, database, role, _WRITE_MARK, tables),
        "COMMIT;",
    )


def _revoke_script(database: str, role: str, mark: str) -> str:
    return _joined(
        "-- Removes the role and everything it was granted in this database. Run it as the same administrator.",
        "BEGIN;",
        _do(_REVOKE, database, role, mark),
        "COMMIT;",
    )


def _limits(name: str) -> str:
    return "\n".join(
        f"ALTER ROLE {name} SET {setting} = '{value}';"
        for setting, value in (
            ("statement_timeout", "10s"),
            ("lock_timeout", "2s"),
            ("idle_in_transaction_session_timeout", "30s"),
        )
    )


def _secret(password: str) -> str:
    return literal(stored_form(password) if storable(password) else password)


def _do(body: str, database: str, role: str, mark: str, tables: Sequence[tuple[str, ...]] = ()) -> str:
    declarations = {
        "wanted_database": literal(database),
        "wanted_role": literal(role),
        "mark": literal(mark),
    }
    lines = [f"  {name} CONSTANT text := {value};" for name, value in declarations.items() if name in body]
    if "wanted_tables" in body:
        listed = ", ".join(literal(identifier(*parts)) for parts in tables)
        lines.append(f"  wanted_tables CONSTANT text[] := ARRAY[{listed}];")
    program = "\n".join(["DECLARE", *lines, dedent(body).strip("\n"), ""])
    return f"DO {dollar_quoted(program)};"


def _joined(*parts: str) -> str:
    return "\n".join(parts) + "\n"


_CREATE = """
      found_mark text;
    BEGIN
      IF pg_catalog.current_database() <> wanted_database THEN
        RAISE EXCEPTION 'this is not the database the script was made for: connect to that one and run it again';
      END IF;
      SELECT coalesce(pg_catalog.shobj_description(oid, 'pg_authid'), '') INTO found_mark
        FROM pg_catalog.pg_roles WHERE rolname = wanted_role;
      IF NOT FOUND THEN
        EXECUTE pg_catalog.format('CREATE ROLE %I', wanted_role);
      ELSIF found_mark <> mark THEN
        RAISE EXCEPTION 'a role of this name exists already and was not made by this script: choose another name';
      END IF;
    END
    """

_GRANT_READING = """
      schema_name name;
      table_name name;
    BEGIN
      FOR schema_name IN
        SELECT nspname FROM pg_catalog.pg_namespace
        WHERE pg_catalog.left(nspname::text, 3) <> 'pg_' AND nspname <> 'information_schema'
      LOOP
        BEGIN
          EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I', schema_name, wanted_role);
          EXECUTE pg_catalog.format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', schema_name, wanted_role);
        EXCEPTION WHEN insufficient_privilege THEN
          RAISE WARNING 'not everything in schema % can be granted by you', pg_catalog.quote_ident(schema_name);
          FOR table_name IN
            SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = schema_name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          LOOP
            BEGIN
              EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I', schema_name, wanted_role);
              EXECUTE pg_catalog.format('GRANT SELECT ON TABLE %I.%I TO %I', schema_name, table_name, wanted_role);
            EXCEPTION WHEN insufficient_privilege THEN
              NULL;
            END;
          END LOOP;
        END;
      END LOOP;
    END
    """

_GRANT_FUTURE = """
      owner_name name;
    BEGIN
      FOR owner_name IN
        SELECT current_user
        UNION
        SELECT pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND pg_catalog.left(n.nspname::text, 3) <> 'pg_' AND n.nspname <> 'information_schema'
      LOOP
        BEGIN
          EXECUTE pg_catalog.format(
            'ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT SELECT ON TABLES TO %I', owner_name, wanted_role);
          EXECUTE pg_catalog.format(
            'ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT USAGE ON SCHEMAS TO %I', owner_name, wanted_role);
        EXCEPTION WHEN insufficient_privilege THEN
          RAISE WARNING 'what % creates later has to be granted by running this script again', pg_catalog.quote_ident(owner_name);
        END;
      END LOOP;
    END
    """

_FORGET_GRANTS = """
      granted regclass;
    BEGIN
      FOR granted IN
        SELECT DISTINCT c.oid::regclass FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) held
          JOIN pg_catalog.pg_roles r ON r.oid = held.grantee
        WHERE r.rolname = wanted_role
      LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM %I CASCADE', granted, wanted_role);
      END LOOP;
    END
    """

_GRANT_AROUND = """
      wanted text;
      schema_name name;
      sequence_name regclass;
    BEGIN
      FOREACH wanted IN ARRAY wanted_tables LOOP
        SELECT n.nspname INTO STRICT schema_name FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.oid = wanted::regclass;
        IF pg_catalog.left(schema_name::text, 3) = 'pg_' OR schema_name = 'information_schema' THEN
          RAISE EXCEPTION 'one of the tables is PostgreSQL''s own: writing to it is never granted';
        END IF;
        EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I', schema_name, wanted_role);
        FOR sequence_name IN
          SELECT DISTINCT s.oid::regclass FROM pg_catalog.pg_attrdef a
            JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = a.oid
              AND d.refclassid = 'pg_catalog.pg_class'::regclass
            JOIN pg_catalog.pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
          WHERE a.adrelid = wanted::regclass
        LOOP
          EXECUTE pg_catalog.format('GRANT USAGE ON SEQUENCE %s TO %I', sequence_name, wanted_role);
        END LOOP;
      END LOOP;
    END
    """

_REVOKE = """
      found_mark text;
    BEGIN
      IF pg_catalog.current_database() <> wanted_database THEN
        RAISE EXCEPTION 'this is not the database the script was made for: connect to that one and run it again';
      END IF;
      SELECT coalesce(pg_catalog.shobj_description(oid, 'pg_authid'), '') INTO found_mark
        FROM pg_catalog.pg_roles WHERE rolname = wanted_role;
      IF NOT FOUND THEN
        RETURN;
      END IF;
      IF found_mark <> mark THEN
        RAISE EXCEPTION 'the role of this name was not made by such a script: nothing was changed';
      END IF;
      EXECUTE pg_catalog.format('ALTER ROLE %I NOLOGIN', wanted_role);
      IF NOT pg_catalog.pg_has_role(current_user, wanted_role, 'USAGE') THEN
        EXECUTE pg_catalog.format('GRANT %I TO CURRENT_USER', wanted_role);
      END IF;
      EXECUTE pg_catalog.format('DROP OWNED BY %I', wanted_role);
      EXECUTE pg_catalog.format('DROP ROLE %I', wanted_role);
    END
    """
