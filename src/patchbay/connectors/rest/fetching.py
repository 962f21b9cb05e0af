"""The files of a REST API's document: the one at its URL, and those of the same origin that it refers to."""

from __future__ import annotations

from patchbay.connectors.http.asking import outbound
from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.http.credentials import HttpCredentials
from patchbay.connectors.http.fetching import Fetching
from patchbay.connectors.rest.task import DocumentSettings, references_needed
from patchbay.connectors.worker import run_heavy
from patchbay.egress.guard import EgressGuard

MOST_FILES = 4_000
MOST_ROUNDS = 16
"""How deep files may refer to files that refer to files."""
READ_S = 60.0
MEMORY_MB = 768


async def fetch_files(
    credentials: HttpCredentials, guard: EgressGuard, url: str, authorizer: Authorizer | None
) -> tuple[dict[str, bytes], DocumentSettings]:
    """The files of the document at ``url``, by path, and what to read them with.

    Raises DocumentNotFetched, DocumentNotReadable, an OutboundFailed or EgressRefused.
    """
    async with outbound(credentials, guard) as client:
        fetching = Fetching(client, credentials, authorizer)
        document = await fetching.document(url)
        root = document.at.target.partition("?")[0].rpartition("/")[2] or "document"
        files = {root: document.body}
        settings = DocumentSettings(root=root, url=document.url, base_url=credentials.base_url, reads=credentials.reads)
        asked, fresh = set(files), None
        for _ in range(MOST_ROUNDS):
            missing = await run_heavy(references_needed, files, settings, fresh, timeout_s=READ_S, memory_mb=MEMORY_MB)
            wanted = [path for path in missing if path not in asked][: MOST_FILES - len(files)]
            if not wanted:
                break
            asked.update(wanted)
            found = await fetching.beside(document, wanted)
            fresh = [path for path, body in found.items() if body is not None]
            files |= {path: body for path, body in found.items() if body is not None}
    return files, settings
