"""Calling a skill directly: the frozen, gated calls of a published version as tools of one's own orchestrator."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Body
from pydantic import Field
from starlette.requests import Request

from patchbay.accounts import audit
from patchbay.agent_runtime.direct_calls import SkillCall
from patchbay.api.access import ChatWrite
from patchbay.api.documented import Documented
from patchbay.api.envelope import ApiResponse, Shown
from patchbay.api.express import express_router
from patchbay.api.paths import LongAgentId, SkillId
from patchbay.api.platform import platform_of
from patchbay.api.problems import problems
from patchbay.api.visit import visit_of

router = express_router("/agents/{agentId}/skills", tag="skills")


class SkillCallShown(Shown):
    """What came of a direct call, as a model would be told it. What may not be seen is not in it."""

    status: Literal["succeeded", "refused", "failed"] = Field(
        description="`refused`: nothing ran, or the result may not be shown. `failed`: it ran and did not come to an end."
    )
    code: str | None = Field(description="A stable word to branch on; null on success.")
    message: str | None = Field(description="A sentence that can be said to the caller as it is.")
    rows: list[dict[str, Any]] = Field(description="The leaves of the skill's projection that this caller may see.")
    row_count: int
    truncated: bool = Field(description="There was more than the call's caps allow.")
    ambiguous: bool = Field(description="Several records met what should identify one; none of them is shown.")
    notes: list[str] = Field(description="What was cut or altered, in sentences.")
    missing: list[str] = Field(description="Arguments to ask for.")
    invalid: list[str] = Field(description="Arguments to ask for again.")
    conversation_id: str = Field(description="Where the call is recorded; send it with the next one to stay in it.")
    duration_ms: float


@router.post(
    "/{id}/call",
    response_model=ApiResponse[SkillCallShown],
    summary="Call a skill directly",
    responses=problems(400, 404, 409, 413, 415, 503),
)
async def call_skill(
    principal: ChatWrite,
    request: Request,
    agent_id: LongAgentId,
    id: SkillId,
    body: Annotated[Any, Documented(SkillCall), Body()],
) -> Any:
    """Run a skill of the agent's published version with these `arguments`, through the same gates as a model's tool call, and
    record it in a conversation of the channel `api`. Without `conversationId` a new one begins, unverified, with the facts in
    `session`; the answer names it. What comes of the call is in the answer: only the key, the body, the agent, the skill and
    the conversation can make it a problem. A conversation's events may appear some 50 ms after the answer.
    """
    visit = visit_of(request)
    done = audit.Done(
        principal=principal,
        method=visit.method,
        path=visit.path,
        route=visit.route,
        status=200,
        request_id=visit.request_id,
    )
    answer = await platform_of(request).direct_calls.call(principal.org_id, agent_id, id, body, audited=done)
    visit.resource_id, visit.audited = answer.conversation_id, 200
    return answer
