"""Knowledge: the sources that an agent answers from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Body, Response
from pydantic import Field
from starlette.requests import Request

from patchbay.agent_runtime.knowledge import sources
from patchbay.agent_runtime.knowledge.bodies import AutoRefresh, NewSource
from patchbay.api.access import KnowledgeRead, KnowledgeWrite
from patchbay.api.documented import Documented
from patchbay.api.envelope import ApiResponse, Deleted, PaginatedResponse, Shown, enveloped
from patchbay.api.idempotency import Idempotent
from patchbay.api.pages import Paged
from patchbay.api.paths import LongAgentId, SourceId
from patchbay.api.platform import platform_of
from patchbay.api.problems import problems
from patchbay.api.routing import PREFIX, door_router
from patchbay.api.times import Stamp
from patchbay.api.visit import visit_of
from patchbay.api.work import Reading, Writing

router = door_router("/agents/{agentId}/knowledge", tag="knowledge")


class ReadingError(Shown):
    """Why a source was not read the last time that was tried."""

    code: str
    message: str


class SourceShown(Shown):
    """A source of an agent's knowledge, without its text."""

    id: str
    agent_id: str
    kind: Literal["url", "file", "text", "faq"]
    label: str
    url: str | None
    file_id: str | None
    status: Literal["pending", "indexed", "error"] = Field(description="Rely on it once it is `indexed`.")
    error: ReadingError | None = Field(
        description="The last reading failed. With `pending` it is tried again; with `indexed` what was read before stays in use."
    )
    passage_count: int = Field(description="How many passages it was read into.")
    auto_refresh: bool
    cadence_hours: int | None = Field(description="Hours between two readings; null without auto-refresh.")
    next_check_at: Stamp | None = Field(description="When auto-refresh reads it again.")
    last_checked_at: Stamp | None = Field(description="When it was last read, or was tried to be.")
    last_changed_at: Stamp | None = Field(description="When it was last read to other content than before.")
    created_at: Stamp
    updated_at: Stamp


class Question(Shown):
    """A question and its answer."""

    question: str
    answer: str


class SourceWithText(SourceShown):
    """A source with its text."""

    text: str | None = Field(description="All that was read of it; null until then, but for a text.")
    faqs: list[Question] | None = Field(description="Of a `faq`, as they were sent.")


@router.get(
    "/sources", response_model=PaginatedResponse[SourceShown], summary="List knowledge sources", responses=problems(400, 404)
)
async def list_knowledge_sources(principal: KnowledgeRead, session: Reading, page: Paged, agent_id: LongAgentId) -> Any:
    """The sources of an agent in the order they were added, without their text."""
    rows = await sources.list_sources(session, agent_id, limit=page.limit + 1, after=page.after)
    return page.envelope(rows, position=lambda found: found.row.id, shown=sources.source_json)


@router.post(
    "/sources",
    status_code=201,
    response_model=ApiResponse[SourceWithText],
    summary="Add a knowledge source",
    responses=problems(400, 404, 409, 413, 415),
)
async def add_knowledge_source(
    principal: KnowledgeWrite,
    session: Writing,
    request: Request,
    agent_id: LongAgentId,
    idempotent: Idempotent,
    body: Annotated[Any, Documented(NewSource), Body()],
) -> Response:
    """Add a web page, an uploaded file, a text or a list of questions and answers. It is `pending` until it was read, which is in
    the background: poll it until it is `indexed` or `error`. Of a web page that one page is read, if the site's robots.txt lets
    the user agent `Patchbay`. Publish to make it live.
    """

    async def once() -> dict[str, Any]:
        found = await sources.add_source(session, agent_id, body)
        visit_of(request).resource_id = found.row.id
        platform_of(request).knowledge.wake_after(session)
        return enveloped(sources.source_with_text_json(found))

    answer = await idempotent.run(session, once, status=201, model=ApiResponse[SourceWithText])
    if added := visit_of(request).resource_id:
        answer.headers["Location"] = f"{PREFIX}/agents/{agent_id}/knowledge/sources/{added}"
    return answer


@router.get(
    "/sources/{id}", response_model=ApiResponse[SourceWithText], summary="Get a knowledge source", responses=problems(404)
)
async def get_knowledge_source(principal: KnowledgeRead, session: Reading, agent_id: LongAgentId, id: SourceId) -> Any:
    """One source with all of its text. Poll it after adding it until its status is `indexed` or `error`."""
    return enveloped(sources.source_with_text_json(await sources.get_source(session, agent_id, id)))


@router.patch(
    "/sources/{id}",
    response_model=ApiResponse[SourceWithText],
    summary="Set a knowledge source's auto-refresh",
    responses=problems(400, 404, 413, 415, 422),
)
async def set_knowledge_auto_refresh(
    principal: KnowledgeWrite,
    session: Writing,
    request: Request,
    agent_id: LongAgentId,
    id: SourceId,
    body: Annotated[Any, Documented(AutoRefresh), Body()],
) -> Any:
    """Have a web page read again by itself, each week unless `cadenceHours` says otherwise (24 at least), or not any more. What
    was read stays as it is while the page does not change.
    """
    visit_of(request).resource_id = id
    return enveloped(sources.source_with_text_json(await sources.set_auto_refresh(session, agent_id, id, body)))


@router.delete("/sources/{id}", response_model=ApiResponse[Deleted], summary="Delete a knowledge source", responses=problems(404))
async def delete_knowledge_source(
    principal: KnowledgeWrite, session: Writing, request: Request, agent_id: LongAgentId, id: SourceId
) -> Any:
    """Take a source away with all that was made of it. What is live does not answer from it any more, at once."""
    visit_of(request).resource_id = id
    await sources.delete_source(session, agent_id, id)
    return enveloped({"id": id})


@router.post(
    "/sources/{id}/refresh",
    status_code=202,
    response_model=ApiResponse[SourceShown],
    summary="Refresh a knowledge source now",
    responses=problems(404, 422),
)
async def refresh_knowledge_source(
    principal: KnowledgeWrite, session: Writing, request: Request, agent_id: LongAgentId, id: SourceId
) -> Any:
    """Read a web page again, in the background. Poll the source to see `lastCheckedAt`, and `lastChangedAt` if it has changed."""
    visit_of(request).resource_id = id
    found = await sources.refresh_source(session, agent_id, id)
    platform_of(request).knowledge.wake_after(session, again_in=sources.CALM)
    return enveloped(sources.source_json(found))
