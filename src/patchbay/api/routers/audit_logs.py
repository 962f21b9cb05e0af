"""The activity log."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from patchbay.accounts import audit
from patchbay.accounts.tables import AuditLog
from patchbay.api.access import AuditRead
from patchbay.api.envelope import PaginatedResponse, Shown
from patchbay.api.pages import Paged
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.times import Stamp, When
from patchbay.api.work import Reading

router = door_router("/audit-logs", tag="auditlogs")


class Actor(Shown):
    """Who made the request."""

    type: str = Field(description="`api_key`, `user`, `visitor` or `system`.")
    id: str | None
    label: str | None


class AuditEntry(Shown):
    """One request that changed something; one that spans several transactions has a row with status 102 first."""

    id: str
    at: Stamp
    actor: Actor
    method: str
    path: str
    route: str | None = Field(description="The template of the path.")
    status: int = Field(description="The status of the answer; 102: work began; a row with the outcome follows.")
    request_id: str
    resource_id: str | None


@router.get("", response_model=PaginatedResponse[AuditEntry], summary="List activity logs", responses=problems(400))
async def list_audit_logs(
    principal: AuditRead,
    session: Reading,
    page: Paged,
    start: Annotated[When | None, Query(alias="from", description="Only entries at or after this time (RFC 3339).")] = None,
    end: Annotated[When | None, Query(alias="to", description="Only entries before this time (RFC 3339).")] = None,
    actor_type: Annotated[Literal["user", "api_key", "visitor", "system"] | None, Query(alias="actorType")] = None,
    actor_id: Annotated[str | None, Query(alias="actorId", max_length=200)] = None,
) -> dict[str, Any]:
    """Every request that changed something or was refused, newest first: who, what, with which answer."""
    rows = await audit.list_page(
        session, since=start, until=end, actor_type=actor_type, actor_id=actor_id, limit=page.limit + 1, before_id=page.after
    )
    return page.envelope(rows, position=lambda row: row.id, shown=_entry)


def _entry(row: AuditLog) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        at=row.at,
        actor=Actor(type=row.actor_type, id=row.actor_id, label=row.actor_label),
        method=row.method,
        path=row.path,
        route=row.route,
        status=row.status,
        request_id=row.request_id,
        resource_id=row.resource_id,
    )
