"""What the SQL systems have in common: credentials of one shape, a target that is host, port and database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from patchbay.connectors.definition import Definition, DocumentRef
from patchbay.connectors.sql.credentials import SqlCredentials, dump_sql_credentials, parse_sql_credentials
from patchbay.connectors.system import Secrets

CONNECT_S = 10.0
DISCOVERY_S = 120.0
MEMORY_MB = 1024


class SqlSystem:
    """Base of the types of SQL database."""

    type: str

    def parse(self, raw: Mapping[str, Any], definition: Definition | None) -> SqlCredentials:
        """See :meth:`patchbay.connectors.system.System.parse`."""
        return parse_sql_credentials(self.type, raw)

    def dump(self, credentials: SqlCredentials) -> Secrets:
        """The read role's with where the database is, and the write role's."""
        read = dump_sql_credentials(credentials)
        write = read.pop("write", None)
        return {"read": read} if write is None else {"read": read, "write": cast("dict[str, Any]", write)}

    def load(self, secrets: Secrets, definition: Definition | None) -> SqlCredentials:
        """The credentials as they were dumped. Raises LookupError without those of the read role."""
        raw = dict(secrets["read"])
        if "write" in secrets:
            raw["write"] = secrets["write"]
        return parse_sql_credentials(self.type, raw)

    def target(self, credentials: SqlCredentials) -> dict[str, Any]:
        """Host, port and database: what the same database is known by."""
        return {
            "type": self.type,
            "host": credentials.host.lower(),
            "port": credentials.port,
            "database": credentials.database,
        }

    def label(self, credentials: SqlCredentials) -> str:
        """The database and its host."""
        return f"{credentials.database} on {credentials.host}"

    def document(self, credentials: SqlCredentials) -> DocumentRef | None:
        """A database describes itself."""
        return None
