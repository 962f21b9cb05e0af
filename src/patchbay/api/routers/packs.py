"""Curated providers: their actions and packs, and putting them onto an agent."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request

from patchbay.agent_runtime.provisioning.actions import ProvisionBody, provision, remove_provisioned
from patchbay.agent_runtime.provisioning.presets import install_pack
from patchbay.agent_runtime.reviews import Reviewer
from patchbay.agent_runtime.wire import skill_json
from patchbay.api.access import IntegrationsRead, Principal, SkillsWrite
from patchbay.api.auditing import announce
from patchbay.api.documented import Documented
from patchbay.api.envelope import ApiResponse, Shown, enveloped
from patchbay.api.packs_shown import ActionShown, PackShown
from patchbay.api.paths import Kind, LongAgentId
from patchbay.api.platform import platform_of
from patchbay.api.presence import while_present
from patchbay.api.problems import problems
from patchbay.api.routers.skills import SkillShown
from patchbay.api.routing import door_router
from patchbay.api.work import Reading, Writing
from patchbay.connectors.catalog import check_kind
from patchbay.connectors.connections import provider_of
from patchbay.errors import NotFound
from patchbay.packs.model import Pack
from patchbay.packs.shown import action_json, pack_json

router = door_router("/integrations/{kind}", tag="integrations")
agent_router = door_router("/agents/{agentId}/integrations/{kind}", tag="integrations")


class NoPack(NotFound):
    """This provider ships no pack (no_pack)."""

    code, title = "no_pack", "No pack"


class ProvisionedShown(Shown):
    """A skill made from an action. ``created`` is false where it was there already."""

    skill: SkillShown
    created: bool


class InstalledShown(Shown):
    """A preset: its skill, or the reason why there is none."""

    preset: str
    skill: SkillShown | None
    created: bool
    reason: str | None


class Removed(Shown):
    """What was taken off the draft."""

    kind: str
    removed: list[str]


@router.get(
    "/actions",
    response_model=ApiResponse[list[ActionShown]],
    summary="List an integration's available actions",
    responses=problems(403, 404),
)
async def list_actions(principal: IntegrationsRead, session: Reading, request: Request, kind: Kind) -> Any:
    """What the provider can do for an agent: each action can be turned into a skill. A database has none: its schema is your
    own.
    """
    await provider_of(session, kind)
    pack = platform_of(request).packs.get(kind)
    return enveloped([action_json(action) for action in pack.actions] if pack is not None else [])


@router.get("/pack", response_model=ApiResponse[PackShown], summary="Get a provider's preset pack", responses=problems(403, 404))
async def get_pack(principal: IntegrationsRead, session: Reading, request: Request, kind: Kind) -> Any:
    """The provider's preset skills, and guidance: how its operations behave, how to identify a caller, what is not possible."""
    await provider_of(session, kind)
    return enveloped(pack_json(_pack(request, kind)))


@agent_router.post(
    "/provision",
    response_model=ApiResponse[list[ProvisionedShown]],
    summary="Add an integration's actions as skills",
    responses=problems(400, 403, 404, 409, 413, 415, 422, 503),
)
async def provision_actions(
    principal: SkillsWrite,
    request: Request,
    agent_id: LongAgentId,
    kind: Kind,
    body: Annotated[Any, Documented(ProvisionBody), Body()] = None,
) -> Any:
    """One skill for each action, every key action when none are named. Running it again is safe: what is there already comes back
    with `created: false`. An action that needs configuration is created disabled; PATCH its skill's `executionConfig`. An action
    that writes is enabled with your review of it. Publish to make them live.
    """
    check_kind(kind)
    await announce(request)
    platform = platform_of(request)
    async with platform.database.tenant(principal.org_id, read_only=True) as session:
        await provider_of(session, kind)
    pack = _pack(request, kind)
    work = provision(platform.runtime, pack, principal.org_id, agent_id, body, reviewer=_reviewer(principal))
    made = await while_present(request, work)
    return enveloped([{"skill": skill_json(one.skill), "created": one.created} for one in made])


@agent_router.delete(
    "/provision",
    response_model=ApiResponse[Removed],
    summary="Remove an integration's skills from an agent",
    responses=problems(403, 404),
)
async def remove_actions(principal: SkillsWrite, session: Writing, agent_id: LongAgentId, kind: Kind) -> Any:
    """Take off the draft what was made from the integration's actions and presets. Skills made by hand stay."""
    await provider_of(session, kind)
    return enveloped({"kind": kind, "removed": await remove_provisioned(session, agent_id, kind)})


@agent_router.post(
    "/pack/install",
    response_model=ApiResponse[list[InstalledShown]],
    summary="Install a provider's preset skills",
    responses=problems(403, 404, 409, 413, 415, 422, 503),
)
async def install_presets(principal: SkillsWrite, request: Request, agent_id: LongAgentId, kind: Kind) -> Any:
    """Put the pack's preset skills onto the agent. Running it again is safe. For a database each preset is proposed in what was
    discovered and saved disabled; one that fits nothing in the schema comes back without a skill and with the reason.
    """
    check_kind(kind)
    await announce(request)
    platform = platform_of(request)
    async with platform.database.tenant(principal.org_id, read_only=True) as session:
        await provider_of(session, kind)
    work = install_pack(platform.runtime, _pack(request, kind), principal.org_id, agent_id, reviewer=_reviewer(principal))
    made = await while_present(request, work)
    return enveloped(
        [
            {
                "preset": one.preset,
                "skill": None if one.skill is None else skill_json(one.skill),
                "created": one.created,
                "reason": one.reason,
            }
            for one in made
        ]
    )


def _pack(request: Request, kind: str) -> Pack:
    pack = platform_of(request).packs.get(kind)
    if pack is None or not (pack.has_pack or pack.actions):
        raise NoPack(hint="Map its operations with bindings.")
    return pack


def _reviewer(principal: Principal) -> Reviewer:
    return Reviewer(type="api_key", id=principal.key_id, label=principal.label)
