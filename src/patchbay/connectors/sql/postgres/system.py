"""PostgreSQL as a type of system."""

from __future__ import annotations

from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.proof import Proven
from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.postgres.discovery.task import discover_packed
from patchbay.connectors.sql.postgres.execute import Source
from patchbay.connectors.sql.postgres.prove import prove_postgres
from patchbay.connectors.sql.postgres.prove_write import live_target, prove_write
from patchbay.connectors.sql.postgres.ready import ReadyStatement
from patchbay.connectors.sql.postgres.ready_write import ReadyWrite
from patchbay.connectors.sql.postgres.session import open_session
from patchbay.connectors.sql.side_effects import WriteTarget
from patchbay.connectors.sql.system import SqlSystem
from patchbay.connectors.system import Role, System
from patchbay.egress.guard import CheckedAddress, EgressGuard
from patchbay.schema_graph.call import Candidate, FrozenCall
from patchbay.schema_graph.scoping import View


class Postgres(SqlSystem):
    """See :class:`patchbay.connectors.system.System`."""

    type = "postgres"
    dialect = "postgres"
    worker = staticmethod(discover_packed)

    async def enter(
        self, credentials: SqlCredentials, guard: EgressGuard, *, role: Role, address: CheckedAddress, timeout_s: float
    ) -> None:
        """Log in, and leave."""
        opened = await open_session(credentials, guard, role=role, connect_timeout_s=timeout_s, pinned=address)
        await opened.close()

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
        if candidate.plan.effect == "write":
            return await prove_write(candidate, view, credentials=credentials, guard=guard)
        return await prove_postgres(candidate, view, credentials=credentials, guard=guard)

    async def write_target(
        self, credentials: SqlCredentials, guard: EgressGuard, *, schema: str | None, table: str, verb: str
    ) -> WriteTarget:
        """By the catalogue."""
        return await live_target(credentials, guard, schema=schema, table=table, verb=verb)

    def source(self, credentials: SqlCredentials, guard: EgressGuard, *, role: Role, authorizer: Authorizer | None) -> Source:
        """A bounded pool of sessions under one role."""
        return Source(credentials, guard, role=role)

    def ready(self, call: FrozenCall) -> ReadyStatement | ReadyWrite:
        """A frozen read or write."""
        return ReadyStatement(call) if call.effect == "read" else ReadyWrite(call)


SYSTEM: System = Postgres()
