"""Data scoping: the tables and columns that no agent may see."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body as BodyParameter
from pydantic import Field
from starlette.requests import Request

from patchbay.api.access import IntegrationsRead, IntegrationsWrite
from patchbay.api.bodies import Body
from patchbay.api.envelope import ApiResponse, Shown, enveloped
from patchbay.api.paths import Kind
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.visit import visit_of
from patchbay.api.work import Reading, Writing
from patchbay.connectors import connections, scoping

router = door_router("/integrations/{kind}", tag="integrations")

Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=400)]], Field(max_length=10_000)]


class ScopingChange(Body):
    """What to block. Each member that is sent replaces the one there was; an empty one allows everything again."""

    blocked_tables: Names | None = Field(default=None, description="A name without a schema blocks that table in every schema.")
    blocked_columns: dict[str, Names] | None = Field(default=None, description="By table.")
    allowed_opaque: Names | None = Field(
        default=None, description="Views whose inside cannot be read, allowed although something on the connection is blocked."
    )


class Unmatched(Shown):
    """Names that match nothing that was discovered. They are kept."""

    blocked_tables: list[str] = []
    blocked_columns: dict[str, list[str]] = {}


class ScopingShown(Shown):
    """What is blocked on a connection."""

    blocked_tables: list[str]
    blocked_columns: dict[str, list[str]]
    allowed_opaque: list[str]
    scoping_version: int = Field(description="Rises with every change; live calls follow within a second.")
    unmatched: Unmatched


@router.get(
    "/scoping", response_model=ApiResponse[ScopingShown], summary="Get a connection's data scoping", responses=problems(404)
)
async def get_scoping(principal: IntegrationsRead, session: Reading, kind: Kind) -> Any:
    """What no agent may see or bind here. Empty lists: everything is allowed."""
    return enveloped(await scoping.get_scoping(session, await connections.current(session, kind)))


@router.patch(
    "/scoping",
    response_model=ApiResponse[ScopingShown],
    summary="Set a connection's data scoping",
    responses=problems(400, 404, 409, 413, 415),
)
async def patch_scoping(
    principal: IntegrationsWrite, session: Writing, request: Request, kind: Kind, body: Annotated[ScopingChange, BodyParameter()]
) -> Any:
    """Block tables and columns. They vanish from the schema, are refused at bind time, and stop in live calls within a second."""
    connection = await connections.current(session, kind)
    visit_of(request).resource_id = connection.id
    return enveloped(await scoping.patch_scoping(session, connection, body.sent()))
