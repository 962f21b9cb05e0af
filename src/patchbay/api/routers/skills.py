"""Skills of an agent's draft, and the catalog of what a skill can be."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from fastapi import Body, Response
from pydantic import Field
from starlette.requests import Request

from patchbay.agent_runtime import previews, skills
from patchbay.agent_runtime.binding_skills import change_skill
from patchbay.agent_runtime.hand_made.bodies import MEMBERS, HandMadePatch, HandMadeSkill
from patchbay.agent_runtime.hand_made.saving import change_hand_made, create_skill, remove_skill
from patchbay.agent_runtime.hand_made.signing import rotate_secret
from patchbay.agent_runtime.provisioning.actions import change_configuration, read_configuration
from patchbay.agent_runtime.reviews import Reviewer
from patchbay.agent_runtime.skill_types import skill_types
from patchbay.agent_runtime.skills_shown import show_skill, show_skills
from patchbay.agent_runtime.wire import skill_json
from patchbay.api.access import SkillsRead, SkillsWrite
from patchbay.api.auditing import announce
from patchbay.api.binding_shown import BindingBody
from patchbay.api.documented import Documented
from patchbay.api.drift_shown import SkillDrift
from patchbay.api.envelope import ApiResponse, Deleted, PaginatedResponse, Shown, enveloped
from patchbay.api.pages import Paged
from patchbay.api.paths import LongAgentId, SkillId
from patchbay.api.platform import Platform, platform_of
from patchbay.api.presence import while_present
from patchbay.api.preview_shown import PreviewShown, preview_json
from patchbay.api.problems import problems
from patchbay.api.routing import PREFIX, door_router
from patchbay.api.times import Stamp
from patchbay.api.visit import visit_of
from patchbay.api.work import Reading, Writing

router = door_router("/agents/{agentId}/skills", tag="skills")
types_router = door_router("/skill-types", tag="skills")


class AutoMapKept(Shown):
    """Why a skill was proposed, and what to settle before it is enabled."""

    confidence: float = Field(ge=0, le=1, description="How sure the proposal is; below about 0.5 read the alternatives first.")
    why: str = Field(description="Why this operation, these inputs and these fields, in plain words.")
    questions: list[str] = Field(description="What a person should settle.")


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
    parameters_schema: dict[str, Any] | None = Field(
        description="What a skill made by hand asks the caller for, as a JSON Schema."
    )
    required_params: list[str] | None
    execution_config: dict[str, Any] | None = Field(
        description="What a skill made by hand does, headers and query masked; of a provisioned one, what the operator decided."
    )
    digest: str | None
    review_digest: str | None = Field(description="What a review of a write names: it changes with all that is reviewed.")
    review: dict[str, Any] | None = Field(description="Who reviewed a write: `digest`, `note`, `by`, `at`.")
    provenance: dict[str, Any] | None = Field(
        description="Which `action` or `preset` of which provider (`kind`) it was made from, and the `version` of its pack."
    )
    auto_map: AutoMapKept | None = Field(
        description="Of a skill proposed from a goal, as it was proposed; null for all others, and while `binding` is not shown."
    )
    warnings: list[dict[str, Any]] = Field(description="What to know about the binding: `field`, `code`, `message`, `hint`.")
    drift: SkillDrift | None = Field(description="What the schema of today means to it; null before discovery.")
    created_at: Stamp
    updated_at: Stamp


class SkillCreated(SkillShown):
    """A new skill. Of a webhook, `signingSecret` is shown this once: requests to it are signed with it."""

    signing_secret: str | None = Field(default=None, description="Only of a webhook.")


class SigningSecret(Shown):
    """A new signing secret, shown this once. For a day requests are signed with the old one as well."""

    id: str
    signing_secret: str


class SkillType(Shown):
    """A category of capability."""

    type: str
    name: str
    description: str
    family: str
    status: Literal["available"]
    create_with: str = Field(description="The endpoint that makes a skill of this type.")
    schema_: dict[str, Any] = Field(
        alias="schema",
        description="The JSON Schema of its `executionConfig`; of a type that is made from bindings, of the binding.",
    )


@types_router.get("", response_model=ApiResponse[list[SkillType]], summary="List available skill types", responses=problems())
async def list_skill_types(principal: SkillsRead) -> Any:
    """Everything a skill can be."""
    return enveloped([_described(one) for one in skill_types()])


def _described(entry: dict[str, Any]) -> dict[str, Any]:
    """A type with the schema of what makes a skill of it."""
    return entry if entry["schema"] is not None else {**entry, "schema": BindingBody.model_json_schema()}


@router.get("", response_model=PaginatedResponse[SkillShown], summary="List an agent's skills", responses=problems(400, 404))
async def list_skills(principal: SkillsRead, session: Reading, page: Paged, agent_id: LongAgentId) -> Any:
    """The skills of the draft, in the order they were made."""
    rows = await skills.list_skills(session, agent_id, limit=page.limit + 1, after=page.after)
    shown = await show_skills(session, rows)
    return page.envelope(shown, position=lambda skill: skill["id"], shown=lambda skill: skill)


@router.post(
    "",
    status_code=201,
    response_model=ApiResponse[SkillCreated],
    response_model_exclude_unset=True,
    summary="Create a skill",
    responses=problems(400, 404, 409, 413, 415, 422),
)
async def create_hand_made_skill(
    principal: SkillsWrite,
    request: Request,
    response: Response,
    agent_id: LongAgentId,
    body: Annotated[Any, Documented(HandMadeSkill), Body()],
) -> Any:
    """Add a skill made by hand, of one of the types that `GET /skill-types` says are made here. One that writes is disabled until
    it is reviewed. `http_webhook` calls an endpoint of your own with what the agent collected: every request is signed (Standard
    Webhooks) with `signingSecret`, which is shown this once. Skills on connected systems are made from bindings. Publish to make
    it live.
    """
    await announce(request)
    created = await create_skill(platform_of(request).runtime, principal.org_id, agent_id, body)
    visit_of(request).resource_id = created.skill.id
    response.headers["Location"] = f"{PREFIX}/agents/{agent_id}/skills/{created.skill.id}"
    response.headers["Cache-Control"] = "no-store"
    told = {} if created.signing_secret is None else {"signingSecret": created.signing_secret}
    return enveloped({**skill_json(created.skill), **told})


@router.post(
    "/{id}/signing-secret",
    response_model=ApiResponse[SigningSecret],
    summary="Rotate a webhook's signing secret",
    responses=problems(404, 422),
)
async def rotate_signing_secret(
    principal: SkillsWrite, session: Writing, request: Request, response: Response, agent_id: LongAgentId, id: SkillId
) -> Any:
    """Sign with another secret, at once and in every published version. For a day requests are signed with the old one too."""
    visit_of(request).resource_id = id
    rotated = await rotate_secret(session, platform_of(request).vault, agent_id, id)
    response.headers["Cache-Control"] = "no-store"
    return enveloped({"id": rotated.skill.id, "signingSecret": rotated.signing_secret})


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
    body: Annotated[Any, Documented(HandMadePatch), Body()],
) -> Any:
    """Change a skill of the draft. The members of `binding` that are sent replace the stored ones; the call is then checked,
    compiled and proven anew. A write is enabled with `review`, which names the `reviewDigest` of what was looked at; changing
    what was reviewed disables it again. Publish to make it live.
    """
    visit_of(request).resource_id = id
    await announce(request)
    platform = platform_of(request)
    reviewer = Reviewer(type="api_key", id=principal.key_id, label=principal.label)
    configured = await _configured(platform, principal.org_id, agent_id, id, body)
    if configured is not None:
        changes, enabled = configured
        skill = await change_configuration(
            platform.runtime, platform.packs, principal.org_id, agent_id, id, changes, reviewer=reviewer, enabled=enabled
        )
    elif isinstance(body, dict) and not MEMBERS.isdisjoint(cast("dict[str, Any]", body)):
        skill = await change_hand_made(platform.runtime, principal.org_id, agent_id, id, body)
    else:
        skill = await change_skill(platform.runtime, principal.org_id, agent_id, id, body, reviewer=reviewer)
    async with platform.database.tenant(principal.org_id, read_only=True) as session:
        return enveloped(await show_skill(session, skill))


async def _configured(
    platform: Platform, org_id: str, agent_id: str, skill: str, body: Any
) -> tuple[dict[str, Any], bool | None] | None:
    """What a body changes of a provisioned skill's configuration, and ``enabled``; None for all else."""
    if not isinstance(body, dict) or "executionConfig" not in body:
        return None
    async with platform.database.tenant(org_id, read_only=True) as session:
        row = await skills.get_skill(session, agent_id, skill)
    return None if row.provenance is None else read_configuration(cast("dict[str, Any]", body))


@router.delete("/{id}", response_model=ApiResponse[Deleted], summary="Delete a skill", responses=problems(404))
async def delete_skill(principal: SkillsWrite, session: Writing, request: Request, agent_id: LongAgentId, id: SkillId) -> Any:
    """Take a skill off the draft; published versions keep theirs until you publish."""
    visit_of(request).resource_id = id
    await remove_skill(session, agent_id, id)
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
