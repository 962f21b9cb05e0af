"""What a PostgreSQL server's refusals mean, as typed errors that say what to do and repeat none of its text.

A failed log-in reaches the client as text only (libpq keeps no SQLSTATE for it), so the text is matched against the
fixed parts of the messages of PostgreSQL, libpq and the usual poolers; a text that matches nothing (another language,
another product) becomes the general `ConnectFailed`. Once logged in, the SQLSTATE decides.
"""

from __future__ import annotations

import re

import psycopg

from patchbay.errors import PatchbayError


class ConnectFailed(PatchbayError):
    """The database refused the connection."""

    code, status, title = "connect_failed", 422, "Connection failed"
    advice = "Check host, port, database, user and password by connecting once with psql from outside your network."

    def __init__(self, detail: str | None = None, *, hint: str | None = None) -> None:
        super().__init__(detail, hint=hint or self.advice)


class ConnectionUnreachable(ConnectFailed):
    """Nothing answers at this host and port."""

    code, title = "connection_unreachable", "Not reachable"
    advice = "Check host and port, that the server listens on that address, and that a firewall lets this address in."


class ConnectionTimedOut(ConnectionUnreachable):
    """The database did not answer in time."""

    code, title = "connection_timed_out", "No answer in time"


class TlsRefused(ConnectFailed):
    """The encrypted connection could not be set up."""

    code, title = "tls_refused", "TLS refused"
    advice = "Check the server's certificate, ca_pem and sslmode."


class TlsNotOffered(TlsRefused):
    """The server does not offer TLS."""

    code = "tls_not_offered"
    advice = "Turn on ssl in postgresql.conf (or at the pooler); unencrypted connections are not made."


class CertificateNotTrusted(TlsRefused):
    """The server's certificate does not lead to a trusted authority, or is not valid today."""

    code = "certificate_not_trusted"
    advice = "Give the authority that signed it as ca_pem, and check the certificate's dates."


class CertificateForAnotherHost(TlsRefused):
    """The server's certificate was issued for another host name."""

    code = "certificate_for_another_host"
    advice = "Use the host name in the certificate, or issue one for this host; verify-ca does not compare names."


class AuthenticationRefused(ConnectFailed):
    """The server refused the user and password."""

    code, title = "authentication_refused", "Authentication refused"
    advice = "Check user and password; the set-up script creates the role and a password."


class AccessRefused(AuthenticationRefused):
    """The server's access rules do not let this user in from here."""

    code = "access_refused"
    advice = "Let this role in over TLS in pg_hba.conf (hostssl … scram-sha-256), and grant it CONNECT on the database."


class DatabaseMissing(ConnectFailed):
    """There is no database of this name on the server."""

    code, title = "database_missing", "No such database"
    advice = "Check the spelling, upper and lower case included."


class TooManyConnections(ConnectFailed):
    """The server has no connection left for this role."""

    code, title = "too_many_connections", "Too many connections"
    advice = "Raise the role's CONNECTION LIMIT or max_connections, or put a pooler in front."


class ServerNotReady(ConnectFailed):
    """The server is starting, stopping or recovering."""

    code, title = "server_not_ready", "Server not ready"
    advice = "Try again in a minute."


class NotPostgres(ConnectFailed):
    """What answers at this host and port does not speak PostgreSQL's protocol."""

    code, title = "not_postgres", "Not PostgreSQL"
    advice = "Check the port: PostgreSQL usually listens on 5432, poolers on 6432 or 6543."


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
    if error.sqlstate and (kind := _BY_STATE.get(error.sqlstate)):
        return kind()
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return ConnectionTimedOut()
    text = str(error)
    return next((kind() for pattern, kind in _BY_TEXT if pattern.search(text)), ConnectFailed())


def refuses_setup(error: psycopg.Error) -> bool:
    """Whether the server (a pooler) turned down the settings in the start-up message rather than the log-in."""
    return error.sqlstate is None and _SETUP_REFUSED.search(str(error)) is not None
