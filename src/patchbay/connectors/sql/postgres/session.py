"""The guarded session: every connection to a customer's PostgreSQL is opened here.

- The host is checked by the egress guard and the connection goes to the address that was checked (``hostaddr``); the name
  is kept for SNI and certificate verification.
- Nothing of the surroundings leaks in: every libpq keyword that an environment variable could fill is given a value.
- Values are passed as keywords and quoted by the driver, so no value can add a keyword.
- Settings (read only, time limits, formats) travel in the start-up message, which makes them free; a pooler that does not
  take them gets one `set_config` statement after connecting instead.
"""

from __future__ import annotations

import asyncio
import functools
import math
import os
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import psycopg
from psycopg import pq

from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.postgres.refusals import connect_refusal, refuses_setup
from patchbay.connectors.sql.refusals import ConnectionTimedOut
from patchbay.connectors.sql.trust import ca_file, nothing, system_ca_file
from patchbay.egress.guard import CheckedAddress, EgressGuard

Role = Literal["read", "write"]
Row: TypeAlias = tuple[Any, ...]
Session: TypeAlias = psycopg.AsyncConnection[Row]

LOCK_TIMEOUT_MS = 1000
IDLE_IN_TRANSACTION_MS = 10_000
_LOOK_UP_S = 3.0
_SET_ALL = (
    "SELECT pg_catalog.set_config(setting.name, setting.value, false) "
    "FROM ROWS FROM (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[])) AS setting(name, value)"
)
# libpq sends these straight to the server and has no keyword to override them; PGSERVICE would read a file.
_AMBIENT = ("PGSERVICE", "PGTZ", "PGDATESTYLE", "PGGEQO")


async def open_session(
    credentials: SqlCredentials,
    guard: EgressGuard,
    *,
    role: Role = "read",
    connect_timeout_s: float = 5.0,
    statement_timeout_ms: int = 4000,
    application_name: str = "patchbay",
    pinned: CheckedAddress | None = None,
) -> Session:
    """Connect and return an open autocommit connection with the settings of ``role`` in force.

    ``connect_timeout_s`` covers look-up, TCP, TLS and log-in together. ``pinned`` is an address the guard has already
    checked for these credentials. Statements are not prepared on their own (``prepare_threshold`` is None): whoever runs
    them decides. Raises `EgressRefused` or a `ConnectFailed`.
    """
    try:
        async with asyncio.timeout(connect_timeout_s):
            target = pinned or await guard.check(credentials.host, credentials.port, timeout_s=min(_LOOK_UP_S, connect_timeout_s))
            return await _open(credentials, target, role, connect_timeout_s, statement_timeout_ms, application_name)
    except TimeoutError:
        raise ConnectionTimedOut from None


def open_session_blocking(
    credentials: SqlCredentials,
    target: CheckedAddress,
    *,
    role: Role = "read",
    connect_timeout_s: float = 5.0,
    statement_timeout_ms: int = 4000,
    application_name: str = "patchbay",
) -> psycopg.Connection[Row]:
    """The same for a process without an event loop (discovery). ``target`` comes from the guard."""
    wanted = session_settings(role, statement_timeout_ms, application_name)
    kwargs = connect_kwargs(
        credentials,
        target,
        role=role,
        connect_timeout_s=connect_timeout_s,
        statement_timeout_ms=statement_timeout_ms,
        application_name=application_name,
    )
    try:
        try:
            connection = psycopg.connect(**kwargs)
        except psycopg.Error as error:
            if not refuses_setup(error):
                raise
            kwargs["options"] = ""
            connection = psycopg.connect(**kwargs)
        try:
            if not _in_force(connection.pgconn, application_name):
                connection.execute(_SET_ALL, [list(wanted), list(wanted.values())])
        except BaseException:
            connection.close()
            raise
    except psycopg.Error as error:
        raise connect_refusal(error) from None
    return connection


def connect_kwargs(
    credentials: SqlCredentials,
    target: CheckedAddress,
    *,
    role: Role = "read",
    connect_timeout_s: float = 5.0,
    statement_timeout_ms: int = 4000,
    application_name: str = "patchbay",
) -> dict[str, Any]:
    """The keywords of `psycopg.connect` for a connection to ``target`` with the settings of ``role``."""
    login = credentials.login(role)
    _forget_ambient()
    keywords: dict[str, Any] = {
        "host": target.host,
        "hostaddr": target.address,
        "port": target.port,
        "dbname": credentials.database,
        "user": login.user,
        "password": login.password,
        "client_encoding": "UTF8",
        "connect_timeout": max(1, math.ceil(connect_timeout_s)),
        "options": _startup_options(session_settings(role, statement_timeout_ms, application_name)),
        "channel_binding": "prefer",
        "gssencmode": "disable",
        "keepalives": 1,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        "target_session_attrs": "any",
        **tls_keywords(credentials),
    }
    return {**_ambient_defaults(), **keywords, "autocommit": True, "prepare_threshold": None}


def tls_keywords(credentials: SqlCredentials) -> dict[str, str]:
    """How libpq is told to verify the server.

    `require` without ``ca_pem`` encrypts and verifies nothing; with it, libpq verifies the chain (its documented
    compatibility rule), which is also what is wanted when someone goes to the trouble of giving an authority.
    `verify-full` without ``ca_pem`` relies on the machine's public authorities.
    """
    if credentials.ca_pem is not None:
        authorities = ca_file(credentials.ca_pem)
    elif credentials.sslmode == "require":
        authorities = nothing()
    else:
        authorities = system_ca_file()
    return {
        "sslmode": credentials.sslmode,
        "sslrootcert": authorities,
        # Paths without files: no client certificate and no revocation list is taken from ~/.postgresql.
        "sslcert": nothing(),
        "sslkey": nothing(),
        "sslcrl": nothing(),
        "sslsni": "1",
        "ssl_min_protocol_version": "TLSv1.2",
    }


def session_settings(role: Role, statement_timeout_ms: int, application_name: str) -> dict[str, str]:
    """The settings of a session, by name. Formats are fixed so that a role's own settings cannot change what is read."""
    return {
        "application_name": application_name,
        "default_transaction_read_only": "on" if role == "read" else "off",
        "statement_timeout": str(statement_timeout_ms),
        "lock_timeout": str(min(LOCK_TIMEOUT_MS, statement_timeout_ms)),
        "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
        "timezone": "UTC",
        "datestyle": "ISO, YMD",
        "intervalstyle": "postgres",
        "bytea_output": "hex",
        "extra_float_digits": "1",
        "standard_conforming_strings": "on",
        "jit": "off",
    }


async def _open(
    credentials: SqlCredentials,
    target: CheckedAddress,
    role: Role,
    connect_timeout_s: float,
    statement_timeout_ms: int,
    application_name: str,
) -> Session:
    wanted = session_settings(role, statement_timeout_ms, application_name)
    kwargs = connect_kwargs(
        credentials,
        target,
        role=role,
        connect_timeout_s=connect_timeout_s,
        statement_timeout_ms=statement_timeout_ms,
        application_name=application_name,
    )
    try:
        connection = await _connect(kwargs)
        try:
            if not _in_force(connection.pgconn, application_name):
                await connection.execute(_SET_ALL, [list(wanted), list(wanted.values())])
        except BaseException:
            await connection.close()
            raise
    except psycopg.Error as error:
        raise connect_refusal(error) from None
    return connection


async def _connect(kwargs: dict[str, Any]) -> Session:
    try:
        return await psycopg.AsyncConnection.connect(**kwargs)
    except psycopg.Error as error:
        if not refuses_setup(error):
            raise
    kwargs["options"] = ""
    return await psycopg.AsyncConnection.connect(**kwargs)


def _in_force(pgconn: pq.abc.PGconn, application_name: str) -> bool:
    """Whether the settings of the start-up message took: the server reports the name that travels with them.

    A pooler may swallow them silently, and reports what some other session of its own has.
    """
    return pgconn.parameter_status(b"application_name") == application_name.encode()


def _startup_options(settings: Mapping[str, str]) -> str:
    escaped = {name: value.replace("\\", "\\\\").replace(" ", "\\ ") for name, value in settings.items()}
    return " ".join(f"-c {name}={value}" for name, value in escaped.items())


@functools.lru_cache(maxsize=1)
def _ambient_defaults() -> dict[str, str]:
    """Every keyword that an environment variable could fill, with the value libpq was built with.

    Taken from libpq itself, so that a newer library's new variables are covered too. An empty value counts as given.
    """
    skipped = {"service", "passfile", "require_auth", "min_protocol_version", "max_protocol_version", "sslcertmode"}
    defaults: dict[str, str] = {}
    for option in pq.Conninfo.get_defaults():
        keyword = option.keyword.decode()
        if option.envvar and keyword not in skipped:
            defaults[keyword] = (option.compiled or b"").decode()
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    # These do not take an empty value. A password is always given, so the password file is never read.
    fixed = {
        "passfile": os.devnull,
        "require_auth": "password,md5,scram-sha-256,none",
        "min_protocol_version": "3.0",
        "max_protocol_version": "3.0",
        "sslcertmode": "disable",
    }
    return {**defaults, **{keyword: value for keyword, value in fixed.items() if keyword in known}}


def _forget_ambient() -> None:
    for name in _AMBIENT:
        os.environ.pop(name, None)
