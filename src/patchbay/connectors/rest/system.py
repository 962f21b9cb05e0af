"""A REST API as a type of system."""

from __future__ import annotations

from typing import Any

from patchbay.connectors.discovered import Discovered
from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.system import HttpSystem
from patchbay.connectors.proof import Proven
from patchbay.connectors.rest.fetching import fetch_files
from patchbay.connectors.rest.prove import prove_rest
from patchbay.connectors.rest.ready import ReadyRequest
from patchbay.connectors.rest.task import DocumentSettings, graph_packed
from patchbay.connectors.system import System, Uploaded
from patchbay.connectors.worker import run_heavy
from patchbay.egress.guard import EgressGuard
from patchbay.schema_graph.call import Candidate, FrozenCall
from patchbay.schema_graph.scoping import View

DISCOVERY_S = 60.0
MEMORY_MB = 1024


class Rest(HttpSystem):
    """See :class:`patchbay.connectors.system.System`."""

    type = "rest"

    async def discover(
        self,
        credentials: HttpCredentials,
        guard: EgressGuard,
        *,
        scoping: dict[str, Any],
        uploaded: Uploaded | None,
        authorizer: Authorizer | None,
    ) -> Discovered:
        """Read the document, uploaded or fetched, in a worker process."""
        if uploaded is not None:
            files = {uploaded.name: uploaded.content}
            settings = DocumentSettings(base_url=credentials.base_url, reads=credentials.reads)
        else:
            assert credentials.document is not None
            assert credentials.document.url is not None
            files, settings = await fetch_files(credentials, guard, credentials.document.url, authorizer)
        return await run_heavy(graph_packed, files, settings, scoping, timeout_s=DISCOVERY_S, memory_mb=MEMORY_MB)

    def prove_here(self, candidate: Candidate, view: View) -> Proven:
        """Against the document."""
        return prove_rest(candidate, view)

    def ready(self, call: FrozenCall) -> ReadyRequest:
        """A frozen request."""
        return ReadyRequest(call)


SYSTEM: System = Rest()
