"""Tables of the agents: agents, their published versions, skills, conversations and the events of those."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

import patchbay.accounts.tables  # pyright: ignore[reportUnusedImport]
import patchbay.connectors.tables  # noqa: F401  # pyright: ignore[reportUnusedImport]  # a foreign key finds mapped tables only
from patchbay.store.base import Base, Tenant, Timestamps


class Agent(Tenant, Timestamps, Base):
    """An agent's draft. ``version`` is what If-Match compares; it rises with every change of the draft.

    ``variables`` are what people noted about its variables, by name: documentation, no part of the draft.
    """

    __tablename__ = "agents"
    __table_args__ = (
        Index("uq_agents_org_id_name_live", "org_id", "name", unique=True, postgresql_where=text("deleted_at IS NULL")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    draft: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    published_version_id: Mapped[str | None] = mapped_column(ForeignKey("agent_versions.id", use_alter=True))
    deleted_at: Mapped[datetime | None]
    guardrails: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    caller_verification: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    variables: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))


class AgentVersion(Tenant, Base):
    """A published version: one canonical document and the SHA-256 over its bytes. Never changed."""

    __tablename__ = "agent_versions"
    __table_args__ = (UniqueConstraint("agent_id", "number"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    number: Mapped[int]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str]
    note: Mapped[str | None]
    published_by: Mapped[str | None]
    created_at: Mapped[datetime]


class Skill(Tenant, Timestamps, Base):
    """A tool on an agent's draft. A bound skill carries its binding and its sealed call.

    ``review`` is who reviewed which digest of a write, ``{digest, note, by, at}``. ``drift`` is what the last discovery means to
    it. ``provenance`` says which action or preset of which provider it was made from; None for one made by hand.
    """

    __tablename__ = "skills"
    __table_args__ = (UniqueConstraint("agent_id", "name"), UniqueConstraint("agent_id", "slug"))
    id: Mapped[str] = mapped_column(primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    name: Mapped[str]
    slug: Mapped[str]
    description: Mapped[str]
    skill_type: Mapped[str]
    enabled: Mapped[bool]
    connection_id: Mapped[str | None] = mapped_column(ForeignKey("connections.id"), index=True)
    binding: Mapped[dict[str, Any] | None]
    call: Mapped[bytes | None] = mapped_column(LargeBinary)
    digest: Mapped[str | None]
    settings: Mapped[dict[str, Any]]
    warnings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    review: Mapped[dict[str, Any] | None]
    drift: Mapped[dict[str, Any] | None]
    provenance: Mapped[dict[str, Any] | None]


class Conversation(Tenant, Base):
    """One conversation on any channel. ``state`` is the engine's own memory between turns.

    ``writing_since``: a write began then whose end is not stored yet; its mark is in the state.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        Index("ix_conversations_org_id_started_at", "org_id", "started_at"),
        Index("ix_conversations_writing_since", "writing_since", postgresql_where=text("writing_since IS NOT NULL")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    version_id: Mapped[str | None] = mapped_column(ForeignKey("agent_versions.id"))
    draft: Mapped[bool]
    channel: Mapped[str]
    status: Mapped[str]
    outcome: Mapped[str | None]
    summary: Mapped[str | None]
    session: Mapped[dict[str, Any]]
    state: Mapped[dict[str, Any]]
    last_seq: Mapped[int] = mapped_column(server_default=text("0"))
    turns: Mapped[int] = mapped_column(server_default=text("0"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    writing_since: Mapped[datetime | None]


class ConversationEvent(Tenant, Base):
    """One event of a conversation; ``seq`` has no gaps."""

    __tablename__ = "conversation_events"
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    type: Mapped[str]
    at: Mapped[datetime]
    turn: Mapped[int]
    data: Mapped[dict[str, Any]]


class VerificationAttempt(Tenant, Base):
    """Failed verifications under one key, across conversations: per agent and claimed identity, and per agent and caller origin.

    ``scope`` is ``identity`` or ``origin``; ``key_hash`` a keyed hash of which one.
    """

    __tablename__ = "verification_attempts"
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    first_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    last_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    locked_until: Mapped[datetime | None]


class PolicyCounter(Tenant, Base):
    """What a rate-limit policy of an agent has counted in one window, under one key."""

    __tablename__ = "policy_counters"
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    policy_id: Mapped[str] = mapped_column(primary_key=True)
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]


class TakenMessage(Tenant, Base):
    """A message that a caller left for the operator. ``key`` names the one request that left it; ``called_from`` is the number
    that rang. Rows are added and read, never changed.
    """

    __tablename__ = "taken_messages"
    __table_args__ = (UniqueConstraint("org_id", "key"), Index("ix_taken_messages_agent_id_id", "agent_id", "id"))
    id: Mapped[str] = mapped_column(primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    skill_id: Mapped[str]
    conversation_id: Mapped[str | None]
    key: Mapped[str]
    caller_name: Mapped[str]
    phone_number: Mapped[str | None]
    called_from: Mapped[str | None]
    message: Mapped[str]
    urgency: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
