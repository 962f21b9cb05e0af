"""PostgreSQL as a type of system."""

from __future__ import annotations

from typing import Any

from patchbay.connectors.discovered import Discovered
from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.proof import Proven
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.postgres.discovery.task import discover_packed
from patchbay.connectors.sql.postgres.execute import Source
from patchbay.connectors.sql.postgres.prove import prove_postgres
from patchbay.connectors.sql.postgres.ready import ReadyStatement
from patchbay.connectors.sql.postgres.session import open_session
from patchbay.connectors.sql.system import CONNECT_S, DISCOVERY_S, MEMORY_MB, SqlSystem
from patchbay.connectors.system import Role, System, Uploaded
from patchbay.connectors.worker import run_heavy
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import Candidate, FrozenCall
from patchbay.schema_graph.scoping import View


class Postgres(SqlSystem):
    """See :class:`patchbay.connectors.system.System`."""

    type = "postgres"

    async def log_in(self, credentials: SqlCredentials, guard: EgressGuard, authorizer: Authorizer | None) -> None:
        """Log in once with each role, to the address the guard checked."""
        checked = await guard.check(credentials.host, credentials.port)
        roles: tuple[Role, ...] = ("read", "write") if credentials.write is not None else ("read",)
        for role in roles:
            opened = await open_session(credentials, guard, role=role, connect_timeout_s=CONNECT_S / len(roles), pinned=checked)
            await opened.close()

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
        return await run_heavy(discover_packed, credentials, address, scoping, timeout_s=DISCOVERY_S, memory_mb=MEMORY_MB)

    async def prove(
        self,
        candidate: Candidate,
        view: View,
        *,
        credentials: SqlCredentials,
        guard: EgressGuard,
        authorizer: Authorizer | None,
    ) -> Proven:
        """PREPARE, DESCRIBE and EXPLAIN on the live database."""
        return await prove_postgres(candidate, view, credentials=credentials, guard=guard)

    def source(self, credentials: SqlCredentials, guard: EgressGuard, *, role: Role, authorizer: Authorizer | None) -> Source:
        """A bounded pool of sessions under one role."""
        return Source(credentials, guard, role=role)

    def ready(self, call: FrozenCall) -> ReadyStatement:
        """A frozen read."""
        return ReadyStatement(call)


SYSTEM: System = Postgres()
