"""The scripts that make, and unmake, the users Patchbay logs in as: what they have in common whatever the database."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

import msgspec

from patchbay.connectors.sql.names import BadName
from patchbay.errors import Finding, ValidationFailed

READ_ROLE = "flowyte_ro"
WRITE_ROLE = "flowyte_rw"
MAX_TABLES = 200
MAX_PASSWORD = 1024
_T = TypeVar("_T")


class Script(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A script that makes ``role``, and the one that removes it with everything it was granted."""

    role: str
    sql: str
    revoke: str
    tables: tuple[str, ...] | None = None
    generated_password: str | None = None


class Scripts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What `GET …/sql/scripts` answers. ``generated_password`` is the read role's; a write role's is in ``write``."""

    read_only: Script
    write: Script | None
    generated_password: str | None
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The wire form, with null for what there is not."""
        return cast("dict[str, Any]", msgspec.json.decode(msgspec.json.encode(self)))


class Unfit(ValueError):
    """A name or password that could be one but is not accepted."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Dialect(Protocol):
    """What a database decides. The checks raise `BadName` or `Unfit`."""

    def check_database(self, name: str) -> None:
        """A database can be called that."""
        ...

    def check_role(self, name: str) -> None:
        """A role can be called that, and may be made."""
        ...

    def check_password(self, password: str) -> None:
        """The script can carry this password."""
        ...

    def read_table(self, name: str, database: str) -> tuple[str, ...]:
        """The parts of a table's name, for a role that writes."""
        ...

    def reading(self, database: str, role: str, password: str) -> Script:
        """The script of the read-only role."""
        ...

    def writing(self, database: str, role: str, password: str, tables: Sequence[tuple[str, ...]]) -> Script:
        """The script of a role that may insert into and update these tables."""
        ...

    def warnings(self, passwords: Sequence[str], *, writes: bool) -> list[str]:
        """What whoever runs them should know."""
        ...


def make_scripts(
    dialect: Dialect,
    database: str,
    tables: Sequence[str] = (),
    *,
    read_role: str = READ_ROLE,
    write_role: str = WRITE_ROLE,
    password: str | None = None,
    write_password: str | None = None,
) -> Scripts:
    """The scripts for ``database``: a read-only role, and with ``tables`` a role that may insert into and update these.

    Passwords that are not given are generated and returned. Raises `ValidationFailed` with every name that cannot be one.
    """
    checking = _Checking(dialect)
    checking.attempt("database", lambda: dialect.check_database(database))
    checking.attempt("role", lambda: dialect.check_role(read_role))
    checking.password("password", password)
    named = checking.tables(tables, database)
    if tables:
        checking.attempt("writeRole", lambda: dialect.check_role(write_role))
        checking.password("writePassword", write_password)
        if write_role == read_role:
            checking.refuse("writeRole", "same_role", "The write role must not be the read role.")
    if checking.findings:
        raise ValidationFailed("The scripts cannot be made from these names.", errors=checking.findings)

    read_secret = password or _new_password()
    passwords = [read_secret]
    write: Script | None = None
    if named:
        write_secret = write_password or _new_password()
        passwords.append(write_secret)
        write = msgspec.structs.replace(
            dialect.writing(database, write_role, write_secret, named),
            tables=tuple(tables),
            generated_password=None if write_password else write_secret,
        )
    return Scripts(
        read_only=dialect.reading(database, read_role, read_secret),
        write=write,
        generated_password=None if password else read_secret,
        warnings=tuple(dialect.warnings(passwords, writes=write is not None)),
    )


class _Checking:
    """Collects what is wrong with the request."""

    def __init__(self, dialect: Dialect) -> None:
        self.findings: list[Finding] = []
        self._dialect = dialect

    def refuse(self, field: str, code: str, message: str) -> None:
        self.findings.append(Finding(field=field, code=code, message=message))

    def attempt(self, field: str, check: Callable[[], _T]) -> _T | None:
        try:
            return check()
        except BadName as error:
            self.refuse(field, "name", f"This cannot be a name: {error}.")
        except Unfit as error:
            self.refuse(field, error.code, error.message)
        return None

    def password(self, field: str, value: str | None) -> None:
        if value is None:
            return
        if not 1 <= len(value) <= MAX_PASSWORD:
            self.refuse(
                field, "length", f"A password has between 1 and {MAX_PASSWORD} characters; leave it out to get a strong one."
            )
        self.attempt(field, lambda: self._dialect.check_password(value))

    def tables(self, names: Sequence[str], database: str) -> list[tuple[str, ...]]:
        if len(names) > MAX_TABLES:
            self.refuse("tables", "too_many", f"At most {MAX_TABLES} tables can be named.")
            return []
        found = [
            self.attempt(f"tables.{index}", lambda name=name: self._dialect.read_table(name, database))
            for index, name in enumerate(names)
        ]
        return list(dict.fromkeys(parts for parts in found if parts is not None))


def _new_password() -> str:
    """About 190 bits, without characters that shells, URLs or people stumble over.

    It has one of each kind that servers' password policies ask for: a capital and a small letter, a digit, something else.
    """
    while True:
        password = secrets.token_urlsafe(24)
        kinds = {"A" if c.isupper() else "a" if c.islower() else "0" if c.isdigit() else "-" for c in password}
        if len(kinds) == 4:
            return password
