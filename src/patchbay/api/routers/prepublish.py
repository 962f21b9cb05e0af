"""The pre-publish report."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from patchbay.agent_runtime.prepublish.reading import prepublish_report
from patchbay.api.access import AgentsRead
from patchbay.api.envelope import ApiResponse, enveloped
from patchbay.api.paths import AgentId
from patchbay.api.platform import platform_of
from patchbay.api.prepublish_shown import PrepublishReport
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.work import Reading

router = door_router("/agents/{id}", tag="agents")


@router.get(
    "/prepublish-report",
    response_model=ApiResponse[PrepublishReport],
    summary="Get the pre-publish report",
    responses=problems(404, 409),
)
async def get_prepublish_report(principal: AgentsRead, session: Reading, request: Request, id: AgentId) -> Any:
    """How the agent will behave once published: what it can answer, what it declines, which skill sends which field where, what
    an unverified caller can learn, and what to mend first. Computed from the draft as it would be frozen.
    """
    return enveloped(await prepublish_report(session, id, texts=platform_of(request).runtime.sms is not None))
