"""The credentials of a SQL connection, as the wire sends them and as the platform keeps them.

Parsing is strict and finds everything that is wrong in one pass. What passes cannot be read as anything else by a client
library: no socket path, no list of hosts, no control character, no connection string inside a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, cast, get_args

import msgspec
from cryptography import x509

from patchbay.egress.addresses import BadHost, read_host
from patchbay.errors import Finding, ValidationFailed
from patchbay.nearest import did_you_mean

SslMode = Literal["require", "verify-ca", "verify-full"]
"""`require`: encrypted, server not verified (verified against ``ca_pem`` when one is given, as libpq does).
`verify-ca`: the chain leads to ``ca_pem``. `verify-full`: also the certificate names the host; without ``ca_pem`` the
system's certificate authorities count."""

DEFAULT_PORTS: Mapping[str, int] = {"postgres": 5432, "mysql": 3306}
MAX_CA_PEM = 256 * 1024
_MAX_TEXT = 1024
_MEMBERS = ("host", "port", "database", "user", "password", "sslmode", "ca_pem", "write")
_WRITE_MEMBERS = ("user", "password")
_T = TypeVar("_T")


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
    reading = _Reading()
    reading.known("", raw, _MEMBERS)
    names = _NAMES.get(kind, _POSTGRES_NAMES)
    host = reading.member(raw, "host", _host)
    port = reading.member(raw, "port", _port, default=DEFAULT_PORTS.get(kind, 5432))
    database = reading.member(raw, "database", lambda value: _name(value, names.database, names))
    user = reading.member(raw, "user", lambda value: _name(value, names.user, names))
    password = reading.member(raw, "password", _password)
    sslmode = reading.member(raw, "sslmode", _sslmode, default="verify-full")
    ca_pem = reading.member(raw, "ca_pem", _ca_pem, default=None)
    write = _write_role(reading, raw.get("write"), names)
    if sslmode == "verify-ca" and ca_pem is None and not any(f.field == "ca_pem" for f in reading.findings):
        reading.refuse(
            "ca_pem",
            "required",
            "verify-ca needs the certificate authority to verify against.",
            "Add ca_pem, or use verify-full, which can rely on the public certificate authorities.",
        )
    if write is not None and user is not None and write.user == user:
        reading.refuse(
            "write.user", "same_role", "The write role must not be the read role.", "Create one with the write script."
        )
    if reading.findings:
        raise ValidationFailed("The credentials are not valid.", errors=reading.findings)
    return SqlCredentials(
        host=cast(str, host),
        port=cast(int, port),
        database=cast(str, database),
        user=cast(str, user),
        password=cast(str, password),
        sslmode=cast(SslMode, sslmode),
        ca_pem=ca_pem,
        write=write,
    )


def dump_sql_credentials(credentials: SqlCredentials) -> dict[str, Any]:
    """The wire form, which `parse_sql_credentials` reads back to an equal value. Contains the passwords."""
    return cast("dict[str, Any]", msgspec.to_builtins(credentials))


class _Refused(Exception):
    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        self.code, self.message, self.hint = code, message, hint


_MISSING: Any = object()


class _Reading:
    """Collects what is wrong while reading on."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def refuse(self, field: str, code: str, message: str, hint: str | None = None) -> None:
        self.findings.append(Finding(field=field, code=code, message=message, hint=hint))

    def known(self, prefix: str, raw: Mapping[str, Any], members: tuple[str, ...]) -> None:
        for name in raw:
            if name not in members:
                shown = str(name)[:64]
                self.refuse(
                    f"{prefix}{shown}", "unknown_field", f"There is no member {shown!r} here.", did_you_mean(shown, members)
                )

    def member(
        self, raw: Mapping[str, Any], name: str, read: Callable[[Any], _T], *, default: Any = _MISSING, prefix: str = ""
    ) -> _T | None:
        value = raw.get(name)
        if value is None:
            if default is _MISSING:
                self.refuse(f"{prefix}{name}", "required", f"{name} is needed.")
                return None
            return default
        try:
            return read(value)
        except _Refused as refusal:
            self.refuse(f"{prefix}{name}", refusal.code, refusal.message, refusal.hint)
            return None


def _text(value: Any, *, most: int = _MAX_TEXT) -> str:
    if not isinstance(value, str):
        raise _Refused("type", "This must be a string.")
    if not value:
        raise _Refused("empty", "This must not be empty.")
    if len(value) > most:
        raise _Refused("too_long", f"This must have at most {most} characters.")
    if any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in value):
        raise _Refused("control_character", "This must not contain control characters.")
    return value


def _host(value: Any) -> str:
    text = _text(value)
    if text.startswith(("/", "@")):
        raise _Refused("host", "A socket path cannot be used as host.", "Give a host name such as db.example.com.")
    if "://" in text:
        raise _Refused("host", "Give the parts of the connection string in their own members.", "host: db.example.com")
    try:
        return read_host(text).name
    except BadHost as error:
        raise _Refused("host", f"The host cannot be used: {error}.", "Give a host name such as db.example.com.") from None


def _port(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 5:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Refused("type", "The port must be a number.")
    if not 1 <= value <= 65535:
        raise _Refused("range", "The port must be between 1 and 65535.")
    return value


def _name(value: Any, most: int, names: _Names) -> str:
    text = _text(value)
    if (len(text.encode()) if names.in_bytes else len(text)) > most:
        raise _Refused("too_long", f"This name has at most {most} {'bytes' if names.in_bytes else 'characters'}.")
    return text


def _password(value: Any) -> str:
    # Only NUL ends a password early; every other character may be part of one.
    if not isinstance(value, str):
        raise _Refused("type", "The password must be a string.")
    if not value:
        raise _Refused("empty", "A password is needed.", "Set one for this user, or make a user with the set-up script.")
    if len(value) > _MAX_TEXT:
        raise _Refused("too_long", f"The password must have at most {_MAX_TEXT} characters.")
    if "\x00" in value or any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise _Refused("control_character", "The password holds a character no client can send.")
    return value


def _sslmode(value: Any) -> SslMode:
    text = _text(value)
    modes = get_args(SslMode)
    if text in modes:
        return cast(SslMode, text)
    if text in ("disable", "allow", "prefer"):
        raise _Refused(
            "sslmode_too_weak",
            f"sslmode {text} would let the connection go unencrypted; it must be require, verify-ca or verify-full.",
            "Use verify-full, with ca_pem when the database has a private certificate authority.",
        )
    raise _Refused("enum", "sslmode must be require, verify-ca or verify-full.", did_you_mean(text, modes))


def _ca_pem(value: Any) -> str | None:
    if not isinstance(value, str):
        raise _Refused("type", "ca_pem must be a string.")
    if not value.strip():
        return None
    if len(value) > MAX_CA_PEM:
        raise _Refused("too_long", "ca_pem must have at most 256 KiB.", "Only the authority that signed the server is needed.")
    if "PRIVATE KEY" in value:
        raise _Refused("private_key", "ca_pem holds a private key.", "Give only the BEGIN CERTIFICATE blocks.")
    try:
        certificates = x509.load_pem_x509_certificates(value.encode())
    except (ValueError, UnicodeEncodeError):
        certificates = []
    if not certificates:
        raise _Refused("pem", "ca_pem is not a PEM certificate.", "Paste the file with its -----BEGIN CERTIFICATE----- lines.")
    return value


def _write_role(reading: _Reading, raw: Any, names: _Names) -> WriteRole | None:
    if raw is None:
        return None
    if not isinstance(raw, Mapping):
        reading.refuse("write", "type", "write must be an object with user and password.")
        return None
    role = cast("Mapping[str, Any]", raw)
    reading.known("write.", role, _WRITE_MEMBERS)
    user = reading.member(role, "user", lambda value: _name(value, names.user, names), prefix="write.")
    password = reading.member(role, "password", _password, prefix="write.")
    return None if user is None or password is None else WriteRole(user=user, password=password)
