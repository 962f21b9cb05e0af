"""Why a database did not let us in: typed errors that say what to do and repeat none of the servers' text."""

from __future__ import annotations

from patchbay.errors import PatchbayError


class ConnectFailed(PatchbayError):
    """The database refused the connection."""

    code, status, title = "connect_failed", 422, "Connection failed"
    advice = "Check host, port, database, user and password by connecting once by hand from outside your network."

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
    advice = "Turn on TLS at the server (or at the pooler or proxy before it); unencrypted connections are not made."


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
    advice = "Check user and password; the set-up script creates the user and a password."


class AccessRefused(AuthenticationRefused):
    """The server's access rules do not let this user in from here."""

    code = "access_refused"
    advice = "Let this user in over TLS from Patchbay's address, and grant it access to the database."


class DatabaseMissing(ConnectFailed):
    """There is no database of this name on the server."""

    code, title = "database_missing", "No such database"
    advice = "Check the spelling, upper and lower case included."


class TooManyConnections(ConnectFailed):
    """The server has no connection left for this user."""

    code, title = "too_many_connections", "Too many connections"
    advice = "Raise the user's connection limit or max_connections, or put a pooler in front."


class ServerNotReady(ConnectFailed):
    """The server is starting, stopping or recovering."""

    code, title = "server_not_ready", "Server not ready"
    advice = "Try again in a minute."
