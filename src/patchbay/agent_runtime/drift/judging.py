"""Judging every skill on a connection: stored with the skill, and a changed status told once.

It happens in the transaction that stores a discovered schema, or what live calls met, so nothing is lost between the two; and
again when somebody looks and finds that it has not happened (another process without the hook, a skill saved or a version
published since). One connection is judged by one transaction at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.accounts.operator_events import Told, tell
from patchbay.accounts.tables import OperatorEvent
from patchbay.agent_runtime.drift.facts import Facts, facts_of
from patchbay.agent_runtime.drift.live import live_skills
from patchbay.agent_runtime.freezing import unseal_call
from patchbay.agent_runtime.tables import Agent, Skill
from patchbay.bindings.model import parse_binding
from patchbay.bindings.remap import remap
from patchbay.bindings.scope import Target
from patchbay.connectors.connections import type_of
from patchbay.connectors.snapshots import load_graph
from patchbay.connectors.tables import Connection, Snapshot
from patchbay.errors import PatchbayError
from patchbay.schema_graph.call import FrozenCall
from patchbay.schema_graph.drift import RANK, Judgement, Reason, Status, worst
from patchbay.schema_graph.fingerprint import slice_fingerprint
from patchbay.schema_graph.scoping import Scoping, View
from patchbay.store.database import Database

_RENAMES_MAY_EXPLAIN = frozenset({"object_gone", "field_gone", "relationship_gone", "operation_gone"})
UNREADABLE = Judgement(
    "broken", (Reason("broken", "call_unreadable", "The stored call cannot be read; save its binding again."),)
)


async def judge_connection(session: AsyncSession, connection_id: str) -> None:
    """Judge the skills of all drafts and all live versions on this connection, and tell of each whose status changed."""
    locked = select(Connection.id).where(Connection.id == connection_id).with_for_update(key_share=True)
    if await session.scalar(locked) is None:
        return
    facts = (await facts_of(session, [connection_id])).get(connection_id)
    if facts is None:
        return
    at = datetime.now(UTC)
    query = (
        select(Skill)
        .join(Agent, Agent.id == Skill.agent_id)
        .where(Skill.connection_id == connection_id, Skill.call.is_not(None), Agent.deleted_at.is_(None))
        .with_for_update(skip_locked=True, of=Skill)
    )
    statuses: dict[tuple[str, str], dict[str, Any]] = {}
    for row in (await session.scalars(query)).all():
        judged = judgement_of(row, facts)
        suggestion = await _suggestion(session, row, facts, judged)
        await session.execute(
            update(Skill)
            .where(Skill.id == row.id)
            .values(drift=stored(row, facts, judged, suggestion, at), updated_at=Skill.updated_at)
            .execution_options(synchronize_session=False)
        )
        statuses[row.agent_id, row.id] = {"name": row.name, "draft": judged.status}
    for live in await live_skills(session, connection_id):
        status = facts.judge(live.call).status
        statuses.setdefault((live.agent_id, live.skill_id), {"name": live.name})["live"] = status
    await _tell(session, connection_id, statuses)


async def catch_up(database: Database, org_id: str, connection_id: str) -> None:
    """Judge a connection's skills where that has not happened for the schema, the calls and the versions of now."""
    async with database.tenant(org_id, read_only=True) as session:
        if not await _behind(session, connection_id):
            return
    async with database.tenant(org_id) as session:
        await judge_connection(session, connection_id)


async def _behind(session: AsyncSession, connection_id: str) -> bool:
    facts = (await facts_of(session, [connection_id])).get(connection_id)
    if facts is None:
        return False
    statuses: dict[str, list[Status]] = {}
    for row in (await session.scalars(select(Skill).where(Skill.connection_id == connection_id))).all():
        if row.call is None:
            continue
        judged = judgement_of(row, facts)
        if not is_current(row, facts) or (row.drift or {}).get("status") != judged.status:
            return True
        statuses.setdefault(row.id, []).append(judged.status)
    for live in await live_skills(session, connection_id):
        statuses.setdefault(live.skill_id, []).append(facts.judge(live.call).status)
    last = await _last_told(session, connection_id)
    return any(worst(iter(found)) != last.get(skill, "unchanged") for skill, found in statuses.items())


def judgement_of(row: Skill, facts: Facts) -> Judgement:
    """What the facts mean to a draft's skill."""
    assert row.call is not None
    try:
        return facts.judge(unseal_call(row.call, row.digest or "", row.name))
    except PatchbayError:
        return UNREADABLE


def is_current(row: Skill, facts: Facts) -> bool:
    """Whether what is stored with the skill is about its call of now and the schema of now."""
    known = row.drift or {}
    return (known.get("fingerprint"), known.get("digest")) == (facts.fingerprint, row.digest)


def stored(row: Skill, facts: Facts, judged: Judgement, suggestion: dict[str, Any] | None, at: datetime) -> dict[str, Any]:
    """What is stored of a judgement: ``{status, reasons, suggestion, judgedAt, fingerprint, digest}``."""
    return {
        "status": judged.status,
        "reasons": [msgspec.to_builtins(reason) for reason in judged.reasons],
        "suggestion": suggestion,
        "judgedAt": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "fingerprint": facts.fingerprint,
        "digest": row.digest,
    }


async def _suggestion(session: AsyncSession, row: Skill, facts: Facts, judged: Judgement) -> dict[str, Any] | None:
    """The binding that a likely rename asks for, where a rename may explain what is gone."""
    if row.binding is None or row.call is None or not any(reason.code in _RENAMES_MAY_EXPLAIN for reason in judged.reasons):
        return None
    call = unseal_call(row.call, row.digest or "", row.name)
    before = await _view_proven_on(session, facts.connection, call)
    if before is None:
        return None
    try:
        binding = parse_binding(row.binding)
    except PatchbayError:
        return None
    agent = await session.get_one(Agent, row.agent_id)
    target = Target(
        connection_id=facts.connection.id,
        kind=type_of(facts.connection),
        time_zone=facts.connection.time_zone,
        default_country=facts.connection.default_country,
        agent_country=agent.draft.get("defaultCountry"),
    )
    after = View(facts.graph, Scoping.from_json(facts.connection.scoping))
    found = await asyncio.to_thread(remap, binding, before, after, target)
    return None if found is None else msgspec.to_builtins(found)


async def _view_proven_on(session: AsyncSession, connection: Connection, call: FrozenCall) -> View | None:
    """The newest kept schema of the connection that has the call's slice as it was, as scoping lets it be seen now."""
    query = select(Snapshot.id).where(Snapshot.connection_id == connection.id).order_by(Snapshot.created_at.desc())
    for snapshot_id in (await session.scalars(query)).all():
        graph = await load_graph(session, snapshot_id)
        if slice_fingerprint(graph, call.operation, call.slice) == call.slice_fingerprint:
            return View(graph, Scoping.from_json(connection.scoping))
    return None


async def _tell(session: AsyncSession, connection_id: str, statuses: Mapping[tuple[str, str], dict[str, Any]]) -> None:
    last = await _last_told(session, connection_id)
    for (agent_id, skill_id), known in sorted(statuses.items()):
        status = worst(known[where] for where in ("draft", "live") if where in known)
        was = last.get(skill_id, "unchanged")
        if status == was:
            continue
        data = {**known, "status": status, "was": was, "worse": RANK[status] > RANK[was]}
        await tell(
            session, Told(type="skill.drift", data=data, agent_id=agent_id, skill_id=skill_id, connection_id=connection_id)
        )


async def _last_told(session: AsyncSession, connection_id: str) -> Mapping[str, Status]:
    """The status that was told last of each skill on the connection."""
    query = (
        select(OperatorEvent.skill_id, OperatorEvent.data)
        .where(OperatorEvent.type == "skill.drift", OperatorEvent.connection_id == connection_id)
        .order_by(OperatorEvent.skill_id, OperatorEvent.id.desc())
        .ext(distinct_on(OperatorEvent.skill_id))
    )
    rows = (await session.execute(query)).all()
    return {skill_id: data["status"] for skill_id, data in rows if skill_id is not None}
