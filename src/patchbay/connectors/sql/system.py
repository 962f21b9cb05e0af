"""What the SQL systems have in common: credentials of one shape, a target that is host, port and database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from patchbay.connectors.definition import Definition, DocumentRef
from patchbay.connectors.discovered import Discovered
from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.preview import Preview, PreviewOptions
from patchbay.connectors.sql.credentials import SqlCredentials, dump_sql_credentials, parse_sql_credentials
from patchbay.connectors.sql.preview import Previewing
from patchbay.connectors.sql.side_effects import WriteTarget
from patchbay.connectors.system import Ready, Role, Secrets, Uploaded
from patchbay.connectors.worker import run_heavy
from patchbay.egress.guard import CheckedAddress, EgressGuard
from patchbay.schema_graph.call import CallContext, FrozenCall
from patchbay.schema_graph.scoping import View

CONNECT_S = 10.0
DISCOVERY_S = 120.0
MEMORY_MB = 1024


class SqlSystem(ABC):
    """Base of the types of SQL database."""

    type: str
    writes_apart = True
    dialect: Literal["postgres", "mysql"]
    worker: Callable[[SqlCredentials, CheckedAddress, dict[str, Any]], Discovered]
    """The worker process's part of a discovery: a module's own function."""

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

    @abstractmethod
    async def enter(
        self, credentials: SqlCredentials, guard: EgressGuard, *, role: Role, address: CheckedAddress, timeout_s: float
    ) -> None:
        """Log in once, to the address the guard checked, and leave."""

    async def log_in(self, credentials: SqlCredentials, guard: EgressGuard, authorizer: Authorizer | None) -> None:
        """Log in once with each role."""
        address = await guard.check(credentials.host, credentials.port)
        roles: tuple[Role, ...] = ("read", "write") if credentials.write is not None else ("read",)
        for role in roles:
            await self.enter(credentials, guard, role=role, address=address, timeout_s=CONNECT_S / len(roles))

    async def discover(
        self,
        credentials: SqlCredentials,
        guard: EgressGuard,
        *,
        scoping: dict[str, Any],
        uploaded: Uploaded | None,
        authorizer: Authorizer | None,
    ) -> Discovered:
        """Read the catalogue in a worker process that connects to the address the guard checked."""
        address = await guard.check(credentials.host, credentials.port)
        return await run_heavy(self.worker, credentials, address, scoping, timeout_s=DISCOVERY_S, memory_mb=MEMORY_MB)

    @abstractmethod
    def source(self, credentials: SqlCredentials, guard: EgressGuard, *, role: Role, authorizer: Authorizer | None) -> Any:
        """See :meth:`patchbay.connectors.system.System.source`."""

    @abstractmethod
    def ready(self, call: FrozenCall) -> Ready:
        """See :meth:`patchbay.connectors.system.System.ready`."""

    @abstractmethod
    async def write_target(
        self, credentials: SqlCredentials, guard: EgressGuard, *, schema: str | None, table: str, verb: str
    ) -> WriteTarget:
        """The table as a write would find it now, by the write role. Raises what proving a write raises."""

    async def preview(
        self,
        call: FrozenCall,
        context: CallContext,
        view: View | None,
        *,
        credentials: SqlCredentials,
        guard: EgressGuard,
        authorizer: Authorizer | None,
        options: PreviewOptions,
    ) -> Preview:
        """See :meth:`patchbay.connectors.system.System.preview`."""
        assert view is not None
        return await Previewing(self, call, context, view, credentials=credentials, guard=guard).preview(options)
