"""The skills that callers reach now: those of the versions that are live."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import LargeBinary, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.freezing import unseal_call
from patchbay.agent_runtime.tables import Agent, AgentVersion
from patchbay.errors import PatchbayError
from patchbay.schema_graph.call import FrozenCall


class LiveSkill(msgspec.Struct, frozen=True):
    """One skill of the version of an agent that is live."""

    agent_id: str
    skill_id: str
    name: str
    digest: str
    call: FrozenCall


async def live_skills(session: AsyncSession, connection_id: str) -> list[LiveSkill]:
    """The skills of all live versions that call this connection. One whose call cannot be read is left out: it cannot run."""
    named = func.position(cast(connection_id.encode(), LargeBinary).op("IN")(AgentVersion.document))
    query = (
        select(Agent.id, AgentVersion.document)
        .join(AgentVersion, AgentVersion.id == Agent.published_version_id)
        .where(Agent.deleted_at.is_(None), named > 0)
        .order_by(Agent.id)
    )
    found: list[LiveSkill] = []
    for agent_id, document in (await session.execute(query)).all():
        skills: list[dict[str, Any]] = msgspec.json.decode(document)["skills"]
        for skill in skills:
            sealed = skill["call"]
            try:
                call = unseal_call(sealed["document"].encode(), sealed["digest"], skill["name"])
            except PatchbayError:
                continue
            if call.connection_id == connection_id:
                found.append(LiveSkill(agent_id, skill["id"], skill["name"], sealed["digest"], call))
    return found
