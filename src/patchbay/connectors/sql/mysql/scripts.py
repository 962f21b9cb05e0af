"""The scripts that make, and unmake, the accounts Patchbay logs in as, in the SQL of both MySQL (5.7 to 9) and MariaDB (10.5 on).

Each script is run as it is by an administrator, from whatever database. These servers have no transactions for accounts and no
marks on them, so an account of the same name is never taken over: CREATE USER refuses it and the script stops at its first
statement (clients stop at an error unless they are told not to). What only MariaDB knows stands in a comment that only MariaDB
executes. No name appears in a plain comment, and every name and text is quoted so that it means the same in every ``sql_mode``.
"""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.connectors.sql.mysql.quoting import MAX_USER, account, check_name, grant_pattern, identifier, split_name
from patchbay.connectors.sql.scripts import READ_ROLE, WRITE_ROLE, Script, Scripts, Unfit, make_scripts

SYSTEM_SCHEMAS = frozenset({"mysql", "information_schema", "performance_schema", "sys"})
_RESERVED = frozenset({"root", "public", "mysql.sys", "mysql.session", "mysql.infoschema", "mariadb.sys"})

_EXISTING = (
    "The script makes a new account and never changes one that exists: to run it again, run its revoke script first. "
    "If its first statement fails, do not run the rest."
)
_ANY_HOST = (
    "The accounts may log in from any host, over TLS only. To let in Patchbay's address alone, put it in place of every '%'."
)
_WHOLE_DATABASE = "Views run with the privileges of whoever defined them: what a view shows, the read-only account can read."
_TRIGGERS = "Triggers run with the privileges of whoever defined them: an insert or update may change more through them."
_CLEAR = "The password stands in the script: keep it out of files that others read. The servers keep it out of their own logs."


class _MySql:
    """The part of MySQL and MariaDB."""

    def check_database(self, name: str) -> None:
        check_name(name)
        if name.lower() in SYSTEM_SCHEMAS:
            raise Unfit("reserved", "This is one of the server's own databases; give the one with your data.")

    def check_role(self, name: str) -> None:
        check_name(name, MAX_USER)
        if name.lower() in _RESERVED:
            raise Unfit("reserved", "The server reserves this account name; choose another.")

    def check_password(self, password: str) -> None:
        # What a backslash means depends on sql_mode, and what another character is on the client's character set.
        if not (password.isascii() and password.isprintable()) or "\\" in password:
            raise Unfit("character", "Use printable ASCII characters without a backslash; leave it out to get a strong password.")

    def read_table(self, name: str, database: str) -> tuple[str, ...]:
        *schema, table = split_name(name)
        if schema and schema[0].lower() in SYSTEM_SCHEMAS:
            raise Unfit("system_table", "Writing to the server's own tables is never granted.")
        if schema and schema[0] != database:
            raise Unfit("other_database", "This table is in another database than the script is for.")
        return (database, table)

    def reading(self, database: str, role: str, password: str) -> Script:
        name = account(role)
        return Script(
            role=role,
            sql=_joined(
                "-- A read-only account. Run this as an administrator who may create users. If the first statement fails, stop.",
                _create(name, password),
                "-- Reading every table and view of the database, those that are created later included; and nothing else.",
                f"GRANT SELECT, SHOW VIEW ON {grant_pattern(database)}.* TO {name};",
            ),
            revoke=_revoke(name),
        )

    def writing(self, database: str, role: str, password: str, tables: Sequence[tuple[str, ...]]) -> Script:
        name = account(role)
        return Script(
            role=role,
            sql=_joined(
                "-- An account that may insert into and update the tables below, and nothing else. Never DELETE, DROP or DDL.",
                "-- Run this as an administrator who may create users. If the first statement fails, stop.",
                _create(name, password),
                "-- An update needs to read the rows it finds.",
                *(f"GRANT SELECT, INSERT, UPDATE ON {identifier(*parts)} TO {name};" for parts in tables),
            ),
            revoke=_revoke(name),
        )

    def warnings(self, passwords: Sequence[str], *, writes: bool) -> list[str]:
        return [_EXISTING, _ANY_HOST, _WHOLE_DATABASE, *([_TRIGGERS] if writes else ()), _CLEAR]


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
        _MySql(),
        database,
        tables,
        read_role=read_role,
        write_role=write_role,
        password=password,
        write_password=write_password,
    )


def _create(name: str, password: str) -> str:
    quoted = password.replace("'", "''")
    return (
        f"CREATE USER {name} IDENTIFIED BY '{quoted}' REQUIRE SSL\n  WITH MAX_USER_CONNECTIONS 20 /*M! MAX_STATEMENT_TIME 10 */;"
    )


def _revoke(name: str) -> str:
    return _joined(
        "-- Removes the account with everything it was granted. Sessions that are open last until they end.",
        f"DROP USER {name};",
    )


def _joined(*parts: str) -> str:
    return "\n".join(parts) + "\n"
