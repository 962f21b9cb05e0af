"""A GraphQL API as a type of system."""

from __future__ import annotations

import asyncio
from typing import Any

from patchbay.connectors.discovered import Discovered
from patchbay.connectors.graphql.introspection import fetch_introspection
from patchbay.connectors.graphql.prove import prove_graphql
from patchbay.connectors.graphql.ready import ReadyDocument
from patchbay.connectors.graphql.task import graph_packed
from patchbay.connectors.http.asking import authorizer_of, outbound
from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.fetching import fetch_document
from patchbay.connectors.http.system import HttpSystem
from patchbay.connectors.proof import Proven
from patchbay.connectors.system import System, Uploaded
from patchbay.connectors.worker import run_heavy
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import Candidate, FrozenCall
from patchbay.schema_graph.scoping import View

FETCH_S = 60.0
DISCOVERY_S = 60.0
MEMORY_MB = 1024


class GraphQL(HttpSystem):
    """See :class:`patchbay.connectors.system.System`."""

    type = "graphql"

    async def discover(
        self,
        credentials: HttpCredentials,
        guard: EgressGuard,
        *,
        scoping: dict[str, Any],
        uploaded: Uploaded | None,
        authorizer: Authorizer | None,
    ) -> Discovered:
        """Read the schema, uploaded, fetched or asked for by introspection, in a worker process."""
        document = await self._document(credentials, guard, uploaded, authorizer)
        return await run_heavy(graph_packed, document, credentials.reads, scoping, timeout_s=DISCOVERY_S, memory_mb=MEMORY_MB)

    async def _document(
        self, credentials: HttpCredentials, guard: EgressGuard, uploaded: Uploaded | None, authorizer: Authorizer | None
    ) -> bytes:
        if uploaded is not None:
            return uploaded.content
        if credentials.document is not None and credentials.document.url is not None:
            return await fetch_document(credentials, guard, credentials.document.url, authorizer)
        async with outbound(credentials, guard) as client:
            deadline = asyncio.get_running_loop().time() + FETCH_S
            return await fetch_introspection(client, credentials, authorizer_of(credentials, authorizer), deadline=deadline)

    def prove_here(self, candidate: Candidate, view: View) -> Proven:
        """Against the schema."""
        return prove_graphql(candidate, view)

    def ready(self, call: FrozenCall) -> ReadyDocument:
        """A frozen document."""
        return ReadyDocument(call)


SYSTEM: System = GraphQL()
