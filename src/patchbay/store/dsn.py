"""The spellings of ``DATABASE_URL`` people use, turned into the one libpq understands."""

from __future__ import annotations

import re

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from patchbay.errors import PatchbayError

_SCHEME = re.compile(r"^postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
_ASYNCPG_SSL = re.compile(r"(?<=[?&])ssl=")
_POOLER = re.compile(r"([?&\s])pgbouncer=(?:true|1)(&|\s|$)", re.IGNORECASE)
_TRUE = re.compile(r"(?<=[?&])sslmode=true\b")


class DatabaseMisconfigured(PatchbayError):
    """DATABASE_URL is not a PostgreSQL address."""

    code, status, title = "database_misconfigured", 500, "Database misconfigured"


def behind_pooler(url: str) -> bool:
    """Whether ``url`` says ``pgbouncer=true``: a transaction pooler is in front, and statements must not be prepared."""
    return _POOLER.search(url) is not None


def libpq_conninfo(url: str, **defaults: str | int) -> str:
    """The libpq form of ``url``: ``postgres://``, ``postgresql[+driver]://`` or ``key=value`` pairs.

    ``defaults`` are added where the URL does not say. Raises :class:`DatabaseMisconfigured`, never repeating the URL, which
    may hold a password.
    """
    text = _SCHEME.sub("postgresql://", _POOLER.sub(lambda found: found[1] if found[2] else "", url).strip())
    if text.startswith("postgresql://"):
        text = _TRUE.sub("sslmode=require", _ASYNCPG_SSL.sub("sslmode=", text))
    elif "://" in text or not text:
        raise DatabaseMisconfigured(
            "DATABASE_URL must be a PostgreSQL address.", hint="Write it as postgresql://user:password@host:5432/database."
        )
    try:
        given = conninfo_to_dict(text)
    except ProgrammingError:
        raise DatabaseMisconfigured(
            "DATABASE_URL cannot be read as a PostgreSQL address.",
            hint="Write it as postgresql://user:password@host:5432/database?sslmode=require; percent-encode special characters.",
        ) from None
    return make_conninfo(text, **{name: value for name, value in defaults.items() if name not in given})
