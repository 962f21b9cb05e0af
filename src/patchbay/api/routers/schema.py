"""The discovered schema, as far as data scoping lets it be seen: all of it, one object, operations, search."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from starlette.requests import Request

from patchbay.api.access import IntegrationsRead
from patchbay.api.envelope import ApiResponse, PaginatedResponse, Shown, enveloped
from patchbay.api.pages import Paged
from patchbay.api.paths import Kind, ObjectName
from patchbay.api.platform import platform_of
from patchbay.api.presence import while_present
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.schema_shown import (
    ObjectDetail,
    ObjectSummary,
    OperationShown,
    SchemaDiffShown,
    SchemaShown,
    object_detail,
    object_summary,
    operation_json,
    schema_json,
)
from patchbay.api.work import Reading
from patchbay.connectors import connections, schema_changes, snapshots
from patchbay.errors import NotFound
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.model import Badge, FieldType, Object
from patchbay.schema_graph.scoping import View
from patchbay.schema_graph.search import HitKind

router = door_router("/integrations/{kind}", tag="integrations")

Text = Annotated[str | None, Query(max_length=200, description="A part of the name.")]


class ObjectNotFound(NotFound):
    """There is no such object in the discovered schema."""


class HitShown(Shown):
    """One thing that was found, best first."""

    kind: HitKind
    object: str | None = None
    field: str | None = None
    operation: str | None = Field(
        default=None, description="The one that was found, or a read that leads to the object or field."
    )
    path: list[str] = Field(description="From the operation's record to what was found.")
    type: FieldType | None = None
    relationship_target: str | None = None
    description: str | None = None
    badges: list[Badge] = []
    score: float


async def _view(session: Reading, kind: str) -> View:
    return await snapshots.load_view(session, await connections.current(session, kind))


@router.get(
    "/schema",
    summary="Get an integration's discovered schema",
    responses={**problems(404), 200: {"model": ApiResponse[SchemaShown]}},
)
async def get_schema(principal: IntegrationsRead, session: Reading, kind: Kind) -> Response:
    """Everything the last discovery found and data scoping lets be seen: objects, fields, relationships, operations.

    The arguments of an operation are at `/operations` and at each object.
    """
    view = await _view(session, kind)
    body = await run_in_threadpool(lambda: msgspec.json.encode(enveloped(schema_json(view))))
    return Response(body, media_type="application/json")


@router.get(
    "/schema/diff",
    response_model=ApiResponse[SchemaDiffShown],
    response_model_exclude_unset=True,
    summary="Get what the last discovery changed",
    responses=problems(404, 503),
)
async def get_schema_diff(principal: IntegrationsRead, request: Request, kind: Kind) -> Any:
    """What the current schema adds, lacks and has otherwise than the one discovered before it, within data scoping.

    `before` is null after a first discovery. `renamed` is a likelihood, told and never acted upon.
    """
    async with platform_of(request).database.tenant(principal.org_id, read_only=True) as session:
        compared = await schema_changes.read_compared(session, await connections.current(session, kind))
    return enveloped(await while_present(request, schema_changes.schema_changes(compared)))


@router.get(
    "/objects",
    response_model=PaginatedResponse[ObjectSummary],
    summary="Browse a provider's objects",
    responses=problems(400, 404),
)
async def list_objects(principal: IntegrationsRead, session: Reading, page: Paged, kind: Kind, q: Text = None) -> Any:
    """The objects by name, each with what can be done with it and how much it holds."""
    view = await _view(session, kind)
    wanted = (q or "").casefold()
    names = [name for name in view.object_names() if wanted in name.casefold()]
    return page.slice(names, shown=lambda name: object_summary(view, _object(view, name)))


@router.get(
    "/objects/{object:path}", response_model=ApiResponse[ObjectDetail], summary="Get one object's detail", responses=problems(404)
)
async def get_object(principal: IntegrationsRead, session: Reading, kind: Kind, name: ObjectName) -> Any:
    """One object: its fields, relationships and operations. By name or slug."""
    view = await _view(session, kind)
    return enveloped(object_detail(view, _object(view, name)))


@router.get(
    "/operations",
    response_model=PaginatedResponse[OperationShown],
    summary="Browse a provider's operations",
    responses=problems(400, 404),
)
async def list_operations(
    principal: IntegrationsRead,
    session: Reading,
    page: Paged,
    kind: Kind,
    read_only: Annotated[bool, Query(alias="readOnly", description="false includes writes.")] = True,
    returns: Annotated[str | None, Query(alias="object", max_length=400, description="Only operations of this object.")] = None,
    q: Text = None,
) -> Any:
    """What a binding can call, with its arguments."""
    view = await _view(session, kind)
    if returns is not None:
        returns = _object(view, returns).name
    found = view.operations(object=returns, include_writes=not read_only, q=q)
    return page.slice(found, shown=lambda operation: operation_json(view, operation))


@router.get(
    "/search", response_model=ApiResponse[list[HitShown]], summary="Search a provider's schema", responses=problems(400, 404)
)
async def search(
    principal: IntegrationsRead,
    session: Reading,
    kind: Kind,
    q: Annotated[str, Query(min_length=1, max_length=200, description="What to find.")],
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
) -> Any:
    """Ranked search over objects, fields and operations: by names, descriptions, allowed values, and what means the same."""
    index = await snapshots.load_index(session, await connections.current(session, kind))
    return enveloped([msgspec.structs.asdict(hit) for hit in index.search(q, limit)])


def _object(view: View, name: str) -> Object:
    found = view.object(name)
    if found is None:
        hint = did_you_mean(name, view.object_names()) or "GET …/objects lists all of them."
        raise ObjectNotFound(hint=hint)
    return found
