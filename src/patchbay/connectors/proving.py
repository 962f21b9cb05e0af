"""From a compiled candidate to a frozen call: the live system confirms it, or it is refused with the reason."""

from __future__ import annotations

from patchbay.connectors.sql.credentials import SqlCredentials
from patchbay.connectors.sql.postgres.prove import CallNotProvable, FilterNotIndexed, Proven, prove_postgres
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import Candidate
from patchbay.schema_graph.scoping import View

__all__ = ["CallNotProvable", "FilterNotIndexed", "Proven", "prove"]


async def prove(candidate: Candidate, view: View, *, credentials: SqlCredentials, guard: EgressGuard) -> Proven:
    """Prove ``candidate`` on the system behind ``credentials`` (as from ``connections.read_credentials``).

    ``view`` is the one it was compiled against. Takes at most a few seconds and holds no transaction of the platform's.
    Raises :class:`CallNotProvable` or :class:`FilterNotIndexed` (422), or the ConnectFailed of the log-in.
    """
    return await prove_postgres(candidate, view, credentials=credentials, guard=guard)
