"""Tables of the knowledge: sources, what each was read into, and the passages of that."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

import patchbay.agent_runtime.tables  # noqa: F401  # pyright: ignore[reportUnusedImport]  # a foreign key finds mapped tables only
from patchbay.store.base import Base, Tenant, Timestamps


class KnowledgeSource(Tenant, Timestamps, Base):
    """A page, a file, a text or a list of questions that an agent answers from.

    It is its own job: ``due_at`` says when it is to be read next (None: not), ``leased_by`` and ``leased_until`` that a process
    is at it, ``attempts`` how often one began since it was last read.

    ``kind`` is url, file, text or faq; ``given`` what came with it, ``{text}`` or ``{faqs: [{question, answer}]}``. ``status`` is
    pending, indexed or error, ``failure`` the last error as ``{code, message}``. ``index_id`` is what it was last read into.
    ``refresh_hours``: an address is read again so often; None for one that is not. ``etag`` and ``modified`` are what its server
    said of the last answer, to ask whether there is a newer one.
    """

    __tablename__ = "knowledge_sources"
    __table_args__ = (
        Index("ix_knowledge_sources_agent_id_id", "agent_id", "id"),
        Index("ix_knowledge_sources_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_knowledge_sources_leased_until", "leased_until", postgresql_where=text("leased_until IS NOT NULL")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    kind: Mapped[str]
    label: Mapped[str]
    url: Mapped[str | None]
    upload_id: Mapped[str | None] = mapped_column(ForeignKey("uploads.id"))
    given: Mapped[dict[str, Any] | None]
    status: Mapped[str] = mapped_column(server_default=text("'pending'"))
    failure: Mapped[dict[str, Any] | None]
    index_id: Mapped[str | None]
    refresh_hours: Mapped[int | None]
    etag: Mapped[str | None]
    modified: Mapped[str | None]
    last_checked_at: Mapped[datetime | None]
    last_changed_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    leased_by: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))


class KnowledgeIndex(Tenant, Base):
    """What a source was read into, once: never changed. ``sha256`` is over its content; ``frozen_at``: a version was published
    with it, so it is kept when a newer one takes its place. ``language`` is a code such as ``en``.
    """

    __tablename__ = "knowledge_indexes"
    id: Mapped[str] = mapped_column(primary_key=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("knowledge_sources.id", ondelete="CASCADE"), index=True)
    sha256: Mapped[str]
    content: Mapped[str]
    language: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    frozen_at: Mapped[datetime | None]


class KnowledgePassage(Tenant, Base):
    """One passage of an index, in the order of its content. ``heading``: the headings above it, or the question it answers."""

    __tablename__ = "knowledge_passages"
    index_id: Mapped[str] = mapped_column(ForeignKey("knowledge_indexes.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    heading: Mapped[str]
    body: Mapped[str]
