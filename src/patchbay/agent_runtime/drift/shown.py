"""Drift on the wire: with each skill, and as the list of all skills on a connection.

A reason names only what its call uses. Where data scoping blocks some of that, the status is shown and no reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.operator_events import list_events
from patchbay.accounts.tables import OperatorEvent
from patchbay.agent_runtime.drift.facts import Facts, facts_of
from patchbay.agent_runtime.drift.judging import is_current, judgement_of
from patchbay.agent_runtime.drift.live import LiveSkill, live_skills
from patchbay.agent_runtime.freezing import unseal_call
from patchbay.agent_runtime.tables import Agent, Skill
from patchbay.connectors.connections import current
from patchbay.connectors.scoping import scoped_out
from patchbay.connectors.tables import Connection, Snapshot
from patchbay.errors import PatchbayError
from patchbay.schema_graph.call import FrozenCall
from patchbay.schema_graph.drift import Judgement

EVENTS_SHOWN = 25


async def drift_of(session: AsyncSession, skills: Sequence[Skill]) -> Mapping[str, dict[str, Any]]:
    """By skill id, ``{status, paused, reasons, suggestion, judgedAt}``; none for a skill without a call or a discovered system.

    What was stored of another call or schema is not believed: then it is judged here.
    """
    called = [row for row in skills if row.call is not None and row.connection_id is not None]
    facts = await facts_of(session, sorted({row.connection_id for row in called if row.connection_id is not None}))
    return {row.id: _of_row(row, facts[row.connection_id or ""]) for row in called if row.connection_id in facts}


def without_reasons(shown: dict[str, Any]) -> dict[str, Any]:
    """What may be shown of the drift of a skill that uses what is blocked."""
    return {**shown, "reasons": [], "suggestion": None}


async def connection_drift(session: AsyncSession, kind: str) -> dict[str, Any]:
    """``{kind, fingerprint, discoveredAt, skills, events}``: every skill on the connection, of drafts and of live versions.

    A skill whose live call is the draft's is one entry, with ``draft`` and ``live`` both true. Raises NotFound for a kind that
    was never connected; before the first discovery there are no skills.
    """
    connection = await current(session, kind)
    facts = (await facts_of(session, [connection.id])).get(connection.id)
    events = await list_events(session, types=("skill.drift",), connection_id=connection.id, limit=EVENTS_SHOWN)
    snapshot = await session.get(Snapshot, connection.snapshot_id) if connection.snapshot_id else None
    return {
        "kind": kind,
        "fingerprint": snapshot.fingerprint if snapshot else None,
        "discoveredAt": snapshot.created_at if snapshot else None,
        "skills": [] if facts is None else await _skills(session, connection, facts),
        "events": [_event(event) for event in events],
    }


async def _skills(session: AsyncSession, connection: Connection, facts: Facts) -> list[dict[str, Any]]:
    query = (
        select(Skill)
        .join(Agent, Agent.id == Skill.agent_id)
        .where(Skill.connection_id == connection.id, Skill.call.is_not(None), Agent.deleted_at.is_(None))
        .order_by(Skill.id)
    )
    rows = (await session.scalars(query)).all()
    live = {(one.skill_id, one.digest): one for one in await live_skills(session, connection.id)}
    calls: dict[str, FrozenCall] = {}
    entries: list[tuple[str, dict[str, Any]]] = []
    for row in rows:
        same = live.pop((row.id, row.digest or ""), None)
        call = _call_of(row)
        name = f"draft {row.id}"
        if call is not None:
            calls[name] = call
        met = [] if call is None else facts.met_by(call)
        entries.append(
            (name, _entry(row.agent_id, row.id, row.name, _of_row(row, facts), met, draft=True, live=same is not None))
        )
    for one in live.values():
        name = f"live {one.skill_id} {one.digest}"
        calls[name] = one.call
        shown = _of_live(one, facts)
        entries.append(
            (name, _entry(one.agent_id, one.skill_id, one.name, shown, facts.met_by(one.call), draft=False, live=True))
        )
    blocked = await scoped_out(session, calls)
    return [without_reasons({**entry, "observed": []}) if name in blocked else entry for name, entry in entries]


def _entry(
    agent_id: str, skill_id: str, name: str, shown: dict[str, Any], met: Sequence[Any], *, draft: bool, live: bool
) -> dict[str, Any]:
    observed = [{"leaf": o.leaf or None, "count": o.count, "firstAt": o.first_at, "lastAt": o.last_at} for o in met]
    about = {"agentId": agent_id, "skillId": skill_id, "name": name, "draft": draft, "live": live}
    return {**about, **shown, "observed": observed}


def _of_row(row: Skill, facts: Facts) -> dict[str, Any]:
    stored = row.drift or {}
    current_one = is_current(row, facts)
    judged = judgement_of(row, facts)
    return _shown(judged, stored.get("suggestion") if current_one else None, stored.get("judgedAt") if current_one else None)


def _of_live(one: LiveSkill, facts: Facts) -> dict[str, Any]:
    return _shown(facts.judge(one.call), None, None)


def _shown(judged: Judgement, suggestion: Any, judged_at: str | None) -> dict[str, Any]:
    return {
        "status": judged.status,
        "paused": not judged.runs,
        "reasons": [_reason(msgspec.to_builtins(reason)) for reason in judged.reasons],
        "suggestion": suggestion,
        "judgedAt": judged_at,
    }


def _reason(reason: dict[str, Any]) -> dict[str, Any]:
    return {"object": None, "field": None, "leaves": [], **reason}


def _call_of(row: Skill) -> FrozenCall | None:
    assert row.call is not None
    try:
        return unseal_call(row.call, row.digest or "", row.name)
    except PatchbayError:
        return None


def _event(event: OperatorEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "agentId": event.agent_id,
        "skillId": event.skill_id,
        "at": event.at,
        "data": event.data,
    }
