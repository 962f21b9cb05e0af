"""Looking at what a call would do before anybody's caller depends on it: of a binding that is not saved, or of a skill that is.

The person who previews gives all values, those of the session and of a verified caller too: this is for operators, who may see
what the scoped view shows. Nothing is stored, and nothing is changed for good.
"""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import get_agent
from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.channel_bodies import SessionFacts
from patchbay.agent_runtime.freezing import unseal_call
from patchbay.agent_runtime.ground import prove_binding, read_ground
from patchbay.agent_runtime.knowledge.known import pins_of, sources_of
from patchbay.agent_runtime.recipes.previewing import preview_recipe
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.skills import get_skill
from patchbay.agent_runtime.tables import Skill
from patchbay.bindings.model import parse_binding
from patchbay.connectors.connections import provider_of
from patchbay.connectors.http.authorizing import Authorizer
from patchbay.connectors.preview import Preview, PreviewOptions
from patchbay.connectors.proving import preview
from patchbay.connectors.refusals import SchemaChanged, ScopedOut
from patchbay.connectors.scoping import scoped_out
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.connectors.tables import Connection
from patchbay.errors import Finding, Unprocessable
from patchbay.schema_graph.call import CallContext, FrozenCall, RecipeCall
from patchbay.schema_graph.scoping import View


class NothingToPreview(Unprocessable):
    """This skill makes no call of its own, so there is nothing to preview (nothing_to_preview)."""

    code, title = "nothing_to_preview", "Nothing to preview"


class PreviewBody(Body):
    """Values to try a call with. ``execute`` also runs a write of a database and rolls it back; side effects that the table
    has besides (triggers, rules) must then be accepted by name.
    """

    arguments: dict[str, Any] = Field(default_factory=dict)
    session: SessionFacts | None = None
    verified: dict[str, Any] = Field(default_factory=dict)
    execute: bool = False
    accept_side_effects: list[str] = Field(default_factory=list, max_length=100)


class BindingPreviewBody(PreviewBody):
    """The same for a binding that is not saved."""

    binding: dict[str, Any]


class Previewed(msgspec.Struct, frozen=True, kw_only=True):
    """What a preview shows, and what there is to know about the binding."""

    preview: Preview
    warnings: tuple[Finding, ...] = ()


class _Means(msgspec.Struct, frozen=True):
    """What a preview reaches the system with. ``view`` is None for a system that has no schema."""

    view: View | None
    credentials: Any
    authorizer: Authorizer | None
    time_zone: str


async def preview_binding(runtime: Runtime, org_id: str, agent_id: str, kind: str, body: Any) -> Previewed:
    """What the call of a binding would do. Raises what saving it raises, and what previewing the call raises."""
    async with runtime.database.tenant(org_id, read_only=True) as session:
        await get_agent(session, agent_id)
        await provider_of(session, kind)
    wanted = read_body(BindingPreviewBody, body)
    binding = parse_binding(wanted.binding)
    async with runtime.database.tenant(org_id, read_only=True) as session:
        ground = await read_ground(session, runtime, agent_id, kind, binding.operation)
        means = _Means(ground.view, ground.credentials, ground.authorizer, await _time_zone(session, agent_id))
    proven = await prove_binding(runtime, binding, ground)
    return Previewed(preview=await _preview(runtime, proven.call, means, wanted), warnings=proven.warnings)


async def preview_skill(runtime: Runtime, org_id: str, agent_id: str, skill: str, body: Any) -> Previewed:
    """What the call of a saved skill would do, enabled or not. Raises what previewing the call raises."""
    async with runtime.database.tenant(org_id, read_only=True) as session:
        row = await get_skill(session, agent_id, skill)
        wanted = read_body(PreviewBody, body)
        if row.call is None:
            raise NothingToPreview
        call = unseal_call(row.call, row.digest or "", row.name)
        own = runtime.own.get(call.kind)
        zone = await _time_zone(session, agent_id)
        pins = pins_of((await sources_of(session, agent_id)).known, draft=True)
        reached = own is None and not isinstance(call.body, RecipeCall)
        means = await _means(session, runtime, row, call, zone) if reached else None
    if own is not None:
        context = msgspec.structs.replace(_context(wanted, zone), knowledge=pins)
        return Previewed(preview=await own.preview(org_id, call, context))
    if means is None:
        return Previewed(preview=await _preview_recipe(runtime, org_id, agent_id, call, zone, wanted))
    if means.view is not None and means.view.slice_fingerprint(call.operation, call.slice) != call.slice_fingerprint:
        raise SchemaChanged
    return Previewed(preview=await _preview(runtime, call, means, wanted))


async def _preview_recipe(
    runtime: Runtime, org_id: str, agent_id: str, call: FrozenCall, zone: str, wanted: PreviewBody
) -> Preview:
    async def part_of(part: FrozenCall, context: CallContext) -> Preview:
        async with runtime.database.tenant(org_id, read_only=True) as session:
            connection = await session.get_one(Connection, part.connection_id)
            ground = await read_ground(session, runtime, agent_id, connection.kind, part.operation)
        if ground.view.slice_fingerprint(part.operation, part.slice) != part.slice_fingerprint:
            raise SchemaChanged
        means = _Means(ground.view, ground.credentials, ground.authorizer, zone)
        return await _preview_with(runtime, part, means, context, wanted)

    return await preview_recipe(runtime.runner, runtime.database, org_id, call, _context(wanted, zone), part_of)


async def _means(session: AsyncSession, runtime: Runtime, row: Skill, call: FrozenCall, zone: str) -> _Means:
    if row.binding is None:
        connection = await session.get_one(Connection, call.connection_id)
        return _Means(None, await read_credentials(session, runtime.vault, connection), None, zone)
    if await scoped_out(session, {row.id: call}):
        raise ScopedOut
    ground = await read_ground(session, runtime, row.agent_id, row.skill_type, call.operation)
    return _Means(ground.view, ground.credentials, ground.authorizer, zone)


async def _preview(runtime: Runtime, call: FrozenCall, means: _Means, wanted: PreviewBody) -> Preview:
    return await _preview_with(runtime, call, means, _context(wanted, means.time_zone), wanted)


def _context(wanted: PreviewBody, zone: str) -> CallContext:
    return CallContext(
        arguments=wanted.arguments,
        session=wanted.session.known() if wanted.session else {},
        verified=wanted.verified,
        time_zone=zone,
        idempotency_key="preview",
    )


async def _preview_with(runtime: Runtime, call: FrozenCall, means: _Means, context: CallContext, wanted: PreviewBody) -> Preview:
    options = PreviewOptions(execute=wanted.execute, accept_side_effects=frozenset(wanted.accept_side_effects))
    return await preview(
        call,
        context,
        means.view,
        credentials=means.credentials,
        guard=runtime.guard,
        authorizer=means.authorizer,
        options=options,
    )


async def _time_zone(session: AsyncSession, agent_id: str) -> str:
    return (await get_agent(session, agent_id)).draft.get("timeZone", "UTC")
