"""MCP sessions. Each is one recorded conversation, and lives in the store: any process can go on with it.

A session's id names its conversation and proves that this installation gave it to this key for this agent: what belongs to
another key is as absent as what never was. A session stays with the version that was live when it began, so its tools do not
change.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from sqlalchemy import text

from patchbay.accounts.principal import Principal
from patchbay.agent_runtime.agents import AgentNotFound
from patchbay.agent_runtime.channels import end_session
from patchbay.agent_runtime.conversation.journal import AgentDeleted, ConversationNotFound, SessionEnded, open_conversation
from patchbay.agent_runtime.frozen import FrozenAgent
from patchbay.agent_runtime.services import Runtime
from patchbay.agent_runtime.versions import NoPublishedVersion, load_version, loaded
from patchbay.errors import Conflict, NotFound

CHANNEL = "mcp"
"""Conversations of MCP sessions. No other channel goes on with one."""
IDLE_S = 3_600.0
"""How many seconds a session may be left alone before it ends."""
LASTS_S = 86_400.0
"""How many seconds a session lasts at most, so that no client goes on for ever with a version that is long replaced."""

_NOTED_EVERY_S = 60.0
_LIVE = text("SELECT published_version_id FROM agents WHERE id = :id AND deleted_at IS NULL")
_FIND = text(
    "SELECT agent_id, version_id, status, session, coalesce((state ->> 'seenAt')::float8, extract(epoch FROM started_at)) AS seen"
    ", coalesce((state ->> 'asks')::boolean, false), extract(epoch FROM now() - started_at)::float8"
    " FROM conversations WHERE id = :id AND channel = :channel"
)
_SEEN = text(
    "UPDATE conversations SET state = jsonb_set(state, '{seenAt}', to_jsonb(CAST(:at AS float8))) WHERE id = :id RETURNING id"
)


class McpSessionNotFound(NotFound):
    """There is no such MCP session (mcp_session_not_found): it has ended, or is another key's. Initialize a new one."""

    code, title = "mcp_session_not_found", "MCP session not found"


class SessionFactsDiffer(Conflict):
    """This MCP session began with other facts about its caller (session_facts_differ); begin a session for each caller."""

    code, title = "session_facts_differ", "Session facts differ"


class McpSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is open: its id on the wire, its conversation, and the version whose tools it has. ``asks``: the client can
    ask the person who uses it.
    """

    id: str
    conversation_id: str
    org_id: str
    agent: FrozenAgent
    asks: bool = False


async def live_agent(runtime: Runtime, org_id: str, agent_id: str) -> FrozenAgent:
    """The version that is live. Raises :class:`AgentNotFound` and :class:`NoPublishedVersion`."""
    rows = await runtime.database.once(org_id, _LIVE, {"id": agent_id})
    if not rows:
        raise AgentNotFound
    version_id = cast("str | None", rows[0][0])
    if version_id is None:
        raise NoPublishedVersion("The agent has never been published (no_published_version); publish it first.")
    return await _version(runtime, org_id, version_id)


async def open_mcp_session(
    runtime: Runtime, by: Principal, agent: FrozenAgent, facts: Mapping[str, Any], *, asks: bool
) -> McpSession:
    """A new session of ``agent``. ``facts`` are what the client's own channel knows of the caller: they never change."""
    async with runtime.database.tenant(by.org_id) as session:
        held = await open_conversation(
            session,
            org_id=by.org_id,
            agent_id=agent.agent_id,
            version_id=agent.version_id,
            channel=CHANNEL,
            facts=dict(facts),
            state={"via": CHANNEL, "seenAt": time.time(), "asks": asks},
            hold=False,
        )
    return McpSession(
        id=f"{held.id}.{_proof(runtime, by, agent.agent_id, held.id)}", conversation_id=held.id, org_id=by.org_id, agent=agent
    )


async def find_mcp_session(
    runtime: Runtime, by: Principal, agent_id: str, presented: str, facts: Mapping[str, Any]
) -> McpSession:
    """The open session that ``presented`` names. One that was left alone for too long, or is too old, ends here.

    Raises :class:`McpSessionNotFound`; :class:`SessionFactsDiffer` when ``facts`` are sent and are not those it began with.
    """
    conversation_id = _proven(runtime, by, agent_id, presented)
    rows = await runtime.database.once(by.org_id, _FIND, {"id": conversation_id, "channel": CHANNEL})
    if not rows:
        raise McpSessionNotFound
    of_agent, version_id, status, known, seen, asks, age = rows[0]
    if of_agent != agent_id or status != "active":
        raise McpSessionNotFound
    quiet = time.time() - cast("float", seen)
    if quiet > IDLE_S or cast("float", age) > LASTS_S:
        await _end(runtime, by.org_id, conversation_id)
        raise McpSessionNotFound
    if facts and dict(facts) != known:
        raise SessionFactsDiffer
    if quiet > _NOTED_EVERY_S:
        await runtime.database.once(by.org_id, _SEEN, {"id": conversation_id, "at": time.time()})
    agent = await _version(runtime, by.org_id, cast("str", version_id))
    return McpSession(id=presented, conversation_id=conversation_id, org_id=by.org_id, agent=agent, asks=bool(asks))


async def end_mcp_session(runtime: Runtime, by: Principal, agent_id: str, presented: str) -> str:
    """End a session and its conversation, whose id is returned. Raises :class:`McpSessionNotFound`."""
    conversation_id = _proven(runtime, by, agent_id, presented)
    await _end(runtime, by.org_id, conversation_id)
    return conversation_id


async def _end(runtime: Runtime, org_id: str, conversation_id: str) -> None:
    try:
        async with runtime.database.tenant(org_id) as session:
            await end_session(session, conversation_id, channel=CHANNEL)
    except (ConversationNotFound, SessionEnded, AgentDeleted):
        raise McpSessionNotFound from None


async def _version(runtime: Runtime, org_id: str, version_id: str) -> FrozenAgent:
    agent = loaded(org_id, version_id)
    if agent is None:
        async with runtime.database.tenant(org_id, read_only=True) as session:
            agent = await load_version(session, version_id)
    return agent


def _proven(runtime: Runtime, by: Principal, agent_id: str, presented: str) -> str:
    """The conversation in a session's id, once the id is known to be ours for this key and agent."""
    conversation_id, _, proof = presented.partition(".")
    wanted = _proof(runtime, by, agent_id, conversation_id)
    if not hmac.compare_digest(proof.encode("utf-8", "replace"), wanted.encode()):
        raise McpSessionNotFound
    return conversation_id


def _proof(runtime: Runtime, by: Principal, agent_id: str, conversation_id: str) -> str:
    named = "\x00".join(("mcp session", by.org_id, by.key_id, agent_id, conversation_id))
    return runtime.vault.keyed_hash(named.encode("utf-8", "replace"))[:16].hex()
