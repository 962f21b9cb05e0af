"""The audit log: who asked for which change, and what came of it. Rows can be added and read, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Table, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.principal import Principal
from patchbay.accounts.tables import AuditLog
from patchbay.store.ids import new_id

_LOG: Table = AuditLog.__table__  # pyright: ignore[reportAssignmentType]
_RECORD = insert(_LOG)
ACTOR_TYPES = ("user", "api_key", "visitor", "system")


async def record(
    session: AsyncSession,
    principal: Principal | None,
    *,
    method: str,
    path: str,
    route: str | None,
    status: int,
    request_id: str,
    resource_id: str | None = None,
) -> str:
    """Add one row to the audit log of the session's organization and return its id. ``path`` comes without its query string.

    Without a principal the actor is the system. A request that failed was rolled back: record it in a session of its own.
    """
    row_id = new_id("aud")
    await session.execute(
        _RECORD,
        {
            "id": row_id,
            "actor_type": "system" if principal is None else "api_key",
            "actor_id": principal.key_id if principal else None,
            "actor_label": principal.label if principal else None,
            "method": method,
            "path": path.partition("?")[0],
            "route": route,
            "status": status,
            "request_id": request_id,
            "resource_id": resource_id,
        },
    )
    return row_id


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
