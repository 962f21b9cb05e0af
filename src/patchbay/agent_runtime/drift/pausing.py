"""Paused skills: those whose calls the schema of today does not allow to run. They are refused when called, live or draft.

A pause is a state of the connected system, not of the draft: the skill stays enabled as its person set it, and runs again when
the schema is as it was, or its binding is mended. Publishing one takes saying so.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.drift.shown import drift_of
from patchbay.agent_runtime.tables import Skill
from patchbay.errors import Conflict


class SkillPaused(Conflict):
    """Skills of this draft are paused, because the system they use has changed (skill_paused)."""

    code, title = "skill_paused", "Skill paused"


async def paused_of(session: AsyncSession, skills: Sequence[Skill]) -> list[Skill]:
    """Of these skills, the enabled ones that are paused."""
    drift = await drift_of(session, skills)
    return [row for row in skills if row.enabled and row.id in drift and drift[row.id]["paused"]]


async def refuse_paused(session: AsyncSession, skills: Sequence[Skill]) -> None:
    """Raises :class:`SkillPaused`, with the member ``paused``, when there is one."""
    paused = await paused_of(session, skills)
    if not paused:
        return
    names = ", ".join(repr(row.name) for row in paused)
    raise SkillPaused(
        f"These skills are paused, because the system they use has changed: {names} (skill_paused).",
        hint="Mend their bindings (their drift says what changed) or disable them; or publish with acceptPaused: true.",
        extensions={"paused": [{"skillId": row.id, "name": row.name} for row in paused]},
    )
