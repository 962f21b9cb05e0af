"""Skills of an agent's draft, and the catalog of what a skill can be."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Body
from pydantic import Field
from starlette.requests import Request

from patchbay.agent_runtime import previews, skills
from patchbay.agent_runtime.binding_skills import change_skill
from patchbay.agent_runtime.reviews import Reviewer
from patchbay.agent_runtime.skills import SkillPatch
from patchbay.agent_runtime.skills_shown import show_skill, show_skills
from patchbay.api.access import SkillsRead, SkillsWrite
from patchbay.api.auditing import announce
from patchbay.api.documented import Documented
from patchbay.api.drift_shown import SkillDrift
from patchbay.api.envelope import ApiResponse, Deleted, PaginatedResponse, Shown, enveloped
from patchbay.api.pages import Paged
from patchbay.api.paths import LongAgentId, SkillId
from patchbay.api.platform import platform_of
from patchbay.api.presence import while_present
from patchbay.api.preview_shown import PreviewShown, preview_json
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.times import Stamp
from patchbay.api.visit import visit_of
from patchbay.api.work import Reading, Writing

router = door_router("/agents/{agentId}/skills", tag="skills")
types_router = door_router("/skill-types", tag="skills")


class SkillShown(Shown):
    """A skill with its binding and its gates. The frozen call behind it is named by its digest."""

    id: str
    agent_id: str
    name: str
    slug: str = Field(description="The name that a model sees.")
    description: str
    skill_type: str
    enabled: bool
    requires_verified_identity: bool
    verification_level: Literal["none", "basic", "step_up"] | None
    allowed_fields: list[str] | None
    requires_confirmation: bool | None = Field(description="Null: a write asks the caller first, a read does not.")
    stakes: Literal["low", "medium", "high"] | None
    connection_id: str | None
    binding: dict[str, Any] | None = Field(description="Null too while data scoping blocks something it reads.")
    digest: str | None
    review_digest: str | None = Field(description="What a review of a write names: it changes with all that is reviewed.")
    review: dict[str, Any] | None = Field(description="Who reviewed a write: `digest`, `note`, `by`, `at`.")
    warnings: list[dict[str, Any]] = Field(description="What to know about the binding: `field`, `code`, `message`, `hint`.")
    drift: SkillDrift | None = Field(description="What the schema of today means to it; null before discovery.")
    created_at: Stamp
    updated_at: Stamp


class SkillType(Shown):
    """A category of capability."""

    type: str
    name: str
    description: str
    family: str
    status: Literal["available", "reserved"]
    create_with: str | None = Field(description="The endpoint that makes a skill of this type.")


@types_router.get("", response_model=ApiResponse[list[SkillType]], summary="List available skill types", responses=problems())
async def list_skill_types(principal: SkillsRead) -> Any:
    """Everything a skill can be; what is reserved cannot be made yet."""
    return enveloped(list(skills.SKILL_TYPES))


@router.get("", response_model=PaginatedResponse[SkillShown], summary="List an agent's skills", responses=problems(400, 404))
async def list_skills(principal: SkillsRead, session: Reading, page: Paged, agent_id: LongAgentId) -> Any:
    """The skills of the draft, in the order they were made."""
    rows = await skills.list_skills(session, agent_id, limit=page.limit + 1, after=page.after)
    shown = await show_skills(session, rows)
    return page.envelope(shown, position=lambda skill: skill["id"], shown=lambda skill: skill)


@router.get("/{id}", response_model=ApiResponse[SkillShown], summary="Get a skill", responses=problems(404))
async def get_skill(principal: SkillsRead, session: Reading, agent_id: LongAgentId, id: SkillId) -> Any:
    """One skill."""
    return enveloped(await show_skill(session, await skills.get_skill(session, agent_id, id)))


@router.patch(
    "/{id}",
    response_model=ApiResponse[SkillShown],
    summary="Update a skill",
    responses=problems(400, 404, 409, 413, 415, 422, 503),
)
async def patch_skill(
    principal: SkillsWrite,
    request: Request,
    agent_id: LongAgentId,
    id: SkillId,
    body: Annotated[Any, Documented(SkillPatch), Body()],
) -> Any:
    """Change a skill of the draft. The members of `binding` that are sent replace the stored ones; the call is then checked,
    compiled and proven anew. A write is enabled with `review`, which names the `reviewDigest` of what was looked at; changing
    what was reviewed disables it again. Publish to make it live.
    """
    visit_of(request).resource_id = id
    await announce(request)
    platform = platform_of(request)
    reviewer = Reviewer(type="api_key", id=principal.key_id, label=principal.label)
    skill = await change_skill(platform.runtime, principal.org_id, agent_id, id, body, reviewer=reviewer)
    async with platform.database.tenant(principal.org_id, read_only=True) as session:
        return enveloped(await show_skill(session, skill))


@router.delete("/{id}", response_model=ApiResponse[Deleted], summary="Delete a skill", responses=problems(404))
async def delete_skill(principal: SkillsWrite, session: Writing, request: Request, agent_id: LongAgentId, id: SkillId) -> Any:
    """Take a skill off the draft; published versions keep theirs until you publish."""
    visit_of(request).resource_id = id
    await skills.delete_skill(session, agent_id, id)
    return enveloped({"id": id})


@router.post(
    "/{id}/preview",
    response_model=ApiResponse[PreviewShown],
    summary="Preview a skill",
    responses=problems(400, 403, 404, 409, 413, 415, 422, 502, 503, 504),
)
async def preview_skill(
    principal: SkillsWrite,
    request: Request,
    agent_id: LongAgentId,
    id: SkillId,
    body: Annotated[Any, Documented(previews.PreviewBody), Body()],
) -> Any:
    """See what a saved skill would do, enabled or not, as `POST …/bindings/preview` does for a binding."""
    visit_of(request).resource_id = id
    await announce(request)
    runtime = platform_of(request).runtime
    shown = await while_present(request, previews.preview_skill(runtime, principal.org_id, agent_id, id, body))
    return enveloped(preview_json(shown))
