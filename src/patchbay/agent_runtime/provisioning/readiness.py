"""A curated provider's schema, current before its actions are bound: discovered from the pack's own document, and again when a
newer pack describes more.
"""

from __future__ import annotations

import msgspec

from patchbay.agent_runtime.drift.judging import judge_connection
from patchbay.agent_runtime.services import Runtime
from patchbay.connectors.connections import announce, current, definition_of
from patchbay.connectors.definition import DocumentRef
from patchbay.connectors.discovery import discover
from patchbay.connectors.tables import Connection
from patchbay.packs.model import Pack


async def make_ready(runtime: Runtime, org_id: str, pack: Pack) -> None:
    """Raises IntegrationNotConnected, and what discovering raises."""
    async with runtime.database.tenant(org_id) as session:
        connection = await current(session, pack.kind, connected=True)
        definition = definition_of(connection)
        discovered = connection.snapshot_id is not None
        if pack.document is not None and definition is not None:
            wanted = msgspec.structs.replace(
                definition, document=DocumentRef(inline=pack.document), reads=pack.identity.connect.reads
            )
            if wanted != definition:
                connection.definition = wanted.to_json()
                connection.scoping_version = Connection.scoping_version + 1
                await session.flush()
                await announce(session, connection.id)
                discovered = False
    if not discovered:
        await discover(runtime.database, runtime.vault, runtime.guard, org_id=org_id, kind=pack.kind, judge=judge_connection)
