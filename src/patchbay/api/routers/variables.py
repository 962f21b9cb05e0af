"""Interaction variables: what flows through an agent's conversations, and notes on it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Body, Response
from pydantic import Field
from starlette.requests import Request

from patchbay.agent_runtime import variables
from patchbay.api.access import AgentsRead, AgentsWrite
from patchbay.api.documented import Documented
from patchbay.api.envelope import ApiResponse, Deleted, PaginatedResponse, Shown, enveloped
from patchbay.api.pages import Paged
from patchbay.api.paths import LongAgentId, VariableName
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.visit import visit_of
from patchbay.api.work import Reading, Writing

router = door_router("/agents/{agentId}/variables", tag="variables")


class VariableUse(Shown):
    """One place a variable comes from or goes to."""

    flow: Literal["collected", "produced", "session", "verified", "referenced"] = Field(
        description="`collected`: the caller is asked for it. `produced`: a skill returns it. `referenced`: a text names it."
    )
    place: str = Field(description="A skill's name, or the member of the draft.")
    skill_id: str | None


class VariableShown(Shown):
    """A variable of an agent's conversations."""

    name: str
    type: str | None = Field(description="What it is where the draft says so.")
    derived: bool = Field(description="The draft uses or produces it.")
    annotated: bool = Field(description="Somebody noted something on it, or declared it.")
    reserved: bool = Field(description="Every conversation has it by itself; it cannot be declared.")
    note: str | None
    type_hint: str | None
    uses: list[VariableUse]


@router.get(
    "", response_model=PaginatedResponse[VariableShown], summary="List interaction variables", responses=problems(400, 404)
)
async def list_variables(principal: AgentsRead, session: Reading, page: Paged, agent_id: LongAgentId) -> Any:
    """The values that flow through a conversation, found in the draft's enabled skills, its verification and its texts, with the
    notes on them. By name. It checks nothing, and nothing that runs depends on it.
    """
    found = await variables.list_variables(session, agent_id)
    after = page.after
    rest = [one for one in found if after is None or one.name > after]
    return page.envelope(rest, position=lambda one: one.name, shown=msgspec.to_builtins)


@router.post(
    "",
    status_code=201,
    response_model=ApiResponse[VariableShown],
    summary="Declare or annotate a variable",
    responses={**problems(400, 404, 409, 413, 415), 200: {"model": ApiResponse[VariableShown], "description": "It was known."}},
)
async def annotate_variable(
    principal: AgentsWrite,
    session: Writing,
    request: Request,
    response: Response,
    agent_id: LongAgentId,
    body: Annotated[Any, Documented(variables.VariableNote), Body()],
) -> Any:
    """Note something on a variable, or declare one by hand: 201 when its name is new, 200 when it was derived or noted already.
    This is documentation; it never gates a call.
    """
    visit_of(request).resource_id = agent_id
    variable, new = await variables.annotate(session, agent_id, body)
    response.status_code = 201 if new else 200
    return enveloped(msgspec.to_builtins(variable))


@router.patch(
    "/{name}",
    response_model=ApiResponse[VariableShown],
    summary="Edit a variable annotation",
    responses=problems(400, 404, 413, 415),
)
async def patch_variable(
    principal: AgentsWrite,
    session: Writing,
    request: Request,
    agent_id: LongAgentId,
    name: VariableName,
    body: Annotated[Any, Documented(variables.VariableNotePatch), Body()],
) -> Any:
    """Change the members that are sent. 404 when nothing was noted on this name."""
    visit_of(request).resource_id = agent_id
    return enveloped(msgspec.to_builtins(await variables.change_note(session, agent_id, name, body)))


@router.delete("/{name}", response_model=ApiResponse[Deleted], summary="Delete a variable annotation", responses=problems(404))
async def delete_variable(
    principal: AgentsWrite, session: Writing, request: Request, agent_id: LongAgentId, name: VariableName
) -> Any:
    """Take the note away; where there is none, nothing happens. A variable that the draft uses stays in the list."""
    visit_of(request).resource_id = agent_id
    await variables.forget_note(session, agent_id, name)
    return enveloped({"id": name})
