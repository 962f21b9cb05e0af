"""Publishing: freeze a version, list them, compare one with the draft, go back to one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Body as BodyParameter
from fastapi import Response
from pydantic import Field
from starlette.requests import Request

from patchbay.agent_runtime import agents, versions
from patchbay.agent_runtime.wire import version_json
from patchbay.api.access import AgentsRead, AgentsWrite
from patchbay.api.bodies import Body
from patchbay.api.envelope import ApiResponse, PaginatedResponse, Shown, enveloped
from patchbay.api.idempotency import Idempotent
from patchbay.api.pages import Paged
from patchbay.api.paths import AgentId, VersionId
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.times import Stamp
from patchbay.api.visit import visit_of
from patchbay.api.work import Reading, Writing

router = door_router("/agents/{id}", tag="agents")


class Publishing(Body):
    """What goes with a published version."""

    note: str | None = Field(
        default=None, max_length=2000, description="What changed, for whoever picks a version to go back to."
    )

    accept_paused: bool = Field(
        default=False, description="Publish although skills are paused: they are refused until they are mended."
    )


class RollingBack(Body):
    """Which version becomes the live one."""

    version_id: str = Field(min_length=1, max_length=64)


class VersionShown(Shown):
    """A published version. It never changes."""

    id: str
    agent_id: str
    version: int = Field(description="Counts from 1 in each agent.")
    sha256: str = Field(description="The digest of the frozen document.")
    note: str | None
    published_by: str | None
    created_at: Stamp
    live: bool | None = Field(default=None, description="Whether channels serve it now.")


class PublishWarning(Shown):
    """Something the new version goes without."""

    code: str
    message: str
    hint: str | None


class PublishedShown(VersionShown):
    """A version that has just been published."""

    warnings: list[PublishWarning] = Field(description="What it goes without, such as a source that has not been read yet.")


class Change(Shown):
    """One difference between a version and the draft."""

    field: str
    before: Any
    after: Any
    kind: Literal["added", "removed", "changed"]


@router.post(
    "/publish",
    status_code=201,
    response_model=ApiResponse[PublishedShown],
    summary="Publish an agent",
    responses=problems(400, 404, 409, 413, 415, 422),
)
async def publish(
    principal: AgentsWrite,
    session: Writing,
    request: Request,
    id: AgentId,
    idempotent: Idempotent,
    body: Annotated[Publishing | None, BodyParameter()] = None,
) -> Response:
    """Freeze the draft as the next version and make it live.

    With an `Idempotency-Key` a retry replays the first answer and publishes nothing; the same key with another body is 409.
    While an enabled skill is paused, because the system it uses has changed, this is 409 `skill_paused`: mend it, disable it,
    or send `acceptPaused`.
    """
    visit_of(request).resource_id = id
    sent = body or Publishing()

    async def once() -> dict[str, Any]:
        version = await versions.publish(
            session, id, note=sent.note, published_by=principal.label, accept_paused=sent.accept_paused
        )
        warnings = await versions.left_out(session, id)
        return enveloped({**version_json(version, live=True), "warnings": warnings})

    return await idempotent.run(session, once, status=201, model=ApiResponse[PublishedShown])


@router.post(
    "/rollback",
    response_model=ApiResponse[VersionShown],
    summary="Roll back to a previous version",
    responses=problems(400, 404, 409),
)
async def rollback(principal: AgentsWrite, session: Writing, request: Request, id: AgentId, body: RollingBack) -> Any:
    """Make an earlier version the live one again, at once. The draft stays as it is."""
    visit_of(request).resource_id = id
    version = await versions.rollback(session, id, body.version_id)
    return enveloped(version_json(version, live=True))


@router.get(
    "/versions", response_model=PaginatedResponse[VersionShown], summary="List agent versions", responses=problems(400, 404)
)
async def list_versions(principal: AgentsRead, session: Reading, page: Paged, id: AgentId) -> Any:
    """The published versions, newest first."""
    agent = await agents.get_agent(session, id)
    before = int(page.after) if page.after else None
    rows = await versions.list_versions(session, id, limit=page.limit + 1, before=before)
    live = agent.published_version_id
    return page.envelope(rows, position=lambda row: str(row.number), shown=lambda row: version_json(row, live=row.id == live))


@router.get(
    "/versions/{versionId}/diff",
    response_model=ApiResponse[list[Change]],
    summary="Compare a version with the draft",
    responses=problems(404),
)
async def diff(principal: AgentsRead, session: Reading, id: AgentId, version_id: VersionId) -> Any:
    """What changed from this version to the current draft, field by field."""
    return enveloped(await versions.diff(session, id, version_id))
