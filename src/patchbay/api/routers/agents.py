"""Agents: list, create, read, change, delete."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Body, Query, Response
from pydantic import Field
from starlette.requests import Request

from patchbay.agent_runtime import agents
from patchbay.agent_runtime.agent_draft import AgentDraft
from patchbay.agent_runtime.tables import Agent
from patchbay.agent_runtime.wire import agent_json
from patchbay.api.access import AgentsRead, AgentsWrite
from patchbay.api.documented import Documented, partial
from patchbay.api.envelope import ApiResponse, Deleted, PaginatedResponse, Shown, enveloped
from patchbay.api.pages import Paged
from patchbay.api.paths import AgentId
from patchbay.api.preconditions import IfMatch, etag
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.times import Stamp
from patchbay.api.visit import visit_of
from patchbay.api.work import Reading, Writing

router = door_router("/agents", tag="agents")


class AgentShown(AgentDraft, Shown):
    """An agent with its draft. `version` rises with every change; send it back in `If-Match`."""

    id: str
    status: Literal["draft", "published"]
    version: int
    published_version_id: str | None
    published_version: int | None = Field(default=None, description="The number of the live version.")
    created_at: Stamp
    updated_at: Stamp


NewAgent = Annotated[Any, Documented(AgentDraft), Body()]
AgentChange = Annotated[Any, Documented(partial(AgentDraft, "AgentPatch")), Body()]


@router.get(
    "",
    response_model=PaginatedResponse[AgentShown],
    response_model_exclude_unset=True,
    summary="List agents",
    responses=problems(400),
)
async def list_agents(
    principal: AgentsRead,
    session: Reading,
    page: Paged,
    status: Annotated[Literal["draft", "published"] | None, Query(description="Only agents in this state.")] = None,
    q: Annotated[str | None, Query(max_length=200, description="A part of the name.")] = None,
) -> dict[str, Any]:
    """Your agents, newest first."""
    rows = await agents.list_agents(session, status=status, q=q, limit=page.limit + 1, after=page.after)
    return page.envelope(rows, position=lambda row: row.id, shown=agent_json)


@router.post(
    "",
    status_code=201,
    response_model=ApiResponse[AgentShown],
    response_model_exclude_unset=True,
    summary="Create an agent",
    responses=problems(400, 409, 413, 415),
)
async def create_agent(principal: AgentsWrite, session: Writing, request: Request, response: Response, body: NewAgent) -> Any:
    """A new agent. It starts as a draft: publish it before it can take live calls or chats."""
    agent = await agents.create_agent(session, body)
    visit_of(request).resource_id = agent.id
    response.headers["Location"] = f"{router.prefix}/{agent.id}"
    return _shown(agent, response)


@router.get(
    "/{id}",
    response_model=ApiResponse[AgentShown],
    response_model_exclude_unset=True,
    summary="Get an agent",
    responses=problems(404),
)
async def get_agent(principal: AgentsRead, session: Reading, response: Response, id: AgentId) -> Any:
    """One agent with its draft."""
    agent = await agents.get_agent(session, id)
    return _shown(agent, response, published=await agents.published_number(session, agent))


@router.patch(
    "/{id}",
    response_model=ApiResponse[AgentShown],
    response_model_exclude_unset=True,
    summary="Update an agent",
    responses=problems(400, 404, 409, 413, 415),
)
async def patch_agent(
    principal: AgentsWrite,
    session: Writing,
    request: Request,
    response: Response,
    id: AgentId,
    if_match: IfMatch,
    body: AgentChange,
) -> Any:
    """Change the draft by a JSON merge patch; live conversations change with the next publish.

    Send the version you last read in `If-Match`: when it is stale the answer is 409 with the current `agent` and `version`.
    """
    visit_of(request).resource_id = id
    agent = await agents.patch_agent(session, id, body, if_match=if_match)
    return _shown(agent, response, published=await agents.published_number(session, agent))


@router.delete("/{id}", response_model=ApiResponse[Deleted], summary="Delete an agent", responses=problems(404))
async def delete_agent(principal: AgentsWrite, session: Writing, request: Request, id: AgentId) -> Any:
    """Take an agent away: it is no longer listed and takes no calls or chats. Its receipts stay."""
    visit_of(request).resource_id = id
    await agents.delete_agent(session, id)
    return enveloped({"id": id})


def _shown(agent: Agent, response: Response, *, published: int | None = None) -> dict[str, Any]:
    response.headers["ETag"] = etag(agent.version)
    return enveloped(agent_json(agent, published=published))
