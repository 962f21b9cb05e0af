"""Published versions: publish, list, compare with the draft, roll back, and load one to run it."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.agent_runtime.agents import get_agent
from patchbay.agent_runtime.conversation.tools import tool_specs
from patchbay.agent_runtime.drift.pausing import refuse_paused
from patchbay.agent_runtime.freezing import VersionTampered, draft_document, seal_document, thaw
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.agent_runtime.knowledge.known import keep_indexes, sources_of, unread_warning
from patchbay.agent_runtime.reviews import check_enabled_writes
from patchbay.agent_runtime.skills_shown import withheld_calls
from patchbay.agent_runtime.tables import AgentVersion, Skill
from patchbay.bindings.tool_lint import check_tools
from patchbay.errors import Conflict, NotFound
from patchbay.schema_graph.canonical import sha256_hex
from patchbay.store.ids import new_id

_LOADED_AT_MOST = 512
_loaded: OrderedDict[tuple[str, str], FrozenAgent] = OrderedDict()


class VersionNotFound(NotFound):
    """This agent has no such version."""


class NoPublishedVersion(Conflict):
    """The agent has never been published (no_published_version); publish it, or use draftMode."""

    code, title, named = "no_published_version", "No published version", True


class PublishConflict(Conflict):
    """Somebody else published at the same moment (publish_conflict); read the agent again and retry."""

    code, title = "publish_conflict", "Publish conflict"


async def publish(
    session: AsyncSession,
    agent_id: str,
    *,
    note: str | None = None,
    published_by: str | None = None,
    accept_paused: bool = False,
) -> AgentVersion:
    """Freeze the draft as the next version and make it live. Publishes of one agent happen one after the other.

    Sources of knowledge that have not been read hold up nothing: the version goes without them (:func:`left_out` names them).

    Raises :class:`~patchbay.agent_runtime.drift.pausing.SkillPaused` unless ``accept_paused`` where an enabled skill is paused,
    ``ReviewNeeded`` for an enabled write that nobody vouched for as it is, and ``ToolRefused`` for tools that a model's API would
    not take together.
    """
    agent = await get_agent(session, agent_id, lock=True)
    skills = await _skills(session, agent_id)
    if not accept_paused:
        await refuse_paused(session, skills)
    check_enabled_writes(skills)
    sources = await sources_of(session, agent_id, lock=True)
    content, sha256 = seal_document(draft_document(agent, skills, sources.known))
    frozen = thaw(content, sha256, version_id=None, number=None)
    await keep_indexes(session, sources.known)
    check_tools([spec.schema for spec in tool_specs(frozen, 0)])
    last = await session.scalar(select(func.max(AgentVersion.number)).where(AgentVersion.agent_id == agent_id))
    version = AgentVersion(
        id=new_id("ver"),
        agent_id=agent_id,
        number=(last or 0) + 1,
        document=content,
        sha256=sha256,
        note=note,
        published_by=published_by,
        created_at=func.now(),
    )
    session.add(version)
    try:
        await session.flush()
    except IntegrityError as error:
        raise PublishConflict from error
    agent.published_version_id = version.id
    await session.flush()
    await session.refresh(version)
    return version


async def left_out(session: AsyncSession, agent_id: str) -> list[dict[str, Any]]:
    """A warning ``{code, message, hint}`` for each source of knowledge that a version published now goes without."""
    return [unread_warning(source) for source in (await sources_of(session, agent_id)).unread]


async def list_versions(
    session: AsyncSession, agent_id: str, *, limit: int = 25, before: int | None = None
) -> Sequence[AgentVersion]:
    """Up to ``limit`` versions, newest first, those below the number ``before``."""
    await get_agent(session, agent_id)
    query = select(AgentVersion).where(AgentVersion.agent_id == agent_id).order_by(AgentVersion.number.desc()).limit(limit)
    if before is not None:
        query = query.where(AgentVersion.number < before)
    return (await session.scalars(query)).all()


async def get_version(session: AsyncSession, agent_id: str, version_id: str) -> AgentVersion:
    """One version of this agent. Raises :class:`VersionNotFound`."""
    version = await session.scalar(select(AgentVersion).where(AgentVersion.id == version_id, AgentVersion.agent_id == agent_id))
    if version is None:
        raise VersionNotFound
    return version


async def rollback(session: AsyncSession, agent_id: str, version_id: str) -> AgentVersion:
    """Make an earlier version live again, after checking that it can still be loaded. The draft stays as it is."""
    agent = await get_agent(session, agent_id, lock=True)
    version = await get_version(session, agent_id, version_id)
    thaw(version.document, version.sha256, version_id=version.id, number=version.number)
    agent.published_version_id = version.id
    await session.flush()
    return version


async def diff(session: AsyncSession, agent_id: str, version_id: str) -> list[dict[str, Any]]:
    """What changed from a version to the draft: ``{field, before, after, kind: added | removed | changed}`` by field."""
    agent = await get_agent(session, agent_id)
    version = await get_version(session, agent_id, version_id)
    if sha256_hex(version.document) != version.sha256:
        raise VersionTampered
    before = await _readable(session, msgspec.json.decode(version.document))
    sources = await sources_of(session, agent_id)
    content, _ = seal_document(draft_document(agent, await _skills(session, agent_id), sources.known))
    after = await _readable(session, msgspec.json.decode(content))
    return list(_changes(before, after, ()))


async def load_version(session: AsyncSession, version_id: str) -> FrozenAgent:
    """A version to run, its digest and those of its calls checked; each is read once a process."""
    row = (
        await session.execute(
            select(AgentVersion.org_id, AgentVersion.document, AgentVersion.sha256, AgentVersion.number).where(
                AgentVersion.id == version_id
            )
        )
    ).one_or_none()
    if row is None:
        raise VersionNotFound
    agent = thaw(row.document, row.sha256, version_id=version_id, number=row.number)
    remember(row.org_id, agent)
    return agent


def loaded(org_id: str, version_id: str) -> FrozenAgent | None:
    """The version when this process has loaded it before: versions never change. Another organization's is never given."""
    agent = _loaded.get((org_id, version_id))
    if agent is not None:
        _loaded.move_to_end((org_id, version_id))
    return agent


def remember(org_id: str, agent: FrozenAgent) -> None:
    """Keep a loaded version for :func:`loaded`."""
    if agent.version_id is not None:
        _loaded[(org_id, agent.version_id)] = agent
        while len(_loaded) > _LOADED_AT_MOST:
            _loaded.popitem(last=False)


async def agent_of(session: AsyncSession, org_id: str, agent_id: str, version_id: str | None) -> FrozenAgent:
    """The version a conversation stays with; the draft as it is now, for one that has none."""
    if version_id is None:
        return await compile_draft(session, agent_id)
    return loaded(org_id, version_id) or await load_version(session, version_id)


async def compile_draft(session: AsyncSession, agent_id: str) -> FrozenAgent:
    """The draft as it would be published now, through the same document and the same checks."""
    agent = await get_agent(session, agent_id)
    sources = await sources_of(session, agent_id)
    content, sha256 = seal_document(draft_document(agent, await _skills(session, agent_id), sources.known))
    return thaw(content, sha256, version_id=None, number=None)


async def _skills(session: AsyncSession, agent_id: str) -> Sequence[Skill]:
    return (await session.scalars(select(Skill).where(Skill.agent_id == agent_id).order_by(Skill.id))).all()


async def _readable(session: AsyncSession, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as a person compares it: profile fields at the top, skills by name, calls by their digest, sources of
    knowledge by label. Bindings of what data scoping blocks now are left out.
    """
    sealed = {skill["id"]: (skill["call"]["document"].encode(), skill["call"]["digest"]) for skill in document["skills"]}
    withheld = await withheld_calls(session, sealed)
    skills: dict[str, Any] = {}
    for skill in document["skills"]:
        left_out = {"name", "tool", "call", *(["binding"] if skill["id"] in withheld else [])}
        shown = {k: v for k, v in skill.items() if k not in left_out and v is not None}
        skills[skill["name"]] = {**shown, "digest": skill["call"]["digest"]}
    apart = ("formatVersion", "agentId", "profile", "skills", "knowledge")
    rest = {k: v for k, v in document.items() if k not in apart}
    return {**document["profile"], **rest, "skills": skills, "knowledge": _readable_knowledge(document["knowledge"])}


def _readable_knowledge(sources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sources by label (and id, where two share one). What a followed one says changes without a publish: it is not compared."""
    labels = Counter(source["label"] for source in sources)
    return {
        source["label"] if labels[source["label"]] == 1 else f"{source['label']} ({source['sourceId']})": {
            "sourceId": source["sourceId"],
            "kind": source["kind"],
            "follows": source["follows"],
            **({} if source["follows"] else {"content": source["sha256"]}),
        }
        for source in sources
    }


def _changes(before: Any, after: Any, path: tuple[str, ...]) -> list[dict[str, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast(dict[str, Any], before), cast(dict[str, Any], after)
        return [c for key in sorted(old.keys() | new.keys()) for c in _changes(old.get(key), new.get(key), (*path, key))]
    if before == after:
        return []
    kind = "added" if _absent(before) else "removed" if _absent(after) else "changed"
    return [{"field": ".".join(path), "before": before, "after": after, "kind": kind}]


def _absent(value: Any) -> bool:
    return value is None or value == [] or value == {}
