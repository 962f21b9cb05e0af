"""Bindings: an operation of a discovered system, mapped onto an agent as a skill."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Body, Response
from starlette.requests import Request

from patchbay.agent_runtime import previews
from patchbay.agent_runtime.auto_mapping import AutoMapBody, auto_map
from patchbay.agent_runtime.binding_skills import save_binding
from patchbay.agent_runtime.wire import skill_json
from patchbay.api.access import SkillsWrite
from patchbay.api.auditing import announce
from patchbay.api.binding_shown import BindingBody
from patchbay.api.documented import Documented
from patchbay.api.envelope import ApiResponse, Shown, enveloped
from patchbay.api.paths import Kind, LongAgentId
from patchbay.api.platform import platform_of
from patchbay.api.presence import while_present
from patchbay.api.preview_shown import PreviewShown, preview_json
from patchbay.api.problems import problems
from patchbay.api.routers.skills import AutoMapKept, SkillShown
from patchbay.api.routing import PREFIX, door_router
from patchbay.api.visit import visit_of
from patchbay.connectors.catalog import check_kind

router = door_router("/agents/{agentId}/integrations/{kind}/bindings", tag="integrations")


class AlternativeShown(Shown):
    """Another operation that may have been meant."""

    operation: str
    why: str


class AutoMapShown(AutoMapKept):
    """Why this was proposed, what to settle before it is enabled, and what else there is."""

    alternatives: list[AlternativeShown]


class AutoMappedShown(SkillShown):
    """The disabled draft with what led to it."""

    auto_map: AutoMapShown  # pyright: ignore[reportIncompatibleVariableOverride]


@router.post(
    "",
    status_code=201,
    response_model=ApiResponse[SkillShown],
    summary="Map an integration's fields to a skill",
    responses=problems(400, 404, 409, 413, 415, 422, 503),
)
async def create_binding(
    principal: SkillsWrite,
    request: Request,
    response: Response,
    agent_id: LongAgentId,
    kind: Kind,
    body: Annotated[Any, Documented(BindingBody), Body()],
) -> Any:
    """Map an operation's arguments to the agent's parameters and choose the fields that come back.

    The binding is checked against the discovered schema as data scoping lets it be seen, compiled to one frozen call, and proven
    against the live system. Everything wrong comes back in one 422. The skill is on the draft: publish to make it live.
    """
    check_kind(kind)
    await announce(request)
    skill = await save_binding(platform_of(request).runtime, principal.org_id, agent_id, kind, body)
    visit_of(request).resource_id = skill.id
    response.headers["Location"] = f"{PREFIX}/agents/{agent_id}/skills/{skill.id}"
    return enveloped(skill_json(skill))


@router.post(
    "/auto",
    status_code=201,
    response_model=ApiResponse[AutoMappedShown],
    summary="Auto-map a binding from a goal",
    responses=problems(400, 404, 409, 413, 415, 422, 503),
)
async def auto_map_binding(
    principal: SkillsWrite,
    request: Request,
    response: Response,
    agent_id: LongAgentId,
    kind: Kind,
    body: Annotated[Any, Documented(AutoMapBody), Body()],
) -> Any:
    """Propose a binding for a goal in plain language: the operation, what goes in, which fields come back.

    Only what data scoping lets be seen is considered. The proposal is checked, compiled and proven like any binding and saved
    disabled; `autoMap` says how sure it is and what a person should settle. When nothing can be bound the answer is 422
    `no_valid_binding` with the reason and the nearest `candidates`.
    """
    check_kind(kind)
    await announce(request)
    made = await auto_map(platform_of(request).runtime, principal.org_id, agent_id, kind, body)
    visit_of(request).resource_id = made.skill.id
    response.headers["Location"] = f"{PREFIX}/agents/{agent_id}/skills/{made.skill.id}"
    return enveloped({**skill_json(made.skill), "autoMap": msgspec.to_builtins(made.why)})


@router.post(
    "/preview",
    response_model=ApiResponse[PreviewShown],
    summary="Preview a binding",
    responses=problems(400, 404, 409, 413, 415, 422, 502, 503, 504),
)
async def preview_binding(
    principal: SkillsWrite,
    request: Request,
    agent_id: LongAgentId,
    kind: Kind,
    body: Annotated[Any, Documented(previews.BindingPreviewBody), Body()],
) -> Any:
    """See what a binding would do before it is saved. A read runs with a small limit. A write to a database shows its statement,
    its parameters and the record as it is; with `execute` it also runs and is rolled back. A write to an HTTP system shows the
    exact request, its secrets masked, and is not sent.
    """
    check_kind(kind)
    await announce(request)
    runtime = platform_of(request).runtime
    shown = await while_present(request, previews.preview_binding(runtime, principal.org_id, agent_id, kind, body))
    return enveloped(preview_json(shown))
