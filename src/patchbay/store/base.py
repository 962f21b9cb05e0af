"""What every table of the platform's own database shares."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKey, MetaData, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


# What row-level security compares with, and what `org_id` is when it is not given. Unset and '' both mean no organization.
CURRENT_ORG = "nullif(current_setting('app.org', true), '')"


class Base(DeclarativeBase):
    """The declarative base: text is `text`, dictionaries are `jsonb`, times carry a zone."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        str: Text,
        dict[str, Any]: JSONB,
        list[str]: JSONB,
        datetime: DateTime(timezone=True),
    }


class Tenant:
    """A row of one organization. Row-level security compares ``org_id`` with the transaction's organization."""

    org_id: Mapped[str] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), index=True, server_default=text(CURRENT_ORG)
    )


class Timestamps:
    """When the row was made and last changed."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
