"""Reading what a report is about from the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import get_agent
from patchbay.agent_runtime.drift.shown import drift_of
from patchbay.agent_runtime.freezing import draft_document
from patchbay.agent_runtime.knowledge.known import sources_of
from patchbay.agent_runtime.prepublish.report import report_of
from patchbay.agent_runtime.prepublish.subject import Known, Place, Unpublished, subject_of
from patchbay.agent_runtime.reviews import is_reviewed, writes
from patchbay.agent_runtime.skills_shown import withheld_calls
from patchbay.agent_runtime.tables import Skill
from patchbay.connectors.connections import HIDDEN
from patchbay.connectors.tables import Connection
from patchbay.schema_graph.call import WEBHOOK


async def prepublish_report(session: AsyncSession, agent_id: str, *, texts: bool) -> dict[str, Any]:
    """The report on an agent's draft; ``texts``: a text message carrier is configured.

    Raises AgentNotFound, or SkillCallTampered for what could not be published either.
    """
    agent = await get_agent(session, agent_id)
    skills = (await session.scalars(select(Skill).where(Skill.agent_id == agent_id).order_by(Skill.id))).all()
    sources = await sources_of(session, agent_id)
    known = Known(
        places=await _places(session, skills),
        drift=await drift_of(session, skills),
        warnings={row.id: list(row.warnings or []) for row in skills},
        blocked=frozenset(await withheld_calls(session, {s.id: (s.call, s.digest or "") for s in skills if s.call is not None})),
        writes=tuple(Unpublished(s.id, s.name, s.enabled, is_reviewed(s)) for s in skills if writes(s)),
        texts=texts,
        unread=sources.unread,
    )
    return report_of(subject_of(draft_document(agent, skills, sources.known), known))


async def _places(session: AsyncSession, skills: Sequence[Skill]) -> dict[str, Place]:
    ids = {row.connection_id for row in skills if row.connection_id is not None}
    if not ids:
        return {}
    rows = (await session.scalars(select(Connection).where(Connection.id.in_(ids)))).all()
    return {row.id: Place(row.id, _kind(row.kind), row.label, _host(row.target), _blocked(row.scoping)) for row in rows}


def _kind(kind: str) -> str:
    return WEBHOOK if kind.startswith(HIDDEN) else kind


def _host(target: dict[str, Any]) -> str | None:
    return target.get("host") or target.get("baseUrl")


def _blocked(scoping: dict[str, Any]) -> int:
    columns: dict[str, list[str]] = scoping.get("blockedColumns") or {}
    return len(scoping.get("blockedTables") or ()) + sum(len(names) for names in columns.values())
