"""Tables of the accounts: organizations, keys, the audit log, idempotency records, rate windows, uploads, operator events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column

from patchbay.store.base import CURRENT_ORG, Base, Tenant, Timestamps


class Organization(Timestamps, Base):
    """A tenant. Row-level security lets it see itself only."""

    __tablename__ = "organizations"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class ApiKey(Tenant, Timestamps, Base):
    """A secret key: a public id, a keyed hash of the secret, its scopes and its end."""

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class AuditLog(Tenant, Base):
    """One mutating request: who, what, with which answer."""

    __tablename__ = "audit_logs"
    __table_args__ = (Index("ix_audit_logs_org_id_id", "org_id", "id"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor_type: Mapped[str]
    actor_id: Mapped[str | None]
    actor_label: Mapped[str | None]
    method: Mapped[str]
    path: Mapped[str]
    route: Mapped[str | None]
    status: Mapped[int]
    request_id: Mapped[str]
    resource_id: Mapped[str | None]


class IdempotencyRecord(Tenant, Base):
    """The stored answer to a request that carried an Idempotency-Key."""

    __tablename__ = "idempotency_records"
    org_id: Mapped[str] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True, server_default=text(CURRENT_ORG)
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str]
    request_hash: Mapped[str]
    status: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RateWindow(Tenant, Base):
    """How many requests an organization made in one window. Unlogged and without a foreign key, for every request writes it."""

    __tablename__ = "rate_windows"
    __table_args__: Any = {"prefixes": ["UNLOGGED"]}
    org_id: Mapped[str] = mapped_column(primary_key=True, server_default=text(CURRENT_ORG))
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]


class Upload(Tenant, Base):
    """A file that was sent. ``attached_at`` is set once something uses it; what nothing uses is deleted after a while."""

    __tablename__ = "uploads"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attached_at: Mapped[datetime | None]


class OperatorEvent(Tenant, Base):
    """Something an operator should know that no request of theirs brought about. Rows can be added and read, never changed.

    Of one write it is told once that nobody knows whether it happened, whoever finds out.
    """

    __tablename__ = "operator_events"
    __table_args__ = (
        Index("ix_operator_events_org_id_id", "org_id", "id"),
        Index(
            "uq_operator_events_unknown_write",
            "conversation_id",
            text("(data ->> 'callId')"),
            unique=True,
            postgresql_where=text("type = 'write.unknown'"),
        ),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    agent_id: Mapped[str | None]
    skill_id: Mapped[str | None]
    connection_id: Mapped[str | None]
    conversation_id: Mapped[str | None]
    data: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
