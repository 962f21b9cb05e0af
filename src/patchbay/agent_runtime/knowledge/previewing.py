"""Looking at what an agent's draft would find for a question."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select

from patchbay.agent_runtime.agents import get_agent
from patchbay.agent_runtime.bodies import Body, read_body
from patchbay.agent_runtime.knowledge.known import Pins
from patchbay.agent_runtime.knowledge.searching import MOST_PASSAGES, Retrieved
from patchbay.agent_runtime.knowledge.tables import KnowledgeSource
from patchbay.agent_runtime.services import Runtime
from patchbay.errors import Finding, ValidationFailed


class KnowledgeQuery(Body):
    """A question in a caller's words, and the sources to look in (all, when they are left out)."""

    query: Annotated[str, Field(min_length=1, max_length=2_000)]
    source_ids: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=1, max_length=100)] | None
    ) = None
    limit: Annotated[int, Field(ge=1, le=MOST_PASSAGES)] = 5


async def preview_knowledge(runtime: Runtime, org_id: str, agent_id: str, body: Any) -> Retrieved:
    """The passages of the agent's sources, as they are now, that cover the question.

    Raises AgentNotFound, and ValidationFailed for the body or a source that this agent does not have.
    """
    async with runtime.database.tenant(org_id, read_only=True) as session:
        await get_agent(session, agent_id)
        wanted = read_body(KnowledgeQuery, body)
        ids = (await session.scalars(select(KnowledgeSource.id).where(KnowledgeSource.agent_id == agent_id))).all()
    pins: Pins = dict.fromkeys(ids)
    if wanted.source_ids is not None:
        check_sources(wanted.source_ids, ids, at="sourceIds")
        pins = dict.fromkeys(wanted.source_ids)
    return await runtime.library.retrieve(runtime.database, org_id, pins, wanted.query, limit=wanted.limit)


def check_sources(named: list[str], there: Any, *, at: str) -> None:
    """Raises ValidationFailed with a finding for each source that is not there."""
    known = set(there)
    findings = [
        Finding(
            f"{at}.{number}",
            "source_unknown",
            "This agent has no such source of knowledge.",
            "GET …/knowledge/sources lists them.",
        )
        for number, source in enumerate(named)
        if source not in known
    ]
    if findings:
        raise ValidationFailed("A source is not among the agent's (validation_error).", errors=findings)
