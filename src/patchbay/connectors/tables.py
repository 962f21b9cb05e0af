"""Tables of the connectors: connections, their credentials, authorizations under way, and the snapshots of their schemas."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from patchbay.store.base import Base, Tenant, Timestamps


class Connection(Tenant, Timestamps, Base):
    """One external system of an organization. ``target`` is its identity; another target is another connection.

    ``definition`` is what the organization said the system is, for a kind of its own (:mod:`patchbay.connectors.definition`).
    ``scoping`` is ``{blockedTables, blockedColumns, allowedOpaque}``; ``scoping_version`` rises with every change of it.
    A connection that was replaced keeps its row so that old calls can be told so. ``status`` is ``connected``, ``pending`` (a
    person has to agree in the browser first) or ``disconnected``; ``status_reason`` is a word for what has to be done about it.
    """

    __tablename__ = "connections"
    __table_args__ = (
        Index("uq_connections_org_id_kind_current", "org_id", "kind", unique=True, postgresql_where=text("replaced_at IS NULL")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    target: Mapped[dict[str, Any]]
    definition: Mapped[dict[str, Any] | None]
    label: Mapped[str]
    status: Mapped[str]
    status_reason: Mapped[str | None]
    time_zone: Mapped[str | None]
    default_country: Mapped[str | None]
    scoping: Mapped[dict[str, Any]]
    scoping_version: Mapped[int] = mapped_column(server_default=text("1"))
    snapshot_id: Mapped[str | None] = mapped_column(ForeignKey("snapshots.id", use_alter=True))
    connected_at: Mapped[datetime | None]
    replaced_at: Mapped[datetime | None]


class CredentialPlace(TypedDict):
    """The table, column and row of something sealed."""

    table: str
    column: str
    row_id: str


class Credential(Tenant, Timestamps, Base):
    """The encrypted credentials of a connection, one row a role (``read``, ``write``; ``tokens``: what OAuth brought).

    Sealed with ``**Credential.place(connection_id, role)`` and the organization, by whoever writes one and by rotation alike.
    """

    __tablename__ = "credentials"
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str]
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)

    @classmethod
    def place(cls, connection_id: str, role: str) -> CredentialPlace:
        """What the vault binds the ciphertext of this row to, beside the organization."""
        return {"table": cls.__tablename__, "column": "ciphertext", "row_id": f"{connection_id}/{role}"}


class OAuthState(Tenant, Base):
    """An authorization that a browser is to come back from. ``state_hash`` is the SHA-256 of the state it brings.

    Sealed, with ``**OAuthState.place(id)``: what the exchange of the code needs. Used once: it is deleted by whoever comes first.
    """

    __tablename__ = "oauth_states"
    id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"), index=True)
    state_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    key_id: Mapped[str]
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    return_to: Mapped[str | None]
    expires_at: Mapped[datetime]

    @classmethod
    def place(cls, state_id: str) -> CredentialPlace:
        """What the vault binds the ciphertext of this row to, beside the organization."""
        return {"table": cls.__tablename__, "column": "ciphertext", "row_id": state_id}


class PendingInstall(Tenant, Base):
    """A provider's token that waits for whoever claims it. The installation's own organization holds it until then.

    Sealed, with ``**PendingInstall.place(kind, account)``. ``secret_hash`` is the SHA-256 of what claims it.
    """

    __tablename__ = "pending_installs"
    kind: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str]
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]

    @classmethod
    def place(cls, kind: str, account: str) -> CredentialPlace:
        """What the vault binds the ciphertext of this row to, beside the organization."""
        return {"table": cls.__tablename__, "column": "ciphertext", "row_id": f"{kind}/{account}"}


class Snapshot(Tenant, Base):
    """One discovered schema: its fingerprint, a summary, and the graph in its packed form."""

    __tablename__ = "snapshots"
    id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"), index=True)
    fingerprint: Mapped[str]
    summary: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class DriftObservation(Tenant, Base):
    """How often live calls met answers that are not what the schema says, by operation and leaf."""

    __tablename__ = "drift_observations"
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    leaf: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    last_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
