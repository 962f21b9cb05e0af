"""Integrations: what can be connected and what is; connect, disconnect, discover."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Body as BodyParameter
from pydantic import Field
from starlette.requests import Request

from patchbay.agent_runtime.drift.judging import judge_connection
from patchbay.api.access import IntegrationsRead, IntegrationsWrite
from patchbay.api.auditing import announce, audit_success
from patchbay.api.bodies import object_of
from patchbay.api.credentials_shown import ConnectBody
from patchbay.api.documented import Documented
from patchbay.api.envelope import ApiResponse, PaginatedResponse, Shown, enveloped
from patchbay.api.pages import Paged
from patchbay.api.paths import Kind
from patchbay.api.platform import platform_of
from patchbay.api.presence import while_present
from patchbay.api.problems import problems
from patchbay.api.routing import door_router
from patchbay.api.times import Stamp
from patchbay.api.visit import visit_of
from patchbay.api.work import Reading, Writing
from patchbay.connectors import connecting, connections, discovery
from patchbay.connectors.oauth import revoking
from patchbay.packs.connecting import provided_for
from patchbay.schema_graph.model import Badge

router = door_router("/integrations", tag="integrations")


class CatalogEntry(Shown):
    """A provider that can be connected: built in, or with `custom` your own."""

    kind: str
    name: str
    type: str
    category: str
    description: str
    auth: str = Field(description="How it is connected: `credentials`, or `oauth`: a person agrees in the browser.")
    logo: str | None
    action_count: int
    has_pack: bool
    custom: bool
    connected: bool
    account_label: str | None


class ConnectionShown(Shown):
    """A connection: its status, never its credentials."""

    id: str
    kind: str
    type: str
    status: Literal["connected", "pending", "disconnected"]
    status_reason: str | None = Field(description="A word for what has to be done: `reauthorization_required`, for instance.")
    label: str
    target: dict[str, Any] = Field(description="What identifies the system: host, port and database, or base URL.")
    definition: dict[str, Any] | None = Field(description="What a kind of your own was said to be; holds no secret.")
    time_zone: str | None
    default_country: str | None
    connected_at: Stamp | None
    discovered_at: Stamp | None


class ConnectedShown(ConnectionShown):
    """A connection that was just entered."""

    oauth_url: str | None = Field(description="Open it in a browser to agree; until then the status is `pending`.")


class DisconnectedShown(ConnectionShown):
    """A connection that was just ended."""

    revoked: bool | None = Field(description="Whether the provider confirms that its tokens are void; null without any.")


class DiscoveryFinding(Shown):
    """Something to know about a discovered schema."""

    code: str
    message: str


class DiscoveryShown(Shown):
    """What a discovery found."""

    kind: str
    object_count: int
    field_count: int
    edge_count: int
    operation_count: int
    badges: dict[Badge, int]
    fingerprint: str = Field(description="The same for the same schema.")
    changed: bool = Field(description="Whether the schema differs from the snapshot before.")
    discovered_at: Stamp
    duration_ms: float
    findings: list[DiscoveryFinding] = Field(description="What to know about what was found.")


@router.get(
    "/catalog", response_model=ApiResponse[list[CatalogEntry]], summary="List the integration catalog", responses=problems()
)
async def list_catalog(principal: IntegrationsRead, session: Reading) -> Any:
    """Every provider that can be connected today, and whether you have."""
    return enveloped(await connections.list_catalog(session))


@router.get("", response_model=PaginatedResponse[ConnectionShown], summary="List connected integrations", responses=problems(400))
async def list_integrations(principal: IntegrationsRead, session: Reading, page: Paged) -> Any:
    """Your connections and their status, by kind."""
    return page.slice(await connections.list_connections(session), shown=lambda connection: connection)


@router.post(
    "/{kind}/connect",
    response_model=ApiResponse[ConnectedShown],
    summary="Connect an integration",
    responses=problems(400, 404, 409, 413, 415, 422, 503),
)
async def connect(
    principal: IntegrationsWrite,
    session: Writing,
    request: Request,
    kind: Kind,
    body: Annotated[Any, Documented(ConnectBody), BodyParameter()] = None,
) -> Any:
    """Log in with these credentials and keep them, encrypted; they are never returned.

    With a `definition`, a kind of your own (such as `acme_crm`) becomes a provider like any other. The same system again
    replaces the credentials. Another one is another connection, which inherits the data scoping. Where a person has to agree
    first (OAuth), the answer holds an `oauthUrl` to open in a browser.
    """
    platform = platform_of(request)
    given = object_of(body)
    pack = platform.packs.get(kind)
    provided = None
    if pack is not None and pack.document is not None:
        async with platform.database.tenant(principal.org_id, read_only=True) as reading:
            known = await connections.find(reading, kind)
        provided = provided_for(pack, given, platform.settings, again=known is not None and known.status == "connected")
    made = await connecting.connect(
        platform.database,
        session,
        platform.vault,
        platform.guard,
        org_id=principal.org_id,
        kind=kind,
        body=given,
        public_url=platform.settings.public_url,
        provided=provided,
    )
    visit_of(request).resource_id = made.connection.id
    shown = await connections.connection_json(session, made.connection)
    return enveloped({**shown, "oauthUrl": made.oauth_url})


@router.delete(
    "/{kind}", response_model=ApiResponse[DisconnectedShown], summary="Disconnect an integration", responses=problems(404, 409)
)
async def disconnect(principal: IntegrationsWrite, request: Request, kind: Kind) -> Any:
    """Remove the stored credentials; live calls stop within a second. Data scoping and the last schema stay.

    Where the provider can be told that its tokens are void, it is; nothing waits for it longer than a few seconds.
    """
    platform, visit = platform_of(request), visit_of(request)
    async with platform.database.tenant(principal.org_id) as session:
        grant = await revoking.grant_of(session, platform.vault, kind)
        connection = await connections.disconnect(session, kind=kind)
        visit.resource_id = connection.id
        shown = await connections.connection_json(session, connection)
        await audit_success(session, visit, 200)
    return enveloped({**shown, "revoked": await revoking.give_back(platform.guard, grant)})


@router.post(
    "/{kind}/discover",
    response_model=ApiResponse[DiscoveryShown],
    summary="Discover an integration's schema",
    responses=problems(404, 409, 503),
)
async def discover(principal: IntegrationsWrite, request: Request, kind: Kind) -> Any:
    """Read the whole schema of the connected system. The new snapshot replaces the one before; data scoping stays.

    Every skill on it is judged: `GET …/drift` tells what the schema means to each.
    """
    await announce(request)
    platform = platform_of(request)
    work = discovery.discover(
        platform.database, platform.vault, platform.guard, org_id=principal.org_id, kind=kind, judge=judge_connection
    )
    return enveloped(await while_present(request, work))
