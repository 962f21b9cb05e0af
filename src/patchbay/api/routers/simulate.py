"""The tester: a conversation with the draft, streamed as it happens."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Response
from starlette.requests import Request

from patchbay.agent_runtime.channel_bodies import Simulation
from patchbay.agent_runtime.channels import prepare_simulation
from patchbay.api.access import AgentsWrite
from patchbay.api.documented import Documented
from patchbay.api.events_shown import STREAMED, event_stream
from patchbay.api.paths import LongAgentId
from patchbay.api.platform import platform_of
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.visit import visit_of

router = door_router("/agents/{agentId}", tag="test")


@router.post(
    "/simulate",
    summary="Simulate a conversation",
    responses={**problems(400, 404, 409, 413, 415), **STREAMED},
    response_class=Response,
)
async def simulate(
    principal: AgentsWrite, request: Request, agent_id: LongAgentId, body: Annotated[Any, Documented(Simulation), Body()]
) -> Response:
    """Run a conversation against the draft (or, with `draftMode: false`, the published version) and stream its events.

    Exactly one of `message` (one turn) and `transcript` (the user's turns in order). What the caller's session would know can be
    tried with `session`. `mode: voice` is reserved.
    """
    turn = await prepare_simulation(platform_of(request).runtime, principal.org_id, agent_id, body)
    visit = visit_of(request)
    visit.resource_id, visit.receipted = turn.conversation_id, True
    return event_stream(request, turn)
