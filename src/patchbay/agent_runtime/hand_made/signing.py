"""Another signing secret for a webhook."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.hand_made.own_connections import connections_of
from patchbay.agent_runtime.hand_made.saving import Created, NotHandMade
from patchbay.agent_runtime.hand_made.webhook import HTTP_WEBHOOK
from patchbay.agent_runtime.skills import get_skill
from patchbay.connectors.connections import announce
from patchbay.connectors.stored_credentials import read_credentials, write_secrets
from patchbay.connectors.systems import system_of
from patchbay.connectors.tables import Connection
from patchbay.connectors.webhook.credentials import WebhookCredentials, new_secret
from patchbay.schema_graph.call import WEBHOOK
from patchbay.store.vault import Vault


async def rotate_secret(session: AsyncSession, vault: Vault, agent_id: str, skill: str) -> Created:
    """Another signing secret, for the draft and every published version; for a day the old one signs as well."""
    row = await get_skill(session, agent_id, skill, lock=True)
    if row.skill_type != HTTP_WEBHOOK:
        raise NotHandMade("Only requests of a webhook are signed (not_hand_made).")
    secret = new_secret()
    for connection in await connections_of(session, row.id):
        credentials: WebhookCredentials = await read_credentials(session, vault, connection)
        await write_secrets(session, vault, connection, system_of(WEBHOOK).dump(credentials.rotated(secret)))
        connection.scoping_version = Connection.scoping_version + 1
        await session.flush()
        await announce(session, connection.id)
    return Created(row, secret)
