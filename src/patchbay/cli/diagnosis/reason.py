"""Why the platform's own database refused, in a few words an operator can act on. Never its text: that may name anything."""

from __future__ import annotations

import re

from sqlalchemy.exc import DBAPIError

# PostgreSQL's connection failures carry no SQLSTATE on the client's side, so libpq's words are looked at, where they are English.
_REASONS: tuple[tuple[str, str], ...] = (
    (r"authentication failed|no password supplied", "the user or the password is not accepted"),
    (r'database ".*" does not exist', "there is no such database"),
    (r'role ".*" does not exist', "there is no such user"),
    (r"pg_hba\.conf", "it does not accept this user from here, or not without TLS"),
    (r"certificate", "its certificate is not accepted"),
    (r"does not support SSL", "it does not offer TLS"),
    (r"translate host name|Name or service not known", "its host name does not resolve"),
    (r"Connection refused|No such file or directory", "nobody listens there"),
    (r"timeout expired|timed out", "it did not answer in time"),
    (r"too many clients|remaining connection slots", "it has no connection to spare"),
    (r"starting up|shutting down|recovery mode", "it is starting or stopping"),
    (r"permission denied|must be (owner|superuser)|insufficient privilege", "the user may not do what Patchbay needs"),
    (r"read-only transaction", "it cannot be written"),
)


def why_refused(error: Exception) -> str | None:
    """The reason for ``error``, or None when it is not one of the known ones."""
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    return next((reason for pattern, reason in _REASONS if re.search(pattern, said)), None)
