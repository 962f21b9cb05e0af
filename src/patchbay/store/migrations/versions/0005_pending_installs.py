"""Installs from a provider's app store that no organization has claimed yet, and notes on the variables of agents.

Revision 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

APP = "patchbay_app"
ORG = "nullif(current_setting('app.org', true), '')"


def upgrade() -> None:
    """Add the column; create the table, under row-level security like every tenant's: an organization of the installation's own holds it."""
    variables = sa.Column("variables", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False)
    op.add_column("agents", variables)
    op.create_table(
        "pending_installs",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("org_id", sa.Text(), server_default=sa.text(ORG), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_pending_installs_org_id_organizations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("kind", "account", name=op.f("pk_pending_installs")),
    )
    op.create_index(op.f("ix_pending_installs_org_id"), "pending_installs", ["org_id"], unique=False)
    op.execute("ALTER TABLE pending_installs ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE pending_installs FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON pending_installs USING (org_id = {ORG}) WITH CHECK (org_id = {ORG})")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON pending_installs TO {APP}")


def downgrade() -> None:
    """Undo the revision."""
    op.drop_table("pending_installs")
    op.drop_column("agents", "variables")
