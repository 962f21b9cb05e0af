"""``http_webhook``: a skill that calls an endpoint of the customer's own.

What it needs to reach the endpoint is sealed in a connection of its own, which is listed nowhere; a version keeps calling what it
was published with, so an edit that changes the address or a header makes another connection, and the secrets of one that nothing
uses any more are deleted. The secret that requests are signed with is the endpoint's: all of a skill's connections share it, and
rotating it holds at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.bodies import read_body
from patchbay.agent_runtime.hand_made.parameters import Parameters, read_parameters
from patchbay.agent_runtime.hand_made.skill_type import CREATE, Asked, Made, TypeEntry
from patchbay.agent_runtime.hand_made.webhook_config import ExecutionConfig, Place, check_reachable, read_place, shown_config
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.tables import AgentVersion, Skill
from patchbay.agent_runtime.webhook_calls import BODILESS, request_slots
from patchbay.connectors.connections import HIDDEN, announce, forget_credentials
from patchbay.connectors.stored_credentials import read_credentials, write_secrets
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection
from patchbay.connectors.webhook.credentials import SigningSecret, WebhookCredentials, new_secret
from patchbay.egress.urls import read_url
from patchbay.errors import Finding, ValidationFailed
from patchbay.schema_graph.call import FORMAT_VERSION, WEBHOOK, Caps, Column, FrozenCall, HttpCall, Output
from patchbay.store.ids import new_id
from patchbay.store.vault import Vault

HTTP_WEBHOOK = "http_webhook"
ROWS, BYTES = 20, 16_384


class ReadWebhook(msgspec.Struct, frozen=True):
    """A webhook as it was asked for."""

    config: ExecutionConfig
    place: Place
    parameters: Parameters
    warnings: tuple[Finding, ...]


class WebhookType:
    """See :class:`~patchbay.agent_runtime.hand_made.skill_type.HandMadeType`; what a change starts from is where it goes now."""

    entry = TypeEntry(
        type=HTTP_WEBHOOK,
        name="Webhook",
        description="Calls an HTTP endpoint of your own with what the caller said.",
        family="http",
        create_with=CREATE,
        schema=ExecutionConfig.model_json_schema(by_alias=True),
    )
    takes_parameters = True

    async def stored(self, session: AsyncSession, vault: Vault, row: Skill) -> Place:
        """Where a webhook goes now, with its secrets."""
        connection = await session.get_one(Connection, row.connection_id)
        credentials: WebhookCredentials = await read_credentials(session, vault, connection)
        shown: str = (row.settings or {})["executionConfig"]["url"]
        return Place(read_url(shown.partition("?")[0]), credentials.headers, credentials.query)

    async def read(self, runtime: Runtime, asked: Asked, stored: Place | None) -> ReadWebhook:
        """Raises ValidationFailed, EgressRefused."""
        config = read_body(ExecutionConfig, asked.config, at="executionConfig")
        findings: list[Finding] = []
        place = read_place(config, stored, findings)
        parameters = read_parameters(asked.schema, asked.required, config.parameters, findings)
        if config.method == "GET" and config.effect == "write":
            message = "A GET only reads: what changes something is sent by another method."
            findings.append(Finding("executionConfig.effect", "effect_invalid", message, "Use POST."))
        if findings or place is None:
            raise ValidationFailed("The skill is not valid (validation_error).", errors=findings)
        warnings = [*await check_reachable(place, runtime.guard), *parameters.warnings]
        if _unstated(config):
            message = "Nothing says whether calling this webhook changes anything; it is called at most once, without a review."
            hint = 'Set executionConfig.effect to "read" or "write".'
            warnings.append(Finding("executionConfig.effect", "webhook_effect_unstated", message, hint))
        return ReadWebhook(config, place, parameters, tuple(warnings))

    async def freeze(self, session: AsyncSession, vault: Vault, row: Skill, read: ReadWebhook) -> Made:
        """The request, to the connection that holds its address and secrets."""
        signing_secret = None
        if row.call is None:
            signing_secret = new_secret()
            credentials = _credentials(read.place, (SigningSecret(signing_secret),))
            connection_id = (await _connect(session, vault, row.id, credentials)).id
        else:
            connection_id = await _moved(session, vault, row, read.place)
        return Made(
            call=_call(connection_id, read),
            config=shown_config(read.config, read.place, read.parameters.elsewhere),
            schema=read.parameters.schema,
            required=read.parameters.required,
            warnings=read.warnings,
            connection_id=connection_id,
            signing_secret=signing_secret,
        )

    async def let_go(self, session: AsyncSession, agent_id: str, skill_id: str, *, used: str | None = None) -> None:
        """Give up the connections that neither the draft (``used``) nor any version of the agent can call: their secrets are
        deleted, and a call that still names one is refused.
        """
        for connection in await connections_of(session, skill_id):
            named = func.strpos(func.encode(AgentVersion.document, "escape"), connection.id)
            query = select(AgentVersion.id).where(AgentVersion.agent_id == agent_id, named > 0).limit(1)
            published = await session.scalar(query)
            if published is None and connection.id != used:
                await forget_credentials(session, connection.id)
                connection.status, connection.replaced_at = "disconnected", func.now()
                connection.scoping_version = Connection.scoping_version + 1
                await session.flush()
                await announce(session, connection.id)


async def connections_of(session: AsyncSession, skill_id: str) -> Sequence[Connection]:
    """The connections a webhook has: the draft's, and those that versions were published with."""
    kind = f"{HIDDEN}{skill_id}"
    own = (Connection.kind == kind) | Connection.kind.startswith(f"{kind}:", autoescape=True)
    query = select(Connection).where(own, Connection.status == "connected").order_by(Connection.id)
    return (await session.scalars(query)).all()


def _unstated(config: ExecutionConfig) -> bool:
    return config.method != "GET" and config.effect is None


def _call(connection_id: str, read: ReadWebhook) -> FrozenCall:
    config, inputs = read.config, read.parameters.inputs
    returns = tuple(dict.fromkeys(config.returns))
    return FrozenCall(
        format_version=FORMAT_VERSION,
        connection_id=connection_id,
        kind=WEBHOOK,
        operation=f"{config.method} {read.place.url.target}",
        effect="write" if config.effect == "write" else "read",
        body=HttpCall(
            method=config.method,
            path=read.place.url.target,
            slots=request_slots(inputs, config.method),
            leaves=tuple((leaf,) for leaf in returns),
            content_type=None if config.method in BODILESS else "application/json",
        ),
        inputs=inputs,
        outputs=tuple(Output(leaf, Column("webhook", leaf, "json", "json")) for leaf in returns),
        touches=(),
        caps=Caps(rows=ROWS, bytes=BYTES, deadline_ms=config.timeout_ms),
        slice=(),
        slice_fingerprint=WEBHOOK,
        guarantee="none" if _unstated(config) or config.effect == "write" else None,
    )


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
