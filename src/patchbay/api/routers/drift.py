"""Drift: what the connected system's schema of today means to each skill on it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from patchbay.agent_runtime.drift.judging import catch_up
from patchbay.agent_runtime.drift.shown import connection_drift
from patchbay.api.access import IntegrationsRead
from patchbay.api.drift_shown import ConnectionDrift
from patchbay.api.envelope import ApiResponse, enveloped
from patchbay.api.paths import Kind
from patchbay.api.platform import platform_of
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.connectors.connections import current

router = door_router("/integrations/{kind}", tag="integrations")


@router.get(
    "/drift",
    response_model=ApiResponse[ConnectionDrift],
    summary="Get what the schema means to each skill",
    responses=problems(404, 409),
)
async def get_drift(principal: IntegrationsRead, request: Request, kind: Kind) -> Any:
    """Every skill on this connection, of drafts and of live versions: unchanged, cosmetic, degraded or broken, and why; what
    live calls met; the binding that a likely rename asks for; and the last events.
    """
    database = platform_of(request).database
    async with database.tenant(principal.org_id, read_only=True) as session:
        connection_id = (await current(session, kind)).id
    await catch_up(database, principal.org_id, connection_id)
    async with database.tenant(principal.org_id, read_only=True) as session:
        return enveloped(await connection_drift(session, kind))
