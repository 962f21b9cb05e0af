"""Why a connection is not as it should be: the words of ``statusReason``, ours alone."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.connectors.tables import Connection

Reason = Literal[
    "authorization_needed",
    "authorization_denied",
    "authorization_failed",
    "verification_failed",
    "reauthorization_required",
    "credentials_refused",
]
"""While pending: nobody agreed yet; the person did not; the exchange failed; the system refused what it brought. While
connected: a person has to agree again; the authorization server refuses the client."""


async def note_reason(session: AsyncSession, connection_id: str, reason: Reason | None) -> None:
    """Say of a connected connection what has to be done about it, or with None that nothing has."""
    await session.execute(
        update(Connection)
        .where(
            Connection.id == connection_id, Connection.status == "connected", Connection.status_reason.is_distinct_from(reason)
        )
        .values(status_reason=reason)
    )
