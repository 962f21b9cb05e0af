"""Guardrails and caller verification of an agent's draft. Both are replaced whole; publish to make them live."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from pydantic import Field, RootModel
from starlette.requests import Request

from patchbay.agent_runtime import gate_settings
from patchbay.agent_runtime.guardrails.policies import (
    BusinessHours,
    ContentRule,
    Escalation,
    FieldLimit,
    RateLimit,
    VerifyBeforeDisclose,
    WriteGate,
)
from patchbay.agent_runtime.verification.configs import VerificationConfig
from patchbay.api.access import GuardrailsRead, GuardrailsWrite
from patchbay.api.documented import Documented
from patchbay.api.envelope import ApiResponse, enveloped
from patchbay.api.paths import LongAgentId
from patchbay.api.platform import platform_of
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.visit import visit_of
from patchbay.api.work import Reading, Writing

router = door_router("/agents/{agentId}", tag="guardrails")

OnePolicy = Annotated[
    RateLimit | BusinessHours | VerifyBeforeDisclose | FieldLimit | WriteGate | ContentRule | Escalation,
    Field(discriminator="policy_type"),
]


class Guardrails(RootModel[list[OnePolicy]]):
    """Every policy of an agent."""


class CallerVerification(RootModel[list[VerificationConfig]]):
    """Every verification configuration of an agent."""


Entries = ApiResponse[list[dict[str, Any]]]


@router.get("/guardrails", response_model=Entries, summary="Get guardrail policies", responses=problems(404))
async def get_guardrails(principal: GuardrailsRead, session: Reading, agent_id: LongAgentId) -> Any:
    """The policies of the draft. `warnings` at an entry say what about it may surprise."""
    return enveloped(await gate_settings.get_guardrails(session, agent_id))


@router.put(
    "/guardrails", response_model=Entries, summary="Replace guardrail policies", responses=problems(400, 404, 413, 415, 422)
)
async def put_guardrails(
    principal: GuardrailsWrite,
    session: Writing,
    request: Request,
    agent_id: LongAgentId,
    body: Annotated[Any, Documented(Guardrails), Body()],
) -> Any:
    """Replace the whole list: a policy that is left out is removed. Send entries back with their `id` to keep them the same."""
    visit_of(request).resource_id = agent_id
    return enveloped(await gate_settings.put_guardrails(session, agent_id, body))


@router.get("/caller-verification", response_model=Entries, summary="Get caller verification settings", responses=problems(404))
async def get_caller_verification(principal: GuardrailsRead, session: Reading, request: Request, agent_id: LongAgentId) -> Any:
    """How the draft verifies callers. `warnings` at an entry say why it might not."""
    texts = platform_of(request).runtime.sms is not None
    return enveloped(await gate_settings.get_verification(session, agent_id, texts=texts))


@router.put(
    "/caller-verification",
    response_model=Entries,
    summary="Replace caller verification settings",
    responses=problems(400, 404, 413, 415, 422),
)
async def put_caller_verification(
    principal: GuardrailsWrite,
    session: Writing,
    request: Request,
    agent_id: LongAgentId,
    body: Annotated[Any, Documented(CallerVerification), Body()],
) -> Any:
    """Replace the whole list. Each entry is checked against its verifier skill, and refused with everything that is missing."""
    visit_of(request).resource_id = agent_id
    texts = platform_of(request).runtime.sms is not None
    return enveloped(await gate_settings.put_verification(session, agent_id, body, texts=texts))
