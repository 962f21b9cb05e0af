"""What is known of a connection that its skills are judged by: its schema of today, those before, and what live calls met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.drift_log import WHOLE
from patchbay.connectors.snapshots import SchemaNotDiscovered, load_graph
from patchbay.connectors.tables import Connection, DriftObservation, Snapshot
from patchbay.schema_graph.call import FrozenCall, parts_of
from patchbay.schema_graph.drift import Judgement, Reason, judge, worst
from patchbay.schema_graph.model import Graph


class Observation(msgspec.Struct, frozen=True, rename="camel"):
    """What live calls of one operation met at one leaf (empty: the whole call) since the last discovery, and how often."""

    operation: str
    leaf: str
    count: int
    first_at: datetime
    last_at: datetime


class Facts(msgspec.Struct, frozen=True):
    """One connection as its skills are judged by it. ``fingerprint`` is that of the schema."""

    connection: Connection
    fingerprint: str
    graph: Graph
    observations: tuple[Observation, ...]

    def judge(self, call: FrozenCall) -> Judgement:
        """What the schema and what live calls met mean to a call."""
        of_parts = [judge(part, self.graph) for part in parts_of(call)]
        judged = of_parts[0]
        if len(of_parts) > 1:
            judged = Judgement(worst(one.status for one in of_parts), tuple(r for one in of_parts for r in one.reasons))
        met = tuple(_as_reason(one) for one in self.met_by(call))
        if not met:
            return judged
        status = worst(reason.status for reason in (*judged.reasons, *met))
        return msgspec.structs.replace(judged, status=status, reasons=(*judged.reasons, *met))

    def met_by(self, call: FrozenCall) -> list[Observation]:
        """The observations that are about a call: of its operation, at a leaf it returns or at the whole."""
        leaves = {part.operation: {WHOLE, *(output.leaf for output in part.outputs)} for part in parts_of(call)}
        return [one for one in self.observations if one.leaf in leaves.get(one.operation, ())]


async def facts_of(session: AsyncSession, connection_ids: Sequence[str]) -> Mapping[str, Facts]:
    """The facts of each connection that has been discovered, by its id."""
    if not connection_ids:
        return {}
    query = (
        select(Connection, Snapshot.fingerprint, Snapshot.created_at)
        .join(Snapshot, Snapshot.id == Connection.snapshot_id)
        .where(Connection.id.in_(connection_ids), Connection.replaced_at.is_(None))
    )
    rows = (await session.execute(query)).all()
    seen = await session.scalars(select(DriftObservation).where(DriftObservation.connection_id.in_(connection_ids)))
    observations = list(seen.all())
    found: dict[str, Facts] = {}
    for connection, fingerprint, since in rows:
        met = [o for o in observations if o.connection_id == connection.id and o.last_at >= since]
        try:
            graph = await load_graph(session, connection.snapshot_id or "")
        except SchemaNotDiscovered:
            continue
        found[connection.id] = Facts(connection, fingerprint, graph, tuple(_as_observation(o) for o in met))
    return found


def _as_observation(row: DriftObservation) -> Observation:
    return Observation(row.operation, row.leaf, row.count, row.first_at, row.last_at)


def _as_reason(one: Observation) -> Reason:
    times = "once" if one.count == 1 else f"{one.count} times"
    if one.leaf == WHOLE:
        message = f"In live calls the connected system did not answer as its schema says, {times} since it was last discovered."
        return Reason("degraded", "live_refused", message)
    message = f"In live calls {one.leaf!r} was not what the schema says, {times} since it was last discovered."
    return Reason("degraded", "live_mismatch", message, leaves=(one.leaf,))
