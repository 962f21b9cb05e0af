"""The credentials of a SQL connection, as the wire sends them and as the platform keeps them.

Parsing is strict and finds everything that is wrong in one pass. What passes cannot be read as anything else by a client
library: no socket path, no list of hosts, no control character, no connection string inside a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast, get_args

import msgspec

from patchbay.connectors.authorities import read_authorities
from patchbay.connectors.members import Members, Unreadable, text
from patchbay.egress.addresses import BadHost, read_host
from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean

SslMode = Literal["require", "verify-ca", "verify-full"]
"""`require`: encrypted, server not verified (verified against ``ca_pem`` when one is given, as libpq does).
`verify-ca`: the chain leads to ``ca_pem``. `verify-full`: also the certificate names the host; without ``ca_pem`` the
system's certificate authorities count."""

DEFAULT_PORTS: Mapping[str, int] = {"postgres": 5432, "mysql": 3306}
_MAX_TEXT = 1024
_MEMBERS = ("host", "port", "database", "user", "password", "sslmode", "ca_pem", "write")
_WRITE_MEMBERS = ("user", "password")


class WriteRole(msgspec.Struct, frozen=True, kw_only=True):
    """The role that write calls, and nothing else, log in as."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"WriteRole(user={self.user!r}, password=…)"


class _Names(msgspec.Struct, frozen=True):
    """How long names may be: of the database, and of the user."""

    database: int
    user: int
    in_bytes: bool


# PostgreSQL truncates longer names silently, MySQL refuses them: neither would be the object that was meant. MySQL counts
# characters; its users have at most 32, MariaDB's 128.
_POSTGRES_NAMES = _Names(database=63, user=63, in_bytes=True)
_NAMES: Mapping[str, _Names] = {"postgres": _POSTGRES_NAMES, "mysql": _Names(database=64, user=128, in_bytes=False)}


class SqlCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """Where a database is and how to log in. ``ca_pem`` is one or more PEM certificates, or None."""

    host: str
    port: int
    database: str
    user: str
    password: str
    sslmode: SslMode
    ca_pem: str | None = None
    write: WriteRole | None = None

    def __repr__(self) -> str:
        return f"SqlCredentials({self.user!r} at {self.host!r}:{self.port}/{self.database!r}, {self.sslmode}, password=…)"

    def login(self, role: Literal["read", "write"]) -> WriteRole:
        """The user and password of ``role``; raises LookupError when there is no write role."""
        if role == "read":
            return WriteRole(user=self.user, password=self.password)
        if self.write is None:
            raise LookupError("these credentials have no write role")
        return self.write


def parse_sql_credentials(kind: str, raw: Mapping[str, Any]) -> SqlCredentials:
    """Read credentials for ``kind`` (`postgres` or `mysql`); raises `ValidationFailed` with every finding in ``errors``."""
    findings: list[Finding] = []
    members = Members(raw, "", findings)
    members.refuse_unknown(_MEMBERS)
    names = _NAMES.get(kind, _POSTGRES_NAMES)
    host = members.read("host", _host, required=True)
    port = members.read("port", _port) or DEFAULT_PORTS.get(kind, 5432)
    database = members.read("database", lambda value: _name(value, names.database, names), required=True)
    user = members.read("user", lambda value: _name(value, names.user, names), required=True)
    password = members.read("password", _password, required=True)
    sslmode = members.read("sslmode", _sslmode) or "verify-full"
    ca_pem = members.read("ca_pem", read_authorities)
    write = _write_role(members.inside("write"), names)
    if sslmode == "verify-ca" and ca_pem is None and not any(f.field == "ca_pem" for f in findings):
        members.refuse(
            "ca_pem",
            "required",
            "verify-ca needs the certificate authority to verify against.",
            "Add ca_pem, or use verify-full, which can rely on the public certificate authorities.",
        )
    if write is not None and user is not None and write.user == user:
        members.refuse(
            "write.user", "same_role", "The write role must not be the read role.", "Create one with the write script."
        )
    if findings:
        raise ValidationFailed("The credentials are not valid.", errors=findings)
    return SqlCredentials(
        host=cast(str, host),
        port=port,
        database=cast(str, database),
        user=cast(str, user),
        password=cast(str, password),
        sslmode=sslmode,
        ca_pem=ca_pem,
        write=write,
    )


def dump_sql_credentials(credentials: SqlCredentials) -> dict[str, Any]:
    """The wire form, which `parse_sql_credentials` reads back to an equal value. Contains the passwords."""
    return cast("dict[str, Any]", msgspec.to_builtins(credentials))


def _host(value: Any) -> str:
    written = text(value, most=_MAX_TEXT)
    if written.startswith(("/", "@")):
        raise Unreadable("host", "A socket path cannot be used as host.", "Give a host name such as db.example.com.")
    if "://" in written:
        raise Unreadable("host", "Give the parts of the connection string in their own members.", "host: db.example.com")
    try:
        return read_host(written).name
    except BadHost as error:
        raise Unreadable("host", f"The host cannot be used: {error}.", "Give a host name such as db.example.com.") from None


def _port(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 5:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unreadable("type", "The port must be a number.")
    if not 1 <= value <= 65535:
        raise Unreadable("range", "The port must be between 1 and 65535.")
    return value


def _name(value: Any, most: int, names: _Names) -> str:
    written = text(value, most=_MAX_TEXT)
    if (len(written.encode()) if names.in_bytes else len(written)) > most:
        raise Unreadable("too_long", f"This name has at most {most} {'bytes' if names.in_bytes else 'characters'}.")
    return written


def _password(value: Any) -> str:
    # Only NUL ends a password early; every other character may be part of one.
    if not isinstance(value, str):
        raise Unreadable("type", "The password must be a string.")
    if not value:
        raise Unreadable("empty", "A password is needed.", "Set one for this user, or make a user with the set-up script.")
    if len(value) > _MAX_TEXT:
        raise Unreadable("too_long", f"The password must have at most {_MAX_TEXT} characters.")
    if "\x00" in value or any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise Unreadable("control_character", "The password holds a character no client can send.")
    return value


def _sslmode(value: Any) -> SslMode:
    written = text(value, most=_MAX_TEXT)
    modes = get_args(SslMode)
    if written in modes:
        return cast(SslMode, written)
    if written in ("disable", "allow", "prefer"):
        raise Unreadable(
            "sslmode_too_weak",
            f"sslmode {written} would let the connection go unencrypted; it must be require, verify-ca or verify-full.",
            "Use verify-full, with ca_pem when the database has a private certificate authority.",
        )
    raise Unreadable("enum", "sslmode must be require, verify-ca or verify-full.", did_you_mean(written, modes))


def _write_role(members: Members | None, names: _Names) -> WriteRole | None:
    if members is None:
        return None
    members.refuse_unknown(_WRITE_MEMBERS)
    user = members.read("user", lambda value: _name(value, names.user, names), required=True)
    password = members.read("password", _password, required=True)
    return None if user is None or password is None else WriteRole(user=user, password=password)
