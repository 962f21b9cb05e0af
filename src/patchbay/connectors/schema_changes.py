"""What the last discovery that changed anything changed: the current snapshot against the schema before it."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.snapshots import SchemaNotDiscovered
from patchbay.connectors.tables import Connection, Snapshot
from patchbay.connectors.worker import run_heavy
from patchbay.schema_graph.diff import SchemaDiff, diff
from patchbay.schema_graph.pack import unpack
from patchbay.schema_graph.scoping import Scoping, View

DIFF_S = 60.0
MEMORY_MB = 1024


class Compared(msgspec.Struct, frozen=True):
    """Two snapshots to compare, read in one transaction. ``before`` is None after a first discovery."""

    after: dict[str, Any]
    after_body: bytes
    scoping: dict[str, Any]
    before: dict[str, Any] | None = None
    before_body: bytes = b""


async def read_compared(session: AsyncSession, connection: Connection) -> Compared:
    """The current snapshot and the last one with another schema. Raises :class:`SchemaNotDiscovered`."""
    after = await session.get(Snapshot, connection.snapshot_id) if connection.snapshot_id else None
    if after is None:
        raise SchemaNotDiscovered
    before = await session.scalar(
        select(Snapshot)
        .where(
            Snapshot.connection_id == connection.id,
            Snapshot.fingerprint != after.fingerprint,
            Snapshot.created_at <= after.created_at,
            Snapshot.id != after.id,
        )
        .order_by(Snapshot.created_at.desc())
        .limit(1)
    )
    if before is None:
        return Compared(_shown(after), after.body, connection.scoping)
    return Compared(_shown(after), after.body, connection.scoping, _shown(before), before.body)


async def schema_changes(compared: Compared) -> dict[str, Any]:
    """``{before, after, objects, operations}``; only of what data scoping lets be seen. Heavy work is done in a worker."""
    found = SchemaDiff()
    if compared.before is not None:
        found = await run_heavy(
            diff_packed, compared.before_body, compared.after_body, compared.scoping, timeout_s=DIFF_S, memory_mb=MEMORY_MB
        )
    return {"before": compared.before, "after": compared.after, "objects": {}, "operations": {}, **msgspec.to_builtins(found)}


def diff_packed(before: bytes, after: bytes, scoping: dict[str, Any]) -> SchemaDiff:
    """The worker's part."""
    rules = Scoping.from_json(scoping)
    return diff(View(unpack(before), rules), View(unpack(after), rules))


def _shown(snapshot: Snapshot) -> dict[str, Any]:
    return {"fingerprint": snapshot.fingerprint, "discoveredAt": snapshot.created_at}
