"""``http_webhook``: a skill that calls an endpoint of the customer's own.

What it needs to reach the endpoint is sealed in a connection of its own, which is listed nowhere; a version keeps calling what it
was published with, so an edit that changes the address or a header makes another connection, and the secrets of one that nothing
uses any more are deleted. The secret that requests are signed with is the endpoint's: all of a skill's connections share it, and
rotating it holds at once.
"""

from __future__ import annotations

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.bodies import read_body
from patchbay.agent_runtime.hand_made.own_connections import connect_own, let_go_unused, replace_own
from patchbay.agent_runtime.hand_made.parameters import Parameters, read_parameters
from patchbay.agent_runtime.hand_made.skill_type import CREATE, Asked, Made, TypeEntry
from patchbay.agent_runtime.hand_made.webhook_config import ExecutionConfig, Place, check_reachable, read_place, shown_config
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.tables import Skill
from patchbay.agent_runtime.webhook_calls import BODILESS, request_slots
from patchbay.connectors.stored_credentials import read_credentials
from patchbay.connectors.tables import Connection
from patchbay.connectors.webhook.credentials import SigningSecret, WebhookCredentials, new_secret
from patchbay.egress.urls import read_url
from patchbay.errors import Finding, ValidationFailed
from patchbay.schema_graph.call import FORMAT_VERSION, WEBHOOK, Caps, Column, FrozenCall, HttpCall, Output
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
            connection_id = (await connect_own(session, vault, row.id, WEBHOOK, credentials)).id
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
        await let_go_unused(session, agent_id, skill_id, used=used)


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
    return (await replace_own(session, vault, row.id, connection, WEBHOOK, wanted)).id


def _credentials(place: Place, signing: tuple[SigningSecret, ...]) -> WebhookCredentials:
    return WebhookCredentials(origin=place.url.origin, headers=place.headers, query=place.query, signing=signing)
