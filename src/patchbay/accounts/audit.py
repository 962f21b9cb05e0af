"""The audit log: who asked for which change, and what came of it. Rows can be added and read, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Table, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.principal import Principal
from patchbay.accounts.tables import AuditLog
from patchbay.store.database import Database
from patchbay.store.ids import new_id

_LOG: Table = AuditLog.__table__  # pyright: ignore[reportAssignmentType]
_RECORD = insert(_LOG)
ACTOR_TYPES = ("user", "api_key", "visitor", "system")


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What one row of the audit log tells. Without a principal the actor is the system. ``path`` may have a query: it is cut."""

    principal: Principal | None
    method: str
    path: str
    route: str | None
    status: int
    request_id: str
    resource_id: str | None = None


async def record(session: AsyncSession, done: Done) -> str:
    """Add one row to the audit log of the session's organization, in the session's transaction, and return its id."""
    row = row_of(done)
    await session.execute(_RECORD, row)
    return row["id"]


async def record_alone(database: Database, org_id: str, done: Done) -> str:
    """Add one row in a transaction of its own, as for a request that failed and was rolled back, and return its id."""
    row = row_of(done)
    await database.once(org_id, _RECORD, row)
    return row["id"]


def row_of(done: Done) -> dict[str, Any]:
    """The row, under a new id, for whoever stores it together with something else."""
    by = done.principal
    return {
        "id": new_id("aud"),
        "actor_type": "api_key" if by else "system",
        "actor_id": by.key_id if by else None,
        "actor_label": by.label if by else None,
        "method": done.method,
        "path": done.path.partition("?")[0],
        "route": done.route,
        "status": done.status,
        "request_id": done.request_id,
        "resource_id": done.resource_id,
    }


async def list_page(
    session: AsyncSession,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    actor_type: str | None = None,
    actor_id: str | None = None,
    limit: int = 25,
    before_id: str | None = None,
) -> Sequence[AuditLog]:
    """Up to ``limit`` rows, newest first: from ``since`` to before ``until``, of one actor, older than ``before_id``."""
    query = select(AuditLog).order_by(AuditLog.id.desc()).limit(limit)
    if since is not None:
        query = query.where(AuditLog.at >= since)
    if until is not None:
        query = query.where(AuditLog.at < until)
    if actor_type is not None:
        query = query.where(AuditLog.actor_type == actor_type)
    if actor_id is not None:
        query = query.where(AuditLog.actor_id == actor_id)
    if before_id is not None:
        query = query.where(AuditLog.id < before_id)
    return (await session.scalars(query)).all()
