"""Providers of an organization's own, and the files it uploads.

Revision 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APP = "patchbay_app"
ORG = "nullif(current_setting('app.org', true), '')"


def upgrade() -> None:
    """Give connections a definition; create the uploads, under row-level security like every tenant's table."""
    op.add_column("connections", sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_table(
        "uploads",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_uploads_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index(op.f("ix_uploads_org_id"), "uploads", ["org_id"], unique=False)
    op.execute("ALTER TABLE uploads ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE uploads FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON uploads USING (org_id = {ORG}) WITH CHECK (org_id = {ORG})")
    op.execute(f"GRANT SELECT, INSERT, UPDATE (attached_at), DELETE ON uploads TO {APP}")


def downgrade() -> None:
    """Undo the revision."""
    op.drop_table("uploads")
    op.drop_column("connections", "definition")
