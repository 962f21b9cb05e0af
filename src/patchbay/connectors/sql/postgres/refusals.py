"""What a PostgreSQL server's refusals mean, as typed errors that say what to do and repeat none of its text.

A failed log-in reaches the client as text only (libpq keeps no SQLSTATE for it), so the text is matched against the
fixed parts of the messages of PostgreSQL, libpq and the usual poolers; a text that matches nothing (another language,
another product) becomes the general `ConnectFailed`. Once logged in, the SQLSTATE decides.
"""

from __future__ import annotations

import re

import psycopg

from patchbay.connectors.sql.refusals import (
    AccessRefused,
    AuthenticationRefused,
    CertificateForAnotherHost,
    CertificateNotTrusted,
    ConnectFailed,
    ConnectionTimedOut,
    ConnectionUnreachable,
    DatabaseMissing,
    ServerNotReady,
    TlsNotOffered,
    TlsRefused,
    TooManyConnections,
)


class NotPostgres(ConnectFailed):
    """What answers at this host and port does not speak PostgreSQL's protocol."""

    code, title = "not_postgres", "Not PostgreSQL"
    advice = "Check the port: PostgreSQL usually listens on 5432, poolers on 6432 or 6543."


# What PostgreSQL calls the thing to change.
_ADVICE: dict[type[ConnectFailed], str] = {
    TlsNotOffered: "Turn on ssl in postgresql.conf (or at the pooler); unencrypted connections are not made.",
    AccessRefused: "Let this role in over TLS in pg_hba.conf (hostssl … scram-sha-256), and grant it CONNECT on the database.",
    TooManyConnections: "Raise the role's CONNECTION LIMIT or max_connections, or put a pooler in front.",
}

_BY_STATE: dict[str, type[ConnectFailed]] = {
    "28P01": AuthenticationRefused,
    "28000": AccessRefused,
    "42501": AccessRefused,
    "3D000": DatabaseMissing,
    "53300": TooManyConnections,
    "55000": ServerNotReady,
    "57P01": ServerNotReady,
    "57P02": ServerNotReady,
    "57P03": ServerNotReady,
}

# In this order: an earlier entry may be a special case of a later one.
_TEXTS: tuple[tuple[type[ConnectFailed], tuple[str, ...]], ...] = (
    (TlsNotOffered, ("server does not support SSL", "SSL is not supported", "SSL required but")),
    (CertificateForAnotherHost, ("does not match host ?name", "could not get server's host name")),
    (
        CertificateNotTrusted,
        ("certificate verify failed", "certificate has expired", "self.signed certificate", "unable to get .*issuer"),
    ),
    (
        NotPostgres,
        ("received invalid response to SSL negotiation", "expected authentication request from server", "wrong version number"),
    ),
    (TlsRefused, ("could not establish SSL", "SSL error", "SSL SYSCALL", "root certificate", "tlsv1", "ssl_")),
    (
        AuthenticationRefused,
        (
            "auth(entication)? failed",
            "no such user",
            "tenant or user not found",
            "(wrong|invalid) password",
            "SCRAM",
            "authentication method requirement",
            "role .* does not exist",
        ),
    ),
    (
        AccessRefused,
        (r"no pg_hba\.conf entry", r"pg_hba\.conf rejects", "not permitted to log in", "permission denied for database"),
    ),
    (DatabaseMissing, ("database .* does not exist", "no such database")),
    (
        TooManyConnections,
        ("too many (clients|connections)", "connection slots", "no more connections allowed", "max_client_conn"),
    ),
    (
        ServerNotReady,
        ("starting up", "shutting down", "recovery", "not (yet |currently )?accepting connections", "server login failed"),
    ),
    (ConnectionTimedOut, ("timeout expired", "timed out")),
    (
        ConnectionUnreachable,
        ("refused", "unreachable", "no route to host", "reset by peer", "closed the connection", "could not (send|receive)"),
    ),
)
_BY_TEXT = tuple((re.compile("|".join(texts), re.IGNORECASE), kind) for kind, texts in _TEXTS)

_SETUP_REFUSED = re.compile("startup parameter|unrecognized configuration parameter", re.IGNORECASE)


def connect_refusal(error: psycopg.Error) -> ConnectFailed:
    """The typed refusal for an error raised while connecting."""
    kind = _kind(error)
    return kind(hint=_ADVICE.get(kind))


def _kind(error: psycopg.Error) -> type[ConnectFailed]:
    if error.sqlstate and (kind := _BY_STATE.get(error.sqlstate)):
        return kind
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return ConnectionTimedOut
    text = str(error)
    return next((kind for pattern, kind in _BY_TEXT if pattern.search(text)), ConnectFailed)


def refuses_setup(error: psycopg.Error) -> bool:
    """Whether the server (a pooler) turned down the settings in the start-up message rather than the log-in."""
    return error.sqlstate is None and _SETUP_REFUSED.search(str(error)) is not None
