"""Skills made by hand: ``http_webhook``, which calls an endpoint of the customer's own.

Such a skill is a frozen call like every other. What it needs to reach the endpoint is sealed in a connection of its own, which is
listed nowhere; a version keeps calling what it was published with, so an edit that changes the address or a header makes another
connection, and the secrets of one that nothing uses any more are deleted. The secret that requests are signed with is the
endpoint's: all of a skill's connections share it, and rotating it holds at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

import msgspec
from pydantic import Field
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import get_agent
from patchbay.agent_runtime.binding_skills import GroundMoved, check_name, free_slug, store_skill
from patchbay.agent_runtime.bodies import Body, Name, read_body
from patchbay.agent_runtime.reviews import is_reviewed
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.skill_types import SKILL_TYPES
from patchbay.agent_runtime.skills import SkillPatch, Stakes, get_skill
from patchbay.agent_runtime.tables import Skill
from patchbay.agent_runtime.webhook_calls import BODILESS, request_slots
from patchbay.agent_runtime.webhook_config import ExecutionConfig, Place, check_reachable, read_place, shown_config
from patchbay.agent_runtime.webhook_connections import connections_of, forget_unused
from patchbay.agent_runtime.webhook_parameters import Parameters, read_parameters
from patchbay.bindings.tool_lint import check_tool
from patchbay.bindings.tool_schema import tool_schema
from patchbay.connectors.connections import HIDDEN, announce
from patchbay.connectors.stored_credentials import read_credentials, write_secrets
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection
from patchbay.connectors.webhook.credentials import SigningSecret, WebhookCredentials, new_secret
from patchbay.egress.urls import read_url
from patchbay.errors import Finding, Reserved, Unprocessable, ValidationFailed
from patchbay.nearest import did_you_mean
from patchbay.schema_graph.call import FORMAT_VERSION, WEBHOOK, Caps, Column, FrozenCall, HttpCall, Output
from patchbay.schema_graph.canonical import seal
from patchbay.store.ids import new_id
from patchbay.store.vault import Vault

HTTP_WEBHOOK = "http_webhook"
MEMBERS = frozenset({"parametersSchema", "requiredParams", "executionConfig"})
ROWS, BYTES = 20, 16_384
_GATES = {"requires_verified_identity", "verification_level", "allowed_fields", "requires_confirmation", "stakes"}


class NotHandMade(Unprocessable):
    """Only a skill of type http_webhook has these members to change (not_hand_made); a bound skill is changed by binding."""

    code, title = "not_hand_made", "Not made by hand"


class HandMadeSkill(Body):
    """The body of ``POST …/skills``. Parameters come as a JSON Schema, as ``executionConfig.parameters``, or both."""

    name: Name
    description: Annotated[str, Field(max_length=2000)] = ""
    skill_type: Annotated[str, Field(max_length=40)]
    parameters_schema: dict[str, Any] | None = None
    required_params: Annotated[list[str], Field(max_length=64)] | None = None
    execution_config: ExecutionConfig
    enabled: bool = True
    requires_verified_identity: bool = False
    verification_level: Literal["basic", "step_up"] | None = None
    allowed_fields: list[str] | None = None
    requires_confirmation: bool | None = None
    stakes: Stakes | None = None


class HandMadePatch(SkillPatch):
    """What ``PATCH …/skills/{id}`` may change, of a webhook too. Members of ``executionConfig`` that are sent replace those
    stored; a header or query that comes back masked stays what it is.
    """

    parameters_schema: dict[str, Any] | None = None
    required_params: Annotated[list[str], Field(max_length=64)] | None = None
    execution_config: dict[str, Any] | None = None


class Created(msgspec.Struct, frozen=True):
    """A new skill, and the secret its requests are signed with: told this once."""

    skill: Skill
    signing_secret: str


async def create_skill(runtime: Runtime, org_id: str, agent_id: str, body: Any) -> Created:
    """A new skill on the draft. One that says it writes is disabled until it is reviewed.

    Raises ValidationFailed, Reserved for a type that is not open, DuplicateName, EgressRefused.
    """
    async with runtime.database.tenant(org_id, read_only=True) as session:
        await get_agent(session, agent_id)
    check_type(cast("Mapping[str, Any]", body).get("skillType") if isinstance(body, Mapping) else None)
    read = read_body(HandMadeSkill, body)
    findings: list[Finding] = []
    place = read_place(read.execution_config, None, findings)
    parameters = read_parameters(read.parameters_schema, read.required_params, read.execution_config.parameters, findings)
    _check(read.execution_config, findings)
    if findings or place is None:
        raise ValidationFailed("The skill is not valid (validation_error).", errors=findings)
    warnings = await check_reachable(place, runtime.guard)
    secret = new_secret()
    async with runtime.database.tenant(org_id) as session:
        await get_agent(session, agent_id, lock=True)
        await check_name(session, agent_id, read.name, None)
        skill_id = new_id("skl")
        credentials = _credentials(place, (SigningSecret(secret),))
        connection = await _connect(session, runtime.vault, skill_id, credentials)
        row = Skill(
            id=skill_id,
            agent_id=agent_id,
            name=read.name,
            description=read.description,
            slug=await free_slug(session, agent_id, read.name),
            skill_type=HTTP_WEBHOOK,
            settings=read.model_dump(by_alias=True, include=_GATES),
            binding=None,
        )
        _freeze(row, connection.id, read.execution_config, place, parameters, warnings)
        row.enabled = read.enabled and read.execution_config.effect != "write"
        session.add(row)
        return Created(await store_skill(session, row), secret)


async def change_webhook(runtime: Runtime, org_id: str, agent_id: str, skill: str, body: Any) -> Skill:
    """``PATCH …/skills/{id}`` of a webhook: the call is frozen anew. What writes is then disabled until it is reviewed again."""
    patch = read_body(HandMadePatch, body)
    async with runtime.database.tenant(org_id, read_only=True) as session:
        row = await get_skill(session, agent_id, skill)
        kept = await _place(session, runtime.vault, row)
        stored = _stored(row)
    findings: list[Finding] = []
    config = read_body(ExecutionConfig, {**(row.settings or {})["executionConfig"], **(patch.execution_config or {})})
    place = read_place(config, kept, findings)
    parameters = _changed_parameters(row, patch, config, findings)
    _check(config, findings)
    if patch.review is not None or patch.binding is not None:
        findings.append(Finding("review" if patch.review else "binding", "not_together", "This is sent in a request of its own."))
    if findings or place is None:
        raise ValidationFailed("The skill is not valid (validation_error).", errors=findings)
    warnings = await check_reachable(place, runtime.guard)
    async with runtime.database.tenant(org_id) as session:
        await get_agent(session, agent_id, lock=True)
        row = await get_skill(session, agent_id, row.id, lock=True)
        if _stored(row) != stored:
            raise GroundMoved("The webhook was changed by another request meanwhile (ground_moved); send the change again.")
        await check_name(session, agent_id, patch.name or row.name, row.id)
        row.name, row.description = patch.name or row.name, row.description if patch.description is None else patch.description
        gates = patch.model_dump(by_alias=True, include=_GATES, exclude_unset=True)
        row.settings = {**(row.settings or {}), **gates}
        connection_id = await _moved(session, runtime.vault, row, place)
        _freeze(row, connection_id, config, place, parameters, warnings)
        row.enabled = row.enabled if patch.enabled is None else patch.enabled
        if config.effect == "write" and not is_reviewed(row):
            row.enabled, row.review = False, None
        await store_skill(session, row)
        await forget_unused(session, agent_id, row.id, used=connection_id)
        return row


async def rotate_secret(session: AsyncSession, vault: Vault, agent_id: str, skill: str) -> Created:
    """Another signing secret, for the draft and every published version; for a day the old one signs as well."""
    row = await get_skill(session, agent_id, skill, lock=True)
    if row.skill_type != HTTP_WEBHOOK:
        raise NotHandMade
    secret = new_secret()
    for connection in await connections_of(session, row.id):
        credentials: WebhookCredentials = await read_credentials(session, vault, connection)
        await write_secrets(session, vault, connection, system_of(WEBHOOK).dump(credentials.rotated(secret)))
        connection.scoping_version = Connection.scoping_version + 1
        await session.flush()
        await announce(session, connection.id)
    return Created(row, secret)


def check_type(skill_type: Any) -> None:
    """Raises Reserved for a type that is not open, ValidationFailed for one that is made in another way, or that is none."""
    if not isinstance(skill_type, str) or skill_type == HTTP_WEBHOOK:
        return
    known = {entry["type"]: entry for entry in SKILL_TYPES}
    entry = known.get(skill_type)
    if entry is not None and entry["status"] == "reserved" and skill_type != "db_query":
        raise Reserved(f"Skills of type {skill_type} are reserved: they cannot be made yet.", hint="GET /skill-types lists all.")
    if entry is None:
        hint = did_you_mean(skill_type[:64], known) or "GET /skill-types lists all."
        message = "There is no such skill type that is made by hand."
    else:
        hint = "Connect the system and use bindings: POST /agents/{agentId}/integrations/{kind}/bindings."
        message = f"A skill of type {skill_type} is made from a binding."
    raise ValidationFailed("The skill type is not valid.", errors=[Finding("skillType", "skill_type_invalid", message, hint)])


def _check(config: ExecutionConfig, findings: list[Finding]) -> None:
    if config.method == "GET" and config.effect == "write":
        message = "A GET only reads: what changes something is sent by another method."
        findings.append(Finding("executionConfig.effect", "effect_invalid", message, "Use POST."))


def _freeze(
    row: Skill,
    connection_id: str,
    config: ExecutionConfig,
    place: Place,
    parameters: Parameters,
    found: Sequence[Finding],
) -> None:
    """Write the call and what is stored and shown of it."""
    settings = {**(row.settings or {})}
    settings |= {
        "executionConfig": shown_config(config, place, parameters.elsewhere),
        "parametersSchema": parameters.schema,
        "requiredParams": parameters.required,
    }
    row.settings = settings
    gated = settings.get("requiresVerifiedIdentity")
    unstated = config.method != "GET" and config.effect is None
    call = FrozenCall(
        format_version=FORMAT_VERSION,
        connection_id=connection_id,
        kind=WEBHOOK,
        operation=f"{config.method} {place.url.target}",
        effect="write" if config.effect == "write" else "read",
        body=HttpCall(
            method=config.method,
            path=place.url.target,
            slots=request_slots(parameters.inputs, config.method),
            leaves=tuple((leaf,) for leaf in dict.fromkeys(config.returns)),
            content_type=None if config.method in BODILESS else "application/json",
        ),
        inputs=parameters.inputs,
        outputs=tuple(Output(leaf, Column("webhook", leaf, "json", "json")) for leaf in dict.fromkeys(config.returns)),
        touches=(),
        caps=Caps(rows=ROWS, bytes=BYTES, deadline_ms=config.timeout_ms),
        slice=(),
        slice_fingerprint=WEBHOOK,
        verification=(settings.get("verificationLevel") or "basic") if gated else "none",
        guarantee="none" if unstated or config.effect == "write" else None,
    )
    sealed = seal(call)
    row.call, row.digest, row.connection_id = sealed.document, sealed.digest, connection_id
    check_tool(tool_schema(row.slug, row.description, call.inputs))
    warnings = [*found, *parameters.warnings]
    if unstated:
        message = "Nothing says whether calling this webhook changes anything; it is called at most once, without a review."
        hint = 'Set executionConfig.effect to "read" or "write".'
        warnings.append(Finding("executionConfig.effect", "webhook_effect_unstated", message, hint))
    row.warnings = [msgspec.to_builtins(warning) for warning in warnings]


def _changed_parameters(row: Skill, patch: HandMadePatch, config: ExecutionConfig, findings: list[Finding]) -> Parameters:
    """The stored parameters with what was sent. A schema that is sent replaces the one that is stored, names and all."""
    stored: Mapping[str, Any] = row.settings or {}
    schema = patch.parameters_schema
    required = patch.required_params
    if schema is None:
        schema = {**stored["parametersSchema"]}
        if required is not None:
            schema["required"] = []
    return read_parameters(schema, required, config.parameters, findings)


def _stored(row: Skill) -> tuple[Any, ...]:
    """What a change of a webhook starts from."""
    settings = row.settings or {}
    return row.connection_id, settings.get("executionConfig"), settings.get("parametersSchema")


async def _place(session: AsyncSession, vault: Vault, row: Skill) -> Place:
    """Where a webhook goes now, with its secrets."""
    if row.skill_type != HTTP_WEBHOOK:
        raise NotHandMade
    connection = await session.get_one(Connection, row.connection_id)
    credentials: WebhookCredentials = await read_credentials(session, vault, connection)
    shown: str = (row.settings or {})["executionConfig"]["url"]
    return Place(read_url(shown.partition("?")[0]), credentials.headers, credentials.query)


async def _moved(session: AsyncSession, vault: Vault, row: Skill, place: Place) -> str:
    """The connection for ``place``: the one there is, or another where origin, headers or query have changed."""
    connection = await session.get_one(Connection, row.connection_id)
    credentials: WebhookCredentials = await read_credentials(session, vault, connection)
    wanted = _credentials(place, credentials.signing)
    if wanted == credentials:
        return connection.id
    connection.kind = f"{connection.kind}:{connection.id}"
    await session.flush()
    return (await _connect(session, vault, row.id, wanted)).id


async def _connect(session: AsyncSession, vault: Vault, skill_id: str, credentials: WebhookCredentials) -> Connection:
    system = system_of(WEBHOOK)
    connection = Connection(
        id=new_id("con"),
        kind=f"{HIDDEN}{skill_id}",
        target=system.target(credentials),
        label=system.label(credentials),
        status="connected",
        scoping={},
        connected_at=func.now(),
    )
    session.add(connection)
    await session.flush()
    await session.refresh(connection)
    await write_secrets(session, vault, connection, system.dump(credentials))
    return connection


def _credentials(place: Place, signing: tuple[SigningSecret, ...]) -> WebhookCredentials:
    return WebhookCredentials(origin=place.url.origin, headers=place.headers, query=place.query, signing=signing)
